"""Which runs are meant: by what they chose (``model=softmax``), by their status, or by name."""

from collections.abc import Sequence
from pathlib import Path

from mad.blueprint import nearest
from mad.browse.declared import names
from mad.browse.runs import STATUSES, Run, all_runs, is_run, newest_last, read, runs_in
from mad.report.judging.experiment import named
from mad.report.judging.selector import canonical, means
from mad.report.leaves import leaves
from mad.report.pages.wording import plain


def filtered(runs: Sequence[Run], words: Sequence[str], *, root: Path) -> list[Run]:
    """The runs that meet all conditions; commas in a condition mean any of the values.

    ``status``, ``experiment`` and ``run`` (a part of the name) are conditions, too. Raises ValueError for
    what is no condition, and for a key that no run has.
    """
    kept = list(runs)
    for key, values in _conditions(words).items():
        kept = _meeting(kept, key, values, root)
    return kept


def silent(runs: Sequence[Run], words: Sequence[str]) -> int:
    """How many runs are left out because their records do not say what was chosen."""
    keys = {word.partition("=")[0] for word in words} - {"status", "experiment", "run", "seed"}
    return sum(not run.choices for run in runs) if any("." not in key for key in keys) else 0


def find(reference: str, *, root: Path) -> Run:
    """The run of a path, a name, or a part of one that only it has. Raises ValueError for none or several."""
    path = Path(reference)
    for folder in (path, path.parent):
        if folder.name and is_run(folder):
            return next((run for run in runs_in(folder.parent) if run.path == folder), read(folder))
    runs = all_runs(root)
    for is_meant in (str.__eq__, str.startswith, _is_part):
        hits = [run for run in runs if is_meant(run.name, reference)]
        if len(hits) == 1:
            return hits[0]
        if hits:
            shown = [plain(run.path) for run in newest_last(hits)[-5:]]
            raise ValueError(
                f"{reference!r} may mean {len(hits)} runs; write more of the name, or the path of one:\n  "
                + "\n  ".join(shown)
            )
    hint = nearest(reference, [plain(run.name) for run in runs[-20:]]) if runs else "; there are no runs here"
    raise ValueError(f"there is no run {reference!r}{hint}")


def _conditions(words: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        key, _, values = word.partition("=")
        if not key or not values:
            raise ValueError(f"a condition expects KEY=VALUE, such as model=softmax; got {word!r}")
        if key in found:
            raise ValueError(f"{key} is given twice; several values are written {key}=one,other")
        found[key] = values.split(",")
    return found


def _meeting(runs: Sequence[Run], key: str, values: list[str], root: Path) -> list[Run]:
    if key == "status":
        for value in values:
            if value not in STATUSES:
                raise ValueError(f"there is no status {value}{nearest(value, STATUSES)}")
        return [run for run in runs if run.status in values]
    if key == "experiment":
        meant = ["" if value in ("none", "null") else _experiment(value, runs, root) for value in values]
        return [run for run in runs if run.experiment in meant]
    if key == "run":
        return [run for run in runs if any(_is_part(run.name, value) for value in values)]
    hits = [run for run in runs if _chose(run, key, values)]
    if not hits:
        _check_known(key, runs)
    return hits


def _experiment(reference: str, runs: Sequence[Run], root: Path) -> str:
    """The full name: of one that has runs, if the reference can mean that, or of any that is declared."""
    ran = {run.experiment for run in runs if run.experiment}
    try:
        return named(reference, sorted(ran))
    except ValueError:
        return named(reference, sorted({*map(plain, ran), *names(root)}))


def _chose(run: Run, key: str, values: list[str]) -> bool:
    if "." in key or key in run.choices:
        return means({key: values}, run.config)
    return key in run.config and canonical(run.config[key]) in map(canonical, values)


def _check_known(key: str, runs: Sequence[Run]) -> None:
    """Raises ValueError if no run has the key: then it is a typo, and no answer."""
    known = {name for run in runs for name in (*run.choices, *(leaf for leaf, _ in leaves(run.config)))}
    if known and key not in known:
        hint = nearest(key, [plain(name) for name in known if ("." in name) == ("." in key)])
        raise ValueError(
            f"no run says {key}{hint}; experiment, status and run (a part of its name) select, too"
        )


def _is_part(name: str, reference: str) -> bool:
    """Whether the name holds the reference, in which ``…`` stands for what a table left out."""
    first, ellipsis, last = reference.partition("…")
    if ellipsis:
        return name.startswith(first) and name.endswith(last) and len(name) >= len(first) + len(last)
    return reference in name
