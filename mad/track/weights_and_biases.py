"""Weights & Biases: a run's config, curves, scores and, if asked for, files.

Only numbers and the recorded config are sent: no code, no console output, no command line, no host's name.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from mad.progress import Run
from mad.report.redaction import redacted, redacted_value
from mad.report.result import Result
from mad.track import account
from mad.track.base import Tracker
from mad.track.place import sends
from mad.track.plan import unreachable
from mad.track.settings import Track

INIT_SECONDS = 10.0
FINISH_SECONDS = 100.0
"""For what the client does after the run has ended; the run itself waits ``track.finish_seconds``."""


class WeightsAndBiases(Tracker):
    """One run on a W&B server, or recorded for one."""

    def __init__(self, order: Mapping[str, Any], *, tell: Callable[[dict[str, Any]], None]) -> None:
        """``order``: the run's folder, the settings, whether to stay offline, and the run's process."""
        self._folder, self._tell = Path(order["folder"]), tell
        self._track = Track(**order["track"])
        self._offline, self._pid = order["offline"], order["pid"]
        self._config = yaml.safe_load((self._folder / "config.yaml").read_text(encoding="utf-8"))
        claim = json.loads((self._folder / "claim.json").read_text(encoding="utf-8"))
        self._id = run_id(claim["identity"], claim["code"])
        self._run: Any = None

    def start(self, run: Run) -> None:
        """Opens the run on the server; offline if the server does not answer or refuses."""
        host = account.host()
        if not self._offline and self._track.mode == "auto" and not account.is_reachable(host):
            self._offline = True
            self._open(run)
            self._say_offline(unreachable(host))
        elif self._offline:
            self._open(run)
            self._tell({"later": self._how_to_send_later})
        else:
            self._open_online(run, host)
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """One row of the history; ``step`` is its horizontal axis."""
        known = {name: value for name, value in metrics.items() if value is not None}
        self._run.log({"step": step, **known})

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

    def _open_online(self, run: Run, host: str) -> None:
        import wandb

        try:
            self._open(run)
        except wandb.Error as error:
            wandb.teardown()
            self._offline = True
            self._open(run)
            reason = redacted(str(error).strip().splitlines()[0])
            line = f"{host} did not open the run ({reason}; `wandb login --relogin` sets another key)"
            self._say_offline(f"{line}; recorded offline")
        else:
            self._tell({"say": f"shows this run at {self._run.url}"})
            self._tell({"later": self._how_to_send_later})

    def _open(self, run: Run) -> None:
        import wandb

        self._run = wandb.init(
            project=self._track.project,
            entity=self._track.entity,
            group=self._track.group or _experiment(self._config),
            job_type=self._track.job_type,
            tags=list(self._track.tags),
            id=self._id,
            name=run.name,
            config=redacted_value({**self._config, "bounds": dict(run.bounds)}),
            dir=str(self._folder),
            mode="offline" if self._offline else "online",
            resume=None if self._offline else "allow",
            reinit="finish_previous",
            settings=client_settings(self._pid),
        )

    @property
    def _how_to_send_later(self) -> str:
        return sends(os.path.relpath(self._run.settings.sync_dir), folder=self._folder)

    def _say_offline(self, why: str) -> None:
        later = self._how_to_send_later
        self._tell({"say": f"{why}; {later}", "later": later})


def client_settings(pid: int) -> Any:
    """What the client may collect: no more than it is told, and the load of the process ``pid``."""
    import wandb

    return wandb.Settings(
        console="off",
        save_code=False,
        disable_code=True,
        disable_git=True,
        disable_job_creation=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        x_stats_pid=pid,
        host="",
        program="",
        silent=True,
        init_timeout=INIT_SECONDS,
        finish_timeout=FINISH_SECONDS,
        finish_timeout_raises=False,
    )


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
