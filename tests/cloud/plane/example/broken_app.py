"""An app whose container cannot import what it needs."""

import os

import modal

app = modal.App("broken")

if os.environ.get("MODAL_IS_REMOTE") == "1":
    raise RuntimeError("this image lacks something")


@app.function(image=modal.Image.debian_slim())
def never() -> None:
    """Is never reached."""
