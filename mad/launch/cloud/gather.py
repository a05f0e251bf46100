"""Fetches the record of a run from the volume into the run's own folder, as if it had been made here."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mad.launch.cloud import attempts
from mad.launch.cloud.attempts import Attempt, attempts_of, seconds_of
from mad.launch.cloud.mirror import in_order
from mad.launch.cloud.store import Store
from mad.launch.cloud.ticket import Ticket
from mad.report.atomic import write_atomically
from mad.report.redaction import redacted_value
from mad.report.result import Result

RESULT = "result.json"


def gathered(ticket: Ticket, folder: Path, *, store: Store) -> tuple[Result | None, list[Attempt]]:
    """The result, if there is one yet, and the attempts; the record lies in ``folder`` then.

    What the run cost is written into the result. The folder is held. Raises ValueError for a record of
    another run or code.
    """
    names = in_order(store.names(ticket.folder))
    tried = tried_of(ticket, store=store)
    if not names:
        return None, tried
    _check_claim(ticket, store)
    for name in names:
        if name not in (RESULT, attempts.NAME):
            _fetch(ticket, name, folder, store)
    _drop_checkpoints(folder, keep=names)
    content = store.read(f"{ticket.folder}/{RESULT}")
    if content is None:
        return None, tried
    result = priced(_checked(ticket, content), ticket, tried)
    write_atomically(folder / RESULT, result.to_json())
    return result, tried


def tried_of(ticket: Ticket, *, store: Store) -> list[Attempt]:
    """The attempts so far; none while the job waits."""
    content = store.read(f"{ticket.folder}/{attempts.NAME}")
    return [] if content is None else attempts_of(content)


def last_row(ticket: Ticket, *, store: Store) -> dict[str, Any]:
    """The newest complete row of the curves; empty if there is none yet."""
    content = store.read(f"{ticket.folder}/metrics.jsonl") or b""
    lines = [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]
    row: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return row


def priced(result: Result, ticket: Ticket, tried: Sequence[Attempt]) -> Result:
    """A result with its dollars, and with the commit that the container could not know."""
    seconds = seconds_of(tried)
    cost = {**result.cost, "usd": ticket.rate.usd(seconds), "billed_seconds": seconds}
    stamp = {**result.stamp, "commit": ticket.commit, "dirty": ticket.dirty}
    return replace(result, cost=cost, stamp=stamp)


def _fetch(ticket: Ticket, name: str, folder: Path, store: Store) -> None:
    content = store.read(f"{ticket.folder}/{name}")
    if content is None:  # an older checkpoint, given up since it was listed
        return
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / name, content)


def _check_claim(ticket: Ticket, store: Store) -> None:
    content = store.read(f"{ticket.folder}/claim.json")
    if content is None:
        return
    claim = json.loads(content)
    if (claim.get("identity"), claim.get("code")) != (ticket.identity, ticket.code):
        raise ValueError(
            f"the volume {ticket.volume} holds another run in {ticket.folder}; "
            f"nothing was fetched for {ticket.run}"
        )


def _checked(ticket: Ticket, content: bytes) -> Result:
    result = Result.from_json(content.decode())
    if (result.identity, result.code) != (ticket.identity, ticket.code):
        raise ValueError(
            f"the result in {ticket.folder} on {ticket.volume} is not that of {ticket.run}; nothing was "
            "fetched, launch it again"
        )
    return replace(result, error=redacted_value(result.error))


def _drop_checkpoints(folder: Path, *, keep: Sequence[str]) -> None:
    """Removes the checkpoints that are older than a sound one which was fetched; others may be needed yet."""
    fetched = [name for name in keep if re.fullmatch(r"checkpoint-\d+\.pt", name)]
    newest = max((_step(name) for name in fetched if _is_sound(folder / name)), default=-1)
    for file in folder.glob("checkpoint-*"):
        if file.name not in keep and _step(file.name) < newest:
            file.unlink()


def _step(name: str) -> int:
    """The step of a checkpoint's file, or of what lies beside it."""
    found = re.match(r"checkpoint-(\d+)", name)
    return int(found[1]) if found else -1


def _is_sound(file: Path) -> bool:
    """Whether a checkpoint is what its digest says."""
    digest = file.with_name(f"{file.name}.sha256")
    if not file.exists() or not digest.exists():
        return False
    return digest.read_text(errors="replace").split()[:1] == [hashlib.sha256(file.read_bytes()).hexdigest()]
