"""A task, a model and data so small that a training takes a fraction of a second."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.text import Text
from torch import Tensor, nn

from mad.progress import Run
from mad.report.metrics import Metrics
from mad.report.result import Result
from mad.seeding import generator, seeded
from mad.tasks.base import IGNORE, Batch, Bounds, Task
from mad.track import Tracker
from mad.train.checkpoint import Checkpoints
from mad.train.loop import train
from mad.train.outcome import Outcome
from mad.train.settings import Settings

VOCABULARY = 8
CPU = torch.device("cpu")


class Previous(Task):
    """What was the token before this one? Asked at a third of the positions, never at the last two."""

    def __init__(self, *, seq_len: int = 12, ordered: bool = False) -> None:
        self.vocab_size, self.seq_len, self.ordered = VOCABULARY, seq_len, ordered

    def sample(self, size: int, rng: torch.Generator) -> Batch:
        inputs = torch.randint(VOCABULARY, (size, self.seq_len), generator=rng)
        asked = torch.rand(size, self.seq_len, generator=rng) < 1 / 3
        asked[:, 0] = asked[:, -2:] = False
        asked[:, 1] = True
        return Batch(inputs, inputs.roll(1, dims=1).where(asked, IGNORE))

    def bounds(self) -> Bounds:
        return Bounds(chance_accuracy=1 / VOCABULARY, chance_loss=2.08, best_loss=0.0)

    def explain(self, inputs: Tensor, targets: Tensor) -> Text:
        raise NotImplementedError


class Pairs(nn.Module):
    """Sees each token and the one before it."""

    def __init__(self, *, width: int = 16, dropout: float = 0.1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.mix = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, VOCABULARY)
        self.n_head_rows = 0

    def forward(self, tokens: Tensor) -> Tensor:
        now = self.embedding(tokens)
        before = nn.functional.pad(now, (0, 0, 1, 0))[:, :-1]
        return self.dropout(torch.tanh(self.mix(torch.cat([now, before], dim=-1))))

    def logits(self, hidden: Tensor) -> Tensor:
        self.n_head_rows += hidden.shape[:-1].numel()
        return self.head(hidden)


@dataclass(frozen=True, kw_only=True)
class Data:
    """Fresh data for one or several components of given sizes."""

    task: Task = field(default_factory=Previous)
    sizes: tuple[int, ...] = (60,)
    seed: int = 0

    def train(self, epoch: int) -> list[Batch]:
        return [
            self.task.sample(size, generator(self.seed, "train", index, epoch))
            for index, size in enumerate(self.sizes)
        ]

    def validation(self) -> list[Batch]:
        return [self.task.sample(40, generator(self.seed, "validation", 0))]

    def test(self) -> dict[str, Batch]:
        return {"default": self.task.sample(40, generator(self.seed, "test", "default"))}


@dataclass
class Memo(Tracker):
    """Remembers what it is told, and keeps the curves."""

    metrics: Metrics
    run: Run | None = None
    rows: list[dict[str, float | None]] = field(default_factory=list)

    def start(self, run: Run) -> None:
        self.run = run

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        self.rows.append({"step": step, **metrics})
        self.metrics.append(self.rows[-1])

    def finish(self, result: Result) -> None:
        raise AssertionError("training does not know results")


def small_model(*, seed: int = 0, dropout: float = 0.1) -> Pairs:
    with seeded(seed, "init"):
        return Pairs(dropout=dropout)


def small_settings(**changes: Any) -> Settings:
    plain = {"batch_size": 16, "steps": 20, "learning_rate": 1e-2, "log_every": 3, "validate_every": 5}
    return Settings(**{**plain, **changes})


def kept_in(folder: Path, *, sentences: list[str] | None = None, code: str = "code") -> Checkpoints:
    sentences = [] if sentences is None else sentences
    metrics = Metrics(folder / "metrics.jsonl")
    return Checkpoints(folder=folder, identity="identity", code=code, metrics=metrics, say=sentences.append)


def trained(folder: Path, model: nn.Module, *, data: Any = None, seed: int = 0, **changes: Any) -> Outcome:
    """Trains in a folder, from its checkpoint if it has one; ``check`` and settings are given by name."""
    check = changes.pop("check", lambda: None)
    tracker = changes.pop("tracker", None) or Memo(Metrics(folder / "metrics.jsonl"))
    return train(
        model,
        data or Data(),
        settings=small_settings(**changes),
        seed=seed,
        device=CPU,
        tracker=tracker,
        checkpoints=kept_in(folder),
        check=check,
    )
