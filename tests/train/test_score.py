"""Scores are those of the plain computation over all positions."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mad.tasks.base import IGNORE, Batch
from mad.train.minibatch import minibatch
from mad.train.score import answer_logits, evaluate
from tests.train.small import CPU, Data, Pairs, small_model

ROUNDING = 1e-6
"""Single precision: the same few hundred terms, summed in another order."""


def plain_logits(model: Pairs, batch: Batch) -> Tensor:
    return model.eval().head(model(batch.inputs))


def test_the_loss_is_the_plain_cross_entropy_over_all_positions() -> None:
    model, (batch,) = small_model(), Data().train(0)
    with torch.no_grad():
        plain = F.cross_entropy(plain_logits(model, batch).flatten(0, 1), batch.targets.flatten())
        part = minibatch(batch, rows=torch.arange(len(batch.inputs)))
        here = F.cross_entropy(answer_logits(model, part, precision="fp32"), part.answers)
    assert float(here) == pytest.approx(float(plain), abs=ROUNDING)


def test_the_head_is_applied_where_something_is_asked_and_nowhere_else() -> None:
    model, (batch,) = small_model(), Data().validation()
    score = evaluate(model, [batch], batch_size=16, device=CPU)
    assert model.n_head_rows == score.n == int((batch.targets != IGNORE).sum()) < batch.targets.numel() / 2


@pytest.mark.parametrize("batch_size", [1, 7, 40, 1000])
def test_a_score_is_divided_once_whatever_the_batch_size(batch_size: int) -> None:
    model, batches = small_model(), [*Data().validation(), *Data(sizes=(5,)).train(3)]
    score = evaluate(model, batches, batch_size=batch_size, device=CPU)
    with torch.no_grad():
        logits = torch.cat([plain_logits(model, batch).flatten(0, 1) for batch in batches])
    targets = torch.cat([batch.targets.flatten() for batch in batches])
    asked = targets != IGNORE
    correct = (logits.argmax(-1) == targets)[asked]
    assert score.accuracy == float(correct.double().mean())
    assert score.loss_nats == pytest.approx(float(F.cross_entropy(logits, targets)), abs=ROUNDING)
    assert score.n == int(asked.sum())


def test_evaluation_drops_nothing_and_leaves_the_mode_as_it_was() -> None:
    model = small_model(dropout=0.9)
    first, second = (evaluate(model, Data().validation(), batch_size=16, device=CPU) for _ in range(2))
    assert first == second
    assert model.training


def test_a_model_that_answers_nan_is_never_right() -> None:
    model = small_model()
    torch.nn.init.constant_(model.head.weight, float("nan"))
    assert evaluate(model, Data().validation(), batch_size=16, device=CPU).accuracy == 0
