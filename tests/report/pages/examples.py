"""Experiments that could have been run: declarations, results and curves, to see what is said of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mad.report.judging.evidence import Evidence, Loss
from mad.report.judging.experiment import Experiment
from mad.report.judging.judge import judge
from mad.report.result import Result

MODELS = {
    "cos_log_linear": (0.912, 59904),
    "log_linear": (0.86, 59904),
    "cosformer": (0.55, 9984),
    "softmax": (0.998, 17152),
    "delta_net": (0.985, 4864),
    "vanilla_linear": (0.21, 4992),
}
"""Accuracy at the middle learning rate, and state floats."""

RATES = (1e-3, 3e-3, 1e-2)

DECLARATION: dict[str, Any] = {
    "name": "008-cosine-log-linear",
    "question": "Do cosine features and levels compound on multi-query associative recall?",
    "hypothesis": "The cosine betters each state, the levels add states; together they do more than either.",
    "proposal": {"id": "008-cosine-log-linear-attention", "priority": "medium"},
    "expected": {"minutes": 50, "usd": 0.0, "result": "cos-log-linear above 80 %, cosFormer below 50 %"},
    "roles": {
        "candidate": {"model": "cos_log_linear"},
        "baselines": [{"model": "log_linear"}, {"model": "cosformer"}],
        "positive_control": {"model": "softmax"},
        "negative_control": {"model": "vanilla_linear"},
    },
    "criteria": [
        {
            "claim": "cos-log-linear recalls more than 80 %",
            "where": {"model": "cos_log_linear"},
            "above": 0.8,
        },
        {"claim": "cosFormer stays below 50 %", "where": {"model": "cosformer"}, "below": 0.5},
        {
            "claim": "log-linear recalls 60 to 70 %",
            "where": {"model": "log_linear"},
            "between": [0.6, 0.7],
            "decides": False,
        },
        {
            "claim": "the cosine gains 20 points",
            "where": {"model": "cos_log_linear"},
            "gap_to": {"model": "log_linear"},
            "above": 0.2,
        },
        {"claim": "no run diverges", "where": {}, "metric": "diverged", "equals": 0},
    ],
}


def result_of(
    model: str,
    *,
    rate: float,
    seed: int,
    accuracy: float,
    state_floats: int,
    number: int = 0,
    n_cells: int = 3,
) -> Result:
    """A finished run."""
    lengths = [64 * 2**index for index in range(n_cells)]
    cells = {f"seq_len={length}": max(accuracy - 0.12 * index, 0.02) for index, length in enumerate(lengths)}
    minute = f"{10 + number // 60:02d}:{number % 60:02d}"
    return Result(
        run_id=f"{model}-mqar-s{seed}-{number:010x}",
        identity=f"{number:064x}",
        code="1d03aa4e49d4" + "0" * 52,
        status="finished",
        config=config_of(model, rate=rate, seed=seed),
        metrics={"validation/accuracy": min(accuracy + 0.004, 1.0), "test/accuracy": accuracy},
        cells={
            name: {"accuracy": value, "loss_nats": 0.1, "n": 24000, "seq_len": 64}
            for name, value in cells.items()
        },
        bounds={"chance_accuracy": 0.0078, "floor_accuracy": 0.125, "best_accuracy": 1.0, "best_loss": 0.0},
        best_step=1185,
        steps=1185,
        cost={"seconds": 88.0 + number % 7, "train_seconds": 85.0, "peak_memory_bytes": 437366784},
        stamp={
            "commit": "03b7c3f91ec588d48aae88ec0245457b02e2ab16",
            "dirty": False,
            "versions": {"python": "3.11.7", "mad": "0.1.0", "torch": "2.13.0"},
            "platform": "Linux x86_64",
            "device": "AMD EPYC",
            "n_parameters": 116480 + 100 * len(model),
            "state_floats": state_floats,
            "started": f"2026-11-23T{minute}:00+00:00",
        },
    )


def config_of(model: str, *, rate: float, seed: int) -> dict[str, Any]:
    """What such a run's config looks like."""
    return {
        "seed": seed,
        "asked": {
            "overrides": [f"model={model}", f"seed={seed}"],
            "choices": {"model": model, "task": "mqar"},
        },
        "experiment": {"name": "008-cosine-log-linear"},
        "model": {
            "kind": model,
            "d_model": 64,
            "embedding_std": 1.0,
            "mixer": {
                "readout": {"_target_": "mad.mixers.readout.HeadRMSNorm"},
                "convolution": {"width": 3},
            },
        },
        "task": {"_target_": "mad.tasks.mqar.MQAR", "seq_len": 64, "n_pairs": 8, "vocab_size": 256},
        "trainer": {"learning_rate": rate, "epochs": 15, "batch_size": 64},
    }


