"""What a training counts on its way, and what it comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mad.report.result import Status
from mad.train.score import Score


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a training ended.

    The model then holds the best weights; if it diverged, those before the update that was not made.
    """

    status: Status
    error: str | None
    """What was not finite, or the signal's name."""
    steps: int
    best_step: int | None
    validation: Score | None
    """At the best step."""
    train_loss_nats: float | None
    """As of the last row of the curves."""
    cells: Mapping[str, Score]
    """The test by cell; empty unless finished."""
    sequences: Mapping[int, int]
    """How many sequences of which length were trained on."""
    seconds: float
    """Spent training, here and in the earlier attempts that this one resumed."""
    seconds_before: float
    """Spent in the earlier attempts."""


@dataclass(kw_only=True)
class Tally:
    """What a training has counted so far."""

    step: int = 0
    """Updates done."""
    reported: int = 0
    """The step whose validation and row are done."""
    loss_sum: float = 0.0
    """Over the ``n_answers`` questions since the last row."""
    n_answers: int = 0
    gradient_norm: float = 0.0
    """Of the last update, before clipping."""
    train_loss_nats: float | None = None
    sequences: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
