"""The trackers that a config asks for, as one."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mad.report.redaction import redacted
from mad.track.aside import Aside
from mad.track.base import Fan, Tracker
from mad.track.files import Files
from mad.track.lines import Lines, is_standard_output
from mad.track.live import Live, is_live
from mad.track.plan import plan
from mad.track.settings import Track


def tracker(
    settings: Mapping[str, Any], *, append: Callable[[dict[str, Any]], None], console_file: Path
) -> Tracker:
    """The trackers that the config's ``track`` asks for.

    ``append`` takes the rows of ``metrics.jsonl``; ``console_file`` keeps the run's lines, in the run's
    folder. Raises ValueError for settings that cannot be.
    """
    track = Track.of({"track": settings})
    seconds = track.every_seconds
    watchers: list[Tracker] = [Files(append), Lines(console_file, every_seconds=seconds)]
    shown = track.console and not is_standard_output(console_file)

    def say(line: str) -> None:
        with console_file.open("a", encoding="utf-8") as file:
            file.write(redacted(line) + "\n")
        if shown:
            print(redacted(line), flush=True)

    found = plan(track, folder=str(console_file.parent))
    if found.line:
        say(found.line)
    if shown:
        watchers.append(Live() if is_live(sys.stdout) else Lines(None, every_seconds=seconds))
    if found.client:
        watchers.append(
            Aside(found.client, track, folder=console_file.parent, offline=found.offline, say=say)
        )
    return Fan(watchers)
