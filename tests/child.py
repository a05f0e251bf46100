"""What the tests run in a process that is killed."""

import functools
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any


def run(config: Mapping[str, Any]) -> None:
    """Executes a config and exits as the command line does."""
    # The server that it was forked from may be one of the package's, which is deaf to Ctrl-C.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    from mad.execute import execute

    result = execute(config)
    if result.status == "preempted":
        sys.exit(128 + signal.Signals[str(result.error)])


def run_compiled(config: Mapping[str, Any]) -> None:
    """Executes a config whose training is compiled as far as graphs of PyTorch's own operators."""
    from mad.train import loop
    from mad.train.compiled import CompiledGradient

    loop.CompiledGradient = functools.partial(CompiledGradient, backend="aot_eager")  # type: ignore
    run(config)


def run_until(config: Mapping[str, Any], *, function: str, n_calls: int) -> None:
    """Executes a config and dies, as by kill -9, right before the n-th call of a function of ``os``."""
    real: Callable[..., Any] = getattr(os, function)
    calls = iter(range(1, n_calls))

    def deadly(*arguments: Any, **options: Any) -> Any:
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    setattr(os, function, deadly)
    run(config)
