"""The peers compute what we compute."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.cores import Problem, cosine, gated, linear, log_linear, memory_side
from benchmarks.dense_levels import DenseLevels, level_masks, masked_products, one_product
from mad.mixers.log_linear import LogLinear
from mad.mixers.readout import Denominator
from mad.shapes import HeadShape
from tests.reference import level_row

EXACT = 1e-10
"""Double precision: the same sums in another order."""


def answers(memory: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    """Readings of a memory, and the gradients of all its inputs."""
    q, k, v, x = inputs
    y, _ = memory(q, k, v, x, start=0, state=memory.init_state(len(q), like=q))
    return [y, *torch.autograd.grad((y * torch.arange(y.numel()).view_as(y).cos()).sum(), inputs)]


@pytest.mark.parametrize("reads", ["own_token", "before_push", "after_push"])
@pytest.mark.parametrize("length", [3, 37, 100])
@pytest.mark.parametrize("attend", [masked_products, one_product])
def test_the_dense_peer_is_log_linear_attention(reads: str, length: int, attend: Any) -> None:
    torch.manual_seed(0)
    problem = Problem(batch=2, heads=2, length=length, width=5)
    shape = HeadShape(10, 2, 2, 5, 5)
    # A row more than own_token needs: the other conventions begin counting one level later.
    x = torch.rand(2, length, 2 * (problem.n_levels + 2), dtype=torch.float64)
    inputs = [torch.randn(2, length, 2, 5, dtype=torch.float64) for _ in range(3)] + [x]
    inputs = [tensor.requires_grad_() for tensor in inputs]
    ours, dense = (
        log_linear(problem, memory=memory, reads=reads)(shape, cosine(problem))
        for memory in (LogLinear, partial(DenseLevels, attend=attend))
    )
    for found, expected in zip(answers(dense, inputs), answers(ours, inputs), strict=True):
        torch.testing.assert_close(found, expected, atol=EXACT, rtol=EXACT)


@pytest.mark.parametrize("reads", ["own_token", "before_push", "after_push"])
def test_every_source_is_read_at_the_level_of_its_block(reads: str) -> None:
    masks = level_masks(70, reads=reads)
    for t in range(70):
        for s in range(t + 1):
            row = level_row(t, s, reads)
            assert masks[:, t, s].nonzero().flatten().tolist() == ([] if row is None else [row])
    assert not masks.triu(1).any()


@pytest.mark.parametrize("rule", [linear, gated])
def test_a_core_is_called_forward_and_backward(rule: Any) -> None:
    problem = Problem(batch=1, heads=2, length=37, width=4)
    make = log_linear(problem, inner=rule)
    assert memory_side(problem, make, features=cosine(problem), readout=Denominator)() is None
