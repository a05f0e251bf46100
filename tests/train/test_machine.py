"""The machine is found and prepared."""

import ctypes
import os
import subprocess
import sys

import pytest

GLIBC = hasattr(ctypes.CDLL(None), "gnu_get_libc_version")

COUNT_FAULTS = """
import resource, sys, torch
from mad.train.machine import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
torch.set_num_threads(1)
for round in range(30):
    if round == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    parts = [torch.ones(2**20) for _ in range(4)]
    del parts
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(word: str) -> int:
    """Pages that the kernel had to find while the same memory was used again and again.

    Left to itself, malloc changes its mind as it goes; here it begins by giving everything back.
    """
    command = [sys.executable, "-c", COUNT_FAULTS, word]
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return int(done.stdout)


@pytest.mark.skipif(not GLIBC, reason="malloc is glibc's only where there is glibc")
def test_freed_memory_is_used_again_without_the_kernel() -> None:
    assert faults("keep") < faults("give back") / 10
