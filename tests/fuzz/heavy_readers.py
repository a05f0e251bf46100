"""The files that are read back with torch, optuna or Hydra: slower to read, and tried less often in CI."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mad.door.compose import compose
from mad.door.space import Span
from mad.launch.study import Run, Study
from mad.report.metrics import Metrics
from mad.train.checkpoint import Checkpoints
from tests.conf import CONF
from tests.fuzz.readers import Reader

RATE = Span(key="trainer.learning_rate", low=1e-4, high=1e-1, log=True)

CONF_FILES = (
    *("config.yaml", "model/_base.yaml", "model/softmax.yaml", "memory/softmax.yaml", "task/mqar.yaml"),
    *("trainer/default.yaml", "launch/local.yaml", "track/auto.yaml", "track/_base.yaml"),
    "readout/none.yaml",
)


def _checkpoints(folder: Path) -> Checkpoints:
    metrics = Metrics(folder / "metrics.jsonl")
    return Checkpoints(
        folder=folder, identity="i" * 64, code="c" * 64, metrics=metrics, say=lambda line: None
    )


def _saved(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        kept, weights = _checkpoints(folder), torch.arange(30, dtype=torch.float32)
        for step in (1, 2):
            kept.metrics.append({"step": step})
            kept.save({"step": step, "weights": weights * step, "rate": 0.001}, step=step)
        return folder / f"checkpoint-00000002.pt{suffix}"

    return write


def _loaded(file: Path) -> Any:
    """Reading cuts the curves back, so that it is done in a copy."""
    with tempfile.TemporaryDirectory(dir=file.parent.parent) as name:
        folder = Path(shutil.copytree(file.parent, Path(name, "copy")))
        state = _checkpoints(folder).load()
        assert state is not None
        return state["step"], state["weights"].tolist(), state["rate"]


def _earlier(found: Any, written: Any) -> bool:
    step, weights, rate = written
    return bool(found == (1, [weight / step for weight in weights], rate))


def _study(file: Path) -> Study:
    return Study(file, [RATE], seed=0)


def _journal(folder: Path) -> Path:
    study = _study(folder / "journal.log")
    for number in range(6):
        [asked] = study.ask(1)
        if number < 5:
            study.tell(asked, [Run(status="finished", validation=0.5 + number / 100)])
    return folder / "journal.log"


def _begun(found: Any, written: Any) -> bool:
    """The first so many trials: a line in whose midst the process was killed is not read."""
    numbers = sorted(trial.number for trial in found)
    return numbers == list(range(len(numbers))) and all(trial in written for trial in found)


def _conf(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        shutil.copytree(CONF, folder / "conf")
        return folder / "conf" / name

    return write


def _composed(file: Path, name: str) -> Any:
    conf = file.parents[name.count("/")]
    return compose(["model=softmax", "task=mqar", "readout=none"], conf=conf)


def _conf_reader(name: str) -> Reader:
    return Reader(
        name=f"conf/{name}", write=_conf(name), read=lambda file: _composed(file, name), names_it=False
    )


CHECKPOINTS = [
    Reader(name="checkpoint", write=_saved(""), read=_loaded, seen=True, begun=_earlier),
    Reader(name="checkpoint's SHA-256", write=_saved(".sha256"), read=_loaded, seen=True, begun=_earlier),
]

JOURNAL = Reader(
    name="journal.log", write=_journal, read=lambda file: _study(file).told(), seen=True, begun=_begun
)

CONFIGS = [_conf_reader(name) for name in CONF_FILES]
