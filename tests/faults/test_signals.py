"""A run that is told to stop does so soon, says so by its exit code, and goes on as if nothing had been."""

import os
import random
import signal
import time
from pathlib import Path

from mad.execute import execute
from mad.report.record import RunFolder
from tests import child
from tests.cases import Cases
from tests.faults.lines import count
from tests.test_execute import comparable, config, record, started, wait_for_rows

MOST_SECONDS = 2.0


def test_a_signal_is_answered_with_a_checkpoint_within_two_seconds(tmp_path: Path, cases: Cases) -> None:
    whole = config(tmp_path / "whole", checkpoint_steps=None)
    execute(whole)
    chance = random.Random(0)
    for number in range(count(6)):
        asked = (signal.SIGTERM, signal.SIGINT)[number % 2]
        run = config(tmp_path / str(number), checkpoint_steps=None)
        process = started(child.run, run)
        wait_for_rows(process, run, n_rows=chance.randint(1, 15))
        with cases.of():
            assert process.pid is not None
            begun = time.monotonic()
            os.kill(process.pid, asked)
            process.join(60)
            assert time.monotonic() - begun < MOST_SECONDS
            assert process.exitcode == 128 + asked
            assert (record(run)[0].status, record(run)[0].error) == ("preempted", asked.name)
            (checkpoint,) = RunFolder.of(run).path.glob("checkpoint-*.pt")
            assert checkpoint.name == f"checkpoint-{record(run)[0].steps:08d}.pt"
            execute(run)
            assert comparable(run) == comparable(whole)
