"""The shell around a memory: what attention layers of every kind have in common.

    q, k, v = split(convolve(W_qkv x));   q, k = rotate(normalise(q, k))
    y = W_o (gate(readout(memory(q, k, v))))

Every step but the projections and the memory is a part that can be absent or exchanged.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mad.mixers.base import Memory, Mixer, State
from mad.mixers.convolution import ShortConvolution
from mad.mixers.gate import Gate
from mad.mixers.positions import Rotary
from mad.mixers.qk_norm import QKNorm
from mad.mixers.readout import Readout
from mad.shapes import MOST_WEIGHTS, HeadShape, Hidden


class AttentionState(NamedTuple):
    """What the shell carries: the next token's position, the convolution's past, the memory."""

    position: int
    past: Tensor
    memory: State


class Attention(Mixer):
    """Heads around a memory.

    ``n_kv_heads`` key/value heads are shared by groups of query heads (grouped-query attention; None: one
    each). Widths default to d_model / n_heads. Parts are called with the HeadShape that they serve.
    """

    def __init__(
        self,
        d_model: int,
        *,
        n_heads: int,
        memory: Callable[[HeadShape], Memory],
        readout: Callable[[HeadShape], Readout],
        n_kv_heads: int | None = None,
        key_width: int | None = None,
        value_width: int | None = None,
        convolution: Callable[[int], ShortConvolution] | None = None,
        qk_norm: Callable[[HeadShape], QKNorm] | None = None,
        positions: Callable[[HeadShape], Rotary] | None = None,
        gate: Callable[[HeadShape], Gate] | None = None,
        bias: bool = False,
    ) -> None:
        super().__init__()
        shape = _head_shape(d_model, n_heads, n_kv_heads, key_width, value_width)
        self.shape = shape
        kv_heads = shape.n_kv_heads
        self.split = [n_heads * shape.key_width, kv_heads * shape.key_width, kv_heads * shape.value_width]
        self.project = nn.Linear(d_model, sum(self.split), bias=bias)
        self.convolution = (convolution or _no_convolution)(sum(self.split))
        self.qk_norm = None if qk_norm is None else qk_norm(shape)
        self.positions = None if positions is None else positions(shape)
        self.readout = readout(shape)
        self.memory = memory(shape._replace(value_width=shape.value_width + self.readout.extra_columns))
        self.gate = None if gate is None else gate(shape)
        self.out = nn.Linear(n_heads * shape.value_width, d_model, bias=bias)

    @property
    def max_length(self) -> int | None:
        return self.memory.max_length

    def init_state(self, batch: int) -> AttentionState:
        weight = self.project.weight
        past = self.convolution.init_state(batch, like=weight)
        return AttentionState(0, past, self.memory.init_state(batch, like=weight))

    def mix(self, x: Hidden, state: AttentionState) -> tuple[Hidden, AttentionState]:
        start = state.position
        mixed, past = self.convolution(self.project(x), state.past)
        q, k, v = (
            part.unflatten(-1, (-1, width))
            for part, width in zip(mixed.split(self.split, dim=-1), self._widths(), strict=True)
        )
        if self.qk_norm is not None:
            q, k = self.qk_norm(q, k)
        if self.positions is not None:
            q, k = self.positions(q, start=start), self.positions(k, start=start)
        y, memory = self._remember(q, k, self.readout.widen(v), x, start=start, state=state.memory)
        y = self.readout(y).flatten(-2)
        if self.gate is not None:
            y = self.gate(y, x)
        return self.out(y), AttentionState(start + x.size(1), past, memory)

    def state_floats(self, length: int) -> int:
        return self.convolution.state_floats() + self.memory.state_floats(length)

    def flops(self, length: int) -> int:
        projections = 2 * length * (self.project.weight.numel() + self.out.weight.numel())
        gate = 0 if self.gate is None else self.gate.flops(length)
        return projections + gate + self.convolution.flops(length) + self.memory.flops(length)

    def _remember(
        self, q: Tensor, k: Tensor, v: Tensor, x: Tensor, *, start: int, state: State
    ) -> tuple[Tensor, State]:
        """The memory, in single precision under autocast unless it bears less."""
        device = x.device.type
        if self.memory.bears_autocast or not torch.is_autocast_enabled(device):
            return self.memory(q, k, v, x, start=start, state=state)
        with torch.autocast(device, enabled=False):
            q, k, v, x = (tensor.float() for tensor in (q, k, v, x))
            return self.memory(q, k, v, x, start=start, state=state)

    def _widths(self) -> tuple[int, int, int]:
        return self.shape.key_width, self.shape.key_width, self.shape.value_width


def _no_convolution(channels: int) -> ShortConvolution:
    return ShortConvolution(channels, width=0)


def _head_shape(
    d_model: int, n_heads: int, n_kv_heads: int | None, key_width: int | None, value_width: int | None
) -> HeadShape:
    """Fills in the widths, and refuses what does not divide."""
    if n_heads < 1 or (d_model % n_heads and None in (key_width, value_width)):
        raise ValueError(
            f"n_heads ({n_heads}) must divide d_model ({d_model}); "
            "change one of them, or set both key_width and value_width"
        )
    kv_heads = n_heads if n_kv_heads is None else n_kv_heads
    if kv_heads < 1 or n_heads % kv_heads:
        raise ValueError(f"n_kv_heads ({kv_heads}) must divide n_heads ({n_heads}); change one of them")
    width = d_model // n_heads
    shape = HeadShape(d_model, n_heads, kv_heads, key_width or width, value_width or width)
    if min(shape) < 1:
        raise ValueError(f"every width must be 1 or more: {shape}; set key_width and value_width to null")
    if d_model * n_heads * max(shape.key_width, shape.value_width) > MOST_WEIGHTS:
        raise ValueError(
            f"n_heads={n_heads} with key_width={shape.key_width} and value_width={shape.value_width} makes a "
            f"projection of more than {MOST_WEIGHTS:,} weights; set key_width and value_width to null"
        )
    return shape
