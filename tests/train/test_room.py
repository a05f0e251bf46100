"""Memory that runs out: fewer sequences at once, the same training."""

from pathlib import Path

import pytest
import torch

from mad.report.metrics import Metrics
from mad.train.gradient import EagerGradient
from mad.train.minibatch import in_order
from mad.train.room import PartedGradient, Room, is_out_of_memory, parts
from tests.train.small import Data, Memo, Pairs, small_model, trained

ROUNDING = 1e-6
"""fp32 sums in another order."""


def a_batch(n: int = 13):
    return next(in_order(Data().train(0), size=n))


@pytest.mark.parametrize("n_sequences", [1, 4, 7, 12])
def test_parts_have_the_gradient_of_the_whole(n_sequences: int) -> None:
    batch, model = a_batch(), small_model(dropout=0.0)
    eager = EagerGradient(model, precision="fp32")
    whole = eager(batch)
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    loss = PartedGradient(eager, eager=eager)(batch, n_sequences=n_sequences)
    assert abs(loss - whole) < ROUNDING
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-5, atol=ROUNDING)


def test_parts_hold_each_question_once() -> None:
    batch = a_batch()
    found = list(parts(batch, n_sequences=4))
    assert [len(part.inputs) for part in found] == [4, 4, 4, 1]
    assert torch.cat([part.answers for part in found]).equal(batch.answers)
    asked = torch.cat([part.inputs.flatten()[part.asked - 1] for part in found])
    assert asked.equal(batch.answers)


class Small:
    """A memory in which so many sequences fit, and no more."""

    def __init__(self, fits: int, error: type[BaseException]) -> None:
        self.fits, self.error, self.tries = fits, error, []

    def __call__(self, n_sequences: int) -> str:
        self.tries.append(n_sequences)
        if n_sequences > self.fits:
            raise self.error("can't allocate memory: you tried 10 GB")
        return "done"


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError, RuntimeError])
def test_it_is_halved_until_it_fits_and_stays_so(error: type[BaseException]) -> None:
    said: list[str] = []
    room, memory = Room(50), Small(10, error)
    assert room.tried(memory, say=said.append) == "done"
    assert room.tried(memory, say=said.append) == "done"
    assert memory.tries == [50, 25, 13, 7, 7]
    assert len(said) == 3
    assert said[0].startswith("out of memory with 50 sequences at once")


def test_where_not_even_one_fits_it_ends_with_what_to_do() -> None:
    with pytest.raises(MemoryError, match=r"not even one sequence .* model\.d_model"):
        Room(4).tried(Small(0, MemoryError), say=lambda _: None)


def test_other_errors_are_not_taken_for_it() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))

    def broken(_: int) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        Room(4).tried(broken, say=lambda _: None)


class Cramped(Pairs):
    """Fails as an allocator would where more than ``fits`` sequences come at once."""

    def __init__(self, *, fits: int) -> None:
        super().__init__(dropout=0.0)
        self.fits = fits

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        if len(tokens) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().forward(tokens)


def test_a_run_short_of_memory_has_the_losses_of_one_that_is_not(tmp_path: Path) -> None:
    losses = []
    for fits in (1000, 5):
        folder = tmp_path / str(fits)
        folder.mkdir()
        torch.manual_seed(0)
        memo = Memo(Metrics(folder / "metrics.jsonl"))
        outcome = trained(folder, Cramped(fits=fits), tracker=memo, steps=30)
        assert outcome.status == "finished"
        losses.append([row["train/loss_nats"] for row in memo.rows if "train/loss_nats" in row])
    assert len(losses[0]) > 1
    assert losses[1] == pytest.approx(losses[0], abs=ROUNDING)
