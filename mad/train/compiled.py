"""The gradient under torch.compile: forward and backward pass as generated code, for long runs.

Only the shape that nearly all updates have is compiled: all minibatches of an epoch are cut at one length,
and the last one of a component, if it holds fewer sequences, goes op by op. So does all scoring: it is a
small part of a run, and its shapes are many. What the compiler makes lies in torch's cache on the disk
(TORCHINDUCTOR_CACHE_DIR, by default a folder a user): the runs of a sweep, and a run that is resumed, find it
there.

A compiler can be wrong without a word. The first minibatch of every shape is therefore computed both ways,
and where the gradients differ by more than rounding, once more with all functions whose backward is written
by hand left out of the generated code: their writing in place is what the compiler gets wrong. If that does
not help the run ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mad.train.gradient import EagerGradient, Gradient
from mad.train.minibatch import Minibatch

ROUNDING = {"fp32": 1e-3, "bf16": 1e-1}
"""How far a weight's compiled gradient may lie from the other, as a share of its norm. Sums in another order
change fp32 by some 1e-6, bf16 by its 2^-8 a step; a wrong gradient differs by its whole length."""
OF_ALL = 1e-2
"""The share of the whole gradient's norm that counts for a weight whose own gradient is shorter."""

MOST_SHAPES = 64
"""A component of a mixture has one shape, or a few if its epochs end at different questions."""


class CompiledGradient:
    """What ``eager`` computes, by generated code where a minibatch has ``n_rows`` sequences.

    Raises ValueError if there is no working compiler; called on a new shape, also if the compiler fails on
    the model, or makes something else of it.
    """

    def __init__(
        self, eager: EagerGradient, *, n_rows: int, device: torch.device, backend: str = "inductor"
    ) -> None:
        self._eager, self._n_rows, self._device = eager, n_rows, device
        self._backend = backend
        self._known: set[torch.Size] = set()
        self._by_hand_left_out = False
        with _explained():
            # Next to nothing: whether there is a compiler is known before a run begins.
            torch.compile(lambda x: x.sin() + 1, backend=backend)(torch.ones(2, device=device))
        self._compile()

    def _compile(self) -> None:
        # Random numbers as drawn op by op: dropout is then the same, too.
        options: Any = {"fallback_random": True} if self._backend == "inductor" else None
        model: Any = self._eager.model
        compiled: Any = torch.compile(model, dynamic=False, backend=self._backend, options=options)
        self._compiled = EagerGradient(compiled, precision=self._eager.precision)

    def __call__(self, batch: Minibatch) -> Tensor:
        """See ``mad.train.gradient.Gradient``."""
        if len(batch.inputs) < self._n_rows:
            return self._eager(batch)
        if batch.inputs.shape in self._known:
            return self._compiled(batch)
        try:
            return self._compared(batch)
        except ValueError:
            if self._by_hand_left_out:
                raise
        self._by_hand_left_out = True
        _leave_out(_written_by_hand())
        torch.compiler.reset()
        self._known.clear()
        self._compile()
        return self._compared(batch)

    def _compared(self, batch: Minibatch) -> Tensor:
        """The first time that a shape comes. Raises ValueError if it does not go well."""
        _, expected = self._afresh(self._eager, batch)
        with _explained():
            loss, found = self._afresh(self._compiled, batch)
        if not _alike(expected, found, tolerance=ROUNDING[self._eager.precision]):
            raise ValueError(
                "trainer.compile=true expects that the compiled model has the gradients of the model as it "
                "is, and they differ by more than rounding; set trainer.compile=false"
            )
        self._known.add(batch.inputs.shape)
        return loss

    def _afresh(self, gradient: Gradient, batch: Minibatch) -> tuple[Tensor, list[Tensor]]:
        """The loss and the gradient of every weight, from the same random numbers each time."""
        parameters = list(self._eager.model.parameters())
        for parameter in parameters:
            parameter.grad = None
        with torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            loss = gradient(batch)
        return loss, [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]


def _alike(expected: list[Tensor], found: list[Tensor], *, tolerance: float) -> bool:
    """Whether two gradients are one but for rounding; one that is not finite is the optimiser's business."""
    lengths = torch.stack([gradient.norm() for gradient in expected])
    distances = torch.stack([(a - b).norm() for a, b in zip(expected, found, strict=True)])
    if not lengths.isfinite().all():
        return True
    return bool((distances <= tolerance * (lengths + OF_ALL * lengths.norm())).all())


@contextmanager
def _explained() -> Iterator[None]:
    """Turns whatever the compiler raises into a ValueError that says how to do without it."""
    # One shape more than the limit would be computed op by op from then on, and nobody told.
    try:
        with torch._dynamo.config.patch(recompile_limit=MOST_SHAPES, fail_on_recompile_limit_hit=True):
            yield
    except Exception as error:
        cause = getattr(error, "inner_exception", error)
        reason = next((line.strip() for line in str(cause).splitlines() if line.strip()), "no reason given")
        raise ValueError(
            f"trainer.compile=true: torch.compile failed with {type(cause).__name__}: {reason}. It expects a "
            "compiler that works (on a CPU: C++, on CUDA: Triton); install one, or set trainer.compile=false"
        ) from error


def _written_by_hand() -> list[type[torch.autograd.Function]]:
    """All functions with a backward of their own that are not PyTorch's."""
    found, open_ = [], [torch.autograd.Function]
    while open_:
        for function in open_.pop().__subclasses__():
            open_.append(function)
            if function.__module__.partition(".")[0] != "torch":
                found.append(function)
    return found


def _leave_out(functions: list[type[torch.autograd.Function]]) -> None:
    """Has the compiler end its graph before each of them and begin another behind it."""
    for function in functions:
        forward: Any = torch.compiler.disable(function.forward)
        function.forward = staticmethod(forward)  # type: ignore[method-assign]