def results_of(
    models: Mapping[str, tuple[float, int]] = MODELS,
    *,
    rates: Sequence[float] = RATES,
    n_seeds: int = 3,
    n_cells: int = 3,
) -> list[Result]:
    """A grid of finished runs, less good away from the middle learning rate, and no two seeds alike."""
    grid = [(model, rate, seed) for model in models for rate in rates for seed in range(n_seeds)]
    return [
        result_of(
            model,
            rate=rate,
            seed=seed,
            accuracy=_accuracy(models[model][0], rate, seed),
            state_floats=models[model][1],
            number=number,
            n_cells=n_cells,
        )
        for number, (model, rate, seed) in enumerate(grid)
    ]


def evidence_of(results: Sequence[Result] | None = None, **declared: Any) -> Evidence:
    """What six arms, three seeds and three learning rates show, four runs having ended badly."""
    experiment = Experiment.of({**DECLARATION, **declared})
    if results is not None:
        return judge(experiment, results=results)
    results = results_of()
    bad = {
        8: ("diverged", "the loss is not finite at step 312"),
        44: ("failed", "RuntimeError: out of memory"),
    }
    for number, (status, error) in bad.items():
        results[number] = replace(results[number], status=status, error=error, metrics={}, cells={})  # type: ignore[arg-type]
    losses = [
        Loss(
            label=f"model={results[number].run_id.partition('-')[0]} seed=2 trainer.learning_rate=0.01",
            status=status,
            error=error,
            console_file=f"runs/{results[number].run_id}/console.log",
        )
        for number, (status, error) in bad.items()
    ]
    return judge(
        experiment,
        results=results,
        losses=losses,
        changes=["2026-11-23 18:00 UTC, with 12 results in: grid.seed: 0,1 -> 0,1,2"],
        command="python -m mad.run -m experiment=008_cosine_log_linear",
    )


def curves_of(results: Sequence[Result], *, n_rows: int = 15) -> dict[str, list[tuple[int, float]]]:
    """Curves that sit at the floor, jump, and end near the run's validation accuracy."""
    return {result.run_id: _curve(result, n_rows) for result in results if result.metrics}


def _accuracy(best: float, rate: float, seed: int) -> float:
    distance = abs(math.log10(rate / 3e-3))
    wobble = 0.03 * math.sin(7.0 * seed + 40 * best) * (1.2 - best)
    return max(min(best - 0.55 * distance * (1.1 - best) - 0.09 * distance + wobble, 1.0), 0.02)


def _curve(result: Result, n_rows: int) -> list[tuple[int, float]]:
    end = result.metrics.get("validation/accuracy") or 0.0
    jump = 3.0 + 1.5 * int(result.config["seed"]) + 6 * (1 - end)
    shares = (15 * (row + 1) / n_rows for row in range(n_rows))
    values = (0.008 + (end - 0.008) / (1 + math.exp(1.4 * (jump - share))) for share in shares)
    return [(79 * 15 * (row + 1) // n_rows, round(value, 6)) for row, value in enumerate(values)]
