"""The commands that have a name: each is a file, imported when it is asked for."""

import re
from collections.abc import Sequence
from importlib import import_module

from mad.blueprint import nearest

VERBS = {
    "ls": "mad.browse.ls",
    "show": "mad.browse.show",
    "compare": "mad.browse.compare",
    "experiments": "mad.browse.experiments",
    "doctor": "mad.browse.doctor",
    "log": "mad.browse.log",
    "new": "mad.browse.new",
    "report": "mad.report.__main__",
    "search": "mad.launch.search",
    "collect": "mad.launch.cloud.fetching",
    "cancel": "mad.launch.cloud.cancelling",
}
"""Where the function ``main`` lies that takes the other words and returns the exit code."""


def is_verb(words: Sequence[str]) -> bool:
    """Whether the first word names a command, be it an unknown one: no flag, and no ``KEY=VALUE``."""
    return bool(words) and re.fullmatch(r"[^\W\d][\w-]*", words[0]) is not None


def answer(words: Sequence[str]) -> int:
    """Does what the first word names; returns the exit code. Raises ValueError for an unknown command."""
    verb, *rest = words
    if verb not in VERBS:
        raise ValueError(f"unknown command {verb}{nearest(verb, VERBS)}")
    return int(import_module(VERBS[verb]).main(rest))
