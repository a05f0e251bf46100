"""``mad.load("008")``: the results of an experiment in a notebook; a table where pandas is installed."""

import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from mad.report.judging.arms import RUN, axes
from mad.report.judging.folder import located
from mad.report.judging.selector import ABSENT, looked_up
from mad.report.result import Result

LEARNING_RATE = "trainer.learning_rate"


class Results(list[Result]):
    """The results of an experiment: a list, by name."""

    def rows(self) -> list[dict[str, Any]]:
        """A run each: its name, what it chose, how it ended, what it scored and took.

        Of its choices the model, and those in which runs of the experiment differ.
        """
        found = axes(self, search=LEARNING_RATE) if self else []
        keys = ["model", *(key for key in found if key not in (RUN, "model"))]
        metrics = sorted({name for result in self for name in result.metrics}, key=_place)
        return [_row(result, keys, metrics) for result in self]

    def frame(self) -> Any:
        """The rows as a pandas DataFrame. Raises ImportError, saying what to install, without pandas."""
        try:
            pandas = import_module("pandas")
        except ModuleNotFoundError as error:
            raise ImportError(
                "a frame needs pandas: pip install 'mad[notebook]' (rows() is the same without it)"
            ) from error
        return pandas.DataFrame(self.rows())


def load(reference: str | int, *, root: str | Path = "") -> Results:
    """The results of ``008``, ``mqar-ladder`` or a full name, whatever became of the runs.

    ``root`` holds ``experiments/``: by default the working directory. Raises ValueError if there is no such
    experiment, and for a result that cannot be read.
    """
    folder, _ = located(str(reference), root=Path(root))
    return Results(folder.results())


def _row(result: Result, keys: Iterable[str], metrics: Iterable[str]) -> dict[str, Any]:
    return {
        "run": result.run_id,
        **{key: _choice(result, key) for key in keys},
        "seed": result.config.get("seed"),
        "learning_rate": _known(looked_up(result, LEARNING_RATE)),
        "status": result.status,
        **{name: result.metrics.get(name) for name in metrics},
        "seconds": result.cost.get("seconds"),
        "state_floats": result.stamp.get("state_floats"),
    }


def _choice(result: Result, key: str) -> Any:
    """What was chosen; of a model that the record does not name, what its run is called."""
    found = looked_up(result, key)
    if found is ABSENT and key == "model":
        return re.sub(r"-s[^-]*-[0-9a-f]{10}$", "", result.run_id)
    return _known(found)


def _known(value: Any) -> Any:
    return None if value is ABSENT else value


def _place(metric: str) -> tuple[bool, str]:
    """The test comes first."""
    return not metric.startswith("test/"), metric
