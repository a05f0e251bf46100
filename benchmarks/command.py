"""The command line as a benchmark runs it: in a temporary folder, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def mad(arguments: Sequence[str], *, folder: Path) -> list[dict[str, Any]]:
    """Runs ``python -m mad.run`` in ``folder``; returns the results of the runs that it left there.

    Raises RuntimeError with what was printed if it fails.
    """
    command = [sys.executable, "-m", "mad.run", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    files = sorted(folder.glob("runs/*/result.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]
