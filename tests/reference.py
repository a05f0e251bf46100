"""Slow, obvious forms of everything in `mad/mixers`, token by token: what the fast forms must equal.

They share parameters with the layer under test and nothing else: no chunk, no tree, no cache.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mad.mixers.attention import Attention

Step = tuple[Tensor, Tensor, Tensor]  # transition (B H K K), key (B H K), value (B H V)


def slow_attention(layer: Attention, x: Tensor) -> Tensor:
    """The shell's equations over whole sequences (B T D), around a slow memory."""
    shape = layer.shape
    mixed = _slow_convolution(layer.convolution, layer.project(x))
    q, k, v = mixed.split(layer.split, dim=-1)
    q = q.unflatten(-1, (shape.n_heads, shape.key_width))
    k = k.unflatten(-1, (shape.n_kv_heads, shape.key_width))
    v = v.unflatten(-1, (shape.n_kv_heads, shape.value_width))
    if layer.qk_norm is not None:
        q, k = _slow_norm(layer.qk_norm, q, "query_norm"), _slow_norm(layer.qk_norm, k, "key_norm")
    if layer.positions is not None:
        q, k = _slow_rotary(q, layer.positions.base), _slow_rotary(k, layer.positions.base)
    readout = type(layer.readout).__name__
    if readout == "Denominator":
        v = F.pad(v, (0, 1), value=1.0)
    y = SLOW[type(layer.memory).__name__](layer.memory, q, k, v, x)
    if readout == "Denominator":
        y = y[..., :-1] / y[..., -1:].clamp(min=layer.readout.eps)
    elif readout == "HeadRMSNorm":
        y = (
            y
            / (y.square().mean(-1, keepdim=True) + layer.readout.norm.eps).sqrt()
            * layer.readout.norm.weight
        )
    y = y.flatten(-2)
    if layer.gate is not None:
        logits = layer.gate.project(x)
        y = y * {"SigmoidGate": torch.sigmoid, "SiluGate": F.silu}[type(layer.gate).__name__](logits)
    return layer.out(y)


