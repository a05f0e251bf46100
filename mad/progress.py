"""How far a run is, in words: the same ones on a live terminal and in a log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.text import Text

Clock = Callable[[], float]
"""Seconds since some moment."""

WIDTH = 60
"""Of the bars, in columns."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is known of a run when it starts."""

    name: str
    total_steps: int
    first_step: int = 0
    """Steps done by an earlier attempt that this one resumes."""
    bounds: Mapping[str, float | None] = field(default_factory=dict)
    """``chance_accuracy``, ``floor_accuracy``, ``best_accuracy``, ``chance_loss``, ``best_loss``."""


class Progress:
    """What is known of a run under way, in words."""

    def __init__(self, run: Run, clock: Clock) -> None:
        self.run, self.step = run, run.first_step
        self._clock, self._started_at = clock, clock()
        self._latest: dict[str, float | None] = {}

    def update(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Remembers the newest value of each metric."""
        self.step = step
        self._latest.update(metrics)

    def line(self) -> str:
        """All of it in one plain line."""
        return "  ".join(
            part for part in (self._steps(), self._loss(), self._accuracy(), self._pace()) if part
        )

    def panel(self) -> RenderableType:
        """All of it in a few lines with bars; on the lower one, chance, floor and ceiling are marked."""
        bounds, rows = self.run.bounds, [Text(self.run.name, style="bold")]
        bar = _bar(self.step / max(self.run.total_steps, 1), style="blue")
        if self._loss():
            rows.append(_beside(self._loss(), loss_bounds(bounds)))
        if self._accuracy():
            rows += [_beside(self._accuracy(), accuracy_bounds(bounds)), self._gauge()]
        return Group(*rows, bar, Text(f"{self._steps()}  {self._pace()}"))

    def _steps(self) -> str:
        return f"step {self.step}/{self.run.total_steps}"

    def _pace(self) -> str:
        seconds, steps = self._clock() - self._started_at, self.step - self.run.first_step
        if steps <= 0 or seconds <= 0:
            return ""
        left = max(self.run.total_steps - self.step, 0) * seconds / steps
        return f"{steps / seconds:.3g} steps/s  {duration(left)} left"

    def _loss(self) -> str:
        loss = self._latest.get("train/loss_nats")
        return "" if loss is None else f"loss {loss:.4g} nats"

    def _accuracy(self) -> str:
        accuracy = self._latest.get("validation/accuracy")
        return "" if accuracy is None else f"validation {accuracy:.1%}"

    def _gauge(self) -> Text:
        gauge = _bar(self._latest.get("validation/accuracy") or 0.0, style="green")
        for name in ("chance_accuracy", "floor_accuracy", "best_accuracy"):
            mark = self.run.bounds.get(name)
            if mark is not None:
                column = min(round(mark * WIDTH), WIDTH - 1)
                gauge = gauge[:column] + Text("┃", style="yellow") + gauge[column + 1 :]
        return gauge


def accuracy_bounds(bounds: Mapping[str, float | None]) -> str:
    """Between what accuracies lie: ``chance 0.8%, floor 12.5%, ceiling 100.0%``, as far as it is known."""
    names = {"chance": "chance_accuracy", "floor": "floor_accuracy", "ceiling": "best_accuracy"}
    known = {name: bounds.get(key) for name, key in names.items()}
    return ", ".join(f"{name} {value:.1%}" for name, value in known.items() if value is not None)


def loss_bounds(bounds: Mapping[str, float | None]) -> str:
    """Between what a sensible loss lies, in nats: ``best 0, chance 4.852``, as far as it is known."""
    known = {"best": bounds.get("best_loss"), "chance": bounds.get("chance_loss")}
    return ", ".join(f"{name} {value:.4g}" for name, value in known.items() if value is not None)


def duration(seconds: float) -> str:
    """A span of time as people say it: ``41 s``, ``3 min 05 s``, ``2 h 07 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _bar(share: float, *, style: str) -> Text:
    filled = min(round(share * WIDTH), WIDTH)
    return Text.assemble(("━" * filled, style), ("─" * (WIDTH - filled), "dim"))


def _beside(value: str, bounds: str) -> Text:
    return Text.assemble(value, (f"  {bounds}", "dim"))
