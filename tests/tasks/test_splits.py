"""Mixtures, test cells, sizes, and what is refused."""

from typing import Any

import pytest
import torch

from mad.tasks.splits import Splits, splits

DATA = {"train": 100, "validation": 20, "test": 30, "fresh": True}
CONFIG = {
    "_target_": "mad.tasks.mqar.MQAR",
    "vocab_size": 128,
    "seq_len": 16,
    "n_pairs": 2,
    "eval": [],
    "mixture": [],
    "data": DATA,
}


def made(*, seed: int = 0, **changes: Any) -> Splits:
    return splits({**CONFIG, **changes}, seed=seed)


def test_without_a_mixture_training_is_on_the_task_itself() -> None:
    data = made()
    (train,), (validation,) = data.train(0), data.validation()
    assert len(train.inputs) == data.n_train == 100
    assert len(validation.inputs) == 20
    assert data.max_length == 16
    assert list(data.test()) == list(data.cells) == ["default"]
    assert len(data.test()["default"].inputs) == 30


def test_a_mixture_is_trained_on_and_validated_in_proportion() -> None:
    mixture = [{"train": 70}, {"seq_len": 32, "train": 20}, {"seq_len": 64, "n_pairs": 16, "train": 10}]
    data = made(mixture=mixture)
    assert [batch.inputs.shape for batch in data.train(0)] == [(70, 16), (20, 32), (10, 64)]
    assert [batch.inputs.shape for batch in data.validation()] == [(14, 16), (4, 32), (2, 64)]
    assert data.max_length == 64
    assert data.n_train == 100


def test_equal_parts_of_a_mixture_are_different_sequences() -> None:
    data = made(mixture=[{"seq_len": 64, "train": 50}, {"seq_len": 64, "train": 50}])
    for one, two in (data.train(0), data.validation()):
        assert not torch.equal(one.inputs, two.inputs)


def test_a_part_too_small_to_be_validated_is_left_out_of_validation() -> None:
    data = made(mixture=[{"train": 99}, {"seq_len": 32, "train": 1}], data={**DATA, "validation": 5})
    assert [len(batch.inputs) for batch in data.validation()] == [5]


def test_test_cells_are_named_for_what_they_override_and_have_their_own_size() -> None:
    data = made(eval=[{"seq_len": 32, "n_pairs": 8}, {"n_pairs": 3, "test": 7}])
    assert {name: len(batch.inputs) for name, batch in data.test().items()} == {
        "default": 30,
        "seq_len=32,n_pairs=8": 30,
        "n_pairs=3": 7,
    }
    assert data.cells["seq_len=32,n_pairs=8"].bounds().floor_accuracy == 1 / 8
    assert data.max_length == 32


def test_a_cell_does_not_depend_on_the_other_cells_nor_on_the_spelling() -> None:
    alone = made(eval=[{"seq_len": 32, "alpha": 1}]).test()
    beside = made(eval=[{"n_pairs": 3}, {"alpha": 1.0, "seq_len": 32}]).test()
    name = "seq_len=32,alpha=1"
    assert torch.equal(alone[name].inputs, beside[name].inputs)
    assert torch.equal(alone["default"].inputs, beside["default"].inputs)


def test_the_seed_of_the_data_is_the_run_seed() -> None:
    assert not torch.equal(made(seed=0).train(0)[0].inputs, made(seed=1).train(0)[0].inputs)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"seq_leng": 32}, "'seq_leng'.*did you mean seq_len"),
        ({"eval": [{"n_pair": 3}]}, "'n_pair'.*did you mean n_pairs"),
        ({"eval": [{"n_pairs": 3}, {"n_pairs": 3, "test": 9}]}, "must override something else"),
        ({"eval": [{}]}, "must override something else"),
        ({"eval": [{"n_pairs": 3, "test": 0}]}, "1 or more; got 0"),
        ({"eval": ["n_pairs=3"]}, "task.eval expects mappings"),
        ({"eval": [{"_target_": "mad.tasks.recall.Recall"}]}, "task.eval expects mappings"),
        ({"eval": [{"vocab_size": 256}]}, "vocabulary 256.*set task.vocab_size to 256"),
        ({"eval": [{"n_pairs": 5}]}, "4 x n_pairs = 20"),
        ({"mixture": [{"seq_len": 32}]}, "train in each entry of task.mixture.*got None"),
        (
            {"mixture": [{"train": 60}, {"seq_len": 32, "train": 50}]},
            "add up to 110.*set task.data.train=110",
        ),
        ({"data": {**DATA, "tran": 1}}, "'tran'; did you mean train"),
        ({"data": {"train": 100}}, "task.data has no 'validation'"),
        ({"data": {**DATA, "test": 0}}, "task.data.test expects a number of sequences, 1 or more; got 0"),
        ({"data": {**DATA, "fresh": 1}}, "task.data.fresh expects true or false; got 1"),
        ({"data": None}, "task.data expects a mapping"),
        ({"_target_": "os.path.join"}, "os.path"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**wrong)
