"""The one body of a run, here, in a worker process and in a container: from a plain config to its Result."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from mad.blueprint import blueprint
from mad.door.guard import check_targets
from mad.launch.settings import Launch
from mad.mixers import kernels
from mad.mixers.timing import feature_map_seconds
from mad.report.record import NotRecorded, RunFolder, recorded
from mad.report.redaction import redacted
from mad.report.result import Result, Status
from mad.report.stamp import now, stamp
from mad.seeding import seeded
from mad.tasks.splits import Splits, splits
from mad.track import Tracker, tracker
from mad.train.checkpoint import Checkpoints, weights_sha256
from mad.train.interrupt import Interrupts, Preempted
from mad.train.loop import Training
from mad.train.machine import device_name, find_device, peak_memory_bytes, prepared
from mad.train.outcome import Outcome
from mad.train.score import Score
from mad.train.settings import Settings

BACKWARD_AND_FORWARD = 3
"""FLOPs of a training step over those of its forward pass: the backward pass costs about twice as much."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a config describes, built."""

    config: Mapping[str, Any]
    data: Splits
    model: Any
    training: Training
    device: torch.device
    kernels: str


def execute(config: Mapping[str, Any]) -> Result:
    """Runs a composed, resolved config to its end, or says what an earlier run came to.

    A finished run of the same meaning and code is not run again; an unfinished one is resumed; one of other
    code is put aside and made again. SIGTERM and SIGINT end the run with a checkpoint and a Result of status
    ``preempted`` whose ``error`` is the signal's name. Raises ValueError, and leaves no folder, for a config
    that cannot be; AlreadyRunning if another process is at it. Any other exception is recorded, as status
    ``failed`` with the traceback in the console log, and raised again; as the cause of a NotRecorded where
    the folder takes no record.
    """
    started = time.monotonic()
    folder = RunFolder.of(config)
    if folder.state() == "finished" and (result := folder.result()):
        return result
    launch = Launch.of(config)
    device = find_device(launch.device)
    with prepared(device, threads=launch.threads), Interrupts() as interrupts:
        parts = build(config, device=device)
        with kernels.use(parts.kernels, device=device), folder.claim(config) as found:
            if found == "finished" and (result := folder.result()):
                return result
            return Attempt(parts, folder, started=started).make(interrupts.check)


def build(config: Mapping[str, Any], *, device: torch.device) -> Parts:
    """The data, the model and the training of a config. Raises ValueError for what cannot be."""
    seed, allow = config["seed"], tuple(config.get("allow") or ())
    # The door has checked a config that was typed; one that was stored or sent is checked here.
    check_targets(config, allow=allow)
    settings: Settings = blueprint(config["trainer"], allow=allow)()
    if settings.precision == "bf16" and device.type != "cuda":
        raise ValueError(
            f"trainer.precision=bf16 expects a CUDA device and this run is on {device}; "
            "set trainer.precision=fp32, or launch.device=cuda where there is one"
        )
    data = splits(config["task"], seed=seed, allow=allow)
    with seeded(seed, "init"):
        model = blueprint(config["model"], allow=allow)(vocab_size=data.task.vocab_size)
    check_length(model, longest=data.max_length)
    training = Training(model.to(device), data, settings=settings, seed=seed, device=device)
    return Parts(
        config=config, data=data, model=model, training=training, device=device, kernels=settings.kernels
    )


def check_length(model: Any, *, longest: int) -> None:
    """Refuses, with a ValueError, a model that some sequence does not fit into."""
    limit = model.max_length
    if limit is not None and limit < longest:
        names = {type(part).__name__ for part in model.modules() if getattr(part, "horizon", None) == limit}
        raise ValueError(
            f"horizon {limit} ({', '.join(sorted(names)) or 'learned positions'}) is shorter than the task's "
            f"longest sequence ({longest}); set features.horizon, levels.horizon or model.learned_positions, "
            f"whichever it is, to {longest} or more"
        )


