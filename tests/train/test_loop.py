"""Training: what it minimises, what it keeps, when it stops, and that a stop in between changes nothing."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mad.report.metrics import Metrics
from mad.seeding import generator
from mad.tasks.base import Batch
from mad.train.checkpoint import weights_sha256
from mad.train.interrupt import Preempted
from mad.train.loop import train
from mad.train.minibatch import Minibatches
from mad.train.outcome import Outcome
from mad.train.score import evaluate
from tests.train.small import (
    CPU,
    VOCABULARY,
    Data,
    Memo,
    Pairs,
    kept_in,
    small_model,
    small_settings,
    trained,
)


def comparable(folder: Path, model: Pairs, outcome: Outcome) -> tuple[object, ...]:
    """All that a run is judged by, bit for bit."""
    curves = (folder / "metrics.jsonl").read_bytes()
    numbers = (outcome.status, outcome.steps, outcome.best_step, outcome.validation, outcome.cells)
    return weights_sha256(model.state_dict()), curves, *numbers, outcome.train_loss_nats, outcome.sequences


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def stop_at_call(n: int) -> Callable[[], None]:
    """A check that asks the run to stop the n-th time it is called."""
    calls = iter(range(1, n))

    def check() -> None:
        if next(calls, None) is None:
            raise Preempted("SIGTERM")

    return check


def test_a_model_learns(tmp_path: Path) -> None:
    outcome = trained(tmp_path, small_model(), steps=150)
    assert outcome.status == "finished"
    assert outcome.cells["default"].accuracy > 0.95


def test_the_first_loss_is_the_plain_cross_entropy_over_all_positions(tmp_path: Path) -> None:
    data, model, memo = Data(sizes=(16,)), small_model(dropout=0.0), Memo(Metrics(tmp_path / "rows"))
    (batch,) = data.train(0)
    plain = F.cross_entropy(model.head(model(batch.inputs)).flatten(0, 1), batch.targets.flatten())
    trained(tmp_path, model, data=data, tracker=memo, steps=1)
    assert memo.rows[0]["train/loss_nats"] == pytest.approx(plain.item(), abs=1e-6)


def test_rows_come_when_due_and_no_step_has_two(tmp_path: Path) -> None:
    memo = Memo(Metrics(tmp_path / "rows"))
    trained(tmp_path, small_model(), tracker=memo, steps=11, log_every=3, validate_every=5)
    assert [row["step"] for row in memo.rows] == [3, 5, 6, 9, 10, 11]
    assert [row["step"] for row in memo.rows if "validation/accuracy" in row] == [5, 10, 11]
    assert memo.run is not None
    assert memo.run.total_steps == 11
    assert memo.run.bounds["chance_accuracy"] == 1 / VOCABULARY


def test_epochs_are_passes_over_all_components(tmp_path: Path) -> None:
    data = Data(sizes=(40, 10))
    outcome = trained(tmp_path, small_model(), data=data, steps=None, epochs=3, validate_every=None)
    assert outcome.steps == 3 * (3 + 1)
    assert outcome.sequences == {12: 3 * 50}


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    runs = []
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        folder, model = made(tmp_path / name), small_model()
        runs.append(comparable(folder, model, trained(folder, model, seed=seed)))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]


@pytest.mark.parametrize("call", [1, 2, 3, 8, 13, 14, 25, 40, 52])
def test_a_run_that_was_stopped_anywhere_ends_with_the_same_bits(tmp_path: Path, call: int) -> None:
    whole, parts = made(tmp_path / "whole"), made(tmp_path / "parts")
    model = small_model()
    uninterrupted = comparable(whole, model, trained(whole, model))
    preempted = trained(parts, small_model(), check=stop_at_call(call))
    assert (preempted.status, preempted.error) == ("preempted", "SIGTERM")
    memo = Memo(Metrics(parts / "metrics.jsonl"))
    model = small_model(seed=7 if preempted.steps else 0)
    resumed = trained(parts, model, tracker=memo)
    assert memo.run is not None
    assert memo.run.first_step == preempted.steps
    assert comparable(parts, model, resumed) == uninterrupted


def test_the_number_of_checks_in_a_run_covers_updates_validation_and_test(tmp_path: Path) -> None:
    calls = []
    trained(tmp_path, small_model(), check=lambda: calls.append(None))
    updates_and_reports, validations, test = 2 * 20, 4 * 3, 3
    assert len(calls) == updates_and_reports + validations + test


def test_training_leaves_the_global_generator_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained(tmp_path, small_model(dropout=0.5), steps=3)
    assert torch.equal(torch.rand(3), expected)


@dataclass(frozen=True, kw_only=True)
class Disagreeing(Data):
    """The test wants the very opposite of what training and validation want."""

    def test(self) -> dict[str, Batch]:
        batch = self.task.sample(40, generator(self.seed, "test", "default"))
        asked = batch.targets >= 0
        return {"default": Batch(batch.inputs, torch.where(asked, (batch.targets + 1) % VOCABULARY, -100))}


def test_the_best_step_is_chosen_by_validation_and_not_by_the_test(tmp_path: Path) -> None:
    data, model = Disagreeing(), small_model()
    before = evaluate(model, [data.test()["default"]], batch_size=16, device=CPU)
    outcome = trained(tmp_path, model, data=data, steps=60, validate_every=5)
    rows = [row for row in Metrics(tmp_path / "metrics.jsonl").rows() if "validation/accuracy" in row]
    best = max(rows, key=lambda row: (row["validation/accuracy"], -row["validation/loss_nats"]))
    assert outcome.best_step == best["step"] > 5
    assert outcome.cells["default"].accuracy < before.accuracy
    assert evaluate(model, data.validation(), batch_size=16, device=CPU) == outcome.validation


@pytest.mark.parametrize("stop", [None, 27, 40])
def test_the_best_weights_are_restored_when_later_ones_are_worse(tmp_path: Path, stop: int | None) -> None:
    model, calls, stops = small_model(), itertools.count(1), stop_at_call(stop or 1000)

    def forget() -> None:
        """Spoils the weights once, after the validation at step 10."""
        if next(calls) == 27:
            model.head.bias.data[0] = 100.0
        stops()

    outcome = trained(tmp_path, model, learning_rate=3e-3, check=forget)
    if stop:
        outcome = trained(tmp_path, model := small_model(seed=7), learning_rate=3e-3)
    assert outcome.best_step == 10
    assert evaluate(model, Data().validation(), batch_size=16, device=CPU) == outcome.validation
    assert model.head.bias[0] < 1


def test_a_model_is_trained_with_dropout_whatever_its_mode(tmp_path: Path) -> None:
    digests = []
    for name, mode in (("on", True), ("off", False)):
        model = small_model().train(mode)
        trained(made(tmp_path / name), model)
        digests.append(weights_sha256(model.state_dict()))
    assert digests[0] == digests[1]


def test_it_stops_early_at_the_threshold(tmp_path: Path) -> None:
    outcome = trained(tmp_path, small_model(), steps=500, stop_at=0.5)
    assert outcome.status == "finished"
    assert outcome.steps == outcome.best_step < 200
    assert outcome.validation is not None
    assert outcome.validation.accuracy >= 0.5


def test_it_stops_early_when_patience_ends(tmp_path: Path) -> None:
    outcome = trained(tmp_path, small_model(), steps=500, learning_rate=1e-9, patience=3)
    assert outcome.steps == 5 + 3 * 5


class Breaking(Pairs):
    """Answers with ``value`` from the k-th call of its head on."""

    def __init__(self, *, call: int, value: float) -> None:
        super().__init__(dropout=0.0)
        self.calls_left, self.value = call - 1, value

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        self.calls_left -= 1
        return super().logits(hidden) * (1.0 if self.calls_left >= 0 else self.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_run_that_diverges_stops_before_the_update_and_keeps_the_last_good_weights(
    tmp_path: Path, value: float
) -> None:
    torch.manual_seed(0)
    model = Breaking(call=4, value=value)
    good = Breaking(call=1000, value=1.0)
    good.load_state_dict(model.state_dict())
    outcome = trained(made(tmp_path / "bad"), model)
    trained(made(tmp_path / "good"), good, steps=3)
    assert (outcome.status, outcome.steps, outcome.cells) == ("diverged", 3, {})
    assert outcome.error is not None
    assert "at step 4; try a lower learning rate" in outcome.error
    assert weights_sha256(model.state_dict()) == weights_sha256(good.state_dict())
    state = kept_in(tmp_path / "bad").load()
    assert state is not None
    assert weights_sha256(state["model"]) == weights_sha256(good.state_dict())


def test_a_learning_rate_beyond_all_bounds_diverges(tmp_path: Path) -> None:
    outcome = trained(tmp_path, small_model(), learning_rate=1e38, log_every=1, validate_every=20)
    assert (outcome.status, outcome.steps) == ("diverged", 1)
    assert "NaN" not in (tmp_path / "metrics.jsonl").read_text()


def test_a_run_whose_validation_is_not_finite_diverges(tmp_path: Path) -> None:
    torch.manual_seed(0)
    outcome = trained(tmp_path, Breaking(call=6, value=float("nan")))
    assert (outcome.status, outcome.steps, outcome.best_step) == ("diverged", 5, None)
    assert outcome.error == "the validation loss is nan at step 5; try a lower learning rate"


def test_gradients_are_clipped_to_the_norm(tmp_path: Path) -> None:
    memos = [Memo(Metrics(tmp_path / name)) for name in ("free", "clipped")]
    weights = []
    for memo, clip in zip(memos, (None, 1e-12), strict=True):
        model = small_model()
        trained(made(tmp_path / f"clip {clip}"), model, tracker=memo, steps=1, clip_norm=clip)
        weights.append(model.head.weight.detach().clone())
    start = small_model().head.weight
    assert memos[0].rows[0]["train/gradient_norm"] == memos[1].rows[0]["train/gradient_norm"]
    assert (weights[0] - start).abs().max() > 1e-3
    assert (weights[1] - start).abs().max() < 1e-4


def test_checkpoints_are_saved_at_intervals(tmp_path: Path) -> None:
    trained(tmp_path, small_model(), steps=11, checkpoint_steps=4)
    names = sorted(file.name for file in tmp_path.glob("checkpoint-*.pt"))
    assert names == ["checkpoint-00000008.pt", "checkpoint-00000011.pt"]


def test_minibatches_of_the_first_epoch_are_those_of_the_data(tmp_path: Path) -> None:
    batches = Minibatches(Data(), batch_size=16, seed=0)
    rows = sorted(row for step in range(4) for row in batches.at(step).inputs[:, 0].tolist())
    assert rows == sorted(Data().train(0)[0].inputs[:, 0].tolist())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_bf16_on_cuda_learns(tmp_path: Path) -> None:
    device = torch.device("cuda")
    outcome = train(
        small_model().to(device),
        Data(),
        settings=small_settings(steps=150, precision="bf16"),
        seed=0,
        device=device,
        tracker=Memo(Metrics(tmp_path / "metrics.jsonl")),
        checkpoints=kept_in(tmp_path),
    )
    assert outcome.cells["default"].accuracy > 0.95
