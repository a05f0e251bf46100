"""No test tells a dashboard anything unless it sets one up: the key of whoever runs the tests is not seen."""

import os

for name in [name for name in os.environ if name.startswith(("WANDB_", "TRACKIO_"))]:
    del os.environ[name]
os.environ["NETRC"] = os.devnull
