"""The order of the data, and what of it is computed."""

from itertools import pairwise

import pytest
import torch

from mad.tasks.base import IGNORE, Batch
from mad.train.minibatch import Minibatches, minibatch, places
from tests.train.small import Data, Previous


def rows_in_order(**changes: int | bool) -> list[list[int]]:
    arguments = {"batch_size": 4, "seed": 0, "epoch": 0, "ordered": False, **changes}
    return [place.rows.tolist() for place in places([10], **arguments)]  # type: ignore[arg-type]


def test_positions_after_the_last_label_are_cut_off_and_no_label_is_lost() -> None:
    inputs = torch.arange(12).view(2, 6)
    targets = torch.full((2, 6), IGNORE)
    targets[0, 1], targets[1, 3] = 7, 8
    batch = minibatch(Batch(inputs, targets), rows=torch.tensor([1, 0]))
    assert batch.inputs.tolist() == [[6, 7, 8, 9], [0, 1, 2, 3]]
    assert batch.asked.tolist() == [3, 5]
    assert batch.answers.tolist() == [8, 7]
    assert batch.full_length == 6


def test_all_minibatches_of_one_length_reach_to_the_last_question_of_the_epoch() -> None:
    data = Data(sizes=(40, 10))
    batches = Minibatches(data, batch_size=4, seed=0, one_length=True)
    plain = Minibatches(data, batch_size=4, seed=0)
    assert batches.most_rows == 4
    lengths = {batches.at(step).inputs.size(1) for step in range(batches.per_epoch)}
    assert lengths == {max(plain.at(step).inputs.size(1) for step in range(plain.per_epoch))}
    for step in range(batches.per_epoch):
        assert torch.equal(batches.at(step).answers, plain.at(step).answers)
        length, whole = plain.at(step).inputs.size(1), batches.at(step)
        assert torch.equal(whole.inputs[:, :length], plain.at(step).inputs)
        assert torch.equal(
            whole.inputs.flatten()[whole.asked], plain.at(step).inputs.flatten()[plain.at(step).asked]
        )


def test_sequences_that_ask_nothing_are_refused() -> None:
    silent = Batch(torch.zeros(2, 3, dtype=torch.long), torch.full((2, 3), IGNORE))
    with pytest.raises(ValueError, match="2 sequences expects at least one label and has none"):
        minibatch(silent, rows=torch.arange(2))


def test_an_epoch_holds_each_sequence_once_and_keeps_the_last_partial_minibatch() -> None:
    rows = rows_in_order()
    assert [len(part) for part in rows] == [4, 4, 2]
    assert sorted(row for part in rows for row in part) == list(range(10))


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    assert rows_in_order() == rows_in_order()
    assert rows_in_order() != rows_in_order(epoch=1)
    assert rows_in_order() != rows_in_order(seed=1)


def test_an_ordered_task_is_taken_as_it_comes() -> None:
    assert rows_in_order(ordered=True) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    data = Data(task=Previous(ordered=True), sizes=(10,))
    first = Minibatches(data, batch_size=4, seed=0).at(3 + 1)
    targets = data.train(1)[0].targets[4:8]
    assert torch.equal(first.answers, targets[targets != IGNORE])


def test_the_minibatches_of_a_mixture_alternate_and_never_mix() -> None:
    found = places([40, 40, 9], batch_size=4, seed=0, epoch=0, ordered=False)
    components = [place.component for place in found]
    assert sum(before != after for before, after in pairwise(components)) > 5
    for component, size in enumerate([40, 40, 9]):
        rows = [row for place in found if place.component == component for row in place.rows.tolist()]
        assert sorted(rows) == list(range(size))


def test_every_step_has_the_same_minibatch_wherever_one_begins() -> None:
    data = Data(sizes=(10, 7))
    here, there = (Minibatches(data, batch_size=4, seed=0) for _ in range(2))
    assert here.per_epoch == 3 + 2
    batches = [here.at(step) for step in range(12)]
    assert torch.equal(there.at(11).inputs, batches[11].inputs)
    assert torch.equal(there.at(2).inputs, batches[2].inputs)


def test_training_validation_and_test_share_no_sequence() -> None:
    data = Data(sizes=(60,))
    splits = [data.train(0)[0], data.train(1)[0], data.validation()[0], data.test()["default"]]
    seen = [tuple(row) for split in splits for row in split.inputs.tolist()]
    assert len(set(seen)) == len(seen)
