"""``python -m mad.tasks``: the list, the examples, the errors."""

import subprocess
import sys

import pytest

from mad.tasks.__main__ import main
from tests.conf import options


def test_listing_names_every_task_and_does_not_import_torch() -> None:
    code = "import sys; from mad.tasks.__main__ import main; main([]); sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    names, sentences = zip(*(line.split(maxsplit=1) for line in done.stdout.splitlines()), strict=True)
    assert list(names) == options("task")
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("name", options("task"))
def test_a_task_is_shown_with_its_legend_and_bounds(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--examples", "1"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(name)
    assert "accuracy  chance" in shown
    assert "ceiling" in shown
    assert "nats" in shown
    assert ("topic 0  topic 1" if name == "topic_markov" else "answer") in shown


def test_overrides_reach_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mqar", "seq_len=128", "n_pairs=16"]) == 0
    shown = capsys.readouterr().out
    assert "length 128, 16 asked" in shown
    assert "floor (no binding) 6.25%" in shown


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["mqra"], "did you mean mqar"),
        (["mqar", "n_pair=3"], "n_pairs"),
        (["mqar", "n_pairs=99"], "set n_pairs to 16 or less"),
        (["mqar", "n_pairs=x"], "expects a whole number"),
        (["mqar", "--examples", "0"], "1 or more"),
    ],
)
def test_mistakes_end_with_code_2_and_the_nearest_right_thing(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
