"""The folder of a run: the truth from which reports, tables and logs are derived.

<results>/<readable>-<hash>/
    config.yaml      the resolved config, less folder, launcher and tracker
    claim.json       the identity and the code of what lies here
    metrics.jsonl    the curves
    result.json      the Result, once there is one
    checkpoint*      what a resumed run starts from
    console.log      what the run said
    superseded/      what other code made of the same config
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from mad.report.atomic import sync_folder, write_atomically
from mad.report.claim import claim_in, write_claim
from mad.report.identity import code_hash, identity, run_name
from mad.report.lock import is_locked, locked
from mad.report.metrics import Metrics
from mad.report.reading import json_in
from mad.report.redaction import redacted_config, redacted_value, refuse_secrets
from mad.report.result import Result

State = Literal["new", "unfinished", "stale", "finished", "running"]
"""Nothing is there; something, but no end; something that other code made; the end; a process is at it."""

NOT_RECORDED = ("results", "launch", "track")


def recorded(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that is kept: what the run is, and in which words it was asked for.

    Of an experiment only the name: its declaration is kept once, beside the runs. Raises ValueError for a
    secret, unless it stands in those words, where it is hidden.
    """
    kept = {key: value for key, value in redacted_config(config).items() if key not in NOT_RECORDED}
    if isinstance(kept.get("experiment"), Mapping):
        kept["experiment"] = {"name": kept["experiment"].get("name")}
    return kept


def results_folder(config: Mapping[str, Any]) -> Path:
    """The folder of the run folders. Raises ValueError for an experiment not named like ``008-name``."""
    if config.get("results"):
        return Path(config["results"])
    experiment = config.get("experiment")
    if not experiment:
        return Path("runs")
    name = experiment.get("name") if isinstance(experiment, Mapping) else experiment
    if not re.fullmatch(r"\d{3}-[a-z0-9][a-z0-9-]{0,60}", str(name)):
        raise ValueError(
            f"experiment.name expects three digits and a short name, such as 008-features; got {name!r}"
        )
    return Path("experiments", str(name), "runs")


class NotRecorded(RuntimeError):
    """A run failed, and its folder cannot take a record of that: the message says both."""


