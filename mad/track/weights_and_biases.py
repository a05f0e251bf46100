"""Weights & Biases: a run's config, curves, scores and, if asked for, files.

Only numbers and the recorded config are sent: no code, no console output, no command line, no host's name.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from mad.progress import Run
from mad.report.redaction import redacted, redacted_value
from mad.report.result import Result
from mad.track.base import Tracker
from mad.track.last_step import NONE, LastStep, last_step_at
from mad.track.opening import opened
from mad.track.settings import Track


class WeightsAndBiases(Tracker):
    """One run on a W&B server, or recorded for one."""

    def __init__(self, order: Mapping[str, Any], *, tell: Callable[[dict[str, Any]], None]) -> None:
        """``order``: the run's folder, the settings, whether to stay offline, and the run's process."""
        self._order, self._folder, self._tell = order, Path(order["folder"]), tell
        self._track = Track(**order["track"])
        self._config = yaml.safe_load((self._folder / "config.yaml").read_text(encoding="utf-8"))
        claim = json.loads((self._folder / "claim.json").read_text(encoding="utf-8"))
        self._id = run_id(claim["identity"], claim["code"])
        self._kept, self._last_step = LastStep(self._folder), NONE
        self._run: Any = None

    def start(self, run: Run) -> None:
        """Opens the run on the server; offline if the server does not answer or refuses."""
        self._run, offline = opened(self._order, self._described(run), tell=self._tell)
        self._last_step = self._kept.read() if offline else last_step_at(self._run)
        if not offline:
            self._tell({"say": f"shows this run at {self._run.url}"})
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """One row of the history, unless an earlier attempt has told it; ``step`` is its horizontal axis."""
        if step <= self._last_step:
            return
        known = {name: value for name, value in metrics.items() if value is not None}
        self._run.log({"step": step, **known})
        self._last_step = step
        self._kept.keep(step)

    def finish(self, result: Result) -> None:
        """The scores, how the run ended and what it cost, as the summary; then the files."""
        import wandb

        self._run.summary.update(dict(summary(result)))
        for name, files in artifacts(self._folder, self._track).items():
            artifact = wandb.Artifact(f"{name}-{result.run_id}", type=name)
            for file in files:
                artifact.add_file(str(file))
            self._run.log_artifact(artifact)
        self._run.finish(exit_code=0 if result.done else 1)
        wandb.teardown()

    def _described(self, run: Run) -> dict[str, Any]:
        """The run in the client's words."""
        return {
            "project": self._track.project,
            "entity": self._track.entity,
            "group": self._track.group or _experiment(self._config),
            "job_type": self._track.job_type,
            "tags": list(self._track.tags),
            "id": self._id,
            "name": run.name,
            "config": redacted_value({**self._config, "bounds": dict(run.bounds)}),
        }


def run_id(identity: str, code: str) -> str:
    """The same for every attempt at a run with the same code, so that a retry continues it."""
    return hashlib.sha256(f"{identity} {code}".encode()).hexdigest()[:20]


def summary(result: Result) -> Iterator[tuple[str, Any]]:
    """What W&B shows of a result beside its curves: names and plain values."""
    yield "status", result.status
    yield from result.metrics.items()
    for cell, scores in result.cells.items():
        yield from ((f"cells/{cell}/{name}", value) for name, value in scores.items())
    yield from ((f"cost/{name}", value) for name, value in result.cost.items())
    kept = ("commit", "dirty", "device", "seed", "n_parameters", "state_floats", "train_flops", "usd")
    yield from ((f"stamp/{name}", result.stamp[name]) for name in kept if name in result.stamp)
    known = {"steps": result.steps, "best_step": result.best_step, "weights_sha256": result.weights_sha256}
    yield from known.items()
    if result.error:
        yield "error", redacted(result.error)


def artifacts(folder: Path, track: Track) -> dict[str, list[Path]]:
    """The files of a run that are to be sent, by kind."""
    record = [folder / name for name in ("config.yaml", "result.json", "metrics.jsonl")]
    found = {"record": record, "checkpoint": sorted(folder.glob("checkpoint-*.pt"))[-1:]}
    existing = {name: [file for file in files if file.exists()] for name, files in found.items()}
    return {name: files for name, files in existing.items() if name in track.artifacts and files}


def _experiment(config: Mapping[str, Any]) -> str | None:
    experiment = config.get("experiment")
    return experiment.get("name") if isinstance(experiment, Mapping) else None
