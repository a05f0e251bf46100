"""Log-linear attention on a GPU: our own torch code, flash-linear-attention's kernel, PyTorch's SDPA."""

from collections.abc import Callable
from importlib.util import find_spec
from itertools import product

import torch

from benchmarks.cores import Problem, log_linear, memory_side, sdpa_side
from benchmarks.paired import Side, by_turns
from benchmarks.record import Row, unmeasured
from mad.mixers import kernels

CUDA = torch.device("cuda")
TOKENS = 1 << 17
"""Batch times heads times length: enough work for a large GPU."""
PROBLEMS = [
    Problem(batch=TOKENS // length // 4, heads=4, length=length, width=64, device="cuda", dtype=dtype)
    for length, dtype in product((2048, 8192), (torch.float32, torch.bfloat16))
]
NOTE = "identity features, no denominator; the kernel is the one of trainer.kernels=fla"


def rows() -> list[Row]:
    """Both comparisons for every problem, and for each that cannot be had a row that says why."""
    missing = {"SDPA / ours": "", "ours / ours by fla's kernel": ""}
    if not torch.cuda.is_available():
        missing = dict.fromkeys(missing, "no GPU at hand")
    elif find_spec("fla") is None:
        missing["ours / ours by fla's kernel"] = "flash-linear-attention is not installed"
    found: list[Row] = []
    for problem in PROBLEMS:
        measured = [] if all(missing.values()) else compared(problem, with_fla=not any(missing.values()))
        absent = [unmeasured(name_of(what, problem), why) for what, why in missing.items() if why]
        found += [*measured, *absent]
    return found


def compared(problem: Problem, *, with_fla: bool) -> list[Row]:
    """SDPA, and the kernel where it is at hand, against our own code."""
    make = log_linear(problem)
    sides = {"ours": memory_side(problem, make), "SDPA": sdpa_side(problem)}
    if with_fla:
        sides["fla"] = by_kernels(lambda: memory_side(problem, make))
    paired = by_turns(sides)
    ratios = {"SDPA / ours": ("SDPA", "ours")}
    if with_fla:
        ratios |= {"ours / ours by fla's kernel": ("ours", "fla")}
    return [
        Row(
            what=name_of(what, problem),
            unit="x",
            observed=paired.ratio(*pair),
            sides={side: paired.spread(side) for side in pair},
            note=NOTE,
        )
        for what, pair in ratios.items()
    ]


def by_kernels(side: Callable[[], Side]) -> Side:
    """A side that is made, and always called, with flash-linear-attention's kernels in their place."""
    with kernels.use("fla", device=CUDA):
        inner = side()

    def call() -> None:
        with kernels.use("fla", device=CUDA):
            inner()

    return call


def name_of(what: str, problem: Problem) -> str:
    """The row's name."""
    return f"{what} on CUDA, identity, {problem.words}"
