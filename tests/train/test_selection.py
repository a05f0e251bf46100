"""Which weights are kept."""

import torch

from mad.train.score import Score
from mad.train.selection import Selection
from tests.train.small import small_model


def offered(*scores: tuple[float, float], by: str = "accuracy", patience: int | None = None) -> Selection:
    """The selection after validations of (accuracy, loss) at steps 1, 2 ..."""
    selection = Selection(by=by, stop_at=0.9, patience=patience)  # type: ignore[arg-type]
    for step, (accuracy, loss) in enumerate(scores, start=1):
        selection.offer(Score(accuracy, loss, 10), step=step, model=small_model())
    return selection


def test_the_highest_accuracy_wins_then_the_lower_loss_then_the_earlier_step() -> None:
    assert offered((0.5, 1.0), (0.6, 2.0), (0.4, 0.1)).best_step == 2
    assert offered((0.5, 1.0), (0.5, 0.9), (0.5, 0.95)).best_step == 2
    assert offered((0.5, 1.0), (0.5, 1.0)).best_step == 1


def test_a_task_can_select_by_loss() -> None:
    assert offered((0.5, 1.0), (0.6, 2.0), (0.4, 0.1), by="loss_nats").best_step == 3


def test_it_stops_at_the_threshold_or_when_patience_ends() -> None:
    assert not Selection(by="accuracy", stop_at=0.5, patience=1).stops
    assert not offered((0.89, 1.0)).stops
    assert offered((0.9, 1.0)).stops
    assert not offered((0.5, 1.0), (0.4, 1.0), patience=2).stops
    assert offered((0.5, 1.0), (0.4, 1.0), (0.5, 1.0), patience=2).stops
    assert not offered((0.5, 1.0), (0.4, 1.0), (0.6, 1.0), patience=2).stops
    assert offered((0.5, 1.0), (0.5, 0.9), (0.5, 0.8), patience=2).stops, "a lower loss alone is no progress"


def test_the_kept_weights_do_not_follow_the_model() -> None:
    selection, model = Selection(by="accuracy", stop_at=None, patience=None), small_model()
    selection.offer(Score(0.5, 1.0, 10), step=1, model=model)
    before = model.head.weight.detach().clone()
    torch.nn.init.zeros_(model.head.weight)
    assert selection.weights is not None
    assert torch.equal(selection.weights["head.weight"], before)


def test_a_restored_selection_goes_on_as_the_old_one() -> None:
    old = offered((0.5, 1.0), (0.4, 1.0))
    new = Selection(by="accuracy", stop_at=0.9, patience=None)
    new.restore(old.state())
    assert new.state() == old.state()
    assert new.best == Score(0.5, 1.0, 10)
