"""What the tests leave behind of the surroundings in which they are started."""

import os
import signal

# No test tells a dashboard anything unless it sets one up: the key of whoever runs the tests is not seen.
for name in [name for name in os.environ if name.startswith(("WANDB_", "TRACKIO_"))]:
    del os.environ[name]
os.environ["NETRC"] = os.devnull

# A shell has its background jobs ignore Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
