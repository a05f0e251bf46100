"""Small configs and results for tests of what surrounds a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mad.report.record import RunFolder, recorded
from mad.report.result import Result, Status


def small_config(folder: Path, **changes: Any) -> dict[str, Any]:
    """A config that looks like a run's, kept in ``folder``."""
    config = {
        "model": {"_target_": "mad.model.Model", "d_model": 8},
        "task": {"_target_": "mad.tasks.mqar.MQAR", "seq_len": 16},
        "trainer": {"learning_rate": 1e-3, "steps": 1000},
        "launch": {"kind": "local", "jobs": 2, "threads": 1, "device": "cpu", "timeout_seconds": None},
        "track": {"console": True},
        "experiment": None,
        "allow": [],
        "seed": 0,
        "results": str(folder),
    }
    return config | changes


def small_result(
    config: Mapping[str, Any], *, status: Status = "finished", code: str | None = None
) -> Result:
    """The result of such a run."""
    folder = RunFolder.of(config)
    return Result(
        run_id=folder.name,
        identity=folder.identity,
        code=code or folder.code,
        status=status,
        config=recorded(config),
        metrics={"test/accuracy": min(0.5 + 0.1 * config["seed"], 1.0), "test/loss_nats": 1.25},
        cells={"default": {"accuracy": 0.5, "loss_nats": 1.25, "n": 640, "seq_len": 16}},
        bounds={"chance_accuracy": 0.01, "floor_accuracy": 0.25, "best_accuracy": 1.0, "best_loss": 0.0},
        steps=10,
        cost={"seconds": 3.0},
        stamp={"n_parameters": 1234, "state_floats": 99},
    )
