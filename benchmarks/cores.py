"""The attention cores under test, each as a call that goes forward and backward once.

They are called as a layer calls them, through the memories' public interface; projections of the layer are
left out, those of the level weights and of the decay as well: these are a given input with a gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.paired import Side
from mad.mixers.decay import Decay, Decayed
from mad.mixers.features import Cosine, Features, Identity
from mad.mixers.linear import Linear
from mad.mixers.log_linear import LogLinear
from mad.mixers.readout import Plain, Readout
from mad.shapes import HeadShape, Hidden

MakeMemory = Callable[[HeadShape, Callable[[HeadShape], Features]], nn.Module]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Shapes of one attention call."""

    batch: int
    heads: int
    length: int
    width: int
    device: str = "cpu"
    dtype: torch.dtype = torch.float32

    @property
    def n_levels(self) -> int:
        return (self.length - 1).bit_length() + 1

    @property
    def input_width(self) -> int:
        """Of the layer's input: the weights of all levels and a decay, for each head."""
        return self.heads * (self.n_levels + 1)

    @property
    def words(self) -> str:
        low = ", bf16" if self.dtype == torch.bfloat16 else ""
        return f"T={self.length}, B·H={self.batch * self.heads}, d={self.width}{low}"

    def drawn(self, *shape: int) -> Tensor:
        """Standard normal draws with a gradient."""
        return torch.randn(self.batch, *shape, device=self.device, dtype=self.dtype).requires_grad_()


class GivenWeights(nn.Module):
    """Stands for the levels of a log-linear memory: the layer's input begins with the weights themselves."""

    def __init__(self, shape: HeadShape, *, horizon: int) -> None:
        super().__init__()
        self.n_heads, self.horizon = shape.n_heads, horizon

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : -self.n_heads].unflatten(-1, (self.n_heads, -1))


class GivenDecay(Decay):
    """Stands for a decay per head: the layer's input ends with its logarithm, from 0 to -1."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.n_heads = shape.n_heads

    def forward(self, x: Hidden) -> Decayed:
        return Decayed(-x[..., -self.n_heads :])

    def flops(self, length: int) -> int:
        return 0


def cosine(problem: Problem) -> Callable[[HeadShape], Features]:
    """cosFormer's features for the problem's length."""
    return partial(Cosine, horizon=problem.length)


def linear(shape: HeadShape, features: Callable[[HeadShape], Features]) -> Linear:
    """Plain linear attention."""
    return Linear(shape, features=features)


def gated(shape: HeadShape, features: Callable[[HeadShape], Features]) -> Linear:
    """Linear attention with a decay per head and token."""
    return Linear(shape, features=features, decay=GivenDecay)


def log_linear(
    problem: Problem, *, inner: Any = linear, memory: Any = LogLinear, reads: str = "own_token"
) -> MakeMemory:
    """Log-linear attention over an ``inner`` rule, or a ``memory`` that takes the same keywords."""
    levels = partial(GivenWeights, horizon=2 * problem.length)
    return lambda shape, features: memory(shape, inner=inner, features=features, levels=levels, reads=reads)


def compiled(make: MakeMemory) -> MakeMemory:
    """The same memory under torch.compile's defaults."""

    def make_compiled(shape: HeadShape, features: Callable[[HeadShape], Features]) -> nn.Module:
        memory = make(shape, features)
        memory.compile(dynamic=False)
        return memory

    return make_compiled


def memory_side(
    problem: Problem,
    make: MakeMemory,
    *,
    features: Callable[[HeadShape], Features] = Identity,
    readout: Callable[[HeadShape], Readout] = Plain,
) -> Side:
    """A memory between features and readout, in the layer's layout (B T H d), forward and backward."""
    p = problem
    shape = HeadShape(p.heads * p.width, p.heads, p.heads, p.width, p.width)
    reading = readout(shape)
    memory: Any = make(shape._replace(value_width=p.width + reading.extra_columns), features)
    q, k, v = (p.drawn(p.length, p.heads, p.width) for _ in range(3))
    x = torch.rand(p.batch, p.length, p.input_width, device=p.device, dtype=p.dtype).requires_grad_()

    def attend() -> Tensor:
        state = memory.init_state(p.batch, like=q)
        y, _ = memory(q, k, reading.widen(v), x, start=0, state=state)
        return reading(y)

    return _forward_and_backward(attend, [q, k, v, x], device=p.device)


def sdpa_side(problem: Problem) -> Side:
    """PyTorch's scaled dot-product attention, causal, in the layout that it likes best (B H T d)."""
    p = problem
    q, k, v = (p.drawn(p.heads, p.length, p.width) for _ in range(3))
    attend = partial(F.scaled_dot_product_attention, q, k, v, is_causal=True)
    return _forward_and_backward(attend, [q, k, v], device=p.device)


def _forward_and_backward(attend: Callable[[], Tensor], inputs: list[Tensor], *, device: str) -> Side:
    """One call with gradients of all inputs; on a GPU it ends when the GPU has ended."""
    upstream = torch.randn_like(attend())

    def call() -> None:
        torch.autograd.grad(attend(), inputs, upstream, allow_unused=True)
        if device == "cuda":
            torch.cuda.synchronize()

    return call
