"""Runs that were asked for and have not come to their end, and which arms they may belong to.

Of a run with a record the config tells. Of one without, the words of its label do (``model=softmax seed=0``),
as far as they go: what they do not say may be anything. A diverged run is an end, and not missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from mad.report.judging.evidence import Loss
from mad.report.judging.selector import ABSENT, Selector, asked, canonical, looked_up, means
from mad.report.result import Result

N_NAMED = 3
"""Missing runs that a reason names."""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A run that may yet be made."""

    label: str
    status: str
    has_record: bool = False
    config: Mapping[str, Any] | None = None
    """As recorded; None where no record says what was chosen."""
    typed: Mapping[str, str] = field(default_factory=dict)
    """The overrides in its label."""

    def may_be(self, selector: Selector) -> bool:
        """Whether nothing that is known says that the selector means other runs."""
        if self.config is not None:
            return means(selector, self.config)
        return not any(
            key in self.typed and not _agrees(self.typed[key], wanted) for key, wanted in selector.items()
        )

    def fits(self, run: Result, *, search: str | None) -> bool:
        """Whether it has no record and its label says just what the run chose, but for seed and search."""
        told = {key: value for key, value in self.typed.items() if key not in ("seed", search)}
        chosen = {key: looked_up(run, key) for key in told}
        return (
            not self.has_record
            and bool(self.typed)
            and all(chosen[key] is not ABSENT and _agrees(told[key], chosen[key]) for key in told)
        )


def missing_of(losses: Sequence[Loss], results: Sequence[Result]) -> list[Missing]:
    """What is missing, as the losses and the records themselves show; each run once."""
    recorded = {result.run_id: result for result in results}
    named = {_run_of(loss, recorded) for loss in losses}
    found = [
        _of(recorded.get(_run_of(loss, recorded)), label=loss.label, status=loss.status)
        for loss in losses
        if loss.status != "diverged"
    ]
    silent = [result for result in results if not result.done and result.run_id not in named]
    return [*found, *(_of(result, label=result.run_id, status=result.status) for result in silent)]


def told(missing: Sequence[Missing]) -> str:
    """How many there are, and the names of the first ones: ``2 jobs have no result: a; b``."""
    labels = [each.label for each in missing]
    more = f" and {len(labels) - N_NAMED} more" if len(labels) > N_NAMED else ""
    return f"{_jobs_have(len(labels))} no result: {'; '.join(labels[:N_NAMED])}{more}"


def counted(missing: Sequence[Missing]) -> str:
    """How many of the runs that something is about there are: ``2 jobs have no result yet``."""
    return f"{_jobs_have(len(missing))} no result yet"


def _jobs_have(n: int) -> str:
    return f"{n} {'job has' if n == 1 else 'jobs have'}"


def _of(result: Result | None, *, label: str, status: str) -> Missing:
    config = result.config if result is not None and asked(result) else None
    words = [word.partition("=") for word in label.split() if "=" in word]
    typed = {key.lstrip("+").partition("@")[0]: value for key, _, value in words}
    return Missing(label=label, status=status, has_record=result is not None, config=config, typed=typed)


def _run_of(loss: Loss, recorded: Mapping[str, Result]) -> str:
    """The name of its run, as its label or its log's folder says it; empty where neither is recorded."""
    names = (loss.label, PurePosixPath(loss.console_file).parent.name)
    return next((name for name in names if name in recorded), "")


def _agrees(text: str, wanted: Any) -> bool:
    """Whether a typed value may be one of those wanted; what only Hydra can read may be anything."""
    if set(text) & set("()[]{}'\"$\\"):
        return True
    spelled = canonical(text)
    plain = spelled.lower() if spelled.lower() in ("null", "true", "false") else spelled
    values = wanted if isinstance(wanted, list | tuple) else [wanted]
    return plain in {canonical(value) for value in values}
