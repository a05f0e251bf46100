"""Trackers are told what happens; files get what is determined, people what they can read."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mad.progress import Progress, Run, duration
from mad.track import Fan, Files, Lines, Live, Tracker, is_live, tracker
from tests.results import small_config, small_result

BOUNDS = {
    "chance_accuracy": 0.0078,
    "floor_accuracy": 0.125,
    "best_accuracy": 1.0,
    "chance_loss": 4.852,
    "best_loss": 0.0,
}
RUN = Run(name="linear-mqar-s0", total_steps=100, first_step=20, bounds=BOUNDS)


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_files_keep_every_row_without_the_clocks_numbers() -> None:
    rows: list[dict[str, Any]] = []
    files = Files(rows.append)
    files.start(RUN)
    files.log(40, {"train/loss_nats": 1.5, "cost/steps_per_second": 77.0})
    files.log(50, {"cost/steps_per_second": 78.0})
    files.log(60, {"validation/accuracy": 0.5})
    assert rows == [{"step": 40, "train/loss_nats": 1.5}, {"step": 60, "validation/accuracy": 0.5}]


def test_lines_come_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "console.log"
    lines = Lines(file, every_seconds=5, clock=clock)
    lines.start(RUN)
    for step in range(21, 41):
        clock.now += 1.0
        lines.log(step, {"train/loss_nats": 2.0, "validation/accuracy": 0.25 if step > 30 else None})
    clock.now += 1.0
    lines.log(41, {})
    lines.finish(small_result(small_config(tmp_path)))
    assert file.read_text().splitlines() == [
        "linear-mqar-s0: 100 steps, from step 20",
        "accuracy: chance 0.8%, floor 12.5%, ceiling 100.0%; loss: best 0, chance 4.852",
        "step 25/100  loss 2 nats  1 steps/s  1 min 15 s left",
        "step 30/100  loss 2 nats  1 steps/s  1 min 10 s left",
        "step 35/100  loss 2 nats  validation 25.0%  1 steps/s  1 min 05 s left",
        "step 40/100  loss 2 nats  validation 25.0%  1 steps/s  1 min 00 s left",
        "step 41/100  loss 2 nats  validation 25.0%  1 steps/s  59 s left",
        "finished",
    ]


def test_the_live_view_shows_accuracy_between_its_bounds(tmp_path: Path) -> None:
    screen, clock = Terminal(), Clock()
    live = Live(console=Console(file=screen, force_terminal=True, width=80), clock=clock)
    live.start(RUN)
    clock.now += 10.0
    live.log(70, {"train/loss_nats": 0.25, "validation/accuracy": 0.75})
    live.finish(small_result(small_config(tmp_path)))
    for words in (
        "linear-mqar-s0",
        "loss 0.25 nats",
        "best 0, chance 4.852",
        "validation 75.0%",
        "chance 0.8%, floor 12.5%, ceiling 100.0%",
        "step 70/100  5 steps/s  6 s left",
    ):
        assert words in screen.getvalue()
    assert screen.getvalue().rpartition("\n")[2].count("linear-mqar-s0") == 0
    assert "\x1b[?25h" in screen.getvalue()  # the cursor is back


def test_the_gauge_marks_chance_floor_and_ceiling() -> None:
    progress = Progress(RUN, Clock())
    progress.update(30, {"validation/accuracy": 0.5})
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as capture:
        console.print(progress.panel())
    gauge = next(line for line in capture.get().splitlines() if "┃" in line)
    assert [column for column, mark in enumerate(gauge) if mark == "┃"] == [0, 8, 59]
    assert gauge[29:31] == "━─"


def test_a_task_without_bounds_is_shown_without(tmp_path: Path) -> None:
    progress = Progress(Run(name="x", total_steps=0), Clock())
    progress.update(0, {"train/loss_nats": 1.0, "validation/accuracy": 0.5})
    assert progress.line() == "step 0/0  loss 1 nats  validation 50.0%"
    Console(file=io.StringIO()).print(progress.panel())


@pytest.mark.parametrize(
    "stream, environment, live",
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (io.StringIO(), {"TERM": "xterm"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
    ],
)
def test_a_live_view_needs_a_terminal_that_wants_one(
    stream: io.StringIO, environment: dict[str, str], live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_live(stream) == live


def said(chosen: Tracker, tmp_path: Path) -> None:
    """Tells a tracker of a whole run."""
    chosen.start(RUN)
    chosen.log(100, {"train/loss_nats": 1.0})
    chosen.finish(small_result(small_config(tmp_path)))


def test_a_pipe_and_the_console_log_get_the_same_lines(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file, rows = tmp_path / "console.log", list[dict[str, Any]]()
    said(tracker({"console": True}, append=rows.append, console_file=file), tmp_path)
    printed = capfd.readouterr().out.splitlines()
    assert [line.partition("  ")[0] for line in printed] == [
        line.partition("  ")[0] for line in file.read_text().splitlines()
    ]
    assert len(printed) == 4
    assert rows == [{"step": 100, "train/loss_nats": 1.0}]


def test_a_quiet_run_still_keeps_its_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said(tracker({"console": False}, append=lambda row: None, console_file=tmp_path / "log"), tmp_path)
    assert capfd.readouterr().out == ""
    assert (tmp_path / "log").read_text().endswith("finished\n")


def test_a_worker_whose_output_is_the_log_says_everything_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "log").open("a") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        said(tracker({}, append=lambda row: None, console_file=tmp_path / "log"), tmp_path)
    assert (tmp_path / "log").read_text().count("finished") == 1


def test_a_fan_tells_all_in_turn() -> None:
    told: list[str] = []

    class Listener(Tracker):
        def __init__(self, name: str) -> None:
            self.name = name

        def start(self, run: Run) -> None:
            told.append(f"{self.name} start")

        def log(self, step: int, metrics: Any) -> None:
            told.append(f"{self.name} {step}")

        def finish(self, result: Any) -> None:
            told.append(f"{self.name} finish")

    said(Fan([Listener("a"), Listener("b")]), Path("runs"))
    assert told == ["a start", "b start", "a 100", "b 100", "a finish", "b finish"]


@pytest.mark.parametrize(
    "seconds, words",
    [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7500, "2 h 05 min")],
)
def test_time_is_told_as_people_tell_it(seconds: float, words: str) -> None:
    assert duration(seconds) == words
