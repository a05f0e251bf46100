"""What decays, and the learning rate of each step."""

import math

import pytest

from mad.train.optim import check_schedule, learning_rate, optimizer
from tests.train.small import small_model, small_settings


def test_matrices_decay_and_vectors_do_not() -> None:
    model = small_model()
    decaying, other = optimizer(model, settings=small_settings(weight_decay=0.3)).param_groups
    assert decaying["weight_decay"] == 0.3
    assert {id(p) for p in decaying["params"]} == {
        id(p) for p in (model.embedding.weight, model.mix.weight, model.head.weight)
    }
    assert other["weight_decay"] == 0
    assert {id(p) for p in other["params"]} == {id(model.mix.bias), id(model.head.bias)}


def test_a_constant_rate_stays_after_the_warm_up() -> None:
    settings = small_settings(learning_rate=0.8, warmup_steps=4)
    rates = [learning_rate(step, settings=settings, total_steps=8) for step in range(8)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.8, 0.8])


def test_a_cosine_falls_from_the_peak_towards_zero_and_reaches_half_of_it_midway() -> None:
    settings = small_settings(learning_rate=0.8, warmup_steps=2, schedule="cosine")
    rates = [learning_rate(step, settings=settings, total_steps=10) for step in range(10)]
    assert rates[:3] == pytest.approx([0.4, 0.8, 0.8])
    assert rates[6] == pytest.approx(0.4)
    assert rates[9] == pytest.approx(0.4 * (1 + math.cos(math.pi * 7 / 8)))
    assert rates[2:] == sorted(rates[2:], reverse=True)


def test_a_warm_up_as_long_as_the_run_is_refused() -> None:
    with pytest.raises(ValueError, match=r"warmup_steps \(20\) leaves nothing of the 20 steps; shorten"):
        check_schedule(small_settings(warmup_steps=20), total_steps=20)
    check_schedule(small_settings(warmup_steps=19), total_steps=20)
