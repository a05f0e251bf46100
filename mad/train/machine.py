"""The machine that a run computes on: its device, its threads, its memory."""

import ctypes
import platform
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch


def find_device(name: str) -> torch.device:
    """The device that ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` names; auto is CUDA where there is one.

    Raises ValueError for a device that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    n_devices = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= n_devices:
        raise ValueError(
            f"launch.device {name} is not there (CUDA devices found: {n_devices}); set launch.device=auto"
        )
    return device


def device_name(device: torch.device) -> str:
    """The model of a GPU or CPU, as its maker calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""Names of options in glibc's malloc.h."""
LARGEST_KEPT = 1 << 25
"""Bytes; glibc allows no more. Larger blocks are mapped and given back one by one, as ever."""


def keep_freed_memory() -> None:
    """Has malloc keep what is freed, for the next step, instead of giving it back to the kernel.

    A training step frees what the next one asks for again; the kernel takes time to clear every page of it.
    The peak of memory stays the same. It holds for the process from now on, and for glibc only: other
    libraries are left as they are.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(MMAP_THRESHOLD, LARGEST_KEPT)
        library.mallopt(TRIM_THRESHOLD, -1)


@contextmanager
def prepared(device: torch.device, *, threads: int) -> Iterator[None]:
    """Torch with so many threads and, for a CPU, deterministic kernels; put back afterwards.

    Freed memory is kept from then on (``keep_freed_memory``).
    Some CUDA kernels have no deterministic form and would be refused: on a GPU a resumed run may differ in
    the last bits.
    """
    threads_before = torch.get_num_threads()
    deterministic_before = torch.are_deterministic_algorithms_enabled()
    keep_freed_memory()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic_before or device.type == "cpu")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic_before)
        torch.set_num_threads(threads_before)


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory that the process has held so far: of the device, or of the CPU, Python included."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
