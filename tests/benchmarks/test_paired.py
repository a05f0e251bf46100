"""The harness, on a clock that only moves when it is told to."""

import math

import pytest

from benchmarks.paired import Pace, Paired, Spread, by_turns

ONCE = Pace(budget_seconds=0.0, least_rounds=3, most_rounds=9, warm_ups=1, sample_seconds=0.0)


class Clock:
    """Time that passes in sides only, and a list of who ran."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def __call__(self) -> float:
        return self.now

    def side(self, name: str, *seconds: float):
        """A side whose calls take these times in turn, the last one for ever."""
        times = list(seconds)

        def call() -> None:
            self.calls.append(name)
            self.now += times.pop(0) if len(times) > 1 else times[0]

        return call


def test_sides_run_by_turns_after_a_warm_up_and_none_is_always_first() -> None:
    clock = Clock()
    paired = by_turns({"a": clock.side("a", 1.0), "b": clock.side("b", 2.0)}, pace=ONCE, clock=clock)
    assert "".join(clock.calls) == "ab" + "ab" + "ba" + "ab"
    assert paired.seconds == {"a": (1.0, 1.0, 1.0), "b": (2.0, 2.0, 2.0)}


def test_the_ratio_is_that_of_neighbours() -> None:
    clock = Clock()
    # The machine is three times slower in the second round, for both.
    slow, fast = clock.side("slow", 9.0, 4.0, 12.0, 4.0), clock.side("fast", 9.0, 1.0, 3.0, 1.0)
    ratio = by_turns({"slow": slow, "fast": fast}, pace=ONCE, clock=clock).ratio("slow", "fast")
    assert ratio == Spread(median=4.0, lowest=4.0, highest=4.0, n=3)


def test_the_budget_ends_the_rounds_and_the_least_are_made_whatever_it_says() -> None:
    for budget, n_rounds in ((0.0, 3), (5.0, 5), (100.0, 9)):
        clock = Clock()
        pace = Pace(budget_seconds=budget, least_rounds=3, most_rounds=9, warm_ups=1, sample_seconds=0.0)
        assert len(by_turns({"a": clock.side("a", 1.0)}, pace=pace, clock=clock).seconds["a"]) == n_rounds


def test_a_short_side_is_called_until_a_sample_is_long_enough() -> None:
    clock = Clock()
    pace = Pace(budget_seconds=0.0, least_rounds=1, warm_ups=1, sample_seconds=1.0)
    paired = by_turns({"a": clock.side("a", 0.25), "b": clock.side("b", 2.0)}, pace=pace, clock=clock)
    assert "".join(clock.calls) == "a" + "b" + "aaaa" + "b"
    assert paired.seconds == {"a": (0.25,), "b": (2.0,)}


def test_the_exponent_is_the_power_of_size() -> None:
    sizes = {"T=2": 2, "T=4": 4, "T=8": 8}
    paired = Paired(seconds={name: (size**1.5, 3.0 * size) for name, size in sizes.items()})
    exponent = paired.exponent(sizes)
    assert math.isclose(exponent.lowest, 1.0)
    assert math.isclose(exponent.highest, 1.5)


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Spread.of([])
