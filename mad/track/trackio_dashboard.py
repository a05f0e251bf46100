"""Trackio: a dashboard on this machine, without an account (``trackio show``)."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mad.progress import Run
from mad.report.redaction import redacted_value
from mad.report.result import Result
from mad.track.base import Tracker
from mad.track.settings import Track


class TrackioDashboard(Tracker):
    """One run in trackio's database, by the run's name; a retry continues it."""

    def __init__(self, order: Mapping[str, Any], *, tell: Callable[[dict[str, Any]], None]) -> None:
        """``order``: the run's folder and the settings."""
        self._folder, self._tell, self._track = Path(order["folder"]), tell, Track(**order["track"])
        self._config = yaml.safe_load((self._folder / "config.yaml").read_text(encoding="utf-8"))
        self._run: Any = None

    def start(self, run: Run) -> None:
        """Opens the run. What W&B calls job type and tags become part of the config: trackio has no such."""
        if not os.environ.get("TRACKIO_SPACE_ID"):
            os.environ.setdefault("HF_HUB_OFFLINE", "1")  # all that is wanted of it lies on this machine
        import trackio

        experiment = self._config.get("experiment")
        name = experiment.get("name") if isinstance(experiment, Mapping) else None
        labels = {"job_type": self._track.job_type, "tags": list(self._track.tags)}
        self._run = trackio.init(
            project=self._track.project,
            name=run.name,
            group=self._track.group or name,
            config=redacted_value({**self._config, **labels}),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        self._tell({"say": f"keeps this run: `trackio show --project {self._track.project}`"})

    def log(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """One row, at ``step``."""
        self._run.log({name: value for name, value in metrics.items() if value is not None}, step=step)

    def finish(self, result: Result) -> None:
        """The scores and the costs as a last row (there is no summary), then all is written."""
        scores = {**result.metrics, **{f"cost/{name}": value for name, value in result.cost.items()}}
        final = {f"final/{name}": value for name, value in scores.items() if value is not None}
        self._run.log({**final, "final/status": result.status}, step=result.steps)
        self._run.finish()
