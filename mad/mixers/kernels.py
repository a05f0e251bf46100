"""Other hands' kernels: on CUDA, flash-linear-attention's in place of our own torch code, if asked for.

Yang, Zhang: *FLA: A Triton-Based Library for Hardware-Efficient Implementations of Linear Attention
Mechanism*, 2024, https://github.com/fla-org/flash-linear-attention, as of 0.6 (``pip install "mad[fla]"``).

They serve

    no decay, or one per head      chunk_simple_gla
    a decay per channel            chunk_gla
    the delta rule, gated or not   chunk_gated_delta_rule; chunk_delta_rule refuses single precision
    the tree of log-linear         chunk_log_linear_attn, under whichever convention reads it: the state's
    attention                      blocks, and what is read from them, stay with :mod:`mad.mixers.log_linear`

for tensors on CUDA in fp32 or bf16, in pieces of `FEWEST_TOKENS` or more, with one write a token and keys up
to a limit. All else is computed by our own code. States enter and leave in fp32, so that time may still be
cut anywhere. What is too narrow for a kernel is padded with zeros, which change nothing.

Not the default: the kernels multiply fp32 numbers in TF32, rounded to 2^-11, and some add up in an order that
changes between runs; results would depend on what happens to be installed. ``trainer.kernels`` says it
instead, and is part of a run's meaning.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mad.mixers import fenwick
from mad.mixers.features import placed

FEWEST_TOKENS = 16
"""Shorter pieces are steps of a stream: the kernels' chunks, of 64 tokens, would be padding."""
WIDTH_MULTIPLE = 16
"""The smallest side of a matrix product in Triton; odd widths are refused in bf16."""
WIDEST_KEY = 256
"""What `chunk_gated_delta_rule` asserts, and up to where `chunk_gla` takes one way."""
LOG_LINEAR_KEY = 64
"""`chunk_log_linear_attn` takes keys in blocks of so many; its backward pass needs powers of two besides."""
WIDEST_LOG_LINEAR = 128
"""Of keys and values: its backward pass keeps a whole K x V block in the registers of a few warps."""
LONGEST_LOG_LINEAR = 1 << 17

# Of the process, as torch's own switches of this kind are: it belongs to the machine, not to a model.
_chosen = "torch"


@contextmanager
def use(name: str, *, device: torch.device) -> Iterator[None]:
    """Computes by ``torch`` alone or ``fla``'s kernels where they serve; ValueError if they cannot be had."""
    global _chosen
    if name == "fla":
        _check(device)
    before, _chosen = _chosen, name
    try:
        with warnings.catch_warnings():
            # It recommends a Triton that is too old for the rest of the package.
            warnings.filterwarnings("ignore", message="Triton>")
            yield
    finally:
        _chosen = before


def scan(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor | None,
    beta: Tensor | None,
    writes: int,
    position: Tensor | None,
    *,
    state: Tensor,
) -> tuple[Tensor, Tensor] | None:
    """Readings (B H T V) and the last state (B H K V) of a rule's `Terms`, or None where no kernel serves."""
    if not _serves(q) or writes > 1 or _placed_width(q, position) > WIDEST_KEY:
        return None
    return _scan(q, k, v, log_decay, beta, position, state)


def fenwick_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    weights: Tensor,
    log_decay: Tensor | None = None,
    position: Tensor | None = None,
    *,
    chunk_size: int,
) -> Tensor:
    """:func:`mad.mixers.fenwick.fenwick_attention`, by a kernel where one serves."""
    wide = max(_placed_width(q, position), v.size(-1)) > WIDEST_LOG_LINEAR
    if not _serves(q) or wide or q.size(2) > LONGEST_LOG_LINEAR:
        return fenwick.fenwick_attention(q, k, v, weights, log_decay, position, chunk_size=chunk_size)
    return _tree(q, k, v, weights, log_decay, position)


