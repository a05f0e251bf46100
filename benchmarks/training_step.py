"""A whole training step: against dense level masks, and against the head at every position."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.utils import clip_grad_norm_

from benchmarks.machine import this_machine
from benchmarks.paired import Pace, Side, by_turns
from benchmarks.record import Row, Target, publish
from mad.blueprint import blueprint
from mad.door.compose import compose
from mad.model import Model
from mad.seeding import generator, seeded
from mad.tasks.base import IGNORE, Batch
from mad.train.machine import keep_freed_memory
from mad.train.minibatch import Minibatch
from mad.train.optim import optimizer
from mad.train.score import answer_logits

ABOUT = (
    "Forward, loss, backward, clipping, AdamW, as `mad/train/loop.py` does them, over whole sequences "
    "(in training, what lies behind the last question is cut off; here it is not, on any side). The "
    "dense model is the same but for its memory: masks reconstructed from experiment 008's log. "
    "First with memory as any script finds it, then as in a run (`freed memory kept`): that spares both "
    "sides the clearing of pages, and those with large matrices most of it."
)
HEADS = (
    ("cos_log_linear", 64, True),
    ("cos_log_linear", 256, True),
    ("softmax", 64, True),
    ("cos_log_linear", 64, False),
    ("softmax", 64, False),
)
"""Models, lengths and whether there are channel mixers, under a large vocabulary."""
Loss = Callable[[Model, Minibatch, torch.Tensor], torch.Tensor]


def rows() -> list[Row]:
    return [against_dense(), *(against_every_position(*cell) for cell in HEADS)]


def against_dense() -> Row:
    """Experiment 008's shapes: 2 layers, d = 32, 2 heads, T = 128."""
    overrides = ("model=cos_log_linear", "task=mqar_008", "model.d_model=32")
    paired = by_turns(
        {
            "ours": step(overrides, batch_size=32),
            "dense": step(overrides, batch_size=32, memory="benchmarks.dense_levels.DenseLevels"),
        },
        pace=Pace(budget_seconds=15),
    )
    return Row(
        what="step with dense level masks / ours, 2 layers, d=32, T=128, batch 32",
        unit="x",
        observed=paired.ratio("dense", "ours"),
        target=Target(at_least=3.0),
        sides=paired.spreads(),
        note="reconstructed peer; model=cos_log_linear with its defaults otherwise, 64 tokens of vocabulary",
    )


def against_every_position(model: str, length: int, channel_mixers: bool) -> Row:
    """A published vocabulary: the head's products dominate. Zoology's models have no channel mixers here."""
    overrides = (
        f"model={model}",
        "task=mqar",
        "task.vocab_size=8192",
        f"task.seq_len={length}",
        "task.n_pairs=4",
        *(() if channel_mixers else ("mlp=none",)),
    )
    paired = by_turns(
        {
            "labelled": step(overrides, batch_size=64),
            "every": step(overrides, batch_size=64, loss=loss_at_every_position),
        },
        pace=Pace(budget_seconds=15, least_rounds=3),
    )
    return Row(
        what=f"step with the head at every position / ours, {model}{'' if channel_mixers else ', mlp=none'}, "
        f"V=8192, L={length}, d=64, batch 64",
        unit="x",
        observed=paired.ratio("every", "labelled"),
        target=Target(at_least=10.0) if length == 64 else None,
        sides=paired.spreads(),
        note="4 questions a sequence, as published",
    )


def loss_at_questions(model: Model, batch: Minibatch, targets: torch.Tensor) -> torch.Tensor:
    """As in training."""
    return F.cross_entropy(answer_logits(model, batch, precision="fp32"), batch.answers)


def loss_at_every_position(model: Model, batch: Minibatch, targets: torch.Tensor) -> torch.Tensor:
    """The same loss, from logits that are mostly ignored."""
    logits = model.logits(model(batch.inputs))
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)


def step(
    overrides: tuple[str, ...], *, batch_size: int, memory: str | None = None, loss: Loss = loss_at_questions
) -> Side:
    """An update of the model that ``overrides`` compose, with the ``memory`` class of that name."""
    config = compose(overrides)
    if memory is not None:
        config["model"]["mixer"]["memory"]["_target_"] = memory
    task = blueprint({key: value for key, value in config["task"].items() if key not in SPLITS})()
    with seeded(0, "init"):
        model = blueprint(config["model"], allow=("benchmarks",))(vocab_size=task.vocab_size)
    update = optimizer(model, settings=blueprint(config["trainer"])())
    batch: Batch = task.sample(batch_size, generator(0, "train", 0, 0))
    questions = whole(batch)

    def call() -> Any:
        update.zero_grad()
        value = loss(model, questions, batch.targets)
        value.backward()
        norm = clip_grad_norm_(model.parameters(), 1.0)
        numbers = torch.stack([value.detach(), norm]).tolist()
        update.step()
        return numbers

    return call


SPLITS = ("eval", "mixture", "data")
"""Keys of a task's config that say how much is drawn."""


def whole(batch: Batch) -> Minibatch:
    """All of a batch as one minibatch, to the last position."""
    targets = batch.targets.flatten()
    asked = (targets != IGNORE).nonzero().squeeze(1)
    return Minibatch(batch.inputs, asked, targets[asked], batch.inputs.size(1))


def main() -> None:
    machine = this_machine()
    found = rows()
    keep_freed_memory()
    found += [replace(row, what=f"{row.what}, freed memory kept") for row in rows()]
    publish("training_step", ABOUT, found, machine=machine)


if __name__ == "__main__":
    main()
