"""What is peculiar to experiment 008's recall task."""

import pytest
import torch

from mad.seeding import generator
from mad.tasks.base import IGNORE
from mad.tasks.mqar_008 import MQAR008


def test_all_keys_are_asked_after_the_separator_in_any_order() -> None:
    inputs, targets, _ = MQAR008(vocab_size=64, seq_len=128, n_pairs=8).sample(4000, generator(0))
    assert (inputs[:, 16] == 0).all()
    assert (inputs[:, 25:] == 1).all()
    assert (inputs[:, :16] > 1).all()
    assert ((targets != IGNORE) == ((torch.arange(128) > 16) & (torch.arange(128) < 25))).all()
    keys, asked = inputs[:, 0:16:2], inputs[:, 17:25]
    assert torch.equal(keys.sort(1).values, asked.sort(1).values)
    in_place = (keys == asked).double().mean()
    assert abs(float(in_place) - 1 / 8) < 0.01


def test_keys_and_values_share_all_tokens_and_values_repeat() -> None:
    inputs, _, _ = MQAR008(vocab_size=10, seq_len=16, n_pairs=5).sample(1000, generator(0))
    keys, values = inputs[:, 0:10:2], inputs[:, 1:10:2]
    assert keys.unique().tolist() == values.unique().tolist() == list(range(2, 10))
    assert (keys.sort(1).values.diff(dim=1) > 0).all()
    assert (values.sort(1).values.diff(dim=1) == 0).any()


def test_the_floor_of_8_pairs_over_62_tokens_is_17_percent() -> None:
    floor = MQAR008(vocab_size=64, seq_len=128, n_pairs=8).bounds().floor_accuracy
    assert floor == pytest.approx(0.1737, abs=5e-5)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"seq_len": 24}, "8 pairs, the separator and 8 queries need 25 positions"),
        ({"n_pairs": 63}, r"n_pairs must lie in 1\.\.vocab_size-2 = 62"),
        ({"n_pairs": 0}, "n_pairs must lie in"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MQAR008(**{"vocab_size": 64, "seq_len": 128, "n_pairs": 8, **wrong})
