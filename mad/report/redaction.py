"""Secrets are taken out of whatever is written: records, logs, and what trackers and launchers are sent.

What counts as one: the value of an environment variable that is called a key, a token or a password; the
value beside such a name in a config or in a text; the password in a URL; and what looks like the token of
a service that we know. ``num_tokens``, ``key_dim``, ``pad_token`` and their like are words of our trade.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mad.report.secret_names import is_secret, is_secret_variable, may_be_secret

MARK = "[redacted]"

SHORTEST = 8
"""Characters of a value that is worth hiding: shorter ones would hide ordinary words."""

SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"wandb_v1_\w{20,}+"
    r"|a[ks]-[A-Za-z0-9]{20,}+"  # Modal
    r"|gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_\w{20,}+|glpat-[\w-]{20,}+"
    r"|hf_[A-Za-z0-9]{20,}+"
    r"|sk-[\w-]{20,}+"
    r"|AKIA[A-Z0-9]{16}"
    r"|AIza[\w-]{35}"
    r"|xox[abprs]-[\w-]{10,}+"
    r"|eyJ[\w-]{10,}+\.[\w-]{10,}+\.[\w-]+"  # a JSON web token
    r")"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
"""Tokens that tell by themselves what they are."""

PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]*+:)[^/\s]*@")

TOKEN_IN_URL = re.compile(r"://[^/\s:@]{16,}+@")

LABEL = re.compile(r"(?<![\w.-])(?P<name>[\w.-]++)(?P<sign>[\"']?[ \t]{0,2}[=:][ \t]{0,2}|(?<=[^\W_])[ \t])")
"""``api_key=``, ``"password": ``, ``--token ``: whether it announces a secret, the name says."""

VALUE = re.compile(
    r"(?P<quote>[\"'])(?P<quoted>[^\"'\n]*)(?P=quote)"
    r"|(?:(?:Bearer|Basic)\s)?(?P<bare>(?!\[redacted\])[^\s\"',;&)}\]]++)"
)

HEX_KEY = re.compile(r"(?i)(\b(?:login|relogin|key)\s+)[0-9a-f]{40}\b")
"""A W&B key of the older kind looks like a commit: it counts only behind such a word."""


@dataclass(frozen=True)
class Redaction:
    """Hides what is secret in one environment."""

    values: re.Pattern[str] | None
    """The values of its secret variables, the longest first."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Redaction":
        """For the variables of an environment."""
        secrets = {
            spelling
            for name, value in environment.items()
            if is_secret_variable(name) and len(value.strip()) >= SHORTEST
            for spelling in _spellings(value.strip())
        }
        found = sorted((s for s in secrets if s not in MARK), key=lambda secret: (-len(secret), secret))
        return cls(re.compile("|".join(map(re.escape, found))) if found else None)

    def strict(self, text: str) -> str:
        """The text without what is a secret whatever stands around it."""
        if self.values:
            text = self.values.sub(MARK, text)
        text = SHAPES.sub(MARK, text)
        if "://" in text:
            text = PASSWORD_IN_URL.sub(rf"\g<1>{MARK}@", text)
            text = TOKEN_IN_URL.sub(f"://{MARK}@", text)
        return text

    def text(self, text: str) -> str:
        """The text without secrets, those included that only a name beside them gives away."""
        return _without_labelled(HEX_KEY.sub(rf"\g<1>{MARK}", self.strict(text)))

    def value(self, value: Any, *, name: str = "") -> Any:
        """A copy of a plain value in which no text holds a secret, nor stands under a secret's name."""
        if isinstance(value, Mapping):
            pairs = ((key, self.value(entry, name=str(key))) for key, entry in value.items())
            return {self.strict(key) if isinstance(key, str) else key: entry for key, entry in pairs}
        if isinstance(value, list | tuple):
            return [self.value(entry, name=name) for entry in value]
        if not isinstance(value, str):
            return value
        return MARK if is_secret(name, value) else self.text(value)


def redacted(text: str) -> str:
    """A text without secrets: ``[redacted]`` stands in their place."""
    return Redaction.of(os.environ).text(text)


def redacted_value(value: Any) -> Any:
    """A copy of lists, mappings and texts in which no text holds a secret."""
    return Redaction.of(os.environ).value(value)


def redacted_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config that may leave this process: the words in which it was asked for are cleaned.

    All else is as it was, and so is the run's identity. Raises ValueError for a secret anywhere else.
    """
    refuse_secrets(config)
    asked = {"asked": redacted_value(config["asked"])} if "asked" in config else {}
    return {**config, **asked}


def refuse_secrets(config: Mapping[str, Any]) -> None:
    """Raises ValueError, which names the key and never the value, if a config holds a secret.

    The record must show what a run was, so that nothing of it can be hidden; only the words in which it
    was asked for are. Folders and launchers are not recorded and may hold what they like.
    """
    redaction = Redaction.of(os.environ)
    read = {key: value for key, value in config.items() if key not in ("asked", "results", "launch")}
    for path, name, text in _texts(read, "", ""):
        if is_secret(name, text) or redaction.strict(text) != text:
            raise ValueError(
                f"{redaction.text(path)} holds what looks like a secret, and a config is recorded; "
                "take it out and let the program that needs it read an environment variable"
            )


def _spellings(value: str) -> Iterator[str]:
    """A value, as it stands in texts, in JSON and in URLs."""
    yield from (value, json.dumps(value)[1:-1], repr(value)[1:-1], quote(value, safe=""))
    yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= 2 * SHORTEST)


def _without_labelled(text: str) -> str:
    """Hides the values behind labels that announce a secret; one pass, so that no text takes long."""
    parts, position = list[str](), 0
    while label := LABEL.search(text, position):
        is_label = label["sign"].strip() or label["name"].startswith("--")
        announced = is_label and may_be_secret(label["name"])
        value = VALUE.match(text, label.end()) if announced else None
        if value and is_secret(label["name"], value["quoted"] or value["bare"] or ""):
            start, end = value.span("bare" if value["bare"] else "quoted")
            parts += [text[position:start], MARK]
            position = end
        else:
            parts.append(text[position : label.end()])
            position = label.end()
    return "".join([*parts, text[position:]])


def _texts(value: Any, path: str, name: str) -> Iterator[tuple[str, str, str]]:
    """Where each text of a config stands, under what name, and what it is; keys are texts, too."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield f"{path or 'the config'} (a key)", "", str(key)
            yield from _texts(entry, f"{path}.{key}".lstrip("."), str(key))
    elif isinstance(value, list | tuple):
        for number, entry in enumerate(value):
            yield from _texts(entry, f"{path}[{number}]", name)
    elif isinstance(value, str):
        yield path, name, value
