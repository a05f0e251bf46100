"""A loss or a gradient that is no number ends the run at that step, and reaches no record."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mad.execute import execute
from mad.report.record import RunFolder
from mad.train.loop import Training
from tests.cases import Cases
from tests.faults.lines import count
from tests.test_execute import config

VALUES = (math.nan, math.inf, -math.inf)


def poisoned(training: Training, step: int, value: float, *, gradient: bool) -> Any:
    """``Training._differentiated`` whose loss or gradient has this value at this step, counted from 1."""
    plain = training._differentiated

    def differentiated(batch: Any, n_sequences: int) -> Tensor:
        loss: Tensor = plain(batch, n_sequences)
        if training._step != step - 1:
            return loss
        if gradient:
            weights = next(weights for weights in training._model.parameters() if weights.grad is not None)
            assert weights.grad is not None
            weights.grad.view(-1)[0] = value
            return loss
        return loss * 0 + value

    return differentiated


def refuse(name: str) -> None:
    raise AssertionError(f"{name} stands in a JSON file")


def check_record(folder: Path) -> None:
    """No JSON file holds a number that is none, and every checkpoint's weights are numbers."""
    files = [*folder.glob("*.json"), *folder.glob("*.jsonl")]
    assert {"result.json", "claim.json"} <= {file.name for file in files}
    for file in files:
        for text in [file.read_text()] if file.suffix == ".json" else file.read_text().splitlines():
            json.loads(text, parse_constant=refuse)
    for checkpoint in folder.glob("checkpoint-*.pt"):
        weights = torch.load(checkpoint, weights_only=True)["state"]["model"]
        assert all(bool(value.isfinite().all()) for value in weights.values())


def test_a_run_ends_at_the_step_that_has_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cases: Cases
) -> None:
    chance, run = random.Random(0), Training.run
    for number in range(count(7)):
        step, value, gradient = chance.randint(2, 59), VALUES[number % 3], number % 2 == 0

        def run_poisoned(
            training: Training,
            step: int = step,
            value: float = value,
            gradient: bool = gradient,
            **given: Any,
        ) -> Any:
            monkeypatch.setattr(
                training, "_differentiated", poisoned(training, step, value, gradient=gradient)
            )
            return run(training, **given)

        with cases.of(), monkeypatch.context() as patch:
            patch.setattr(Training, "run", run_poisoned)
            whole = config(tmp_path / str(number))
            result = execute(whole)
            assert (result.status, result.steps) == ("diverged", step - 1)
            assert f"at step {step}" in (result.error or "")
            folder = RunFolder.of(whole).path
            assert (folder / f"checkpoint-{step - 1:08d}.pt").exists()
            check_record(folder)
