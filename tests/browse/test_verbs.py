"""The commands on the command line: what they print, plainly and as JSON, and what they return."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mad.report.lock import locked
from mad.run import main
from tests.browse.records import EXPERIMENT, HOSTILE, begun_by, left, three
from tests.report.judging.runs import run
from tests.report.judging.test_experiment import ROOT, written

Capture = pytest.CaptureFixture[str]

STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What moves the cursor, changes colours or the direction of the text."""


def said(words: str, capture: Capture) -> str:
    """What a command prints that ends well."""
    assert main(words.split()) == 0
    return capture.readouterr().out


def on_a_terminal(words: list[str], *, columns: int = 80) -> str:
    """What a command prints on a terminal of this width, less its colours."""
    reader, writer = pty.openpty()
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "TERM": "xterm", "COLUMNS": str(columns)}
    command = [sys.executable, "-m", "mad.run", *words]
    with subprocess.Popen(command, stdout=writer, stderr=writer, env=environment) as process:
        os.close(writer)
        shown = b""
        while chunk := _chunk(reader):
            shown += chunk
    os.close(reader)
    assert process.returncode == 0, shown
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r\n", "\n")


def _chunk(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # the other end is closed
        return b""


def test_ls_prints_a_line_a_run_however_long(capsys: Capture) -> None:
    folders = three()
    heading, *lines = said("ls", capsys).splitlines()
    names = [
        "run",
        "experiment",
        "status",
        "accuracy",
        "loss",
        "seconds",
        "state",
        "floats",
        "started",
        "error",
    ]
    assert heading.split() == names
    assert [line.split()[0] for line in lines] == [folder.name for folder in folders]
    assert re.search(r"008-features +finished +50\.0% +3 +99  2026-11-23 12:00$", lines[2])
    assert lines[1].endswith("the loss is not finite")


def test_ls_says_when_there_is_nothing_and_whom_it_leaves_out(capsys: Capture) -> None:
    assert len(said("ls", capsys).splitlines()) == 1
    assert json.loads(said("ls --json", capsys)) == []
    three()
    folder = left(run(seed=5))
    record = json.loads((folder / "result.json").read_text())
    del record["config"]["asked"]
    (folder / "result.json").write_text(json.dumps(record))
    assert main(["ls", "model=softmax"]) == 0
    assert capsys.readouterr().err == "left out: 1 run that do not say what was chosen\n"


def test_ls_as_json_says_all(capsys: Capture) -> None:
    folders = three()
    first, second, third = json.loads(said("ls --json", capsys))
    assert first["run"] == folders[0].name
    assert (first["accuracy"], first["seconds"], first["state_floats"]) == (0.9, 3.0, 99)
    assert second["error"] == "the loss is not finite"
    assert (third["experiment"], third["choices"]["model"]) == ("008-features", "gqa")
    assert third["path"] == folders[2].as_posix()
    assert [entry["run"] for entry in json.loads(said("ls status=failed --json", capsys))] == [
        folders[1].name
    ]


@pytest.mark.parametrize("columns", [80, 140])
def test_lists_fit_a_terminal(columns: int) -> None:
    written(Path())
    folders = three()
    for verb in (["ls"], ["experiments"], ["log"], ["compare", folders[0].name, folders[1].name]):
        lines = on_a_terminal(verb, columns=columns).splitlines()
        assert max(map(len, lines)) <= columns, verb
    shown = on_a_terminal(["ls"], columns=columns)
    assert "…" not in shown or columns == 80
    for folder in folders:
        assert folder.name[-8:] in shown


def test_show_says_what_was_asked_scored_spent_and_where_it_lies(capsys: Capture) -> None:
    folder = three()[0]
    shown = said(f"show {folder.name}", capsys)
    for part in (
        f"{folder.name}  finished",
        "model=softmax recipe=none task=mqar",
        "default     90.0%",
        "accuracy: chance 1.0%, floor 25.0%, ceiling 100.0%",
        "1,234 parameters, 99 state floats",
        f"{folder}/",
        "config.yaml  result.json",
        "the code as it is now",
    ):
        assert part in shown
    assert max(map(len, shown.splitlines())) <= 80
    record = json.loads(said(f"show {folder} --json", capsys))
    assert record["metrics"]["test/accuracy"] == 0.9
    assert record["config"]["trainer"]["learning_rate"] == 1e-3


def test_show_says_how_far_an_unfinished_run_is(capsys: Capture) -> None:
    folder = begun_by(run())
    (folder / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2, "train/loss_nats": 1.5}\n{"st')
    (folder / "console.log").write_text("begin\n" + "".join(f"step {n}\r" for n in range(9)) + "\n")
    shown = said("show mqar", capsys)
    assert "last line of the curve: step 2, train/loss_nats 1.5" in shown
    assert shown.split("console.log ends\n")[1].startswith("  begin\n  step 8\n\n")
    with locked(folder):
        assert "running" in said("show mqar", capsys)


def test_show_says_why_a_run_failed(capsys: Capture) -> None:
    folder = left(run(status="failed"))
    (folder / "console.log").write_text("".join(f"line {n}\n" for n in range(40)) + "ValueError: boom\n")
    shown = said("show mqar", capsys)
    assert "failed: the loss is not finite" in shown
    assert "  line 39\n  ValueError: boom\n" in shown
    assert "line 20\n" not in shown


def test_show_says_why_a_run_cannot_be_read(capsys: Capture) -> None:
    (left(run()) / "result.json").write_text("{")
    assert "unreadable: Expecting property name" in said("show mqar", capsys)
    assert json.loads(said("show mqar --json", capsys))["status"] == "unreadable"


def test_compare_shows_what_differs_and_what_came_out(capsys: Capture) -> None:
    first, second, third = three()
    shown = said(f"compare {first} {third}", capsys)
    assert f"1  {first}\n2  {third}\n" in shown
    assert re.search(r"^model +softmax +gqa$", shown, re.MULTILINE)
    assert re.search(r"^seed +0 +1$", shown, re.MULTILINE)
    assert re.search(r"^test/accuracy +0\.9 +0\.5 +-0\.4$", shown, re.MULTILINE)
    assert "learning_rate" not in shown
    assert "seq_len" not in shown
    record = json.loads(said(f"compare {first} {second} {third} --json", capsys))
    assert record["config"]["trainer.learning_rate"] == {
        first.name: 1e-3,
        second.name: 1e-2,
        third.name: 1e-3,
    }
    assert record["outcome"]["status"][second.name] == "failed"


def test_compare_tells_null_from_absent_and_one_name_in_two_places(capsys: Capture) -> None:
    one, other = left(run(gate=None)), left(run())
    copy = left(run(), where=EXPERIMENT)
    assert re.search(r"^model\.gate +null +absent$", said(f"compare {one} {other}", capsys), re.MULTILINE)
    assert "the configs do not differ" in said(f"compare {other} {copy}", capsys)
    record = json.loads(said(f"compare {other} {copy} --json", capsys))
    assert record["outcome"]["status"].keys() == {str(other), str(copy)}


def test_compare_needs_two_runs_that_can_be_read(capsys: Capture) -> None:
    first, second, _ = three()
    assert main(["compare", str(first), str(first)]) == 2
    assert main(["compare", str(first)]) == 2
    assert "two different runs" in capsys.readouterr().err
    (second / "result.json").write_text("{")
    assert main(["compare", str(first), str(second)]) == 2
    assert f"{second} cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, reason",
    [
        (["lst"], "unknown command lst; did you mean ls?"),
        (["experiment"], "unknown command experiment; did you mean experiments?"),
        (["softmax"], "unknown command softmax; known: cancel, collect, compare, doctor, experiments, "),
        (["ls", "--all"], "unrecognized arguments: --all; see mad ls --help"),
        (["show"], "the following arguments are required: RUN"),
        (["show", "a", "b"], "unrecognized arguments: b"),
        (["new"], "the following arguments are required: NNN-short-name"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_is_one_line_and_exit_code_2(words: list[str], reason: str, capsys: Capture) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(f"mad: {reason}")


def test_no_name_steers_the_terminal(capsys: Capture) -> None:
    name = HOSTILE.replace("/", "|")
    result = run(HOSTILE)
    hostile = left(result)
    record = json.loads((hostile / "result.json").read_text())
    record |= {
        "status": "failed",
        "error": HOSTILE,
        "metrics": {HOSTILE: 1.0},
        "cells": {HOSTILE: {"accuracy": 0.5}, "other": {}},
        "cost": {HOSTILE: 1.0, f"{HOSTILE}_seconds": 2.0},
        "code": HOSTILE,
        "run_id": HOSTILE,
    }
    record["stamp"] |= {"commit": HOSTILE, "device": HOSTILE, "versions": {HOSTILE: HOSTILE}}
    record["config"]["trainer"][HOSTILE] = HOSTILE
    (hostile / "result.json").write_text(json.dumps(record))
    (hostile / "console.log").write_text(HOSTILE)
    (hostile / name).touch()
    hostile = hostile.rename(Path("runs", name))
    begun = begun_by(run(seed=1), where=f"experiments/009-{name}/runs")
    (begun / "metrics.jsonl").write_text(json.dumps({HOSTILE: HOSTILE}) + "\n")
    left(run("gqa"), where=f"experiments/009-{name}/runs")
    other = left(run())
    for words in (
        ["ls"],
        ["show", str(hostile)],
        ["show", str(begun)],
        ["compare", str(hostile), str(other)],
        ["experiments"],
        ["log"],
    ):
        for shown in (_plainly(words, capsys), on_a_terminal(words)):
            assert not STEERS.findall(shown.replace("\n", "")), words
            assert "[red]a" in shown or words[-1] == str(begun) or "…" in shown, words
        shown = _plainly([*words, "--json"], capsys)
        assert json.loads(shown)
        assert shown.isascii()


def _plainly(words: list[str], capture: Capture) -> str:
    assert main(words) == 0
    return capture.readouterr().out
