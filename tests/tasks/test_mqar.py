"""MQAR's own facts: its distributions, its fillers, its errors."""

import pytest
import torch

from mad.seeding import generator
from mad.tasks.base import IGNORE, Batch
from mad.tasks.mqar import MQAR


def drawn(size: int, **keywords: object) -> Batch:
    arguments = {"vocab_size": 64, "seq_len": 32, "n_pairs": 4, **keywords}
    return MQAR(**arguments).sample(size, generator(0, "tests"))  # type: ignore[arg-type]


def slots(batch: Batch, *, n_pairs: int) -> torch.Tensor:
    """The slot, from 0, in which each key is asked, in the order of the keys."""
    inputs, targets, _ = batch
    places = (targets != IGNORE).nonzero()[:, 1].view(-1, n_pairs)
    asked = inputs.gather(1, places)
    order = (inputs[:, 0 : 2 * n_pairs : 2].unsqueeze(2) == asked.unsqueeze(1)).int().argmax(2)
    return (places.gather(1, order) - 2 * n_pairs) // 2


def test_keys_and_values_are_distinct_and_lie_in_their_halves() -> None:
    inputs = drawn(2000).inputs
    keys, values = inputs[:, 0:8:2], inputs[:, 1:8:2]
    for tokens, low, high in ((keys, 1, 31), (values, 32, 63)):
        assert tokens.unique().tolist() == list(range(low, high + 1))
        ordered = tokens.sort(1).values
        assert (ordered[:, 1:] > ordered[:, :-1]).all()


def test_every_key_is_asked_once_at_the_start_of_a_slot_and_all_else_is_zero() -> None:
    inputs, targets, _ = drawn(500)
    assert ((targets != IGNORE).sum(1) == 4).all()
    assert (targets[:, 1::2] == IGNORE).all()
    assert (targets[:, :8] == IGNORE).all()
    assert ((inputs[:, 8:] != 0) == (targets[:, 8:] != IGNORE)).all()


@pytest.mark.parametrize("alpha", [0.01, 0.5, 1.0, 2.0])
def test_slots_follow_the_power_law_without_replacement(alpha: float) -> None:
    size, n_slots = 40_000, 12
    drawn_slots = slots(drawn(size, alpha=alpha), n_pairs=4)
    first = torch.arange(1, n_slots + 1, dtype=torch.float64) ** (alpha - 1)
    first /= first.sum()
    # The second key's slot: j after any other i, from what i left.
    second = (first / (1 - first)).sum() * first - first**2 / (1 - first)
    for key, expected in enumerate((first, second)):
        share = drawn_slots[:, key].bincount(minlength=n_slots) / size
        sigma = (expected * (1 - expected) / size).sqrt()
        assert ((share - expected).abs() < 4 * sigma).all()


def test_random_filler_is_uniform_over_all_but_the_keys() -> None:
    inputs, targets, _ = drawn(20_000, filler="random")
    is_filler = (torch.arange(32) >= 8) & (targets == IGNORE)
    own_key = (inputs.unsqueeze(2) == inputs[:, None, 0:8:2]).any(2)
    assert not (own_key & is_filler).any()
    counts = inputs[is_filler].bincount(minlength=64).double()
    # A token that can be a key (1..31) is one in 4 of 31 sequences; in the others it is one of 60.
    expected = torch.where((torch.arange(64) - 16).abs() <= 15, 27 / 31, 1.0) / 60 * is_filler.sum()
    assert ((counts - expected).abs() < 5 * expected.sqrt()).all()


def test_the_published_random_filler_collides_with_keys() -> None:
    inputs, targets, _ = drawn(20_000, filler="random_with_collisions")
    is_filler = (torch.arange(32) >= 8) & (targets == IGNORE)
    collisions = ((inputs.unsqueeze(2) == inputs[:, None, 0:8:2]).any(2) & is_filler).sum(1).double()
    expected = (32 - 3 * 4) * 4 / 64
    assert abs(float(collisions.mean()) - expected) < 4 * float(collisions.std()) / 20_000**0.5


def test_the_filler_changes_nothing_but_the_filler() -> None:
    zero, filled = drawn(100), drawn(100, filler="random")
    assert torch.equal(zero.targets, filled.targets)
    assert torch.equal(torch.where(zero.inputs > 0, filled.inputs, 0), zero.inputs)


def test_the_largest_published_cell_is_drawn() -> None:
    inputs, targets, _ = drawn(5, vocab_size=8192, seq_len=1024, n_pairs=256)
    assert inputs.shape == (5, 1024)
    assert ((targets != IGNORE).sum(1) == 256).all()


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"seq_len": 33}, "seq_len must be even"),
        ({"vocab_size": 32}, r"vocab_size must be above seq_len \(32\); got 32"),
        ({"n_pairs": 9}, "9 pairs .* 4 x n_pairs = 36 .* set n_pairs to 8 or less, or seq_len to 36"),
        ({"n_pairs": 0}, "n_pairs must be 1 or more"),
        ({"alpha": float("nan")}, "alpha must be a finite number"),
        ({"filler": "noise"}, "filler must be one of zero, random, random_with_collisions; got 'noise'"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        drawn(1, **wrong)


def test_every_slot_is_asked_where_there_is_no_other() -> None:
    targets = drawn(3, seq_len=16).targets
    assert (targets[:, 8::2] != IGNORE).all()
