"""The laws, for everything that `conf/` lists: a newcomer's part is tested by being there."""

import inspect
import random
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mad.blueprint import blueprint, resolved_class
from mad.mixers.base import Mixer
from tests.conf import composed, options
from tests.reference import SLOW, slow_attention

D_MODEL, HORIZON = 16, 140
LENGTHS = (1, 37, 63, 100, 140)
SMALL = (f"model.d_model={D_MODEL}", f"task.seq_len={HORIZON}", "task.n_pairs=8")

EXACT = 1e-9
"""Double precision: sums of 1e2 terms in another order differ by 1e-14, gradients through solves by 1e-11."""
SINGLE = 2e-4
"""Single precision, relative to the largest entry: 1e2 terms of 6e-8 each, times the condition of a chunk's
triangular solve and of the readout's division, which are of the order of 10 at these widths."""

BRAIN = 5e-2
"""Under bfloat16 autocast, whose rounding is 4e-3, through four matrices; of medians, since a readout that
divides by a sum of both signs (identity features) has no bound at its largest entry."""


def cases() -> dict[str, tuple[str, ...]]:
    """Every named model, every memory under plain features, every other part on a linear memory."""
    found = {f"model={name}": (f"model={name}",) for name in options("model")}
    for name in options("memory"):
        found[f"memory={name}"] = (
            "model=vanilla_linear",
            f"memory={name}",
            "readout=rms",
            _features_for(name),
        )
    for group in ("features", "readout", "convolution", "positions", "qk_norm", "gate"):
        for name in options(group):
            if (group, name) != ("features", "none"):
                found[f"{group}={name}"] = ("model=vanilla_linear", f"{group}={name}")
    for view in ("before_push", "after_push"):
        for memory in ("log_linear", "log_linear_mamba2", "log_linear_gated_delta"):
            reads = f"model.mixer.memory.reads={view}"
            found[f"memory={memory}/{view}"] = (*found[f"memory={memory}"], reads)
    for levels in ("NormalisedSoftplus", "Softmax"):
        target = f"model.mixer.memory.levels._target_=mad.mixers.levels.{levels}"
        found[f"levels={levels}"] = ("model=log_linear", target)
    return found


@cache
def _features_for(memory: str) -> str:
    target = composed("model=vanilla_linear", f"memory={memory}", "features=none")["model"]["mixer"]["memory"]
    takes = "features" in inspect.signature(resolved_class(target["_target_"])).parameters
    return f"features={'identity' if takes else 'none'}"


@cache
def _config(*overrides: str) -> Any:
    return composed(*overrides, *SMALL)["model"]["mixer"]


@pytest.fixture(params=cases().items(), ids=lambda case: case[0])
def mixer(request: pytest.FixtureRequest) -> Mixer:
    torch.manual_seed(0)
    return blueprint(_config(*request.param[1]))(D_MODEL).double()


def _tokens(length: int, *, dtype: torch.dtype = torch.float64, batch: int = 2) -> Tensor:
    noise = torch.Generator().manual_seed(length)
    return torch.randn(batch, length, D_MODEL, dtype=dtype, generator=noise).requires_grad_()


def _gradients(y: Tensor, x: Tensor, mixer: Mixer) -> list[Tensor]:
    # Weighted, so that a gradient that vanishes by symmetry cannot hide an error.
    weight = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    inputs = [x, *mixer.parameters()]
    found = torch.autograd.grad((y * weight).sum(), inputs, allow_unused=True)
    return [
        torch.zeros_like(tensor) if gradient is None else gradient
        for tensor, gradient in zip(inputs, found, strict=True)
    ]


def _cut(mixer: Mixer, x: Tensor, cuts: list[int]) -> tuple[Tensor, Any]:
    state, pieces = mixer.init_state(len(x)), []
    for first, last in zip([0, *cuts], [*cuts, x.size(1)], strict=True):
        y, state = mixer.mix(x[:, first:last], state)
        pieces.append(y)
    return torch.cat(pieces, dim=1), state


def _assert_close(found: Tensor, expected: Tensor, tolerance: float) -> None:
    error = (found - expected).abs().max() / (1 + expected.abs().max())
    assert error < tolerance, f"differs by {error:.1e} (relative to the largest entry)"


def _floats(state: Any) -> int:
    """Floats of one sequence in a real state."""
    if isinstance(state, Tensor):
        return state[0].numel()
    return sum(map(_floats, state)) if isinstance(state, tuple | list) else 0


