"""A run that says nothing for long is named."""

import os
from pathlib import Path

from mad.launch.silence import Silence

START = 1_000_000.0


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> float:
        return self.time


def write(folder: Path, *, at: float) -> None:
    (folder / "metrics.jsonl").touch()
    os.utime(folder / "metrics.jsonl", (at, at))


def test_a_silent_run_is_named_once_and_again_after_it_has_spoken(tmp_path: Path) -> None:
    clock = Clock()
    silence = Silence([tmp_path, tmp_path / "other"], clock=clock)
    silence.started(0)
    write(tmp_path, at=START + 100)
    clock.time = START + 650
    assert silence.news() == []
    clock.time = START + 720
    (line,) = silence.news()
    assert line.startswith(f"silent for 10 min: {tmp_path}/console.log; launch.timeout_seconds=N")
    clock.time += 60
    assert silence.news() == []
    write(tmp_path, at=clock.time)
    clock.time += 60
    assert silence.news() == []
    clock.time += 700
    assert len(silence.news()) == 1


def test_a_run_that_has_ended_or_was_not_begun_is_not(tmp_path: Path) -> None:
    clock = Clock()
    silence = Silence([tmp_path, tmp_path / "other"], clock=clock)
    silence.started(0)
    silence.ended(0)
    clock.time += 5000
    assert silence.news() == []