def slow_softmax(memory: nn.Module, q: Tensor, k: Tensor, v: Tensor, x: Tensor) -> Tensor:
    group = q.size(2) // k.size(2)
    outputs = []
    for t in range(q.size(1)):
        heads = []
        for h in range(q.size(2)):
            logits = (k[:, : t + 1, h // group] * q[:, t : t + 1, h]).sum(-1) / math.sqrt(q.size(-1))
            heads.append((logits.softmax(-1)[..., None] * v[:, : t + 1, h // group]).sum(1))
        outputs.append(torch.stack(heads, dim=1))
    return torch.stack(outputs, dim=1)


def slow_matrix(memory: Any, q: Tensor, k: Tensor, v: Tensor, x: Tensor) -> Tensor:
    """One matrix, updated by every write of every token."""
    state, outputs = 0.0, []
    query = _query(memory, q)
    for t, steps in enumerate(_steps(memory, k, v, x)):
        for transition, key, value in steps:
            old = transition @ state if isinstance(state, Tensor) else 0.0
            state = old + key[..., :, None] * value[..., None, :]
        outputs.append((query[:, t][..., None] * state).sum(-2))
    return torch.stack(outputs, dim=1)


def slow_log_linear(memory: Any, q: Tensor, k: Tensor, v: Tensor, x: Tensor) -> Tensor:
    """Every write keeps its own matrix, which later transitions act upon; levels weigh them one by one."""
    query = _query(memory.inner, q)
    weights = _level_weights(memory.levels, x)
    outputs = []
    kept, sources = None, []  # matrices (B H S K V) and the tokens that wrote them
    for t, steps in enumerate(_steps(memory.inner, k, v, x)):
        for transition, key, value in steps:
            written = (key[..., :, None] * value[..., None, :])[:, :, None]
            kept = written if kept is None else torch.cat([transition[:, :, None] @ kept, written], dim=2)
            sources.append(t)
        rows = [level_row(t, s, memory.reads) for s in sources]
        read = torch.tensor([row is not None for row in rows])
        row = torch.tensor([row for row in rows if row is not None], dtype=torch.long)
        values = (query[:, t, :, None, :, None] * kept).sum(-2)[:, :, read]
        outputs.append((weights[:, t][..., row][..., None] * values).sum(2))
    return torch.stack(outputs, dim=1)


SLOW: dict[str, Callable[..., Tensor]] = {
    "Softmax": slow_softmax,
    "Linear": slow_matrix,
    "Delta": slow_matrix,
    "LogLinear": slow_log_linear,
}


def level_row(t: int, s: int, reads: str = "own_token") -> int | None:
    """The row of lambda with which query t weighs token s, from the blocks that a Fenwick tree really has.

    own_token: 0 for the token itself, then 1 + the bit of the block that holds s in the prefix of t tokens.
    before_push: the bit itself, the own token left out. after_push: the bit in the prefix of t + 1 tokens.
    """
    prefix = t + 1 if reads == "after_push" else t
    if s == prefix:
        return 0 if reads == "own_token" else None
    end = 0
    for bit in reversed(range(prefix.bit_length())):
        if prefix & (1 << bit):
            end += 1 << bit
            if s < end:
                return bit + 1 if reads == "own_token" else bit
    raise AssertionError("a token of the prefix lies in no block")


def slow_features(features: Any, x: Tensor, position: int) -> Tensor:
    """The features of one token's keys or queries (B H K)."""
    name = type(features).__name__
    if name == "Cosine":
        angle = math.pi / 2 * position / features.horizon
        x = x.clamp(min=0)
        return torch.cat([x * math.cos(angle), x * math.sin(angle)], dim=-1)
    if name == "Favor":
        return _positive(x * features.scale, features.projection.expand(x.size(1), -1, -1))
    if name == "CirculantFavor":
        n, width = features.row.size(-1), x.size(-1)
        index = (torch.arange(n)[:, None] - torch.arange(width)) % n
        return _positive(x * features.scale, features.row[:, index] * features.signs[:, None])
    return {
        "Identity": lambda: x,
        "Elu": lambda: torch.where(x > 0, x + 1, x.exp()),
        "Relu": lambda: x.clamp(min=0),
        "Silu": lambda: x / (1 + (-x).exp()),
    }[name]()


def _positive(x: Tensor, projection: Tensor) -> Tensor:
    exponent = (x[..., None, :] * projection).sum(-1) - (x * x).sum(-1, keepdim=True) / 2
    return exponent.exp() / math.sqrt(projection.size(1))


def _query(memory: Any, q: Tensor) -> Tensor:
    """Features of queries (B T H K); the delta rule scales them to length 1."""
    query = torch.stack([slow_features(memory.features, q[:, t], t) for t in range(q.size(1))], dim=1)
    if type(memory).__name__ == "Delta":
        query = query / query.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    return query


def _steps(memory: Any, k: Tensor, v: Tensor, x: Tensor) -> list[list[Step]]:
    """Per token, its writes in order: what happens to the state, then the key and value that are added."""
    group = memory.shape.n_heads // memory.shape.n_kv_heads
    decay, step = _slow_decay(memory.decay, x, k)
    rows = []
    for t in range(k.size(1)):
        if type(memory).__name__ == "Linear":
            key = slow_features(memory.features, k[:, t], t)
            writes = [(torch.diag_embed(decay[:, t].expand_as(key)), key, v[:, t] * step[:, t])]
        else:
            writes = _delta_writes(memory, k[:, t], v[:, t], x[:, t], decay[:, t], t)
        rows.append([tuple(part.repeat_interleave(group, dim=1) for part in write) for write in writes])
    return rows  # type: ignore[return-value]


def _delta_writes(memory: Any, k: Tensor, v: Tensor, x: Tensor, decay: Tensor, t: int) -> list[Step]:
    heads, n = memory.shape.n_kv_heads, memory.writes
    strength = memory.strongest * torch.sigmoid(memory.beta(x)).unflatten(-1, (n, heads))
    keys, values = [k], [v]
    if n > 1:
        keys += list(memory.further_keys(x).unflatten(-1, (n - 1, heads, -1)).unbind(1))
        values += list(memory.further_values(x).unflatten(-1, (n - 1, heads, -1)).unbind(1))
    writes = []
    for j, (key, value) in enumerate(zip(keys, values, strict=True)):
        key = slow_features(memory.features, key, t)
        key = key / key.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        beta = strength[:, j, :, None]
        reflect = (
            torch.eye(key.size(-1), dtype=x.dtype) - beta[..., None] * key[..., :, None] * key[..., None, :]
        )
        writes.append((reflect * (decay[..., None] if j == 0 else 1.0), beta * key, value))
    return writes


def _slow_decay(decay: Any, x: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Factors (B T G 1 or K) and steps (B T G 1)."""
    ones = torch.ones_like(k[..., :1])
    if decay is None:
        return ones, ones
    name = type(decay).__name__
    if name == "Retention":
        factors = [1 - 2.0 ** (-5 - head) for head in range(k.size(2))]
        return ones * torch.tensor(factors, dtype=x.dtype)[:, None], ones
    if name == "PerChannel":
        logits = decay.up(decay.down(x)).unflatten(-1, k.shape[2:])
        return torch.sigmoid(logits) ** (1 / decay.temperature), ones
    dt = torch.log1p((decay.rate.project(x) + decay.rate.bias).exp())
    factor = (-decay.rate.log_rate.exp() * dt).exp()[..., None]
    return factor, dt[..., None] if name == "SelectiveStep" else ones


def _level_weights(levels: Any, x: Tensor) -> Tensor:
    logits = levels.project(x).unflatten(-1, (levels.n_heads, levels.n_levels))
    name = type(levels).__name__
    if name == "Softmax":
        return logits.exp() / logits.exp().sum(-1, keepdim=True)
    if name == "Softplus":
        return torch.log1p((levels.scale * logits).exp())
    weights = torch.log1p((logits / levels.temperature).exp())
    return weights / weights.sum(-1, keepdim=True)


def _slow_convolution(convolution: Any, x: Tensor) -> Tensor:
    if convolution.width == 0:
        return x
    outputs = []
    for t in range(x.size(1)):
        lags = range(min(convolution.width, t + 1))
        outputs.append(sum(convolution.weight[lag] * x[:, t - lag] for lag in lags))
    return convolution.activation(torch.stack(outputs, dim=1))


def _slow_norm(norm: nn.Module, x: Tensor, which: str) -> Tensor:
    if type(norm).__name__ == "UnitNorm":
        return x / x.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    part = getattr(norm, which)
    eps = torch.finfo(x.dtype).eps if part.eps is None else part.eps
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * part.weight


def _slow_rotary(x: Tensor, base: float) -> Tensor:
    """Pairs of channels as complex numbers, turned by position times frequency."""
    half = x.size(-1) // 2
    outputs = []
    for t in range(x.size(1)):
        angle = torch.tensor([t * base ** (-i / half) for i in range(half)], dtype=x.dtype)
        turned = torch.complex(x[:, t, :, :half], x[:, t, :, half:]) * torch.polar(
            torch.ones_like(angle), angle
        )
        outputs.append(torch.cat([turned.real, turned.imag], dim=-1))
    return torch.stack(outputs, dim=1)