def _serves(q: Tensor) -> bool:
    return (
        _chosen == "fla"
        and q.is_cuda
        and q.dtype in (torch.float32, torch.bfloat16)
        and q.size(2) >= FEWEST_TOKENS
    )


def _placed_width(q: Tensor, position: Tensor | None) -> int:
    return q.size(-1) * (1 if position is None else position.size(-1))


def _scan(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor | None,
    beta: Tensor | None,
    position: Tensor | None,
    state: Tensor,
) -> tuple[Tensor, Tensor]:
    """One matrix per head under a rule."""
    key_width, value_width = state.shape[-2:]
    missing_keys, missing_values = -key_width % WIDTH_MULTIPLE, -value_width % WIDTH_MULTIPLE
    q, k = (_tokens_first(F.pad(placed(tensor, position), (0, missing_keys))) for tensor in (q, k))
    v = _tokens_first(F.pad(v, (0, missing_values)))
    # Without a scale the kernels would divide by the root of K.
    common = {
        "scale": 1.0,
        "initial_state": F.pad(state.float(), (0, missing_values, 0, missing_keys)),
        "output_final_state": True,
    }
    if beta is not None:
        # The plain rule is the gated one with log decays of 0.
        faded = torch.zeros_like(beta) if log_decay is None else log_decay
        y, last = _fla().chunk_gated_delta_rule(
            q, k, v, g=_tokens_first(faded).float(), beta=_tokens_first(beta), **common
        )
    elif log_decay is not None and log_decay.ndim == 4:
        faded = _tokens_first(F.pad(log_decay, (0, missing_keys))).float()
        y, last = _fla().chunk_gla(q, k, v, g=faded, **common)
    else:
        fading = None if log_decay is None else _tokens_first(log_decay).float()
        y, last = _fla().chunk_simple_gla(q, k, v, g=fading, **common)
    return y.transpose(1, 2)[..., :value_width], last[..., :key_width, :value_width].to(state.dtype)


def _tree(
    q: Tensor, k: Tensor, v: Tensor, weights: Tensor, log_decay: Tensor | None, position: Tensor | None
) -> Tensor:
    """The sum over levels from the first token on, without a state."""
    q, k = placed(q, position), placed(k, position)
    missing_keys, missing_values = (
        max(least, 1 << (tensor.size(-1) - 1).bit_length()) - tensor.size(-1)
        for tensor, least in ((q, LOG_LINEAR_KEY), (v, WIDTH_MULTIPLE))
    )
    fading = q.new_zeros(q.shape[:3]) if log_decay is None else log_decay
    y, _ = _fla().chunk_log_linear_attn(
        _tokens_first(F.pad(q, (0, missing_keys))),
        _tokens_first(F.pad(k, (0, missing_keys))),
        _tokens_first(F.pad(v, (0, missing_values))),
        _tokens_first(fading).float(),
        _tokens_first(weights.to(v.dtype)),
        scale=1.0,
    )
    return y.transpose(1, 2)[..., : v.size(-1)]


def _tokens_first(tensor: Tensor) -> Tensor:
    """(B H T ...) to (B T H ...), as the kernels take it."""
    return tensor.transpose(1, 2).contiguous()


def _check(device: torch.device) -> None:
    if device.type != "cuda":
        raise ValueError(
            f"trainer.kernels=fla expects a CUDA device and this run is on {device}; "
            "set trainer.kernels=torch, or launch.device=cuda where there is one"
        )
    try:
        found = f"is {import_module('fla').__version__}"
        _fla()
    except ImportError as error:
        found = f"cannot be imported ({error})"
    if not found.startswith("is 0.6."):
        raise ValueError(
            f'trainer.kernels=fla expects flash-linear-attention 0.6, which {found}; pip install "mad[fla]", '
            "or set trainer.kernels=torch"
        )


@cache
def _fla() -> Any:
    """The package's operators, imported when they are wanted."""
    return import_module("fla.ops")
