"""Other hands' kernels: when they are asked, what they are given, and that they give the same.

Without a GPU a stand-in has the place of the package: slow code after what flash-linear-attention 0.6 says of
its operators. With a GPU, and the package, the last tests are about the kernels themselves.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from mad.mixers import kernels
from mad.mixers.base import Memory
from mad.mixers.decay import PerChannel, Retention, Selective, SelectiveStep
from mad.mixers.delta import Delta
from mad.mixers.features import Cosine, Elu, Identity, Silu
from mad.mixers.levels import Softplus
from mad.mixers.linear import Linear
from mad.mixers.log_linear import LogLinear
from mad.shapes import HeadShape

HORIZON = 256
CUDA = torch.device("cuda")

SINGLE = 1e-5
"""Single precision, relative to the largest entry: a slow loop against chunks."""
TF32 = 2e-2
"""Products in TF32, rounded to 2^-11, through the depth of a chunk and back."""
BRAIN = 8e-2
"""The same in bf16, rounded to 2^-8."""

levels = partial(Softplus, horizon=HORIZON)
cosine = partial(Cosine, horizon=HORIZON)
log_linear = partial(LogLinear, levels=levels)

MakeMemory = Callable[[HeadShape], Memory]
MEMORIES: dict[str, tuple[MakeMemory, str]] = {
    "linear": (partial(Linear, features=Elu), "chunk_simple_gla"),
    "cosine": (partial(Linear, features=cosine), "chunk_simple_gla"),
    "retention": (partial(Linear, features=Identity, decay=Retention), "chunk_simple_gla"),
    "decay with a step": (partial(Linear, features=Identity, decay=SelectiveStep), "chunk_simple_gla"),
    "decay per channel": (partial(Linear, features=Identity, decay=PerChannel), "chunk_gla"),
    "delta": (partial(Delta, features=Silu, lowest_eigenvalue=-1.0), "chunk_gated_delta_rule"),
    "gated delta": (partial(Delta, features=cosine, decay=Selective), "chunk_gated_delta_rule"),
    "log-linear": (partial(log_linear, inner=Linear, features=Elu), "chunk_log_linear_attn"),
    "log-linear cosine": (partial(log_linear, inner=Linear, features=cosine), "chunk_log_linear_attn"),
    "log-linear decay": (
        partial(log_linear, inner=partial(Linear, decay=SelectiveStep), features=Identity),
        "chunk_log_linear_attn",
    ),
    "log-linear before the push": (
        partial(log_linear, inner=Linear, features=Elu, reads="before_push"),
        "chunk_log_linear_attn",
    ),
    "log-linear after the push": (
        partial(log_linear, inner=Linear, features=Elu, reads="after_push"),
        "chunk_log_linear_attn",
    ),
}
"""By name: a memory, and the operator that serves it."""


class StandIn(ModuleType):
    """The operators that we use, token by token; tokens first, as theirs are. ``asked`` lists the calls."""

    def __init__(self) -> None:
        super().__init__("fla.ops")
        self.asked: list[str] = []

    def chunk_simple_gla(self, q: Tensor, k: Tensor, v: Tensor, *, g: Tensor | None, **more: Any) -> Any:
        self.asked.append("chunk_simple_gla")
        assert g is None or g.shape == q.shape[:3]
        return self._recur(q, k, v, None if g is None else g[..., None], None, **more)

    def chunk_gla(self, q: Tensor, k: Tensor, v: Tensor, *, g: Tensor, **more: Any) -> Any:
        self.asked.append("chunk_gla")
        assert q.shape == k.shape == g.shape
        return self._recur(q, k, v, g, None, **more)

    def chunk_gated_delta_rule(
        self, q: Tensor, k: Tensor, v: Tensor, *, g: Tensor, beta: Tensor, **more: Any
    ) -> Any:
        self.asked.append("chunk_gated_delta_rule")
        assert k.size(-1) <= 256
        assert g.shape == beta.shape == q.shape[:3]
        return self._recur(q, k, v, g[..., None], beta, **more)

    def chunk_log_linear_attn(
        self, q: Tensor, k: Tensor, v: Tensor, g: Tensor, level_scales: Tensor, *, scale: float | None = 1.0
    ) -> Any:
        self.asked.append("chunk_log_linear_attn")
        key_width, value_width, length = k.size(-1), v.size(-1), q.size(1)
        assert key_width % 64 == 0
        assert value_width.bit_count() == 1
        assert level_scales.dtype == v.dtype
        assert g.shape == q.shape[:3]
        level = torch.tensor([[(t ^ s).bit_length() for s in range(length)] for t in range(length)])
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        total = g.cumsum(1).transpose(1, 2)
        fade = (total[..., :, None] - total[..., None, :]).masked_fill(~causal, -torch.inf).exp()
        rows = level_scales.transpose(1, 2)
        shares = rows.gather(-1, level.where(causal, 0).expand(*rows.shape[:2], -1, -1)) * fade
        scores = torch.einsum("bthk,bshk->bhts", q, k) * (key_width**-0.5 if scale is None else scale)
        return torch.einsum("bhts,bshv->bthv", scores * shares, v), None

    def _recur(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        g: Tensor | None,
        beta: Tensor | None,
        *,
        scale: float | None = None,
        initial_state: Tensor,
        output_final_state: bool,
    ) -> Any:
        assert initial_state.dtype == torch.float32
        assert initial_state.shape == (q.size(0), q.size(2), k.size(-1), v.size(-1))
        assert output_final_state
        scale = k.size(-1) ** -0.5 if scale is None else scale
        state, outputs = initial_state, []
        for t in range(q.size(1)):
            state = state if g is None else g[:, t].exp()[..., None] * state
            value = v[:, t]
            if beta is not None:
                value = (value - (k[:, t, :, :, None] * state).sum(-2)) * beta[:, t, :, None]
            state = state + k[:, t, :, :, None] * value[..., None, :]
            outputs.append(scale * (q[:, t, :, :, None] * state).sum(-2))
        return torch.stack(outputs, dim=1), state


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """In the place of the package, however that is imported."""
    package, operators = ModuleType("fla"), StandIn()
    package.__version__ = "0.6.0"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fla", package)
    monkeypatch.setitem(sys.modules, "fla.ops", operators)
    kernels._fla.cache_clear()
    yield operators
    kernels._fla.cache_clear()


def inputs(shape: HeadShape, *, length: int, device: Any = "cpu") -> list[Tensor]:
    """q, k, v, x for a memory, two sequences of them."""
    noise = torch.Generator().manual_seed(length)
    widths = (
        (shape.n_heads, shape.key_width),
        (shape.n_kv_heads, shape.key_width),
        (shape.n_kv_heads, shape.value_width),
        (shape.d_model,),
    )
    drawn = [torch.randn(2, length, *width, generator=noise) for width in widths]
    return [tensor.to(device).requires_grad_() for tensor in drawn]


def answers(memory: Memory, given: list[Tensor], *, cuts: tuple[int, ...] = ()) -> list[Tensor]:
    """Readings and state in one go or in pieces, and the gradients of inputs and parameters."""
    q, k, v, x = given
    state, pieces = memory.init_state(len(q), like=q), []
    for first, last in zip((0, *cuts), (*cuts, q.size(1)), strict=True):
        parts = (tensor[:, first:last] for tensor in (q, k, v, x))
        y, state = memory(*parts, start=first, state=state)
        pieces.append(y)
    y = torch.cat(pieces, dim=1)
    # Weighted, so that a gradient that vanishes by symmetry cannot hide an error.
    total = sum((part * _weights(part)).sum() for part in (y, state))
    wanted = [*given, *memory.parameters()]
    found = torch.autograd.grad(total, wanted, allow_unused=True)  # type: ignore[arg-type]
    return [y, state, *(gradient for gradient in found if gradient is not None)]


def _weights(tensor: Tensor) -> Tensor:
    noise = torch.Generator().manual_seed(1)
    return torch.randn(tensor.shape, generator=noise).to(tensor)


def assert_close(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    for a, b in zip(found, expected, strict=True):
        error = (a.float() - b.float()).abs().max() / (1 + b.abs().max())
        assert error < tolerance, f"differs by {error:.1e} (relative to the largest entry)"


def empty(*shape: int, device: Any = CUDA, dtype: torch.dtype = torch.float32) -> Tensor:
    """A tensor that says where it lies and what it is, and has no numbers: for that no GPU is needed."""
    with FakeTensorMode():
        return torch.empty(*shape, device=device, dtype=dtype)


def is_served(
    *,
    length: int = 64,
    width: int = 8,
    writes: int = 1,
    positioned: bool = False,
    device: Any = CUDA,
    dtype: torch.dtype = torch.float32,
) -> bool:
    """Whether a kernel would scan such tokens."""
    lie = partial(empty, device=device, dtype=dtype)
    keys, values = lie(2, 3, length, width), lie(2, 3, length, 5)
    position = lie(length, 2) if positioned else None
    state = lie(2, 3, width, 5)
    return kernels.scan(keys, keys, values, None, None, writes, position, state=state) is not None


@pytest.fixture
def no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels and our own tree return one of their arguments."""
    monkeypatch.setattr(kernels, "_scan", lambda q, k, v, g, beta, p, state: (v, state))
    monkeypatch.setattr(kernels, "_tree", lambda q, k, v, w, g, p: v)
    monkeypatch.setattr(kernels.fenwick, "fenwick_attention", lambda q, k, v, w, g, p, chunk_size: w)


