"""When a compiler is worth its wait."""

from benchmarks.compiled import paid_back


def test_a_first_step_is_paid_back_when_all_steps_together_take_no_longer() -> None:
    first, later, eager = 10.0, 1.0, 2.0
    assert first + 8 * later == 9 * eager
    assert paid_back(first, compiled=later, eager=eager) == "paid back after 9 steps"
    assert paid_back(first, compiled=later, eager=later) == "never paid back"
