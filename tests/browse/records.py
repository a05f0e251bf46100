"""Run folders as runs leave them, in the working directory of a test."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from mad.report.result import Result
from tests.report.judging.runs import run

EXPERIMENT = "experiments/008-features/runs"

HOSTILE = "[red]a[/b] :smile: \x1b[31m\u202e<b>\n\r\x07"
"""Markup of a terminal, of Rich and of HTML, and a change of direction."""


def left(result: Result, *, where: str = "runs", begun: str = "2026-11-23T10:00:00+00:00") -> Path:
    """The folder of a run that ended."""
    stamped = replace(result, stamp={**result.stamp, "started": begun})
    folder = begun_by(stamped, where=where)
    (folder / "result.json").write_text(stamped.to_json(), encoding="utf-8")
    return folder


def begun_by(result: Result, *, where: str = "runs", name: str = "") -> Path:
    """The folder of such a run before its end."""
    folder = Path(where, name or result.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = dict(result.config)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return folder


def three() -> list[Path]:
    """A finished run, a failed one of another model, and one of an experiment, the newest last."""
    return [
        left(run("softmax", test=0.9), begun="2026-11-23T10:00:00+00:00"),
        left(run("gqa", status="failed", learning_rate=1e-2), begun="2026-11-23T11:00:00+00:00"),
        left(run("gqa", seed=1, test=0.5), where=EXPERIMENT, begun="2026-11-23T12:00:00+00:00"),
    ]


def unsealed(file: Path) -> dict[str, Any]:
    """What a result holds, as it would be from before there were seals, which tell of every change."""
    record = json.loads(file.read_text())
    del record["sha256"], record["curves_sha256"]
    return dict(record)
