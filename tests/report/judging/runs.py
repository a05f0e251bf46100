"""Results as an experiment leaves them: a model, a seed and a learning rate, and what came out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mad.report.judging.experiment import Experiment
from mad.report.result import Result, Status
from tests.results import small_config, small_result

FLOOR = 0.25
"""Of `small_result`."""


def run(
    model: str = "softmax",
    *,
    seed: int = 0,
    learning_rate: float = 1e-3,
    test: float | None = 0.9,
    validation: float | None = None,
    status: Status = "finished",
    choices: Mapping[str, str] | None = None,
    **changes: Any,
) -> Result:
    """One run; ``choices`` are of other groups than the model, ``changes`` are keys of the model."""
    chosen = {"model": model, "recipe": "none", "task": "mqar", "trainer": "default", **(choices or {})}
    typed = [f"{key}={value}" for key, value in chosen.items()]
    typed += [f"model.{key}={value}" for key, value in changes.items()]
    config = small_config(
        Path("nowhere"),
        model={"_target_": "mad.model.Model", "mixer": model, **changes},
        task={"_target_": "mad.tasks.mqar.MQAR", "seq_len": 16, "kind": chosen["task"]},
        trainer={"learning_rate": learning_rate, "steps": 1000, "kind": chosen["recipe"]},
        seed=seed,
        asked={"overrides": [*typed, f"seed={seed}"], "choices": chosen},
    )
    scores = {"validation/accuracy": test if validation is None else validation, "test/accuracy": test}
    finished = status == "finished"
    return replace(
        small_result(config, status=status),
        metrics=scores if finished else {},
        cells={"default": {"accuracy": test, "n": 640, "seq_len": 16}} if finished else {},
        error=None if finished else "the loss is not finite",
    )


def seeds(model: str = "softmax", *, tests: Sequence[float], **options: Any) -> list[Result]:
    """One run for each test accuracy."""
    return [run(model, seed=seed, test=test, **options) for seed, test in enumerate(tests)]


def experiment(*criteria: Mapping[str, Any], **keys: Any) -> Experiment:
    """A declaration with these criteria, each of which claims something."""
    claimed = [{"claim": f"claim {number}", **entry} for number, entry in enumerate(criteria)]
    return Experiment.of({"name": "008-features", "criteria": claimed, **keys})
