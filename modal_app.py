"""Runs on Modal's GPUs by Modal's own command: ``modal run modal_app.py model=gla task=mqar``.

It is the same as ``python -m mad.run launch=modal model=gla task=mqar``; ``-m`` sweeps, and
``launch=modal_a100`` or ``launch.gpu=L4`` chooses the hardware. The jobs go into a detached app of their own,
which outlives this command: Ctrl-C leaves them running, for ``mad collect``.
"""

import os
import sys

import modal

from mad.launch.cloud.app import application, image
from mad.launch.cloud.remote import run

__all__ = ["app", "application", "image", "main", "run"]

app = modal.App("mad-launch")


@app.local_entrypoint()
def main(*overrides: str) -> None:
    """Takes the words of ``mad``; ``launch=modal`` unless they name a launcher."""
    from mad.run import main as mad

    os.environ.setdefault("NO_COLOR", "1")  # Modal's own view has the terminal
    chosen = any(word.startswith("launch=") for word in overrides)
    code = mad(overrides if chosen else [*overrides, "launch=modal"])
    if code:
        sys.exit(code)
