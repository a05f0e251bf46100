"""What is peculiar to associative recall with one question."""

import pytest
import torch

from mad.seeding import generator
from mad.tasks.base import IGNORE
from mad.tasks.recall import Recall


def test_one_key_is_asked_after_the_separator_each_equally_often() -> None:
    inputs, targets, _ = Recall(vocab_size=18, seq_len=64, n_pairs=8).sample(8000, generator(0))
    assert (inputs[:, 16] == 0).all()
    assert (inputs[:, 18:] == 1).all()
    assert (inputs[:, :16] > 1).all()
    assert ((targets != IGNORE) == (torch.arange(64) == 17)).all()
    asked = (inputs[:, 0:16:2] == inputs[:, 17:18]).int()
    assert (asked.sum(1) == 1).all()
    assert ((asked.double().mean(0) - 1 / 8).abs() < 4 * (1 / 8 * 7 / 8 / 8000) ** 0.5).all()


def test_the_floor_of_8_pairs_over_16_tokens_is_26_percent() -> None:
    bounds = Recall(vocab_size=18, seq_len=64, n_pairs=8).bounds()
    assert bounds.floor_accuracy == pytest.approx(0.258, abs=5e-4)
    assert bounds.chance_accuracy == 1 / 16


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"seq_len": 17}, "8 pairs, the separator and the query need 18 positions"),
        ({"n_pairs": 17}, r"n_pairs must lie in 1\.\.vocab_size-2 = 16"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recall(**{"vocab_size": 18, "seq_len": 64, "n_pairs": 8, **wrong})
