"""Hydra's and OmegaConf's errors in one or two lines that name the nearest right thing."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from mad.blueprint import nearest
from mad.door.guard import unknown_key
from mad.report.reading import UNREADABLE, yaml_in

LONGEST = 1000
"""Characters of a message."""


def complaint(error: Exception, *, groups: Sequence[str], known: Sequence[str]) -> str | None:
    """What to tell the user, or None for an error that is none of the composer's.

    ``groups`` are the folders of ``conf/``, ``known`` the keys that the chosen files hold.
    """
    if isinstance(error, MissingConfigException):
        return _missing_file(error)
    if isinstance(error, OverrideParseException):
        return _unreadable(error)
    if isinstance(error, MissingMandatoryValue):
        return f"{_full_key(error)} has no value; set it"
    if isinstance(error, HydraException):
        return _not_composed(str(error), groups, known)
    if isinstance(error, OmegaConfBaseException):
        return f"{_full_key(error)}: {str(error).splitlines()[0]}"
    if type(error) is ValueError and "Config group override must be" in str(error):
        return (
            f"a group expects the name of one of its files, as in model=softmax; groups: {', '.join(groups)}"
        )
    return None if type(error) is ValueError else _strange(error)


def is_unreadable(error: Exception) -> bool:
    """Whether it may come from a config file that is no YAML, or not of the form that Hydra expects."""
    told = type(error) is ValueError or isinstance(error, HydraException | OmegaConfBaseException)
    return isinstance(error, (*UNREADABLE, AssertionError, OSError)) and not told


def broken_file(conf: Path) -> str | None:
    """What is wrong with the first config file that is none; None if all of them can be read."""
    for file in sorted(conf.rglob("*.yaml")):
        try:
            content = yaml_in(file)
        except ValueError as error:
            return str(error)
        if not isinstance(content, Mapping | None):
            return f"{file} expects a mapping, as the files beside it hold one; correct it"
    return None


def shortened(message: str) -> str:
    """A message that quotes a value of whatever length."""
    return message if len(message) <= LONGEST else f"{message[: LONGEST // 2]} ... {message[-LONGEST // 2 :]}"


def _strange(error: Exception) -> str | None:
    """An error from the midst of Hydra: it expects config files of a certain form, and does not check it."""
    if not is_unreadable(error):
        return None
    told = " ".join(f"{type(error).__name__}: {error}".split())
    return f"the config files cannot be composed ({told}); correct the one that was changed last"


def _missing_file(error: MissingConfigException) -> str:
    group, _, name = (error.missing_cfg_file or "").partition("/")
    options = [option for option in error.options or () if not option.startswith("_")]
    if not group or not options:
        return f"there is no file {error.missing_cfg_file} among the configs"
    return f"there is no {group}={name}{nearest(name, options)}"


def _unreadable(error: OverrideParseException) -> str:
    reason = next((line for line in error.message.splitlines() if not line.startswith("Error parsing")), "")
    return f"cannot read {error.override!r}: {reason}\nwrite key=value, quoted for the shell: 'key=[1,2]'"


def _not_composed(message: str, groups: Sequence[str], known: Sequence[str]) -> str:
    first, *rest = message.splitlines()
    ambiguous = re.match(r"Ambiguous value for argument '(.*)'", first)
    if ambiguous:
        key, _, values = ambiguous[1].partition("=")
        return f"{ambiguous[1]} holds several values: add -m for one run each, or write '{key}=[{values}]'"
    unknown = re.match(r"Could not (?:override|delete from config\.) '([^']+)'", first)
    if unknown:
        return unknown_key(unknown[1].partition("=")[0], sorted({*groups, *known}))
    twice = re.match(r"Multiple values for (\S+)\. ", first)
    if twice:
        return f"{twice[1]} is chosen already; write {twice[1]}=... without the +"
    return " ".join([first, *rest[:1]]).strip()


def _full_key(error: OmegaConfBaseException) -> str:
    """The dotted key that an error is about; its text knows it where its fields do not."""
    named = re.search(r"full_key: (\S+)", str(error))
    return named[1] if named else str(error.key or "the config")
