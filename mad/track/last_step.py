"""How far an earlier attempt has told W&B of a run: what a resumed one goes over again is not told twice."""

from pathlib import Path
from typing import Any

NONE = -1
"""Before any step."""


class LastStep:
    """The last step that was told, kept beside what the client records."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is the run's."""
        self._file = folder / "wandb" / "last-step"

    def read(self) -> int:
        """The step; ``NONE`` if there is none yet."""
        try:
            text = self._file.read_text(encoding="ascii")
        except FileNotFoundError:
            return NONE
        return int(text) if text.isdigit() else NONE

    def keep(self, step: int) -> None:
        """From now on it is ``step``."""
        temporary = self._file.with_suffix(".tmp")
        self._file.parent.mkdir(exist_ok=True)
        temporary.write_text(str(step), encoding="ascii")
        temporary.replace(self._file)


def last_step_at(run: Any) -> int:
    """The last step that the server knows of the client's ``run``: what never arrived is told again."""
    step = run.summary.get("step") if run.resumed else None
    return step if isinstance(step, int) else NONE
