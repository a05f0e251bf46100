"""How a model is trained: every number of the recipe, checked at the door."""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

Schedule = Literal["constant", "cosine"]
Precision = Literal["fp32", "bf16"]
Kernels = Literal["torch", "fla"]

MOST_SEQUENCES = 2**20
"""Of a batch."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The recipe of a run: AdamW, a learning-rate schedule, and when to look, stop and save.

    Exactly one of ``epochs`` and ``steps`` is set. Raises ValueError for a value out of its range.
    """

    batch_size: int = 64
    """Sequences per update; the last batch of an epoch may hold fewer."""
    epochs: int | None = None
    steps: int | None = None
    learning_rate: float = 1e-3
    """The peak of the schedule."""
    weight_decay: float = 0.01
    """Applies to parameters with two or more dimensions (see :mod:`mad.train.optim`)."""
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float | None = 1.0
    """The longest gradient that is not shortened; null: none is."""
    schedule: Schedule = "constant"
    """After the warm-up: stay at the peak, or fall to zero along half a cosine."""
    warmup_steps: int = 0
    """Updates during which the learning rate rises linearly to the peak."""
    validate_every: int | None = None
    """Steps between validations; null: one at the end of each epoch. The last step is validated anyway."""
    log_every: int = 20
    """Steps between rows of training numbers; a validation has its row anyway."""
    stop_at: float | None = None
    """Validation accuracy at which training ends early."""
    patience: int | None = None
    """Validations without progress after which training ends early."""
    checkpoint_seconds: float | None = 60.0
    """Seconds between checkpoints; null: by steps only."""
    checkpoint_steps: int | None = None
    """Steps between checkpoints; null: by seconds only."""
    precision: Precision = "fp32"
    """``bf16``: the forward pass under autocast, on CUDA only; the weights stay in fp32."""
    compile: bool = False
    """Forward and backward pass of the updates through torch.compile (see :mod:`mad.train.compiled`).

    As measured on a CPU (`benchmarks/compiled.py`): a step gains a part of its time. What the compiler takes
    is saved again after thousands of steps, after hundreds where its cache is filled. A model of which parts
    must be left out of the generated code may even lose. It is for long runs and sweeps, and off otherwise.
    """

    kernels: Kernels = "torch"
    """``fla``: flash-linear-attention's where they serve, on CUDA only (see :mod:`mad.mixers.kernels`)."""

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(
                "trainer expects exactly one of epochs and steps; "
                f"got epochs={self.epochs}, steps={self.steps}: set one, and the other to null"
            )
        size, every = self.batch_size, self.log_every
        fits = _is_count(size) and 1 <= size <= MOST_SEQUENCES
        _require(fits, "batch_size", f"a whole number from 1 to {MOST_SEQUENCES:,}", size)
        _require(_is_count(every) and every >= 1, "log_every", "a whole number, 1 or more", every)
        for name in ("epochs", "steps", "validate_every", "patience", "checkpoint_steps"):
            value = getattr(self, name)
            fits = value is None or (_is_count(value) and value >= 1)
            _require(fits, name, "a whole number, 1 or more, or null", value)
        self._check_optimizer()
        self._check_choices()
        object.__setattr__(self, "betas", tuple(self.betas))

    def _check_optimizer(self) -> None:
        _require(_is_positive(self.learning_rate), "learning_rate", "more than 0", self.learning_rate)
        decay = self.weight_decay
        _require(_is_number(decay) and decay >= 0, "weight_decay", "0 or more", decay)
        betas = self.betas
        fits = isinstance(betas, tuple | list) and len(betas) == 2
        fits = fits and all(_is_number(beta) and 0 <= beta < 1 for beta in betas)
        _require(fits, "betas", "two numbers in [0, 1)", betas)
        clip = self.clip_norm
        _require(clip is None or _is_positive(clip), "clip_norm", "more than 0, or null", clip)
        warmup = self.warmup_steps
        _require(_is_count(warmup) and warmup >= 0, "warmup_steps", "a whole number, 0 or more", warmup)

    def _check_choices(self) -> None:
        named = (("schedule", Schedule), ("precision", Precision), ("kernels", Kernels))
        for name, choices in ((name, get_args(literal)) for name, literal in named):
            value = getattr(self, name)
            _require(value in choices, name, f"one of {', '.join(choices)}", repr(value))
        stop = self.stop_at
        fits = stop is None or (_is_number(stop) and 0 < stop <= 1)
        _require(fits, "stop_at", "an accuracy in (0, 1], or null", stop)
        _require(isinstance(self.compile, bool), "compile", "true or false", repr(self.compile))
        seconds = self.checkpoint_seconds
        fits = seconds is None or _is_positive(seconds)
        _require(fits, "checkpoint_seconds", "more than 0, or null", seconds)


def _require(fits: bool, name: str, expected: str, value: object) -> None:
    if not fits:
        raise ValueError(f"trainer.{name} expects {expected}; got {value}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0
