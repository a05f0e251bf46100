"""What is compared: runs that are equal but for the seed and the searched value, at the best such value.

*Axes* are what tells the arms apart: the groups and dotted keys in which they differ, less those that
follow from an axis before. Model, recipe, task and trainer are asked first: the memory follows from the
model, the trainer from the recipe.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mad.report.identity import meaning
from mad.report.judging.evidence import Arm
from mad.report.judging.experiment import Experiment, Roles
from mad.report.judging.missing import Missing
from mad.report.judging.selector import ABSENT, Selector, asked, canonical, looked_up, matches, value_text
from mad.report.judging.settings import chosen, intervals, known, settings_of
from mad.report.leaves import leaves
from mad.report.result import Result

FIRST = ("model", "recipe", "task", "trainer")

NO_AXIS = ("seed", "experiment", "results", "launch", "track", "allow")

RUN = "run"
"""The axis of records that do not say what was chosen: their readable names."""

ORDER = ("candidate", "baseline", "positive control", "negative control", "")


@dataclass(frozen=True)
class Group:
    """An arm with all of its runs, whatever became of them."""

    arm: Arm
    results: tuple[Result, ...]

    def is_meant(self, selector: Selector) -> bool:
        """Whether a selector means any of its runs: one meaning may have been asked for in several ways."""
        return _is_meant(selector, self.results)


def groups_of(
    experiment: Experiment, results: Sequence[Result], missing: Sequence[Missing] = ()
) -> list[Group]:
    """The arms in the order of their roles, each role by test accuracy; ``missing`` runs count as lost.

    Raises ValueError if the searched key is not one with numbers.
    """
    by_meaning: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda result: result.run_id):
        by_meaning.setdefault(_shared(result, experiment.search), []).append(result)
    members = list(by_meaning.values())
    found = axes([runs[0] for runs in members], search=experiment.search)
    groups = [Group(_arm(experiment, runs, found, missing), tuple(runs)) for runs in members]
    return sorted(groups, key=lambda group: _place(group.arm))


def axes(runs: Sequence[Result], *, search: str | None) -> list[str]:
    """What tells runs apart, one of each arm given: as few keys as do."""
    chosen: list[str] = []
    for key in dict.fromkeys(_candidates(runs)):
        if key != search and _n_distinct(runs, [*chosen, key]) > _n_distinct(runs, chosen):
            chosen.append(key)
    return chosen


def _shared(result: Result, search: str | None) -> str:
    """What the runs of an arm have in common, as text."""
    config = {key: value for key, value in meaning(result.config).items() if key not in ("seed", "asked")}
    return json.dumps(_without(config, search.split(".") if search else []), sort_keys=True)


def _without(config: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    if not path or path[0] not in config:
        return config
    rest = {key: value for key, value in config.items() if key != path[0]}
    inner = config[path[0]]
    return {**rest, path[0]: _without(inner, path[1:])} if path[1:] and isinstance(inner, dict) else rest


def _candidates(runs: Sequence[Result]) -> Iterator[str]:
    if not all(asked(run) for run in runs):
        yield RUN
    yield from FIRST
    typed = [_typed_key(word) for run in runs for word in asked(run).get("overrides") or ()]
    yield from (key for key in typed if key not in NO_AXIS)
    yield from (key for run in runs for key in asked(run).get("choices") or () if key not in NO_AXIS)
    yield from (key for run in runs for key, _ in leaves(meaning(run.config)) if key not in NO_AXIS)


def _typed_key(word: str) -> str:
    return word.partition("=")[0].lstrip("+~").partition("@")[0]


def _n_distinct(runs: Sequence[Result], keys: Sequence[str]) -> int:
    return len({tuple(_spelled(_choice(run, key)) for key in keys) for run in runs})


def _spelled(choice: Any) -> str:
    return "" if choice is ABSENT else canonical(choice)


def _choice(run: Result, key: str) -> Any:
    return re.sub(r"-s[^-]*-[0-9a-f]{10}$", "", run.run_id) if key == RUN else looked_up(run, key)


def _arm(
    experiment: Experiment, runs: Sequence[Result], found: Sequence[str], missing: Sequence[Missing]
) -> Arm:
    choices, search = {key: _choice(runs[0], key) for key in found}, experiment.search
    lost = [each for each in missing if any(each.fits(run, search=search) for run in runs)]
    settings = settings_of(runs, search=search, n_seeds=experiment.n_seeds, missing=lost)
    best = chosen(settings)
    latest = best.results or tuple(runs)
    tests = known(best.results, "test/accuracy").values()
    names = sorted({name for result in best.results for name in result.metrics})
    cells = list(dict.fromkeys(name for result in best.results for name in result.cells))
    return Arm(
        name=_name(runs[0], choices),
        choices={key: value for key, value in choices.items() if value is not ABSENT},
        role=_role(runs, experiment.roles),
        settings=settings,
        best=best,
        solved=sum(value >= experiment.solved_at for value in tests),
        bounds=next((result.bounds for result in latest if result.bounds), {}),
        state_floats=next((result.stamp.get("state_floats") for result in latest), None),
        n_parameters=next((result.stamp.get("n_parameters") for result in latest), None),
        cells=intervals(best.results, {name: f"cells/{name}/accuracy" for name in cells}),
        metrics=intervals(best.results, {name: name for name in names}),
        config=latest[0].config,
    )


def _name(run: Result, choices: Mapping[str, Any]) -> str:
    if not choices:
        model = looked_up(run, "model")
        return str(_choice(run, RUN) if model is ABSENT else model)
    return ", ".join(_choice_text(key, value) for key, value in choices.items())


def _choice_text(key: str, value: Any) -> str:
    last = key.rpartition(".")[2]
    if value is ABSENT or value is None or value == "none":
        return f"no {last}"
    return str(value) if "." not in key else f"{last}={value_text(value)}"


def _is_meant(selector: Selector, runs: Sequence[Result]) -> bool:
    return any(matches(selector, run) for run in runs)


def _role(runs: Sequence[Result], roles: Roles) -> str:
    """The first role that the arm has; a positive control may well be a baseline, too."""
    selectors = {
        "candidate": [roles.candidate],
        "positive control": [roles.positive_control],
        "negative control": [roles.negative_control],
        "baseline": roles.baselines,
    }
    for role, wanted in selectors.items():
        if any(selector is not None and _is_meant(selector, runs) for selector in wanted):
            return role
    return ""


def _place(arm: Arm) -> tuple[int, float, str]:
    test = arm.best.test
    return ORDER.index(arm.role), -test.mean if test else 1.0, arm.name
