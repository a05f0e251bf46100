"""What torch.compile makes of whole training steps, of the log-linear core, and of its dense peers."""

import math
import multiprocessing
import os
import tempfile
import time
from functools import partial
from typing import NamedTuple
from unittest import mock

import torch
from torch.nn.utils import clip_grad_norm_

from benchmarks.cores import Problem, compiled, cosine, log_linear, memory_side
from benchmarks.dense_levels import DenseLevels, one_product
from benchmarks.machine import this_machine
from benchmarks.paired import Pace, Paired, Side, by_turns
from benchmarks.record import Row, publish
from mad.blueprint import blueprint
from mad.door.compose import compose
from mad.mixers.log_linear import LogLinear
from mad.mixers.readout import Denominator
from mad.seeding import seeded
from mad.tasks.splits import splits
from mad.train.compiled import CompiledGradient
from mad.train.gradient import EagerGradient, Gradient
from mad.train.machine import prepared
from mad.train.minibatch import Minibatches
from mad.train.optim import optimizer
from mad.train.outcome import Tally
from mad.train.unread import Unread

ABOUT = (
    "Training steps as `trainer.compile=true` makes them over those of `false`, models and task=mqar at "
    "their defaults, each model in a process of its own with an empty cache, and its first step once more in "
    "a second process that finds what the first left on the disk. What a first step costs beyond a later one "
    "is paid back after so many steps, or never. Then the sides of `log_linear`, each under torch.compile's "
    "defaults (static shapes), against ours as it is; the note says how long the first call took."
)
MODELS = ("softmax", "cos_log_linear", "delta_net")
MEMORIES = {
    "ours, compiled": LogLinear,
    "dense level masks, compiled": DenseLevels,
    "dense level masks, folded, compiled": partial(DenseLevels, attend=one_product),
}
CPU = torch.device("cpu")


class Steps(NamedTuple):
    """What a process saw: the seconds of the first compiled step, and later ones by turns with eager ones."""

    first_seconds: float
    paired: Paired


def training_row(model: str) -> Row:
    """Compiled steps over eager ones, and what the compiler costs."""
    with tempfile.TemporaryDirectory() as cache:
        cold = measured(model, cache=cache, pace=Pace(budget_seconds=10))
        warm = measured(model, cache=cache, pace=Pace(budget_seconds=0, least_rounds=1))
    later = {side: cold.paired.spread(side).median for side in ("compiled", "eager")}
    first = {"cold": cold.first_seconds, "from the cache": warm.first_seconds}
    return Row(
        what=f"training step compiled / eager, {model}, batch 64, T=64, d=64",
        unit="x",
        observed=cold.paired.ratio("compiled", "eager"),
        sides=cold.paired.spreads(),
        note="; ".join(
            f"first step {name} {seconds:.0f} s, {paid_back(seconds, **later)}"
            for name, seconds in first.items()
        ),
    )


def paid_back(first: float, *, compiled: float, eager: float) -> str:
    """After how many steps all have taken less time than eager ones would have."""
    if compiled >= eager:
        return "never paid back"
    return f"paid back after {math.ceil((first - compiled) / (eager - compiled)):,} steps"


def measured(model: str, *, cache: str, pace: Pace) -> Steps:
    """Steps of a fresh process whose compiler keeps its work in the folder ``cache``."""
    with (
        mock.patch.dict(os.environ, TORCHINDUCTOR_CACHE_DIR=cache),
        multiprocessing.get_context("spawn").Pool(1) as pool,
    ):
        return pool.apply(_steps, (model, pace))


def _steps(model: str, pace: Pace) -> Steps:
    with prepared(CPU, threads=1):
        eager = training_side(model)
        started = time.perf_counter()
        compiled = training_side(model, compile=True)
        compiled()
        first = time.perf_counter() - started
        return Steps(first, by_turns({"compiled": compiled, "eager": eager}, pace=pace))


def training_side(name: str, *, compile: bool = False) -> Side:
    """An update of a model, as :mod:`mad.train.loop` makes it."""
    config = compose((f"model={name}", "task=mqar", f"trainer.compile={str(compile).lower()}"))
    data, settings = splits(config["task"], seed=0), blueprint(config["trainer"])()
    batches = Minibatches(data, batch_size=settings.batch_size, seed=0, one_length=True)
    batch = next(batch for batch in map(batches.at, range(2)) if len(batch.inputs) == batches.most_rows)
    with seeded(0, "init"):
        model = blueprint(config["model"])(vocab_size=data.task.vocab_size)
    adam, tally = optimizer(model, settings=settings), Tally()
    unread = Unread(adam, device=CPU)
    eager = EagerGradient(model, precision=settings.precision)
    gradient: Gradient = CompiledGradient(eager, n_rows=batches.most_rows, device=CPU) if compile else eager

    def call() -> None:
        adam.zero_grad()
        loss = gradient(batch)
        norm = clip_grad_norm_(model.parameters(), settings.clip_norm)
        unread.update(batch, loss=loss, norm=norm)
        unread.read(tally)

    return call


def side(problem: Problem, name: str) -> Side:
    """A compiled side by name, or ``ours`` as it is."""
    make = log_linear(problem, memory=MEMORIES.get(name, LogLinear))
    make = compiled(make) if name in MEMORIES else make
    return memory_side(problem, make, features=cosine(problem), readout=Denominator)


def core_rows(problem: Problem) -> list[Row]:
    """Every compiled side over ours as it is."""
    sides, seconds = {"ours": side(problem, "ours")}, {}
    for name in MEMORIES:
        started = time.perf_counter()
        sides[name] = side(problem, name)
        sides[name]()
        seconds[name] = time.perf_counter() - started
    paired = by_turns(sides, pace=Pace(budget_seconds=5))
    return [
        Row(
            what=f"{name} / ours, cosine, {problem.words}",
            unit="x",
            observed=paired.ratio(name, "ours"),
            sides={key: paired.spread(key) for key in ("ours", name)},
            note=f"first call {seconds[name]:.0f} s",
        )
        for name in MEMORIES
    ]


def main() -> None:
    machine = this_machine()
    problems = [Problem(batch=n, heads=2, length=length, width=16) for n, length in ((32, 128), (8, 512))]
    rows = [training_row(model) for model in MODELS]
    publish("compiled", ABOUT, rows + [row for p in problems for row in core_rows(p)], machine=machine)


if __name__ == "__main__":
    main()
