"""One run at Modal, from its launch to its record here."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from mad.launch.cloud.launcher import run_there
from mad.launch.ending import Ending
from mad.report.record import RunFolder
from mad.report.tables import show_result
from mad.track.plan import settled


def run_one(config: Mapping[str, Any], *, console: Console) -> tuple[int, Ending]:
    """Runs it there, unless it has finished before: the exit code of a run here that ended so, and how.

    Raises ValueError for what keeps it from being launched.
    """
    folder = RunFolder.of(config)
    state, result = folder.state(), folder.result()
    if state == "finished" and result:
        console.print("finished before; here is its record", markup=False)
        ending, received = Ending(status=result.status, result=result), None
    else:
        if state == "stale":
            console.print("there is a record of this run by other code; it is kept under superseded/")
        configs = settled([config], say=lambda line: console.print(line, markup=False, soft_wrap=True))
        [ending], received = run_there(configs, [folder.name], console=console)
    if ending.result:
        show_result(ending.result, console=console)
    elif ending.error:
        console.print(f"{ending.status}: {ending.error}", markup=False, soft_wrap=True)
    if folder.path.exists():
        console.print(f"record: {folder.path}/", markup=False, soft_wrap=True)
    if received:
        return 128 + received, ending
    return _exit_code(ending), ending


def _exit_code(ending: Ending) -> int:
    return 0 if ending.status in ("finished", "launched") else 2 if ending.status == "refused" else 1
