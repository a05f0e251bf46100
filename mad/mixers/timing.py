"""What a model's feature maps cost by themselves: a number that experiments on them ask for."""

import time
from statistics import median

import torch
from torch import nn

from mad.mixers.features import Features

N_CALLS = 15


@torch.no_grad()
def feature_map_seconds(model: nn.Module, *, batch: int, length: int, device: torch.device) -> float | None:
    """Seconds that all feature maps of a model take for queries (B T H K), forward; None without any.

    The median of a few calls for each map, position left out.
    """
    maps = [part for part in model.modules() if isinstance(part, Features)]
    return sum(_seconds(part, batch, length, device) for part in maps) if maps else None


def _seconds(features: Features, batch: int, length: int, device: torch.device) -> float:
    shape = (batch, length, features.shape.n_heads, features.shape.key_width)
    x = torch.linspace(-1, 1, batch * length, device=device)[:, None].expand(-1, shape[2] * shape[3])
    x = x.reshape(shape)
    seconds = []
    for _ in range(N_CALLS):
        started = time.perf_counter()
        features.content(x)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return median(seconds)
