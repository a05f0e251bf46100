"""The log-linear core against dense level masks, PyTorch's SDPA and plain linear attention."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch

from benchmarks import on_cuda
from benchmarks.cores import Problem, cosine, gated, linear, log_linear, memory_side, sdpa_side
from benchmarks.dense_levels import DenseLevels, one_product
from benchmarks.machine import GEMM_FLOPS, gemm, this_machine
from benchmarks.paired import Pace, Side, Spread, by_turns
from benchmarks.peak import peak_mib
from benchmarks.record import Row, Target, publish, unmeasured
from mad.mixers.readout import Denominator
from mad.train.machine import keep_freed_memory

ABOUT = (
    "Forward and backward, fp32. `ours` is the memory as a layer calls it; projections are left out on "
    "every side. The dense masks are reconstructed from experiment 008's log (its code is not at hand): "
    "a binary (T, T) mask a level, multiplied with the scores, and a product with the values a level. "
    "`folded` is the same peer at its best, with one product. Both have the same features, level "
    "weights and denominator as ours. SDPA is causal, in its own layout, and normalises, so that ours "
    "divides as well. Memory is malloc's as any script finds it; `freed memory kept` is once more as it is "
    "in a run, where no side waits for the kernel to clear pages: that helps peers with large matrices most."
)
SHAPES = {128: 64, 512: 16, 2048: 4, 8192: 2}
"""Batch times heads, by length: about the same number of tokens."""
DENSE_TARGETS = {128: 6.0, 512: 20.0, 2048: 150.0}
SDPA_TARGETS = {2048: 4.0, 8192: 12.0}
GROWTH = (512, 1024, 2048, 4096, 8192, 16384, 32768)
BACKWARD_AND_FORWARD = 3
RULES = {"plain": linear, "gated": gated}


def rows(*, device: str) -> list[Row]:
    """Everything that is timed on one device."""
    problems = [_problem(length, device=device) for length in SHAPES]
    found = [row for p in problems if p.length in DENSE_TARGETS for row in against_dense(p)]
    found += [row for p in problems for row in against_sdpa(p)]
    found += [against_linear(p) for p in problems]
    found += [against_linear(p, rule="gated") for p in problems]
    found += [after_push(p) for p in problems]
    return [*found, growth(device=device)]


def against_dense(problem: Problem) -> list[Row]:
    """With cosine features and a denominator on all sides."""
    sides = {name: dense_or_ours(problem, name) for name in ("ours", "dense", "folded")}
    paired = by_turns(sides, pace=Pace(budget_seconds=12, least_rounds=3))
    name = f"dense level masks / ours, cosine, {problem.words}"
    target = Target(at_least=DENSE_TARGETS[problem.length])
    spreads = paired.spreads()
    return [
        Row(
            what=name,
            unit="x",
            observed=paired.ratio("dense", "ours"),
            target=target if problem.device == "cpu" else None,
            sides={side: spreads[side] for side in ("ours", "dense")},
            note="reconstructed peer",
        ),
        Row(
            what=name.replace("masks", "masks, folded,"),
            unit="x",
            observed=paired.ratio("folded", "ours"),
            sides={side: spreads[side] for side in ("ours", "folded")},
        ),
    ]


def dense_or_ours(problem: Problem, name: str) -> Side:
    """A side of the comparison with dense masks, by name."""
    make = {
        "ours": log_linear(problem),
        "dense": log_linear(problem, memory=DenseLevels),
        "folded": log_linear(problem, memory=partial(DenseLevels, attend=one_product)),
        "after_push": log_linear(problem, reads="after_push"),
    }[name]
    return memory_side(problem, make, features=cosine(problem), readout=Denominator)


def peak_memory(*, length: int = 2048) -> Row:
    """What a call needs beyond its start, inputs and gradients included."""
    problem, small = _problem(length), Problem(batch=1, heads=2, length=64, width=16)
    peaks = {
        name: peak_mib(partial(dense_or_ours, problem, name), small=partial(dense_or_ours, small, name))
        for name in ("ours", "dense", "folded")
    }
    return Row(
        what=f"peak memory, ours / dense level masks, cosine, {problem.words}",
        unit="x",
        observed=Spread.of([peaks["ours"] / peaks["dense"]]),
        target=Target(at_most=0.1),
        sides={name: Spread.of([peak]) for name, peak in peaks.items()},
        side_unit="MiB",
        note="resident memory over the baseline, a process a side",
    )


def against_sdpa(problem: Problem) -> list[Row]:
    """With cosine features and without."""
    ours = partial(memory_side, problem, log_linear(problem), readout=Denominator)
    sides = {"cosine": ours(features=cosine(problem)), "identity": ours(), "SDPA": sdpa_side(problem)}
    paired = by_turns(sides)
    bound = SDPA_TARGETS.get(problem.length)
    return [
        Row(
            what=f"SDPA / ours, {features}, {problem.words}",
            unit="x",
            observed=paired.ratio("SDPA", features),
            target=Target(at_least=bound) if bound and problem.device == "cpu" else None,
            sides={side: paired.spread(side) for side in (features, "SDPA")},
        )
        for features in ("cosine", "identity")
    ]


def against_linear(problem: Problem, *, rule: str = "plain") -> Row:
    """Both with cosine features and no denominator."""
    inner = RULES[rule]
    sides = {
        "ours": memory_side(problem, log_linear(problem, inner=inner), features=cosine(problem)),
        "linear": memory_side(problem, inner, features=cosine(problem)),
    }
    paired = by_turns(sides, pace=Pace(budget_seconds=3))
    return Row(
        what=f"ours / our own {rule} linear attention, cosine, {problem.words}",
        unit="x",
        observed=paired.ratio("ours", "linear"),
        target=Target(at_most=2.3) if (problem.device, rule) == ("cpu", "plain") else None,
        sides=paired.spreads(),
    )


def after_push(problem: Problem) -> Row:
    """What experiment 008's convention costs."""
    paired = by_turns(
        {name: dense_or_ours(problem, name) for name in ("after_push", "ours")}, pace=Pace(budget_seconds=3)
    )
    return Row(
        what=f"ours read after the push (as experiment 008) / ours, cosine, {problem.words}",
        unit="x",
        observed=paired.ratio("after_push", "ours"),
        sides=paired.spreads(),
    )


