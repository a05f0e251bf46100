"""Secrets are hidden, words of the trade are not; fast, and the second time nothing changes."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mad.report.identity import identity
from mad.report.record import RunFolder, recorded
from mad.report.redaction import Redaction, redacted, redacted_config, redacted_value, refuse_secrets
from mad.report.secret_names import is_secret, is_secret_variable

ENVIRONMENT = {"MY_API_KEY": "correct-horse-battery", "DB_PASSWORD": 'tab\t and "quote"', "PATH": "/usr/bin"}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("got correct-horse-battery here", "got [redacted] here"),
        ('{"x": "tab\\t and \\"quote\\""}', '{"x": "[redacted]"}'),
        ("+x.api_key=abcdefgh1 seed=0", "+x.api_key=[redacted] seed=0"),
        ("password=hunter2", "password=[redacted]"),
        ("--api-key abcdefghij --token=abcdefgh1 -- rest", "--api-key [redacted] --token=[redacted] -- rest"),
        ('{"password": "a b c", "k": 1}', '{"password": "[redacted]", "k": 1}'),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer [redacted]"),
        ("https://u:p@ss@host/p?token=abcdefghi1&a=b", "https://u:[redacted]@host/p?token=[redacted]&a=b"),
        (f"https://ghp_{'a' * 36}@host/x.git", "https://[redacted]@host/x.git"),
        (f"wandb login {'a1' * 20}", "wandb login [redacted]"),
        (f"wandb_v1_{'aB3' * 10}", "[redacted]"),
        (f"ak-{'A' * 22} as-{'B' * 22}", "[redacted] [redacted]"),
        (f"hf_{'a' * 34}, sk-{'a-' * 20}, AKIA{'A' * 16}", "[redacted], [redacted], [redacted]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----.", "[redacted]."),
    ],
)
def test_a_secret_is_hidden(text: str, expected: str) -> None:
    assert Redaction.of(ENVIRONMENT).text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "task.num_tokens=123456789 task.n_tokens=123456789",
        "pad_token=<|endoftext|> mask_token: <|masked|>",
        "key_dim: 12345678 n_keys=abcdefgh query_key=abcdefgh key_width=128.0000000",
        "vocab tokens: embeddings of the next token",
        f"commit {'a1' * 20}",
        "ssh://git@github.com/a/b https://example.org/a@b",
        "linear-elu-mqar-s0-b3e2ed781b",
        "has-abcdefghijklmnopqrstuvwxyz",
        "token=none password=null",
    ],
)
def test_words_of_the_trade_stay(text: str) -> None:
    assert Redaction.of(ENVIRONMENT).text(text) == text


@pytest.mark.parametrize(
    "name, hides",
    [
        ("WANDB_API_KEY", True),
        ("MODAL_TOKEN_ID", True),
        ("PGPASSWORD", True),
        ("GOOGLE_APPLICATION_CREDENTIALS", True),
        ("FOO_KEY", True),
        ("PWD", False),
        ("OLDPWD", False),
        ("MAX_TOKENS", False),
        ("TOKENIZERS_PARALLELISM", False),
        ("KEYBOARD_LAYOUT", False),
        ("MONKEY", False),
    ],
)
def test_a_variable_goes_by_its_name(name: str, hides: bool) -> None:
    assert is_secret_variable(name) is hides


@pytest.mark.parametrize(
    "name", ["num_tokens", "vocab_tokens", "key_dim", "n_keys", "eos_token", "tokenizer"]
)
def test_a_name_of_the_trade_is_no_secrets(name: str) -> None:
    assert not is_secret(name, "long enough to be one")


def test_mappings_are_cleaned_at_every_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "correct-horse-battery")
    value = {"a": [{"password": "x", "n": 3}, "in correct-horse-battery text"], "num_tokens": "12345678"}
    cleaned = {"a": [{"password": "[redacted]", "n": 3}, "in [redacted] text"], "num_tokens": "12345678"}
    assert redacted_value(value) == cleaned
    assert redacted_value(None) is None


def config(**more: Any) -> dict[str, Any]:
    return {"seed": 0, "model": {"_target_": "mad.model.Model", "d_model": 16}, **more}


def test_the_words_of_a_request_are_cleaned_and_the_run_is_the_same() -> None:
    asked = {"overrides": ["seed=0", "+x.api_key=abcdefgh1"], "choices": {}}
    cleaned = redacted_config(config(asked=asked))
    assert cleaned["asked"]["overrides"] == ["seed=0", "+x.api_key=[redacted]"]
    assert identity(cleaned) == identity(config(asked=asked)) == identity(config())
    assert recorded(config(asked=asked))["asked"] == cleaned["asked"]


@pytest.mark.parametrize(
    "more, path",
    [
        ({"task": {"api_key": "abcdefgh1"}}, "task.api_key"),
        ({"task": {"files": ["a", "https://u:abcdefgh1@host/"]}}, r"task.files\[1\]"),
        ({"track": {"tags": [f"hf_{'a' * 34}"]}}, r"track.tags\[0\]"),
        ({"experiment": {"idea": {"credentials": "abcdefgh1"}}}, "experiment.idea.credentials"),
        ({"task": {"of the environment": "correct-horse-battery"}}, "task.of the environment"),
        ({"task": {"correct-horse-battery": 1}}, r"task \(a key\)"),
    ],
)
def test_a_secret_in_a_run_is_refused_by_its_keys_name(
    more: dict[str, Any], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "correct-horse-battery")
    with pytest.raises(ValueError, match=f"^{path} holds what looks like a secret") as refused:
        RunFolder.of(config(**more))
    assert "abcdefgh1" not in str(refused.value)
    assert "correct-horse" not in str(refused.value)


def test_what_is_not_recorded_may_hold_anything() -> None:
    refuse_secrets(config(results="/mnt/correct-horse-battery", launch={"token": "abcdefgh1"}))


SIGNS = ["=", ":", " ", '"', "'", "://", "@", "/", "\n", "--", "-", ".", "[", "]", "[redacted]"]
WORDS = ["api_key", "password", "token", "Bearer ", "abcdefgh12", "a" * 20, "sk-", "eyJ", f"hf_{'a' * 34}"]
PIECES = st.sampled_from([*SIGNS, *WORDS, "correct-horse-battery"])


@given(st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join))
def test_twice_is_as_good_as_once(text: str) -> None:
    redaction = Redaction.of(ENVIRONMENT)
    once = redaction.text(text)
    assert "correct-horse-battery" not in once
    assert redaction.text(once) == once


KEY_FILE = "-----BEGIN A PRIVATE KEY-----"
LONG = ["a=", "://", "://a:", "api_key=", 'api_key="', "key ", "sk-", "eyJ", "a.", KEY_FILE]


@pytest.mark.parametrize("piece", LONG)
def test_no_text_takes_long(piece: str) -> None:
    """Time grows with the length and not with its square: eight times the text in far less than 64 times."""
    seconds = []
    for n in (20_000, 160_000):
        began = time.process_time()
        redacted(piece * (n // len(piece)))
        seconds.append(time.process_time() - began)
    assert seconds[1] < 24 * max(seconds[0], 0.01)
