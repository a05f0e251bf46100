"""One run in this process."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from mad.launch.settings import Launch
from mad.report.record import RunFolder
from mad.report.result import Result
from mad.track import Track


def run(config: Mapping[str, Any], *, console: Console) -> tuple[Result, RunFolder]:
    """The result and its folder; a run that this code has finished before is not run again, and says so.

    Raises ValueError for a config out of range, and AlreadyRunning if another process is at it.
    """
    Launch.of(config)
    Track.of(config)
    folder = RunFolder.of(config)
    state = folder.state()
    result = folder.result()
    if state == "finished" and result:
        console.print("finished before; here is its record", markup=False)
        return result, folder
    folder.refuse_launched()
    if state == "stale":
        console.print("there is a record of this run by other code; it is kept under superseded/")
    if state == "unfinished":
        console.print("this run was begun before and goes on")
    from mad.execute import execute  # torch, at last

    return execute(dict(config)), folder
