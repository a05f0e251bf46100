"""How runs are launched, here or in the cloud: the config's ``launch``, checked."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mad.blueprint import nearest


@dataclass(frozen=True, kw_only=True)
class Launch:
    """The settings of the launcher on this machine. Raises ValueError for a value out of its range."""

    kind: str = "local"
    jobs: int | None = None
    """Runs at once in a sweep; None: as many as this process may use cores."""
    threads: int = 1
    """Of each run."""
    device: str = "auto"
    timeout_seconds: float | None = None
    """A sweep's run that takes longer is stopped; None: no limit."""
    fail_fast: bool = False
    """After a run of a sweep that does not finish, no further one is begun."""

    def __post_init__(self) -> None:
        _require(self.kind == "local", "kind", "local", self.kind)
        _require(
            self.jobs is None or _is_count(self.jobs), "jobs", "a whole number, 1 or more, or null", self.jobs
        )
        _require(_is_count(self.threads), "threads", "a whole number, 1 or more", self.threads)
        fits = isinstance(self.device, str) and re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device)
        _require(bool(fits), "device", "auto, cpu, cuda or cuda:N", self.device)
        seconds = self.timeout_seconds
        _require(
            seconds is None or _is_positive(seconds), "timeout_seconds", "a number above 0, or null", seconds
        )
        _require(isinstance(self.fail_fast, bool), "fail_fast", "true or false", self.fail_fast)

    @property
    def n_processes(self) -> int:
        """Runs at once."""
        return self.jobs or len(os.sched_getaffinity(0))

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Launch":
        """The settings of a run's config. Raises ValueError for a value out of its range."""
        return cls(**config.get("launch") or {})


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """The settings of the launcher on Modal. Raises ValueError for a value out of its range."""

    kind: str = "modal"
    gpu: str | None = "T4"
    """As Modal calls it; None: a container without one."""
    cpu: float = 2.0
    """Cores."""
    memory_gib: float = 8.0
    threads: int = 2
    """Of each run."""
    timeout_seconds: int = 3600
    """Of one attempt, from 1 to 86,400."""
    retries: int = 2
    """Further attempts after a timeout or a crash; being moved to another machine does not count."""
    max_containers: int = 10
    """Runs at once."""
    budget_usd: float | None = None
    """What all runs of one results folder may cost together; None: no limit."""
    usd_per_hour: float | None = None
    """In place of the price table; None: the table, or Modal's own rates."""
    expected_minutes: float | None = None
    """Of one run; None: as long as earlier ones took, or else the timeout."""
    mirror_seconds: float = 60.0
    """Between two copies of a run under way to the volume."""
    wait: bool = True
    """Whether the command waits for the runs; if not, ``mad collect`` fetches them."""
    volume: str = "mad-runs"
    """The name of Modal's volume; it is made where it is missing."""

    def __post_init__(self) -> None:
        _require(self.kind == "modal", "kind", "modal", self.kind)
        _require(self.gpu is None or isinstance(self.gpu, str), "gpu", "a name, or null", self.gpu)
        for name in ("cpu", "memory_gib", "mirror_seconds"):
            value = getattr(self, name)
            _require(_is_positive(value), name, "a number above 0", value)
        for name in ("budget_usd", "usd_per_hour", "expected_minutes"):
            value = getattr(self, name)
            _require(value is None or _is_positive(value), name, "a number above 0, or null", value)
        for name in ("threads", "max_containers"):
            value = getattr(self, name)
            _require(_is_count(value), name, "a whole number, 1 or more", value)
        seconds = self.timeout_seconds
        within = _is_count(seconds) and seconds <= 86_400
        _require(within, "timeout_seconds", "whole seconds, 1 to 86400", seconds)
        tries = self.retries
        _require((_is_count(tries) and tries <= 10) or tries == 0, "retries", "0 to 10", tries)
        _require(isinstance(self.wait, bool), "wait", "true or false", self.wait)
        fits = isinstance(self.volume, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", self.volume)
        _require(bool(fits), "volume", "a short name of letters, digits, dots and dashes", self.volume)

    @property
    def n_processes(self) -> int:
        """Runs at once."""
        return self.max_containers

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Cloud":
        """The settings of a run's config. Raises ValueError for a value out of its range."""
        return cls(**config.get("launch") or {})


KINDS: dict[str, type[Launch] | type[Cloud]] = {"local": Launch, "modal": Cloud}


def launcher(config: Mapping[str, Any]) -> Launch | Cloud:
    """The settings of the launcher that a config names. Raises ValueError for a value out of its range."""
    given = config.get("launch") or {}
    kind = given.get("kind", "local")
    _require(kind in KINDS, "kind", " or ".join(KINDS), kind)
    for name in given:
        known = [entry.name for entry in fields(KINDS[kind])]
        if name not in known:
            raise ValueError(f"launch={kind} knows no launch.{name}{nearest(str(name), known)}")
    return KINDS[kind].of(config)


def launcher_of_all(configs: Sequence[Mapping[str, Any]]) -> Launch | Cloud:
    """The settings that the configs of one launch share.

    Raises ValueError for a value out of its range, and for a launch at Modal that is not the same for all.
    """
    found = [launcher(config) for config in configs]
    other = next((settings for settings in found if settings != found[0]), None)
    if other and any(isinstance(settings, Cloud) for settings in found):
        names = [entry.name for entry in fields(found[0])]
        unlike = [name for name in names if getattr(found[0], name) != getattr(other, name, None)]
        raise ValueError(
            f"a sweep expects one launch for all of its runs; launch.{unlike[0]} differs between them: "
            "sweep once for each"
        )
    return found[0]


def _require(fits: bool, name: str, expected: str, value: object) -> None:
    if not fits:
        raise ValueError(f"launch.{name} expects {expected}; got {value!r}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