SERVED: list[dict[str, Any]] = [
    {},
    {"dtype": torch.bfloat16},
    {"length": 16},
    {"width": 256},
    {"width": 128, "positioned": True},
]
NOT_SERVED: list[dict[str, Any]] = [
    {"device": "cpu"},
    {"dtype": torch.float64},
    {"dtype": torch.float16},
    {"length": 15},
    {"width": 257},
    {"width": 129, "positioned": True},
    {"writes": 2},
]


@pytest.mark.usefixtures("stand_in", "no_numbers")
@pytest.mark.parametrize("case", [*SERVED, *NOT_SERVED], ids=str)
def test_a_kernel_is_asked_where_it_serves(case: dict[str, Any]) -> None:
    with kernels.use("fla", device=CUDA):
        assert is_served(**case) == (case in SERVED)


@pytest.mark.usefixtures("stand_in", "no_numbers")
@pytest.mark.parametrize(
    "length, width, value_width, device, served",
    [
        (64, 8, 5, "cuda", True),
        (16, 128, 128, "cuda", True),
        (1 << 17, 8, 5, "cuda", True),
        ((1 << 17) + 1, 8, 5, "cuda", False),
        (15, 8, 5, "cuda", False),
        (64, 129, 5, "cuda", False),
        (64, 8, 129, "cuda", False),
        (64, 8, 5, "cpu", False),
    ],
)
def test_the_tree_is_asked_for_where_it_serves(
    length: int, width: int, value_width: int, device: str, served: bool
) -> None:
    lie = partial(empty, 2, 3, length, device=device)
    keys, values, weights = lie(width), lie(value_width), lie(8)
    with kernels.use("fla", device=CUDA):
        y = kernels.fenwick_attention(keys, keys, values, weights, chunk_size=16)
    assert y is (values if served else weights)


