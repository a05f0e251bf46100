"""What a launch may take and cost, said before anything leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from mad.launch.cloud.prices import Rate
from mad.launch.cloud.ticket import Ticket
from mad.launch.estimate import alike
from mad.launch.settings import Cloud
from mad.progress import duration


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The jobs of a launch, with what each is expected to take."""

    settings: Cloud
    rate: Rate
    seconds: tuple[float, ...]
    """Expected of each job."""
    n_earlier: int = 0
    """Runs that the expectation rests on."""

    @classmethod
    def of(cls, configs: Sequence[Mapping[str, Any]], *, settings: Cloud, rate: Rate) -> "Plan":
        """The plan for resolved configs; it reads records and opens no socket."""
        if settings.expected_minutes is not None:
            return cls(settings=settings, rate=rate, seconds=(60 * settings.expected_minutes,) * len(configs))
        earlier = [earlier_seconds(config, gpu=settings.gpu) for config in configs]
        seconds = tuple(fmean(found) if found else float(settings.timeout_seconds) for found in earlier)
        return cls(settings=settings, rate=rate, seconds=seconds, n_earlier=sum(map(len, earlier)))

    @property
    def worst_seconds(self) -> float:
        """Of one job, if every attempt runs into the timeout."""
        return float(self.settings.timeout_seconds * (1 + self.settings.retries))

    def lines(self) -> list[str]:
        """What a user wants to know first."""
        n, settings = len(self.seconds), self.settings
        gpu = settings.gpu or "no GPU"
        expected, worst = sum(self.seconds), n * self.worst_seconds
        budget = (
            "no launch.budget_usd" if settings.budget_usd is None else f"budget ${settings.budget_usd:.2f}"
        )
        return [
            f"Modal: {n} {'job' if n == 1 else 'jobs'} on {gpu} at ${self.rate.usd_per_hour:.3f} an hour "
            f"({self.rate.source}), {min(n, settings.max_containers)} at once",
            f"about ${self.rate.usd(expected):.2f} ({duration(expected)} of containers, {self._basis()}), "
            f"at most ${self.rate.usd(worst):.2f}; {budget}",
        ]

    def _basis(self) -> str:
        if self.settings.expected_minutes is not None:
            return "as launch.expected_minutes says"
        if self.n_earlier:
            return f"after {self.n_earlier} earlier runs"
        return "the whole timeout, for nothing like it was run"


def earlier_seconds(config: Mapping[str, Any], *, gpu: str | None) -> list[float]:
    """How long finished runs of the same kind took on that GPU."""

    def was_there(folder: Path) -> bool:
        try:
            ticket = Ticket.read(folder)
        except ValueError:  # whoever needs that ticket will hear of it
            return False
        return ticket is not None and ticket.gpu == gpu

    costs = [result.cost for result in alike(config, among=was_there)]
    return [float(cost.get("billed_seconds") or cost.get("seconds") or 0) for cost in costs]
