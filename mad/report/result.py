"""The result of one run: the only thing that reports read.

What the seed determines (``config`` to ``error``) and what the machine contributed (``cost``, ``stamp``)
are kept apart, so that two runs of the same meaning can be compared: ``first.determined() ==
second.determined()``.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from mad.report.reading import brief, json_of, text_in
from mad.report.seal import SEAL, sealed, unsealed
from mad.report.sound import check_record

Status = Literal["finished", "diverged", "preempted", "failed"]

DONE: tuple[Status, ...] = ("finished", "diverged")
"""What is not run again: the run came to the end that its seed determines."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came out of one run."""

    run_id: str
    """The name of the run's folder."""
    identity: str
    """The hash of the run's meaning (:mod:`mad.report.identity`)."""
    code: str
    """The hash of the sources that made it."""
    status: Status
    config: Mapping[str, Any]
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """``split/quantity``, such as ``test/accuracy``; None where the number was not finite."""
    cells: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """The test set by cell: ``accuracy``, ``loss_nats``, ``n`` (asked positions), ``seq_len``."""
    bounds: Mapping[str, float | None] = field(default_factory=dict)
    """``chance_accuracy``, ``floor_accuracy``, ``chance_loss``, ``best_loss`` of the task as configured."""
    weights_sha256: str | None = None
    curves_sha256: str | None = None
    """Of ``metrics.jsonl`` as the run left it; None in an older record, and where the run is not done."""
    best_step: int | None = None
    steps: int = 0
    error: str | None = None
    """Why the run did not finish; the signal's name (``SIGINT``, ``SIGTERM``) if it was preempted."""
    cost: Mapping[str, float | None] = field(default_factory=dict)
    """``seconds``, ``train_seconds``, ``feature_map_seconds`` (one minibatch), ``peak_memory_bytes``."""
    stamp: Mapping[str, Any] = field(default_factory=dict)
    """Code, versions, device and sizes (:mod:`mad.report.stamp`)."""

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise ValueError(f"status expects one of {', '.join(get_args(Status))}; got {self.status!r}")

    @property
    def done(self) -> bool:
        """Whether running it again would only give the same."""
        return self.status in DONE

    def determined(self) -> dict[str, Any]:
        """All that the meaning and the code determine: the record less ``cost``, ``stamp`` and ``asked``.

        The last are the words in which the run was asked for; others may mean the same.
        """
        record = finite(asdict(self))
        record["config"].pop("asked", None)
        return {name: value for name, value in record.items() if name not in ("cost", "stamp")}

    def to_json(self) -> str:
        """Indented JSON, ending in a newline; a number that is not finite is written as null.

        A seal, the digest of all the rest, stands at the end: nobody reads a changed digit for a number.
        """
        return json.dumps(sealed(finite(asdict(self))), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, file: Path | str = "the text") -> "Result":
        """Reads what ``to_json`` wrote. Raises ValueError, naming ``file``, for anything else.

        A record from before there were seals, which knows nothing of its curves either, is taken as it is.
        """
        record = json_of(text, file=file)
        try:
            return cls(**_checked(record))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{file} is no result ({brief(error)}); move it away to run again") from error

    @classmethod
    def read(cls, file: Path) -> "Result":
        """The same of a file. Raises OSError if it cannot be opened."""
        return cls.from_json(text_in(file), file=file)


def _checked(record: Any) -> dict[str, Any]:
    """The fields of a result. Raises ValueError for what is missing, unknown, of another type, or changed."""
    known = {entry.name for entry in fields(Result)}
    required = {e.name for e in fields(Result) if e.default is MISSING and e.default_factory is MISSING}
    if not isinstance(record, dict) or not required <= record.keys() <= known | {SEAL}:
        raise ValueError(f"a mapping with {', '.join(sorted(required))} is expected")
    is_old = not record.keys() & {SEAL, "curves_sha256"}
    rest = record if is_old else unsealed(record)
    check_record(rest)
    return rest


def finite(value: Any) -> Any:
    """A copy in which mappings are dicts, sequences are lists, and NaN or infinity is None."""
    if isinstance(value, Mapping):
        return {str(key): finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
