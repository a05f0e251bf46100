"""Which weights of a run are kept, and when it ends early: decided on validation, never on the test."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from mad.train.model import CausalModel
from mad.train.score import Score

Weights = dict[str, Tensor]


@dataclass(kw_only=True)
class Selection:
    """The best weights so far by validation ``accuracy`` or ``loss_nats``.

    Among equal accuracies the lower loss is better, and the earlier step if that is equal, too.
    """

    by: Literal["accuracy", "loss_nats"]
    stop_at: float | None
    """Accuracy at which to stop."""
    patience: int | None
    """Validations without progress in the quantity itself after which to stop."""
    best: Score | None = None
    best_step: int | None = None
    weights: Weights | None = None
    n_without_progress: int = 0

    def offer(self, score: Score, *, step: int, model: CausalModel) -> None:
        """Takes note of a validation; copies the model's weights if it is the best one."""
        rank, best = self._rank(score), self._rank(self.best)
        self.n_without_progress = 0 if rank[0] > best[0] else self.n_without_progress + 1
        if rank > best:
            self.best, self.best_step = score, step
            self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @property
    def stops(self) -> bool:
        """Whether training should end."""
        if self.best is None:
            return False
        solved = self.stop_at is not None and self.best.accuracy >= self.stop_at
        return solved or (self.patience is not None and self.n_without_progress >= self.patience)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: plain numbers and tensors."""
        return {
            "best": None if self.best is None else tuple(self.best),
            "best_step": self.best_step,
            "weights": self.weights,
            "n_without_progress": self.n_without_progress,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what ``state`` gave."""
        self.best = None if state["best"] is None else Score(*state["best"])
        self.best_step, self.weights = state["best_step"], state["weights"]
        self.n_without_progress = state["n_without_progress"]

    def _rank(self, score: Score | None) -> tuple[float, ...]:
        if score is None:
            return (-math.inf,)
        if self.by == "loss_nats":
            return (-score.loss_nats,)
        return (score.accuracy, -score.loss_nats)
