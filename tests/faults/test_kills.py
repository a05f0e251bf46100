"""A kill at any moment costs no bit of a run and no row that was acknowledged."""

import random
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from mad.execute import execute
from mad.report.metrics import Metrics
from mad.report.record import RunFolder
from tests import child
from tests.cases import Cases
from tests.faults.attempts import write_rows
from tests.faults.lines import count
from tests.test_execute import PROCESSES, comparable, config, started, wait_for_rows

MOST_PER_RUN = 10
"""After so many kills a run is left in peace: 200 kills are spread over 20 runs at least."""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], bytes]:
    whole = config(tmp_path_factory.mktemp("uninterrupted"))
    execute(whole)
    return comparable(whole)


def at_random(run: dict[str, Any], chance: random.Random) -> BaseProcess:
    """A run that is killed at any moment, also before its first row."""
    process = started(child.run, run)
    wait_for_rows(process, run, n_rows=chance.randrange(25))
    process.join(chance.random() * 0.01)
    process.kill()
    return process


def while_saving(run: dict[str, Any], chance: random.Random) -> BaseProcess:
    """A run that is killed between two steps by which a file comes to the disk."""
    function, most = chance.choice([("fsync", 30), ("replace", 15), ("unlink", 30)])
    return started(child.run_until, run, function=function, n_calls=chance.randint(1, most))


def n_kills_of(run: dict[str, Any], chance: random.Random, *, most: int) -> int:
    """Kills a run again and again, until it has been killed so often or has come to its end."""
    for n_kills in range(most):
        process = (at_random, while_saving)[n_kills % 2](run, chance)
        process.join(120)
        assert process.exitcode in (0, -signal.SIGKILL)
        if process.exitcode == 0:
            return n_kills
    return most


def test_a_killed_run_ends_with_the_same_bits(
    tmp_path: Path, uninterrupted: tuple[dict[str, Any], bytes], cases: Cases
) -> None:
    chance, n_runs = random.Random(), 0
    while cases.tried < count(1):
        run = config(tmp_path / str(n_runs))
        n_kills = n_kills_of(run, chance, most=min(MOST_PER_RUN, count(1) - cases.tried))
        with cases.of(n_kills):
            execute(run)
            assert comparable(run) == uninterrupted
            steps = [row["step"] for row in RunFolder.of(run).metrics.rows()]
            assert steps == sorted(set(steps))
        n_runs += 1


def test_a_killed_writer_loses_no_acknowledged_row(tmp_path: Path, cases: Cases) -> None:
    metrics, chance, n_torn = Metrics(tmp_path / "metrics.jsonl"), random.Random(0), 0
    for number in range(count(2)):
        with cases.of():
            torn_at = chance.randrange(40) if number % 3 == 0 else None
            acknowledged = told_until_killed(metrics, torn_at=torn_at, n_rows=chance.randrange(1, 40))
            n_torn += metrics.path.stat().st_size > metrics.offset
            assert [row["step"] for row in metrics.rows()] == list(range(len(metrics.rows())))
            assert len(metrics.rows()) > acknowledged
    assert n_torn >= count(2) // 3


def told_until_killed(metrics: Metrics, *, torn_at: int | None, n_rows: int) -> int:
    """The last row that a writer told of before it was killed, or died in the midst of a row."""
    hearing, telling = PROCESSES.Pipe(duplex=False)
    writer = started(write_rows, str(metrics.path), telling, torn_at=torn_at)
    telling.close()
    acknowledged = heard(hearing, most=n_rows) if torn_at is None else -1
    if torn_at is None:
        writer.kill()
    acknowledged = max(acknowledged, heard(hearing, most=1_000_000))
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    return acknowledged


def heard(hearing: Any, *, most: int) -> int:
    """The last step that was told, of so many at most; -1 if there was none."""
    last = -1
    for _ in range(most):
        try:
            if not hearing.poll(60):
                raise AssertionError("the writer is silent")
            last = hearing.recv()
        except EOFError:
            break
    return last
