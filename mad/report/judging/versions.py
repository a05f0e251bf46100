"""Every version of a declaration, and what was changed from one to the next, so that no bar moves unseen.

They are kept as a stream of YAML documents that is only ever appended to.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from mad.report.judging.experiment import grid_of
from mad.report.judging.selector import canonical
from mad.report.reading import documents_of, yaml_in
from mad.report.stamp import git

MOST_RESULTS = 10**9
"""Of one experiment."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """A declaration as it stood when it was run."""

    experiment: Mapping[str, Any]
    grid: Mapping[str, str] = field(default_factory=dict)
    declared: str = ""
    """When it was written down: ISO 8601, UTC."""
    commit: str | None = None
    n_results: int = 0
    """How many results there were already."""

    @classmethod
    def of_file(cls, file: Path) -> "Version":
        """The version in a file of ``conf/experiment/``."""
        content = yaml_in(file)
        return cls(experiment=content["experiment"], grid=grid_of(content))


def versions(text: str, *, file: Path) -> list[Version]:
    """The versions of a stream, the first one first. Raises ValueError, naming the file, for a broken one."""
    try:
        found = [document for document in documents_of(text, file=file) if document is not None]
        known = [Version(**document) for document in found]
        for each in known:
            _check_types(each)
        return known
    except TypeError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{file} holds no versions of a declaration ({reason}); restore it") from error


def _check_types(version: Version) -> None:
    """Raises TypeError for a field that is not of its type."""
    if not isinstance(version.experiment, Mapping) or not isinstance(version.grid, Mapping):
        raise TypeError("experiment and grid are no mappings")
    if not isinstance(version.declared, str) or not isinstance(version.commit, str | None):
        raise TypeError("declared and commit are no text")
    n = version.n_results
    if not isinstance(n, int) or isinstance(n, bool) or not 0 <= n <= MOST_RESULTS:
        raise TypeError(f"n_results is no number of results from 0 to {MOST_RESULTS:,}")


def document(version: Version, *, n_results: int) -> str:
    """The version as the next document of a stream, with the time and the commit of now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    stamped = replace(version, declared=now, commit=git("rev-parse", "HEAD"), n_results=n_results)
    return f"---\n{yaml.safe_dump(vars(stamped), sort_keys=False, allow_unicode=True, width=100)}"


def changes(known: Sequence[Version]) -> list[str]:
    """How each version differs from the one before, one sentence for each key.

    A first version that was written down with results in is a change, too: nobody knows what stood before.
    """
    late = [f"{_when(each)}: first written down" for each in known[:1] if each.n_results]
    return late + [
        f"{_when(after)}: {what}" for before, after in pairwise(known) for what in change(before, after)
    ]


def change(before: Version, after: Version) -> list[str]:
    """The keys that differ, with both values; criteria are known by their claims."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    keys = [key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]
    return [f"{key}: {old.get(key, 'absent')} -> {new.get(key, 'absent')}" for key in keys]


def _when(version: Version) -> str:
    seen = f"with {version.n_results} results in" if version.n_results else "before any result"
    return f"{version.declared.replace('T', ' ').replace('+00:00', ' UTC')}, {seen}"


def _leaves(version: Version) -> Iterator[tuple[str, str]]:
    for key, value in version.experiment.items():
        if key == "criteria" and isinstance(value, list):
            for entry in value:
                claim = entry.get("claim") if isinstance(entry, Mapping) else entry
                yield from _flat(f"criterion {json.dumps(claim, ensure_ascii=False)}", entry)
        else:
            yield from _flat(str(key), value)
    yield from _flat("grid", version.grid)


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, entry in value.items():
            if key != "claim":
                yield from _flat(f"{path}.{key}", entry)
    else:
        yield path, " ".join(canonical(value).split())
