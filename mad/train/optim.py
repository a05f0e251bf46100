"""The optimiser and the learning rate of each step."""

import math

from torch.optim import AdamW

from mad.train.model import CausalModel
from mad.train.settings import Settings


def optimizer(model: CausalModel, *, settings: Settings) -> AdamW:
    """AdamW (Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, arXiv 1711.05101).

    Parameters of two or more dimensions (matrices, embeddings, convolutions) decay; biases, the gains of
    norms and other vectors and scalars do not: the usual rule for transformers.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    # One fused kernel instead of a dozen small ones per parameter: half of a small model's step otherwise.
    return AdamW(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        betas=settings.betas,
        fused=True,
    )


def check_schedule(settings: Settings, *, total_steps: int) -> None:
    """Refuses, with a ValueError, a warm-up that leaves no step at the peak."""
    if settings.warmup_steps >= total_steps:
        raise ValueError(
            f"trainer.warmup_steps ({settings.warmup_steps}) leaves nothing of the {total_steps} steps; "
            "shorten the warm-up or train for longer"
        )


def learning_rate(step: int, *, settings: Settings, total_steps: int) -> float:
    """The learning rate of the update after ``step`` updates (0 <= step < total_steps).

    A pure function of the step, so that a resumed run has no schedule to restore.
    """
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    if settings.schedule == "constant":
        return settings.learning_rate
    share_done = (step - settings.warmup_steps) / (total_steps - settings.warmup_steps)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share_done))
