"""The machine that a run computes on: its device, its threads, its memory."""

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


@contextmanager
def prepared(device: torch.device, *, threads: int) -> Iterator[None]:
    """Torch with so many threads and, for a CPU, deterministic kernels; put back afterwards.

    Some CUDA kernels have no deterministic form and would be refused: on a GPU a resumed run may differ in
    the last bits.
    """
    threads_before = torch.get_num_threads()
    deterministic_before = torch.are_deterministic_algorithms_enabled()
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
