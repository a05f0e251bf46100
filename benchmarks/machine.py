"""The machine on which something was measured: what it is, what it can do at best, under which versions."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import torch

from mad.report.stamp import git
from mad.train.machine import device_name

ROOT = Path(__file__).parents[1]

GEMM_SIZE = 1024
"""Square matrices of 4 MiB: larger ones are no faster on a core, smaller ones are."""
GEMM_FLOPS = 2 * GEMM_SIZE**3


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a reader must know to compare a figure with his own; it names no host and no user."""

    cpu: str
    n_cores: int
    threads: int
    """Of each measured process."""
    sgemm_gflops: float
    """The best of many products of square fp32 matrices, with as many threads."""
    load: float
    """Processes that wanted a core in the minute before: 0 is a quiet machine."""
    gpu: str | None
    python: str
    torch: str
    peers: dict[str, str | None]
    """Versions of optional peers; None is not installed."""
    commit: str | None
    dirty: bool | None
    date: str


def this_machine(*, threads: int = 1) -> Machine:
    """The machine as it is now. Sets the number of torch's threads, for what is measured next."""
    load = os.getloadavg()[0]
    torch.set_num_threads(threads)
    commit = git("rev-parse", "--short=10", "HEAD")
    return Machine(
        cpu=device_name(torch.device("cpu")),
        n_cores=len(os.sched_getaffinity(0)),
        threads=threads,
        sgemm_gflops=round(sgemm_gflops(), 1),
        load=round(load, 2),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        python=platform.python_version(),
        torch=str(torch.__version__),
        peers={"flash-linear-attention": _version("fla-core", module="fla")},
        commit=commit,
        dirty=bool(git("status", "--porcelain", "--", "mad", "conf", "benchmarks/*.py")) if commit else None,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def sgemm_gflops(*, seconds: float = 0.5) -> float:
    """The best rate of an fp32 matrix product in so many seconds."""
    multiply, best, started = gemm(), 0.0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        before = time.perf_counter()
        multiply()
        best = max(best, GEMM_FLOPS / (time.perf_counter() - before) / 1e9)
    return best


def gemm() -> Callable[[], object]:
    """One product of square fp32 matrices, of GEMM_FLOPS operations."""
    a, b = torch.randn(2, GEMM_SIZE, GEMM_SIZE)
    out = torch.empty_like(a)
    return lambda: torch.mm(a, b, out=out)


def _version(package: str, *, module: str) -> str | None:
    try:
        return version(package) if find_spec(module) else None
    except PackageNotFoundError:
        return None
