"""No step waits for the device, and still no update is made that must not be."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mad.report.metrics import Metrics
from mad.train.checkpoint import weights_sha256
from mad.train.loop import train
from mad.train.minibatch import Minibatch
from mad.train.optim import optimizer
from mad.train.outcome import Tally
from mad.train.unread import MOST_UNREAD, Diverged, Unread
from tests.train.small import CPU, Data, Memo, Pairs, kept_in, small_model, small_settings, trained


def updated(losses: list[float], norms: list[float]) -> tuple[Pairs, Unread]:
    """A model after an update for each loss and norm, with a gradient of ones."""
    model = small_model()
    unread = Unread(optimizer(model, settings=small_settings()), device=CPU)
    positions = torch.zeros(2, dtype=torch.long)
    for loss, norm in zip(losses, norms, strict=True):
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        batch = Minibatch(torch.zeros(3, 5, dtype=torch.long), positions, positions, 12)
        unread.update(batch, loss=torch.tensor(loss), norm=torch.tensor(norm))
    return model, unread


@pytest.mark.parametrize(
    "losses, norms, message",
    [
        ([1.0, float("nan"), 2.0], [1.0, 1.0, 1.0], "the loss is nan at step 2; try a lower learning rate"),
        ([1.0, 2.0, 3.0], [1.0, float("inf"), 1.0], "the gradient norm is inf at step 2; try a lower"),
        ([1.0, 2.0, float("-inf")], [1.0, float("nan"), 1.0], "the gradient norm is nan at step 2"),
    ],
)
def test_updates_after_the_first_bad_number_are_refused_and_reading_names_it(
    losses: list[float], norms: list[float], message: str
) -> None:
    model, unread = updated(losses, norms)
    good, _ = updated([1.0], [1.0])
    assert weights_sha256(model.state_dict()) == weights_sha256(good.state_dict())
    tally = Tally(reported=3)
    assert len(unread) == 3
    with pytest.raises(Diverged, match=message):
        unread.read(tally)
    assert (tally.step, tally.reported, tally.loss_sum, tally.n_answers) == (1, 1, 2.0, 2)
    assert tally.sequences == {12: 3}
    unread.read(tally)


def test_a_refused_update_leaves_the_optimiser_as_it_was() -> None:
    model = small_model()
    states: list[dict[str, Any]] = []
    adam = optimizer(model, settings=small_settings())
    unread = Unread(adam, device=CPU)
    positions = torch.zeros(2, dtype=torch.long)
    for loss in (1.0, float("nan")):
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        batch = Minibatch(torch.zeros(3, 5, dtype=torch.long), positions, positions, 12)
        unread.update(batch, loss=torch.tensor(loss), norm=torch.tensor(1.0))
        states.append({name: value.clone() for name, value in adam.state[model.head.weight].items()})
    assert states[0].keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_numbers_are_read_for_rows_validations_and_checkpoints_and_after_so_many_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, read = [], Unread.read

    def noted(unread: Unread, tally: Tally) -> None:
        n_unread = len(unread)
        read(unread, tally)
        if n_unread:
            steps.append(tally.step)

    monkeypatch.setattr(Unread, "read", noted)
    schedule = {"log_every": 100, "validate_every": 90, "checkpoint_steps": 97}
    trained(tmp_path, small_model(), steps=110, **schedule)
    assert steps == [MOST_UNREAD, 90, 97, 100, 110]


class Breaking(Pairs):
    """Its loss is not a number from the k-th update on."""

    def __init__(self, *, call: int) -> None:
        super().__init__(dropout=0.0)
        self.calls_left = call - 1

    def logits(self, hidden: Tensor) -> Tensor:
        self.calls_left -= 1
        return super().logits(hidden) * (1.0 if self.calls_left >= 0 else float("nan"))


@pytest.mark.parametrize(
    "schedule",
    [{"log_every": 1}, {"log_every": 7}, {"log_every": 20}, {"log_every": 20, "checkpoint_steps": 6}],
    ids=str,
)
def test_a_run_that_diverges_ends_the_same_whenever_its_numbers_are_read(
    tmp_path: Path, schedule: dict[str, int]
) -> None:
    torch.manual_seed(0)
    model, good = Breaking(call=11), Breaking(call=1000)
    good.load_state_dict(model.state_dict())
    (tmp_path / "good").mkdir()
    trained(tmp_path / "good", good, steps=10, validate_every=20)
    outcome = trained(tmp_path, model, validate_every=20, **schedule)
    assert (outcome.status, outcome.steps) == ("diverged", 10)
    assert outcome.error == "the loss is nan at step 11; try a lower learning rate"
    assert outcome.sequences == {12: 2 * 60 + 32}
    assert weights_sha256(model.state_dict()) == weights_sha256(good.state_dict())
    state = kept_in(tmp_path).load()
    assert state is not None
    assert (state["tally"]["step"], state["tally"]["reported"]) == (10, 10)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_no_update_on_cuda_waits_for_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    update = Unread.update

    def watched(unread: Unread, batch: Minibatch, *, loss: Tensor, norm: Tensor) -> None:
        # From the end of the first update to the next reading: whole steps.
        torch.cuda.set_sync_debug_mode("default")
        update(unread, batch, loss=loss, norm=norm)
        torch.cuda.set_sync_debug_mode("error")

    read = Unread.read

    def allowed(unread: Unread, tally: Tally) -> None:
        torch.cuda.set_sync_debug_mode("default")
        read(unread, tally)

    monkeypatch.setattr(Unread, "update", watched)
    monkeypatch.setattr(Unread, "read", allowed)
    device = torch.device("cuda")
    outcome = train(
        small_model().to(device),
        Data(),
        settings=small_settings(steps=30, log_every=30, validate_every=30),
        seed=0,
        device=device,
        tracker=Memo(Metrics(tmp_path / "metrics.jsonl")),
        checkpoints=kept_in(tmp_path),
    )
    assert outcome.status == "finished"
