"""Training: updates, validations and rows, until the steps are done or validation says stop; then the test.

Everything that is drawn is a function of the run's seed and the step, so a checkpoint holds no generator
and a resumed run goes on as if nothing had happened.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from mad.progress import Run
from mad.report.result import Status
from mad.seeding import derived_seed
from mad.track import Tracker
from mad.train.checkpoint import Checkpoints
from mad.train.interrupt import Preempted
from mad.train.minibatch import Minibatch, Minibatches, TrainingData
from mad.train.model import CausalModel
from mad.train.optim import check_schedule, learning_rate, optimizer
from mad.train.outcome import Outcome, Tally
from mad.train.room import PartedGradient, Room
from mad.train.score import Score, evaluate
from mad.train.selection import Selection
from mad.train.settings import Settings
from mad.train.unread import MOST_UNREAD, Diverged, Unread


def train(
    model: CausalModel,
    data: TrainingData,
    *,
    settings: Settings,
    seed: int,
    device: torch.device,
    tracker: Tracker,
    checkpoints: Checkpoints,
    name: str = "run",
    check: Callable[[], None] = lambda: None,
) -> Outcome:
    """Trains ``model``, which lies on ``device``, or goes on from its newest checkpoint.

    ``check`` is called where the run can stop, and raises Preempted if it should. Raises ValueError for a
    warm-up longer than the run, and for checkpoints that are all damaged.
    """
    training = Training(model, data, settings=settings, seed=seed, device=device)
    return training.run(tracker=tracker, checkpoints=checkpoints, name=name, check=check)


class Training:
    """A model, its data and how far it is."""

    def __init__(
        self,
        model: CausalModel,
        data: TrainingData,
        *,
        settings: Settings,
        seed: int,
        device: torch.device,
    ) -> None:
        self._model, self._data, self._settings = model, data, settings
        self._seed, self._device = seed, device
        self._minibatches = Minibatches(
            data, batch_size=settings.batch_size, seed=seed, one_length=settings.compile
        )
        self.batch_size = self._minibatches.most_rows
        self.total_steps = settings.steps or (settings.epochs or 0) * self._minibatches.per_epoch
        check_schedule(settings, total_steps=self.total_steps)
        self._validate_every = settings.validate_every or self._minibatches.per_epoch
        self._validation = data.validation()
        self._optimizer = optimizer(model, settings=settings)
        self._gradient = PartedGradient.of(
            model, settings=settings, n_rows=self._minibatches.most_rows, device=device
        )
        self._room, self._room_to_score = Room(settings.batch_size), Room(settings.batch_size)
        self._selection = Selection(
            by=data.task.selected_by, stop_at=settings.stop_at, patience=settings.patience
        )
        self._tally = Tally()
        self._unread = Unread(self._optimizer, device=device)
        self._saved = (0, 0)
        self._started = self._saved_at = time.monotonic()

    def run(
        self, *, tracker: Tracker, checkpoints: Checkpoints, name: str, check: Callable[[], None]
    ) -> Outcome:
        """Trains to the end, from the newest checkpoint if there is one, and scores the test once."""
        self._tracker, self._checkpoints, self._check = tracker, checkpoints, check
        self._started = self._saved_at = time.monotonic()
        self._resume()
        bounds = asdict(self._data.task.bounds())
        tracker.start(
            Run(name=name, total_steps=self.total_steps, first_step=self._tally.step, bounds=bounds)
        )
        cuda = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            status, error = self._fit()
        cells: dict[str, Score] = {}
        if status == "finished":
            self._model.load_state_dict(self._selection.weights or {})
            try:
                cells = {cell: self._score([batch]) for cell, batch in self._data.test().items()}
            except Preempted as signal:
                status, error = "preempted", str(signal)
        return self._outcome(status, error, cells)

    def _fit(self) -> tuple[Status, str | None]:
        """Updates until there is a reason to stop; returns the reason and leaves a checkpoint."""
        status: Status = "finished"
        error = None
        self._model.train(True)
        try:
            try:
                self._advance()
            except Preempted as signal:
                status, error = "preempted", str(signal)
            self._unread.read(self._tally)
        except Diverged as reason:
            status, error = "diverged", str(reason)
        if self._has_finite_weights():
            self._save()
        return status, error

    def _advance(self) -> None:
        while self._tally.reported < self._step or not self._is_over():
            self._check()
            if self._tally.reported < self._step:
                self._report()
                self._save_if_due()
            else:
                self._update()

    @property
    def _step(self) -> int:
        """Updates so far, read or not."""
        return self._tally.step + len(self._unread)

    def _is_over(self) -> bool:
        return self._step >= self.total_steps or self._selection.stops

    def _update(self) -> None:
        """One step of the optimiser, which the device refuses if the loss or the gradient is not finite."""
        step = self._step
        batch = self._minibatches.at(step)
        rate = learning_rate(step, settings=self._settings, total_steps=self.total_steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        there = batch.to(self._device)
        loss = self._room.tried(partial(self._differentiated, there), say=self._checkpoints.say)
        norm = clip_grad_norm_(self._model.parameters(), self._settings.clip_norm or math.inf)
        self._unread.update(batch, loss=loss, norm=norm)

    def _differentiated(self, batch: Minibatch, n_sequences: int) -> Tensor:
        """The loss; the weights hold its gradient and nothing of an earlier try."""
        torch.manual_seed(derived_seed(self._seed, "dropout", self._step))
        self._optimizer.zero_grad()
        return self._gradient(batch, n_sequences=n_sequences)

    def _report(self) -> None:
        """Validates and writes a row, where either is due after this step."""
        tally, step = self._tally, self._step
        validated = step % self._validate_every == 0 or step == self.total_steps
        logged = validated or step % self._settings.log_every == 0
        if logged or len(self._unread) >= MOST_UNREAD:
            self._unread.read(tally)
        scores = self._validate() if validated else {}
        if logged:
            tally.train_loss_nats = tally.loss_sum / tally.n_answers
            rate = learning_rate(step - 1, settings=self._settings, total_steps=self.total_steps)
            row = {
                "train/epoch": step / self._minibatches.per_epoch,
                "train/loss_nats": tally.train_loss_nats,
                "train/gradient_norm": tally.gradient_norm,
                "train/learning_rate": rate,
            }
            self._tracker.log(step, {**row, **scores})
            tally.loss_sum, tally.n_answers = 0.0, 0
        tally.reported = step

    def _validate(self) -> dict[str, float]:
        score, step = self._score(self._validation), self._tally.step
        if not math.isfinite(score.loss_nats):
            raise Diverged(
                f"the validation loss is {score.loss_nats} at step {step}; try a lower learning rate"
            )
        self._selection.offer(score, step=step, model=self._model)
        return {"validation/accuracy": score.accuracy, "validation/loss_nats": score.loss_nats}

    def _score(self, batches: list[Any]) -> Score:
        score = partial(evaluate, self._model, batches, device=self._device, check=self._check)
        precision = self._settings.precision
        return self._room_to_score.tried(
            lambda n_sequences: score(batch_size=n_sequences, precision=precision), say=self._checkpoints.say
        )

    def _resume(self) -> None:
        state = self._checkpoints.load()
        if state is None:
            return
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._selection.restore(state["selection"])
        self._tally = Tally(**state["tally"])
        self._saved = (self._tally.step, self._tally.reported)

    def _save_if_due(self) -> None:
        seconds, steps = self._settings.checkpoint_seconds, self._settings.checkpoint_steps
        late = seconds is not None and time.monotonic() - self._saved_at >= seconds
        if late or (steps is not None and self._step % steps == 0):
            self._save()

    def _save(self) -> None:
        self._unread.read(self._tally)
        if self._saved == (self._tally.step, self._tally.reported):
            return
        state = {
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "selection": self._selection.state(),
            "tally": asdict(replace(self._tally, seconds=self._seconds())),
        }
        self._checkpoints.save(state, step=self._tally.step)
        self._saved, self._saved_at = (self._tally.step, self._tally.reported), time.monotonic()

    def _seconds(self) -> float:
        return self._tally.seconds + time.monotonic() - self._started

    def _has_finite_weights(self) -> bool:
        return all(bool(parameter.isfinite().all()) for parameter in self._model.parameters())

    def _outcome(self, status: Status, error: str | None, cells: Mapping[str, Score]) -> Outcome:
        return Outcome(
            status=status,
            error=error,
            steps=self._tally.step,
            best_step=self._selection.best_step,
            validation=self._selection.best,
            train_loss_nats=self._tally.train_loss_nats,
            cells=cells,
            sequences=self._tally.sequences,
            seconds=self._seconds(),
            seconds_before=self._tally.seconds,
        )
