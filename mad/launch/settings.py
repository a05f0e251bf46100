"""How runs are launched on this machine: the config's ``launch``, checked."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Launch:
    """The launcher's settings. Raises ValueError for a value out of its range."""

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
        is_span = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
        _require(seconds is None or is_span, "timeout_seconds", "a number above 0, or null", seconds)

        _require(isinstance(self.fail_fast, bool), "fail_fast", "true or false", self.fail_fast)

    @property
    def n_processes(self) -> int:
        """Runs at once."""
        return self.jobs or len(os.sched_getaffinity(0))

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Launch":
        """The settings of a run's config. Raises ValueError for a value out of its range."""
        return cls(**config.get("launch") or {})


def _require(fits: bool, name: str, expected: str, value: object) -> None:
    if not fits:
        raise ValueError(f"launch.{name} expects {expected}; got {value!r}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
