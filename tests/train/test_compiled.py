"""Compiled training is training: same numbers but for rounding, same names; an error says what to do."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mad.train import room
from mad.train.checkpoint import weights_sha256
from mad.train.compiled import CompiledGradient
from mad.train.gradient import EagerGradient
from mad.train.interrupt import Preempted
from mad.train.minibatch import Minibatch, Minibatches
from tests.train.small import CPU, Data, Pairs, small_model, trained

# PyTorch's compiler warns of PyTorch's own ways.
pytestmark = pytest.mark.filterwarnings("ignore")

CLOSE = {"rtol": 1e-3, "atol": 1e-5}
"""Single precision: the same sums in another order, made larger by some steps of Adam."""


@pytest.fixture(autouse=True)
def _as_if_nothing_had_been_compiled() -> None:
    torch.compiler.reset()


@pytest.fixture
def _no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training compiles as far as graphs of PyTorch's own operators, which takes no C++ compiler."""
    monkeypatch.setattr(room, "CompiledGradient", partial(CompiledGradient, backend="aot_eager"))


def first_minibatch() -> Minibatch:
    return Minibatches(Data(), batch_size=16, seed=0, one_length=True).at(0)


def compiled(model: nn.Module, *, backend: Any) -> CompiledGradient:
    return CompiledGradient(EagerGradient(model, precision="fp32"), n_rows=16, device=CPU, backend=backend)


def trained_both_ways(folder: Path, **changes: Any) -> tuple[Pairs, Pairs]:
    models = small_model(), small_model()
    for model, compile_ in zip(models, (False, True), strict=True):
        (folder / str(compile_)).mkdir()
        outcome = trained(folder / str(compile_), model, compile=compile_, **changes)
        assert outcome.status == "finished"
    return models


@pytest.mark.usefixtures("_no_code")
def test_compiled_training_gives_the_same_weights_under_the_same_names(tmp_path: Path) -> None:
    eager, other = trained_both_ways(tmp_path)
    torch.testing.assert_close(other.state_dict(), eager.state_dict(), **CLOSE)


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_generated_code_gives_the_same_weights_with_dropout(tmp_path: Path) -> None:
    eager, other = trained_both_ways(tmp_path, steps=3, validate_every=3)
    torch.testing.assert_close(other.state_dict(), eager.state_dict(), **CLOSE)


@pytest.mark.usefixtures("_no_code")
@pytest.mark.parametrize("call", [3, 14])
def test_a_compiled_run_that_was_stopped_ends_with_the_same_bits(tmp_path: Path, call: int) -> None:
    calls = iter(range(1, call))

    def stop() -> None:
        if next(calls, None) is None:
            raise Preempted("SIGTERM")

    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole, resumed = small_model(), small_model(seed=7)
    trained(tmp_path / "whole", whole, compile=True)
    assert trained(tmp_path / "parts", small_model(), compile=True, check=stop).status == "preempted"
    trained(tmp_path / "parts", resumed, compile=True)
    assert weights_sha256(resumed.state_dict()) == weights_sha256(whole.state_dict())


def test_only_whole_minibatches_are_compiled_and_once() -> None:
    shapes: list[list[int]] = []

    def counting(graph: Any, inputs: list[Tensor]) -> Callable[..., Any]:
        shapes.append([len(tensor) for tensor in inputs if tensor.dtype == torch.long])
        return graph.forward

    batches = Minibatches(Data(), batch_size=16, seed=0, one_length=True)
    gradient = compiled(small_model(), backend=counting)
    sizes = {len(batches.at(step).inputs) for step in range(8)}
    for step in range(8):
        gradient(batches.at(step))
    assert sizes == {16, 12}
    assert [shape for shape in shapes if shape] == [[16]]


def failing(graph: Any, inputs: list[Tensor]) -> Any:
    raise OSError("the disk is full\nof all things")


def test_a_compiler_that_fails_is_named_with_the_remedy() -> None:
    message = r"torch.compile failed with .*the disk is full.*set trainer.compile=false"
    with pytest.raises(ValueError, match=message):
        compiled(small_model(), backend=failing)


def test_a_missing_compiler_is_named_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch._inductor.config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("there-is-no-such-compiler",))
    with pytest.raises(ValueError, match=r"on a CPU: C\+\+.*install one, or set trainer.compile=false"):
        compiled(small_model(), backend="inductor")


def doubling(graph: Any, inputs: list[Tensor]) -> Callable[..., Any]:
    """A compiler that is wrong without a word about whatever has a gradient."""
    return lambda *given: tuple(2 * out if out.requires_grad else out for out in graph.forward(*given))


def test_a_compiler_that_is_wrong_is_found_out() -> None:
    gradient = compiled(small_model(dropout=0.0), backend=doubling)
    with pytest.raises(ValueError, match=r"differ by more than rounding; set trainer.compile=false"):
        gradient(first_minibatch())


class Twice(torch.autograd.Function):
    """2 x, with a backward written by hand."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        return 2 * dy


class PairsTwice(Pairs):
    """Has a function with a backward written by hand in its middle."""

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.tanh(Twice.apply(super().forward(tokens)))


def doubling_functions(graph: Any, inputs: list[Tensor]) -> Callable[..., Any]:
    """A compiler that is wrong about functions with a backward of their own."""
    wrong = any("autograd_function_apply" in str(node.target) for node in graph.graph.nodes)
    return doubling(graph, inputs) if wrong else graph.forward


def test_functions_written_by_hand_are_left_out_where_the_compiler_gets_them_wrong() -> None:
    torch.manual_seed(0)
    model, batch = PairsTwice(dropout=0.0), first_minibatch()
    expected = EagerGradient(model, precision="fp32")(batch)
    gradients = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    assert compiled(model, backend=doubling_functions)(batch) == expected
    torch.testing.assert_close([parameter.grad for parameter in model.parameters()], gradients)