class Attempt:
    """One go at a run whose folder is held."""

    def __init__(self, parts: Parts, folder: RunFolder, *, started: float) -> None:
        self._parts, self._folder, self._started = parts, folder, started
        self._tracker: Tracker = tracker(
            parts.config.get("track") or {}, append=folder.metrics.append, console_file=folder.console_file
        )
        self._stamp = stamp(
            seed=parts.config["seed"],
            device=device_name(parts.device),
            n_parameters=sum(parameter.numel() for parameter in parts.model.parameters()),
            state_floats=parts.model.state_floats(parts.data.task.seq_len),
            train_flops=0,
        )

    def make(self, check: Callable[[], None]) -> Result:
        """Trains and records what came out, whatever it is."""
        folder = self._folder
        checkpoints = Checkpoints(
            folder=folder.path,
            identity=folder.identity,
            code=folder.code,
            metrics=folder.metrics,
            say=lambda sentence: say(sentence, folder.console_file),
        )
        try:
            outcome = self._parts.training.run(
                tracker=self._tracker, checkpoints=checkpoints, name=folder.name, check=check
            )
            return self._record(self._result(outcome))
        except (KeyboardInterrupt, Preempted) as reason:
            return self._record(self._broken("preempted", str(reason) or "SIGINT"))
        except Exception as error:
            self._fail(error, traceback.format_exc())
            raise

    def _fail(self, error: Exception, trace: str) -> None:
        """Records a failure. Raises NotRecorded where the disk does not take it."""
        reason, console_file = f"{type(error).__name__}: {error}", self._folder.console_file
        refusals = [
            _refusal(lambda: keep(trace, console_file)),
            _refusal(lambda: self._record(self._broken("failed", reason))),
        ]
        for refusal in filter(None, refusals):
            raise NotRecorded(
                f"the run failed ({reason}), and {self._folder.path}/ cannot take a record of it "
                f"({refusal}); make room there and run it again: it goes on from its last checkpoint"
            ) from error

    def _record(self, result: Result) -> Result:
        self._folder.write_result(result)
        self._tracker.finish(result)
        return result

    def _result(self, outcome: Outcome) -> Result:
        flops = sum(
            n_sequences * self._parts.model.flops(length) for length, n_sequences in outcome.sequences.items()
        )
        return Result(
            **self._known(outcome.status),
            error=outcome.error,
            metrics=metrics(outcome),
            cells=self._cells(outcome.cells),
            weights_sha256=weights_sha256(self._parts.model.state_dict()),
            curves_sha256=self._folder.metrics.sha256() if self._folder.metrics.path.exists() else None,
            best_step=outcome.best_step,
            steps=outcome.steps,
            cost={
                "seconds": time.monotonic() - self._started + outcome.seconds_before,
                "train_seconds": outcome.seconds,
                "feature_map_seconds": self._feature_map_seconds(),
                "peak_memory_bytes": peak_memory_bytes(self._parts.device),
            },
            stamp={**self._stamp, "train_flops": BACKWARD_AND_FORWARD * flops, "ended": now()},
        )

    def _feature_map_seconds(self) -> float | None:
        """Of one minibatch."""
        parts = self._parts
        batch, length = parts.training.batch_size, parts.data.task.seq_len
        return feature_map_seconds(parts.model, batch=batch, length=length, device=parts.device)

    def _broken(self, status: Status, error: str) -> Result:
        return Result(
            **self._known(status),
            error=redacted(error),
            cost={"seconds": time.monotonic() - self._started},
            stamp={**self._stamp, "ended": now()},
        )

    def _known(self, status: Status) -> dict[str, Any]:
        return {
            "run_id": self._folder.name,
            "identity": self._folder.identity,
            "code": self._folder.code,
            "status": status,
            "config": recorded(self._parts.config),
            "bounds": asdict(self._parts.data.task.bounds()),
        }

    def _cells(self, scores: Mapping[str, Score]) -> dict[str, dict[str, float | None]]:
        lengths = {name: task.seq_len for name, task in self._parts.data.cells.items()}
        return {name: {**score._asdict(), "seq_len": lengths[name]} for name, score in scores.items()}


def metrics(outcome: Outcome) -> dict[str, float | None]:
    """The headline numbers by name: the test is its first cell, the validation is that of the best step."""
    numbers: dict[str, float | None] = {"train/loss_nats": outcome.train_loss_nats}
    scores = {"validation": outcome.validation, "test": next(iter(outcome.cells.values()), None)}
    for split, score in scores.items():
        if score is not None:
            numbers |= {f"{split}/accuracy": score.accuracy, f"{split}/loss_nats": score.loss_nats}
    return numbers


def say(sentence: str, console_file: Path) -> None:
    """Prints a sentence and keeps it in the run's console log."""
    print(redacted(sentence), flush=True)
    keep(f"{sentence}\n", console_file)


def keep(text: str, console_file: Path) -> None:
    """Adds to the run's console log, less secrets, unless all that the process prints goes there already."""
    try:
        printed_there = os.path.samestat(os.fstat(sys.stdout.fileno()), console_file.stat())
    except (OSError, ValueError):
        printed_there = False
    if not printed_there:
        with console_file.open("a", encoding="utf-8") as file:
            file.write(redacted(text))


def _refusal(write: Callable[[], object]) -> OSError | None:
    try:
        write()
    except OSError as refusal:
        return refusal
    return None
