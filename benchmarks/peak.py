"""The most memory that a side needs beyond what it starts from, measured in a process of its own.

The side is built and called once on a small problem first, so that libraries, thread pools and code are
there; then the kernel's high-water mark of resident memory is set back (Linux: 5 into
/proc/self/clear_refs), the inputs are made, the side is called once, and the mark is read. Where there is
no /proc, the mark cannot be set back, and what the imports needed at their highest may hide a part.
"""

import multiprocessing
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.paired import Side

MIB = 2**20


def peak_mib(make: Callable[[], Side], *, small: Callable[[], Side]) -> float:
    """MiB over the baseline; both arguments must be picklable, ``small`` is the warm-up. One thread."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (make, small))


def _measured(make: Callable[[], Side], small: Callable[[], Side]) -> float:
    torch.set_num_threads(1)
    small()()
    _reset_mark()
    before = _high_water_bytes()
    make()()
    return (_high_water_bytes() - before) / MIB


def _reset_mark() -> None:
    mark = Path("/proc/self/clear_refs")
    if mark.exists():
        mark.write_text("5", encoding="ascii")


def _high_water_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
