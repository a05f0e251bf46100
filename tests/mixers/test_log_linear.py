"""Log-linear attention against its definition, and the facts peculiar to it."""

from functools import partial

import pytest
import torch
from torch import Tensor

from mad.mixers.decay import PerChannel
from mad.mixers.features import Cosine, Elu, Identity, placed
from mad.mixers.fenwick import fenwick_attention
from mad.mixers.fenwick_tree import level_table
from mad.mixers.levels import Softmax, Softplus
from mad.mixers.linear import Linear
from mad.mixers.log_linear import LogLinear, aligned_pieces
from mad.shapes import HeadShape
from tests.reference import level_row

LENGTHS = (1, 37, 128, 704)


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _definition(q: Tensor, k: Tensor, v: Tensor, weights: Tensor, log_decay: Tensor | None) -> Tensor:
    """Equation (2) of the paper as a T x T matrix; a decay is per head (B H T) or per channel (B H T K)."""
    length = q.size(2)
    token = torch.arange(length)
    level = torch.tensor([[(t ^ s).bit_length() for s in range(length)] for t in range(length)])
    causal = token <= token[:, None]
    total = torch.zeros_like(q[..., 0]) if log_decay is None else log_decay.cumsum(2)
    total = total if total.ndim == 4 else total[..., None].expand_as(q)
    fade = (total[:, :, :, None] - total[:, :, None]).where(causal[..., None], 0.0).exp()
    scores = torch.einsum("bhtk,bhsk,bhtsk->bhts", q, k, fade)
    shares = weights.gather(-1, level.where(causal, 0).expand(*q.shape[:2], -1, -1)) * causal
    return (scores * shares) @ v


@pytest.mark.parametrize("decayed", [False, True])
@pytest.mark.parametrize("positioned", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("chunk_size", [1, 16, 64])
def test_the_tree_equals_the_quadratic_definition(
    length: int, positioned: bool, decayed: bool, chunk_size: int
) -> None:
    n_levels = (length - 1).bit_length() + 1
    inputs = [_random(2, 3, length, width, seed=seed) for seed, width in enumerate((4, 4, 5))]
    inputs.append(_random(2, 3, length, n_levels, seed=7).sigmoid())
    if decayed:
        inputs.append(-_random(2, 3, length, seed=8).abs())
    inputs = [tensor.requires_grad_() for tensor in inputs]
    q, k, v, weights = inputs[:4]
    log_decay = inputs[4] if decayed else None
    position = _random(length, 3, seed=6) if positioned else None
    found = fenwick_attention(q, k, v, weights, log_decay, position, chunk_size=chunk_size)
    expected = _definition(placed(q, position), placed(k, position), v, weights, log_decay)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    upstream = _random(*found.shape, seed=9)
    for fast, slow in zip(
        torch.autograd.grad(found, inputs, upstream),
        torch.autograd.grad(expected, inputs, upstream),
        strict=True,
    ):
        torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_memory_equals_the_quadratic_definition(length: int) -> None:
    shape = HeadShape(d_model=6, n_heads=2, n_kv_heads=2, key_width=3, value_width=4)
    torch.manual_seed(0)
    memory = LogLinear(
        shape, inner=Linear, features=partial(Cosine, horizon=704), levels=partial(Softmax, horizon=704)
    ).double()
    q, k = _random(2, length, 2, 3), _random(2, length, 2, 3, seed=1)
    v, x = _random(2, length, 2, 4, seed=2), _random(2, length, 6, seed=3)
    state = memory.init_state(2, like=v)
    y, _ = memory(q, k, v, x, start=0, state=state)
    features, weights = memory.inner.features, memory.levels(x)
    phi_q, phi_k = features(q, start=0), features(k, start=0)
    expected = _definition(*(tensor.transpose(1, 2) for tensor in (phi_q, phi_k, v, weights)), None)
    torch.testing.assert_close(y, expected.transpose(1, 2), rtol=1e-9, atol=1e-9)


def test_a_decay_per_channel_fades_every_level() -> None:
    shape = HeadShape(d_model=6, n_heads=2, n_kv_heads=2, key_width=3, value_width=4)
    torch.manual_seed(0)
    inner = partial(Linear, decay=partial(PerChannel, rank=2, temperature=1.0))
    memory = LogLinear(shape, inner=inner, features=Identity, levels=partial(Softplus, horizon=150)).double()
    q, k = _random(2, 150, 2, 3), _random(2, 150, 2, 3, seed=1)
    v, x = _random(2, 150, 2, 4, seed=2), _random(2, 150, 6, seed=3)
    y, _ = memory(q, k, v, x, start=0, state=memory.init_state(2, like=v))
    decay = memory.inner.decay(x).log_decay
    expected = _definition(*(tensor.transpose(1, 2) for tensor in (q, k, v, memory.levels(x), decay)))
    torch.testing.assert_close(y, expected.transpose(1, 2), rtol=1e-9, atol=1e-9)


def test_the_level_is_the_block_that_a_fenwick_tree_really_has() -> None:
    token = torch.arange(300)
    table = level_table(token[:, None], token)
    for t in range(300):
        assert table[t, : t + 1].tolist() == [level_row(t, s) for s in range(t + 1)]


def test_a_query_after_the_push_at_a_power_of_two_sees_one_block() -> None:
    for end in (1, 2, 4, 64, 128):
        assert len({level_row(end - 1, s, "after_push") for s in range(end)}) == 1


def test_equal_weights_are_plain_linear_attention() -> None:
    shape = HeadShape(d_model=6, n_heads=2, n_kv_heads=2, key_width=3, value_width=4)
    levels = LogLinear(shape, inner=Linear, features=Elu, levels=partial(Softplus, horizon=100)).double()
    torch.nn.init.zeros_(levels.levels.project.weight)
    plain = Linear(shape, features=Elu)
    q, k = _random(2, 100, 2, 3), _random(2, 100, 2, 3, seed=1)
    v, x = _random(2, 100, 2, 4, seed=2), _random(2, 100, 6, seed=3)
    y, _ = levels(q, k, v, x, start=0, state=levels.init_state(2, like=v))
    expected, _ = plain(q, k, v, x, start=0, state=plain.init_state(2, like=v))
    torch.testing.assert_close(
        y, torch.log(torch.tensor(2.0, dtype=y.dtype)) * expected, rtol=1e-9, atol=1e-9
    )


def test_pieces_cover_the_segment_and_start_where_older_blocks_keep_their_level() -> None:
    for start, end in ((0, 704), (37, 300), (1, 2), (63, 65), (96, 128)):
        pieces = list(aligned_pieces(start, end, 64))
        assert [piece[0] for piece in pieces] == [start, *(piece[1] for piece in pieces[:-1])]
        assert pieces[-1][1] == end
        for first, last in pieces:
            assert first % (1 << (last - first - 1).bit_length()) == 0