@pytest.mark.parametrize("length", [37, 140])
def test_cutting_time_changes_nothing(mixer: Mixer, length: int) -> None:
    x = _tokens(length)
    y = mixer(x)
    gradients = _gradients(y, x, mixer)
    rng = random.Random(length)
    every_token = list(range(1, length))
    random_cuts = [sorted(rng.sample(every_token, n)) for n in (1, 5)]
    for cuts in (every_token, *random_cuts) if length < 64 else random_cuts:
        pieces, _ = _cut(mixer, x, cuts)
        _assert_close(pieces, y, EXACT)
        for found, expected in zip(_gradients(pieces, x, mixer), gradients, strict=True):
            _assert_close(found, expected, EXACT)


@pytest.mark.parametrize("length", [1, 37, 70])
def test_the_fast_form_equals_the_slow_loop(mixer: Mixer, length: int) -> None:
    memory = type(getattr(mixer, "memory", mixer)).__name__
    if memory not in SLOW:
        pytest.skip(f"tests/reference.py has no slow form of {memory} yet: write one")
    x = _tokens(length)
    expected = slow_attention(mixer, x)  # type: ignore[arg-type]
    y = mixer(x)
    _assert_close(y, expected, EXACT)
    for found, slow in zip(_gradients(y, x, mixer), _gradients(expected, x, mixer), strict=True):
        _assert_close(found, slow, EXACT)


def test_single_precision_is_close_to_double(mixer: Mixer) -> None:
    x = _tokens(100)
    expected = mixer(x)
    _assert_close(mixer.float()(x.float()).double(), expected, SINGLE)


def test_autocast_stays_close_to_single_precision(mixer: Mixer) -> None:
    x = _tokens(70, dtype=torch.float32)
    expected = mixer.float()(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = mixer(x)
    gradients = _gradients(found.float(), x, mixer)
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert (found.float() - expected).abs().median() < BRAIN * expected.abs().median()


def test_no_output_depends_on_a_later_token(mixer: Mixer) -> None:
    x = _tokens(100).detach()
    for position in (0, 31, 32, 63, 64, 98):
        changed = x.clone()
        changed[:, position + 1 :] = torch.randn_like(changed[:, position + 1 :])
        assert torch.equal(mixer(x)[:, : position + 1], mixer(changed)[:, : position + 1])


@pytest.mark.parametrize("length", [1, HORIZON])
def test_outputs_and_gradients_are_finite(mixer: Mixer, length: int) -> None:
    x = (3 * _tokens(length, dtype=torch.float32)).detach().requires_grad_()
    y = mixer.float()(x)
    assert y.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in _gradients(y, x, mixer))


@pytest.mark.parametrize("length", LENGTHS)
def test_the_declared_state_size_is_the_real_one(mixer: Mixer, length: int) -> None:
    _, state = _cut(mixer, _tokens(length), [])
    assert mixer.state_floats(length) == _floats(state)


class _LargestTensor(TorchDispatchMode):
    """Notes the largest tensor that any operation returns."""

    numel = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, Tensor):
                self.numel = max(self.numel, tensor.numel())
        return found


@pytest.mark.parametrize("memory", options("memory"))
def test_nothing_of_the_size_of_time_squared_is_made(memory: str) -> None:
    length = 2048
    narrow = ("model.mixer.n_heads=1", f"task.seq_len={2 * length}", "model.mixer.convolution.width=0")
    config = composed(
        "model=vanilla_linear", f"memory={memory}", "readout=rms", _features_for(memory), *narrow
    )
    if memory == "log_linear_008":
        config["model"]["mixer"]["memory"]["levels"]["horizon"] = 2 * length
    mixer: Mixer = blueprint(config["model"]["mixer"])(4)
    x = torch.randn(1, length, 4, requires_grad=True)
    with _LargestTensor() as largest:
        y, state = mixer.mix(x, mixer.init_state(1))
        y.sum().backward()
        with torch.no_grad():
            mixer.mix(x, state)
    assert largest.numel < length * length


def test_mixing_leaves_the_old_state_as_it_was(mixer: Mixer) -> None:
    x = _tokens(37).detach()
    _, state = _cut(mixer, x, [])
    once, _ = mixer.mix(x[:, :5], state)
    again, _ = mixer.mix(x[:, :5], state)
    assert torch.equal(once, again)


def test_flops_grow_with_the_sequence(mixer: Mixer) -> None:
    assert 0 < mixer.flops(32) < mixer.flops(64)


def test_a_sequence_past_the_horizon_is_refused(mixer: Mixer) -> None:
    limit = mixer.max_length
    if limit is None:
        assert mixer(_tokens(HORIZON + 1)).isfinite().all()
        return
    assert mixer(_tokens(limit)).isfinite().all()
    with pytest.raises(
        ValueError, match=rf"shorter than the sequence \({limit + 1}\); set .* to {limit + 1}"
    ):
        mixer(_tokens(limit + 1))
