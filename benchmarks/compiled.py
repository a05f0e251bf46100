"""What torch.compile makes of the log-linear core, and of its dense peers."""

import time
from functools import partial

from benchmarks.cores import Problem, compiled, cosine, log_linear, memory_side
from benchmarks.dense_levels import DenseLevels, one_product
from benchmarks.machine import this_machine
from benchmarks.paired import Pace, Side, by_turns
from benchmarks.record import Row, publish
from mad.mixers.log_linear import LogLinear
from mad.mixers.readout import Denominator

ABOUT = (
    "The sides of `log_linear` once more, each under torch.compile's defaults (static shapes), against ours "
    "as it is. The note says how long the first call took, with whatever torch's cache held."
)
MEMORIES = {
    "ours, compiled": LogLinear,
    "dense level masks, compiled": DenseLevels,
    "dense level masks, folded, compiled": partial(DenseLevels, attend=one_product),
}


def side(problem: Problem, name: str) -> Side:
    """A compiled side by name, or ``ours`` as it is."""
    make = log_linear(problem, memory=MEMORIES.get(name, LogLinear))
    make = compiled(make) if name in MEMORIES else make
    return memory_side(problem, make, features=cosine(problem), readout=Denominator)


def rows(problem: Problem) -> list[Row]:
    """Every compiled side over ours as it is."""
    sides, seconds = {"ours": side(problem, "ours")}, {}
    for name in MEMORIES:
        started = time.perf_counter()
        sides[name] = side(problem, name)
        sides[name]()
        seconds[name] = time.perf_counter() - started
    paired = by_turns(sides, pace=Pace(budget_seconds=5))
    return [
        Row(
            what=f"{name} / ours, cosine, {problem.words}",
            unit="x",
            observed=paired.ratio(name, "ours"),
            sides={key: paired.spread(key) for key in ("ours", name)},
            note=f"first call {seconds[name]:.0f} s",
        )
        for name in MEMORIES
    ]


def main() -> None:
    machine = this_machine()
    problems = [Problem(batch=n, heads=2, length=length, width=16) for n, length in ((32, 128), (8, 512))]
    publish("compiled", ABOUT, [row for problem in problems for row in rows(problem)], machine=machine)


if __name__ == "__main__":
    main()
