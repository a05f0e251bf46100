"""What the README's main job spends outside training steps and evaluation."""

import re
import shlex
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.command import mad
from benchmarks.machine import ROOT, this_machine
from benchmarks.paired import Pace, Spread, by_turns
from benchmarks.record import Row, Target, publish
from mad.tasks.splits import splits

ABOUT = (
    "The README's first command through the command line, one seed. Outside is the wall time of the "
    "process less the run's own `train_seconds` (steps, validations, test, checkpoints), plus the time "
    "of the data that are drawn meanwhile: they are drawn here once more and timed."
)


def main_job() -> list[str]:
    """The arguments of the README's first ``mad.run``, with its seeds cut down to one."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"python -m mad\.run (.*)", text)
    assert found, "the README shows no command"
    words = [word for word in shlex.split(found[1]) if word != "-m" and not word.startswith("seed=")]
    return [*words, "seed=0", "launch.device=cpu"]


def share_outside() -> Row:
    """One run, from the start of the process to its end."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        (result,) = mad(main_job(), folder=Path(folder))
        wall = time.perf_counter() - started
    drawn = seconds_to_draw(result)
    outside = wall - result["cost"]["train_seconds"] + drawn
    seconds = {"wall": wall, "outside": outside, "data drawn in training": drawn}
    return Row(
        what=f"time outside steps and evaluation, {' '.join(main_job())}",
        unit="%",
        observed=Spread.of([100 * outside / wall]),
        target=Target(at_most=20.0),
        sides={name: Spread.of([value]) for name, value in seconds.items()},
        note=f"{result['steps']} steps; imports, composing, data, records",
    )


def seconds_to_draw(result: Mapping[str, Any]) -> float:
    """The training data of all epochs and the test data, drawn again."""
    config = result["config"]
    data = splits(config["task"], seed=config["seed"])
    started = time.perf_counter()
    for epoch in range(config["trainer"]["epochs"] if data.fresh else 1):
        data.train(epoch)
    data.test()
    return time.perf_counter() - started


def answers() -> list[Row]:
    """How long a question takes."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {
            name: partial(mad, arguments, folder=Path(folder))
            for name, arguments in {
                "mad --list": ["--list"],
                "mad --dry-run": ["--dry-run"],
                "mad -m --dry-run seed=range(64)": ["-m", "--dry-run", "seed=range(64)"],
            }.items()
        }
        paired = by_turns(sides, pace=Pace(least_rounds=3, most_rounds=3, warm_ups=1))
    return [Row(what=name, unit="s", observed=paired.spread(name)) for name in sides]


def main() -> None:
    machine = this_machine()
    publish("startup", ABOUT, [share_outside(), *answers()], machine=machine)


if __name__ == "__main__":
    main()