def growth(*, device: str, lengths: Sequence[int] = GROWTH) -> Row:
    """The power of T with which the time grows at a fixed batch times heads."""
    problems = {
        f"T={length}": Problem(batch=1, heads=2, length=length, width=16, device=device) for length in lengths
    }
    sides = {name: memory_side(p, log_linear(p), features=cosine(p)) for name, p in problems.items()}
    paired = by_turns(sides, pace=Pace(budget_seconds=15))
    return Row(
        what=f"growth exponent of time, cosine, T={lengths[0]} to {lengths[-1]}, B·H=2, d=16",
        unit="",
        observed=paired.exponent({name: p.length for name, p in problems.items()}),
        target=Target(at_most=1.2) if device == "cpu" else None,
        sides=paired.spreads(),
        note="least squares on logarithms, in every round",
    )


def share_of_peak(*, length: int = 8192, width: int = 64) -> list[Row]:
    """Operations of the matrix products that the algorithm needs, over those of an sgemm in the same time."""
    problem = Problem(batch=1, heads=2, length=length, width=width)
    sides = {
        "cosine": memory_side(problem, log_linear(problem), features=cosine(problem)),
        "identity": memory_side(problem, log_linear(problem)),
        "sgemm": gemm(),
    }
    paired = by_turns(sides)
    found = []
    for features, between in (("identity", width), ("cosine", 2 * width)):
        flops, causal = (product_flops(problem, between=between, within=part) for part in (1.0, 0.5))
        ratio = paired.ratio("sgemm", features)
        share = 100 * ratio.median * causal / GEMM_FLOPS
        found.append(
            Row(
                what=f"share of the sgemm peak, {features}, {problem.words}",
                unit="%",
                observed=ratio.times(100 * flops / GEMM_FLOPS),
                target=Target(at_least=35),
                sides={side: paired.spread(side) for side in (features, "sgemm")},
                note="3 B H T (4 C d + 2 K d + K d log2(T / C)) operations, C = 64, K = d or 2 d (cosine); "
                f"with the causal half of 4 C d only it would be {share:.1f} %",
            )
        )
    return found


def product_flops(problem: Problem, *, between: int, within: float, chunk: int = 64) -> float:
    """Operations of the matrix products, forward and backward (twice the forward; no recomputation counted).

    Within a chunk Q K^T and P V, of which the share ``within``: 4 C d a token. Leaves: 2 K d. Between: half
    of the tokens read at each of log2(T / C) levels, 2 K d each. K is ``between``, the features' width.
    """
    levels = int(math.log2(problem.length // chunk))
    a_token = problem.width * (4 * chunk * within + 2 * between + between * levels)
    return BACKWARD_AND_FORWARD * problem.batch * problem.heads * problem.length * a_token


def with_memory_kept() -> list[Row]:
    """The shortest and the longest comparison as in a run. Nothing undoes it in this process."""
    keep_freed_memory()
    found = [*against_dense(_problem(min(SHAPES))), *against_sdpa(_problem(max(SHAPES)))]
    return [replace(row, what=f"{row.what}, freed memory kept") for row in found]


def _problem(length: int, *, device: str = "cpu") -> Problem:
    return Problem(batch=SHAPES[length] // 2, heads=2, length=length, width=16, device=device)


def main() -> None:
    machine = this_machine()
    found = [*rows(device="cpu"), peak_memory(), *share_of_peak(), *with_memory_kept()]
    if torch.cuda.is_available():
        found += rows(device="cuda")
    else:
        found.append(unmeasured("the same on CUDA", "no GPU at hand"))
    found += on_cuda.rows()
    publish("log_linear", ABOUT, found, machine=machine)


if __name__ == "__main__":
    main()