@dataclass(frozen=True)
class RunFolder:
    """Where one run keeps its record."""

    path: Path
    identity: str
    code: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "RunFolder":
        """The folder of a resolved config; nothing is made.

        Raises ValueError for what cannot be hashed, and for a secret, which must not be recorded.
        """
        refuse_secrets(config)
        digest = identity(config)
        path = results_folder(config) / run_name(config, digest)
        return cls(path, digest, code_hash(tuple(config.get("allow") or ())))

    @property
    def name(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def config_file(self) -> Path:
        """The resolved config, less what says where and how."""
        return self.path / "config.yaml"

    @property
    def result_file(self) -> Path:
        """The result, once there is one."""
        return self.path / "result.json"

    @property
    def claim_file(self) -> Path:
        """Whose run it is, and of which code."""
        return self.path / "claim.json"

    @property
    def ticket_file(self) -> Path:
        """What is kept of a job elsewhere, if the run was launched as one."""
        return self.path / "ticket.json"

    @property
    def console_file(self) -> Path:
        """What the run said; it is appended to, also by later attempts."""
        return self.path / "console.log"

    @cached_property
    def metrics(self) -> Metrics:
        """The curves."""
        return Metrics(self.path / "metrics.jsonl")

    def state(self) -> State:
        """What one would find, without touching anything. Raises ValueError for an unreadable result."""
        return "running" if is_locked(self.path) else self._found()

    def result(self) -> Result | None:
        """The recorded result, also one of other code. Raises ValueError if the file is not one."""
        return Result.read(self.result_file) if self.result_file.exists() else None

    def write_result(self, result: Result) -> None:
        """Records the result, atomically; an error's text without secrets."""
        write_atomically(self.result_file, replace(result, error=redacted_value(result.error)).to_json())

    @contextmanager
    def claim(self, config: Mapping[str, Any]) -> Iterator[State]:
        """Holds the folder while the run runs, and says what was found there.

        ``finished``: the result stands, there is nothing to do. ``unfinished``: resume from the
        checkpoint, if there is one. ``stale``: what other code made has been moved to ``superseded/``;
        start anew. ``new``: start.

        A ValueError that leaves before anything was recorded takes the folder with it, and one is raised if
        the run is under way elsewhere. Raises :class:`mad.report.lock.AlreadyRunning` if another process
        holds the folder.
        """
        with self.held() as found:
            if found != "finished":
                self.refuse_launched()
            self.prepare(config, found)
            yield found

    @contextmanager
    def held(self) -> Iterator[State]:
        """Holds the folder and says what was found there, as ``claim`` does, but touches nothing in it."""
        with locked(self.path):
            found = self._found()
            try:
                yield found
            except ValueError:
                if found == "new" and not self._has_progress() and not self.ticket_file.exists():
                    shutil.rmtree(self.path)
                raise

    def prepare(self, config: Mapping[str, Any], found: State) -> None:
        """Makes the held folder ready for the run: puts aside what other code made, and says whose it is."""
        if found == "stale":
            self._archive()
        if found in ("new", "stale"):
            self._write_claim(config)

    def put_aside(self) -> None:
        """Moves what other code made in the held folder to ``superseded/``."""
        if self._found() == "stale":
            self._archive()

    def refuse_launched(self) -> None:
        """Raises ValueError if the run is under way elsewhere, or may be: its ticket has not been closed."""
        if self._is_launched():
            raise ValueError(
                f"the run is under way at Modal; mad collect {self.path} fetches it, and "
                f"mad cancel {self.path} calls it off"
            )

    def discard_if_empty(self) -> None:
        """Removes the folder if it holds nothing but a console log and nobody is at it."""
        nothing_made = self.path.exists() and not self.ticket_file.exists() and not self._made_by()
        if nothing_made and not is_locked(self.path):
            shutil.rmtree(self.path)

    def _found(self) -> State:
        made_by = self._made_by()
        if made_by is None:
            return "new"
        if made_by != self.code:
            return "stale"
        result = self.result()
        return "finished" if result and result.done else "unfinished"

    def _made_by(self) -> str | None:
        """The code that made what lies here, or None if nothing does."""
        result = self.result()
        if result:
            self._check_identity(result.identity)
            return result.code
        if not self.claim_file.exists():
            return "unknown" if self._has_progress() else None
        claim = claim_in(self.claim_file)
        self._check_identity(claim["identity"])
        return claim["code"]

    def _check_identity(self, other: str) -> None:
        if other != self.identity:
            raise ValueError(
                f"{self.path} holds another run ({other[:16]}, not {self.identity[:16]}); move it away"
            )

    def _has_progress(self) -> bool:
        return self.metrics.path.exists() or self.result_file.exists() or any(self.path.glob("checkpoint*"))

    def _is_launched(self) -> bool:
        """Whether a ticket says so. Raises ValueError for one that cannot be read."""
        if not self.ticket_file.exists():
            return False
        ticket = json_in(self.ticket_file)
        return isinstance(ticket, dict) and ticket.get("state") in ("launching", "open")

    def _write_claim(self, config: Mapping[str, Any]) -> None:
        text = yaml.safe_dump(recorded(config), sort_keys=False, allow_unicode=True)
        write_atomically(self.config_file, text)
        write_claim(self.claim_file, identity=self.identity, code=self.code)

    def _archive(self) -> None:
        """Moves what was made to ``superseded/<code>/``; the claim goes last and marks the end.

        The console log stays, and so does the ticket of a job under way.
        """
        code = self._made_by() or "unknown"
        claim = self.claim_file
        if not claim.exists():  # a record from version control holds its config and its result only
            write_claim(claim, identity=self.identity, code=code)
        shelf = self._shelf(code)
        shelf.mkdir(parents=True, exist_ok=True)
        kept = {"lock", "superseded", self.console_file.name}
        if self._is_launched():
            kept.add(self.ticket_file.name)
        files = [file for file in self.path.iterdir() if file.name not in kept]
        for file in sorted(files, key=lambda file: (file.name == "result.json", file.name == "claim.json")):
            file.replace(shelf / file.name)
        sync_folder(shelf)

    def _shelf(self, code: str) -> Path:
        base, number = self.path / "superseded" / code[:10], 1
        shelf = base
        while (shelf / "claim.json").exists():
            number += 1
            shelf = base.with_name(f"{base.name}-{number}")
        return shelf