@pytest.mark.usefixtures("stand_in", "no_numbers")
def test_nothing_is_asked_unless_it_is_chosen() -> None:
    assert not is_served()
    with kernels.use("fla", device=CUDA):
        assert is_served()
        with kernels.use("torch", device=CUDA):
            assert not is_served()
        assert is_served()
    assert not is_served()


class OtherRule(Linear):
    """A rule whose terms mean something else."""

    known_to_kernels = False


def test_a_rule_of_one_s_own_is_left_alone(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_serves", lambda q: True)
    shape = HeadShape(8, 2, 2, 4, 4)
    answers(OtherRule(shape, features=Elu), inputs(shape, length=40))
    assert stand_in.asked == []


@pytest.mark.parametrize("name", MEMORIES)
@pytest.mark.parametrize("cuts", [(), (32, 63)], ids=str)
@pytest.mark.parametrize("grouped", [False, True])
def test_kernels_are_given_what_they_document(
    name: str, cuts: tuple[int, ...], grouped: bool, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, operator = MEMORIES[name]
    shape = HeadShape(d_model=12, n_heads=2, n_kv_heads=1 if grouped else 2, key_width=6, value_width=5)
    torch.manual_seed(0)
    memory, given = make(shape), inputs(shape, length=100)
    expected = answers(memory, given)
    # Its device apart, a tensor is served as it would be on CUDA.
    monkeypatch.setattr(kernels, "_serves", lambda q: q.size(2) >= kernels.FEWEST_TOKENS)
    assert_close(answers(memory, given, cuts=cuts), expected, SINGLE)
    assert set(stand_in.asked) == {operator}


def test_fla_without_a_gpu_is_refused_with_the_remedy() -> None:
    message = r"trainer.kernels=fla expects a CUDA device and this run is on cpu; set trainer.kernels=torch"
    with pytest.raises(ValueError, match=message), kernels.use("fla", device=torch.device("cpu")):
        pass


def test_fla_without_the_package_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fla", None)
    message = r'cannot be imported .*pip install "mad\[fla\]", or set trainer.kernels=torch'
    with pytest.raises(ValueError, match=message), kernels.use("fla", device=CUDA):
        pass


def test_another_version_is_refused_by_name(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["fla"], "__version__", "0.5.1")
    with (
        pytest.raises(ValueError, match=r"expects flash-linear-attention 0.6, which is 0.5.1"),
        kernels.use("fla", device=CUDA),
    ):
        pass


needs_the_kernels = pytest.mark.skipif(
    not torch.cuda.is_available() or find_spec("fla") is None,
    reason="the kernels themselves need a CUDA device and flash-linear-attention",
)


@needs_the_kernels
@pytest.mark.parametrize("name", MEMORIES)
@pytest.mark.parametrize("cuts", [(), (64, 130)], ids=str)
@pytest.mark.parametrize("widths", [(32, 33), (64, 64), (11, 13)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_kernels_give_the_same(
    name: str, cuts: tuple[int, ...], widths: tuple[int, int], dtype: torch.dtype
) -> None:
    make, _ = MEMORIES[name]
    shape = HeadShape(24, 2, 1, *widths)
    torch.manual_seed(0)
    memory, given = make(shape).to(CUDA), inputs(shape, length=200, device=CUDA)
    expected = answers(memory, given)
    memory = memory.to(dtype)
    with kernels.use("fla", device=CUDA):
        found = answers(memory, [tensor.detach().to(dtype).requires_grad_() for tensor in given], cuts=cuts)
    assert_close(found, expected, TF32 if dtype == torch.float32 else BRAIN)
