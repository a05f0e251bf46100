"""The pages of an experiment, sent to W&B after its sweep where ``track.artifacts`` asks for them."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mad.progress import Run
from mad.track.aside import Aside
from mad.track.plan import plan
from mad.track.settings import Track

PAGES = ("report.md", "report.html", "decision.md")


def send_report(track: Track, folder: Path, *, say: Callable[[str], None]) -> None:
    """Sends the pages in an experiment's folder; waits for ``track.finish_seconds`` at most."""
    found = plan(track)
    if "report" not in track.artifacts or found.client != "wandb":
        return
    aside = Aside("report", track, folder=folder, offline=found.offline, say=say)
    aside.start(Run(name=f"{folder.name} report", total_steps=0))
    aside.wait()


def upload_report(order: Mapping[str, Any], *, tell: Callable[[dict[str, Any]], None]) -> None:
    """In the sender: one run for each experiment, of the job type ``report``, in the group of its runs."""
    import wandb

    from mad.track.opening import opened

    folder, track = Path(order["folder"]), Track(**order["track"])
    what = {
        "project": track.project,
        "entity": track.entity,
        "group": track.group or folder.name,
        "job_type": "report",
        "tags": list(track.tags),
        "id": hashlib.sha256(f"report {folder.name}".encode()).hexdigest()[:20],
        "name": order["run"]["name"],
    }
    run, offline = opened(order, what, tell=tell)
    artifact = wandb.Artifact(f"report-{folder.name}", type="report")
    for page in PAGES:
        if (folder / page).exists():
            artifact.add_file(str(folder / page))
    run.log_artifact(artifact)
    run.finish()
    wandb.teardown()
    if not offline:
        tell({"say": f"has the report: {run.url}"})
