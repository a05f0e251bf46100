"""How good a model is: sums over all questions, divided once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mad.shapes import Logits
from mad.tasks.base import Batch
from mad.train.minibatch import Minibatch, PerQuestion, in_order
from mad.train.model import CausalModel
from mad.train.settings import Precision


class Score(NamedTuple):
    """A model's answers to ``n`` questions."""

    accuracy: float
    """The share of questions whose likeliest token is the answer; where a logit is NaN, it is not."""
    loss_nats: float
    """Mean cross-entropy per question."""
    n: int


def answer_logits(model: CausalModel, batch: Minibatch, *, precision: Precision) -> Logits:
    """The logits in fp32 at the questions: the head is not applied anywhere else."""
    bf16 = precision == "bf16"
    with torch.autocast(batch.inputs.device.type, dtype=torch.bfloat16, enabled=bf16):
        hidden = model(batch.inputs)
        logits = model.logits(hidden.flatten(0, 1).index_select(0, batch.asked))
    return logits.float() if bf16 else logits


@torch.no_grad()
def evaluate(
    model: CausalModel,
    batches: Sequence[Batch],
    *,
    batch_size: int,
    device: torch.device,
    precision: Precision = "fp32",
    check: Callable[[], None] = lambda: None,
) -> Score:
    """Scores all questions of ``batches``, without dropout.

    ``check`` is called before each minibatch, and may raise to end it.
    """
    totals = torch.zeros(2, dtype=torch.float64, device=device)
    n = 0
    with evaluating(model):
        for batch in _checked(in_order(batches, size=batch_size), check):
            there = batch.to(device)
            logits = answer_logits(model, there, precision=precision)
            totals += _sums(logits, there.answers)
            n += len(batch.answers)
    correct, loss = totals.tolist()
    return Score(correct / n, loss / n, n)


@contextmanager
def evaluating(model: CausalModel) -> Iterator[None]:
    """The model in evaluation mode, and as it was afterwards."""
    was_training = model.training
    model.train(False)
    try:
        yield
    finally:
        model.train(was_training)


def _sums(logits: Logits, answers: PerQuestion) -> Tensor:
    top, guess = logits.max(dim=-1)
    correct = ((guess == answers) & top.isfinite()).sum()
    losses = F.cross_entropy(logits, answers, reduction="none")
    return torch.stack([correct.double(), losses.double().sum()])


def _checked(batches: Iterable[Minibatch], check: Callable[[], None]) -> Iterator[Minibatch]:
    for batch in batches:
        check()
        yield batch
