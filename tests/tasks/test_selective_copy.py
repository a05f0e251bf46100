"""What is peculiar to selective copying."""

import pytest
import torch

from mad.seeding import generator
from mad.tasks.base import IGNORE
from mad.tasks.selective_copy import SelectiveCopy


def test_tokens_stand_among_blanks_and_are_asked_after_the_copy_token() -> None:
    inputs, targets, _ = SelectiveCopy(vocab_size=16, seq_len=32, n_tokens=4).sample(1000, generator(0))
    assert (inputs[:, 27] == 15).all()
    assert (inputs[:, 28:] == 14).all()
    assert ((inputs[:, :27] < 14).sum(1) == 4).all()
    assert (inputs[:, :27] != 15).all()
    assert (inputs[:, 26] < 14).all(), "no blank comes after the last token"
    assert ((targets != IGNORE) == (torch.arange(32) >= 28)).all()


def test_each_blank_goes_before_any_token_with_the_same_probability() -> None:
    size, n_blanks = 5000, 23
    inputs, _, _ = SelectiveCopy(vocab_size=16, seq_len=32, n_tokens=4).sample(size, generator(0))
    places = (inputs[:, :27] < 14).nonzero()[:, 1].view(size, 4)
    blanks = places.diff(dim=1, prepend=torch.full((size, 1), -1)) - 1
    expected, variance = n_blanks / 4, n_blanks * 1 / 4 * 3 / 4
    assert ((blanks.double().mean(0) - expected).abs() < 4 * (variance / size) ** 0.5).all()
    assert (blanks.double().var(0) / variance - 1).abs().max() < 0.1


def test_without_room_for_blanks_it_is_plain_copying() -> None:
    inputs, targets, _ = SelectiveCopy(vocab_size=5, seq_len=7, n_tokens=3).sample(20, generator(0))
    assert torch.equal(inputs[:, :3], targets[:, 4:])


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"seq_len": 8}, "4 tokens, the copy token and 4 answers need 9 positions"),
        ({"n_tokens": 0}, "n_tokens must be 1 or more"),
        ({"vocab_size": 2}, "vocab_size must be 3 or more"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SelectiveCopy(**{"vocab_size": 16, "seq_len": 32, "n_tokens": 4, **wrong})
