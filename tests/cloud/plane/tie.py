"""Becomes a container's process: tied to the life of its parent, then replaced by the real entry point."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> None:
    """Asks the kernel to end this process with its parent, and runs the rest of the command line."""
    parent = int(sys.argv[1])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:  # else it has died in the meantime
        os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
