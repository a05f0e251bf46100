"""Who is to watch a run: the config's ``track``, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from mad.blueprint import nearest

Kind = Literal["auto", "wandb", "trackio", "none"]
Mode = Literal["auto", "online", "offline"]
ARTIFACTS = ("record", "checkpoint", "report")


@dataclass(frozen=True, kw_only=True)
class Track:
    """The tracker's settings. Raises ValueError for a value out of its range."""

    kind: Kind = "none"
    """The dashboard; ``auto``: W&B where a key is configured, else none."""
    console: bool = True
    """Whether the terminal shows how far the run is."""
    every_seconds: float = 5.0
    """Between two plain lines."""
    project: str = "mad"
    entity: str | None = None
    """The W&B user or team; None: the key's own."""
    group: str | None = None
    """None: the experiment's name."""
    job_type: str = "train"
    tags: Sequence[str] = ()
    mode: Mode = "auto"
    """Of W&B; ``auto``: online where there is a key and the host can be reached, else offline."""
    artifacts: Sequence[str] = ()
    """What W&B is sent besides numbers: ``record``, ``checkpoint``, and the experiment's ``report``."""
    finish_seconds: float = 5.0
    """How long the end of a run waits for its dashboard, at most."""

    def __post_init__(self) -> None:
        _require(self.kind in get_args(Kind), "kind", _or(get_args(Kind)), self.kind)
        _require(isinstance(self.console, bool), "console", "true or false", self.console)
        for name in ("every_seconds", "finish_seconds"):
            seconds = getattr(self, name)
            is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
            _require(is_number and 0 <= seconds < 1e6, name, "a number of seconds", seconds)
        for name in ("project", "job_type"):
            _require(_is_name(getattr(self, name)), name, "a short name", getattr(self, name))
        for name in ("entity", "group"):
            value = getattr(self, name)
            _require(value is None or _is_name(value), name, "a short name, or null", value)
        _require(_is_list_of_names(self.tags), "tags", "a list of short names", self.tags)
        _require(self.mode in get_args(Mode), "mode", _or(get_args(Mode)), self.mode)
        known = isinstance(self.artifacts, list | tuple) and all(name in ARTIFACTS for name in self.artifacts)
        _require(known, "artifacts", f"a list with any of {', '.join(ARTIFACTS)}", self.artifacts)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Track":
        """The settings of a run's config. Raises ValueError for what cannot be."""
        given, known = config.get("track") or {}, [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise ValueError(f"unknown key track.{name}{nearest(name, known)}")
        return cls(**given)


def _require(fits: bool, name: str, expected: str, value: object) -> None:
    if not fits:
        raise ValueError(f"track.{name} expects {expected}; got {value!r}")


def _or(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _is_name(value: object) -> bool:
    """Whether W&B takes it as a name: at most 64 characters, printable."""
    return isinstance(value, str) and 0 < len(value) <= 64 and value.isprintable()


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_name, value))
