"""A sweep of small runs with two processes against the same with one, through the command line."""

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.command import mad
from benchmarks.machine import this_machine
from benchmarks.paired import Pace, by_turns
from benchmarks.record import Row, Target, publish

ABOUT = (
    "`mad -m` over 16 seeds in a temporary folder, one thread a run, from the start of the command to "
    "its end. The target is for an idle machine of two cores: see the load."
)
N_RUNS = 16
RUN = (
    "model=cos_log_linear",
    "task=mqar",
    "task.data.train=1600",
    "task.data.validation=256",
    "task.data.test=256",
    "trainer.epochs=null",
    "trainer.steps=25",
    "trainer.warmup_steps=10",
    "launch.device=cpu",
)


def swept(*, jobs: int) -> None:
    """All runs, so many at once."""
    seeds = ",".join(str(seed) for seed in range(N_RUNS))
    with tempfile.TemporaryDirectory() as folder:
        results = mad(["-m", *RUN, f"seed={seeds}", f"launch.jobs={jobs}"], folder=Path(folder))
    assert [result["status"] for result in results] == ["finished"] * N_RUNS


def rows(*, pace: Pace) -> list[Row]:
    """Two processes over one."""
    paired = by_turns({"two": partial(swept, jobs=2), "one": partial(swept, jobs=1)}, pace=pace)
    return [
        Row(
            what=f"{N_RUNS} small runs, launch.jobs=2 / launch.jobs=1",
            unit="x",
            observed=paired.ratio("two", "one"),
            target=Target(at_most=0.6),
            sides=paired.spreads(),
            note="a run: cos_log_linear on mqar, 25 steps of 64 sequences",
        )
    ]


def main() -> None:
    machine = this_machine()
    # A sweep warms itself up: what it waits for at its start belongs to it.
    publish("sweep", ABOUT, rows(pace=Pace(least_rounds=2, most_rounds=2, warm_ups=0)), machine=machine)


if __name__ == "__main__":
    main()
