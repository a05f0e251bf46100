"""What an experiment set out to show, as declared in ``conf/experiment/NNN_short_name.yaml``."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mad.report.judging.criterion import Criterion
from mad.report.judging.fields import Fields, suggestion
from mad.report.judging.intent import (
    Expected,
    Proposal,
    Roles,
    expected_of,
    proposal_of,
    roles_of,
    selectors_of,
)
from mad.report.judging.selector import Selector, check_grid, check_known, means
from mad.report.reading import brief, yaml_in

NAME = r"\d{3}-[a-z0-9][a-z0-9-]{0,60}"


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A declaration, read and checked."""

    name: str
    question: str = ""
    hypothesis: str = ""
    proposal: Proposal | None = None
    expected: Expected = field(default_factory=Expected)
    roles: Roles = field(default_factory=Roles)
    search: str | None = "trainer.learning_rate"
    """The key whose value is chosen on validation, for each arm."""
    solved_at: float = 0.9
    """Test accuracy that counts as solved."""
    control_at: float = 0.9
    """Test accuracy that the positive control must reach on average."""
    criteria: tuple[Criterion, ...] = ()
    skip: tuple[Selector, ...] = ()
    """Combinations of the grid that are not run."""
    grid: Mapping[str, str] = field(default_factory=dict)
    """What the sweep runs, in Hydra's words; empty where only the ``experiment`` key was read."""

    @classmethod
    def of(cls, mapping: Mapping[str, Any], *, path: str = "experiment") -> "Experiment":
        """Reads the value of the key ``experiment``. Raises ValueError, naming the key, for what is wrong."""
        known = ("name", "question", "hypothesis", "proposal", "expected", "roles")
        fields = Fields.of(
            mapping, path=path, known=(*known, "search", "solved_at", "control_at", "criteria", "skip")
        )
        fields.required("name")
        if not re.fullmatch(NAME, fields.text("name")):
            raise fields.wrong("name", "three digits and a short name, such as 008-features")
        solved_at = fields.share("solved_at", 0.9)
        entries = enumerate(fields.entries("criteria"))
        experiment = cls(
            name=fields.text("name"),
            question=fields.text("question"),
            hypothesis=fields.text("hypothesis"),
            proposal=proposal_of(mapping.get("proposal"), path=f"{path}.proposal"),
            expected=expected_of(mapping.get("expected"), path=f"{path}.expected"),
            roles=roles_of(mapping.get("roles"), path=f"{path}.roles"),
            search=_search(fields),
            solved_at=solved_at,
            control_at=fields.share("control_at", solved_at),
            criteria=tuple(Criterion.of(entry, path=f"{path}.criteria[{n}]") for n, entry in entries),
            skip=selectors_of(fields, "skip"),
        )
        _check_claims(experiment.criteria, path=path)
        for key, selector in experiment.selectors():
            if experiment.search in selector and ".skip" not in key:
                raise ValueError(
                    f"{key} names {experiment.search}, which is chosen on validation; leave it out"
                )
        return experiment

    @property
    def n_seeds(self) -> int | None:
        """How many seeds the grid asks for; None where that is not known."""
        return len(set(_plain_values(self.grid.get("seed", "")))) or None

    def selectors(self) -> Iterator[tuple[str, Selector]]:
        """Every selector of the declaration, with the key where it stands."""
        for role in ("candidate", "positive_control", "negative_control"):
            if getattr(self.roles, role) is not None:
                yield f"experiment.roles.{role}", getattr(self.roles, role)
        for number, selector in enumerate(self.roles.baselines):
            yield f"experiment.roles.baselines[{number}]", selector
        for number, criterion in enumerate(self.criteria):
            yield f"experiment.criteria[{number}].where", criterion.where
            if criterion.gap_to is not None:
                yield f"experiment.criteria[{number}].gap_to", criterion.gap_to
        for number, selector in enumerate(self.skip):
            yield f"experiment.skip[{number}]", selector


def is_skipped(config: Mapping[str, Any]) -> bool:
    """Whether the experiment that a job belongs to leaves this combination of its grid out."""
    declaration = config.get("experiment")
    skip = Experiment.of(declaration).skip if isinstance(declaration, Mapping) else ()
    return any(means(selector, config) for selector in skip)


def find(reference: str, *, root: Path) -> Path:
    """The file of ``008``, ``8``, ``mqar-ladder`` or a full name under ``root/conf/experiment``.

    Raises ValueError if there is none, or more than one.
    """
    files = {file.stem.replace("_", "-"): file for file in (root / "conf/experiment").glob("*.yaml")}
    files = {name: file for name, file in files.items() if re.fullmatch(NAME, name)}
    found = named(reference, sorted(files))
    return files[found]


def named(reference: str, names: Sequence[str]) -> str:
    """The one of the experiments' full names that is meant. Raises ValueError for none or several."""
    wanted = reference.removesuffix(".yaml").replace("_", "-")
    hits = [name for name in names if wanted in (name, name[4:]) or _is_number_of(wanted, name)]
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise ValueError(f"{reference!r} may mean {' or '.join(hits)}; write the full name")
    hint = suggestion(wanted, names) if names else "; there are none yet: mad new 001-short-name"
    raise ValueError(f"there is no experiment {reference!r}{hint}")


def declared(file: Path) -> Experiment:
    """The declaration in a YAML file, with its grid. Raises ValueError, naming file and key.

    Besides its form, what it selects is checked: against the names in ``conf/`` and against the grid.
    """
    content = yaml_in(file)
    try:
        return _checked(content, file)
    except ValueError as error:
        raise ValueError(f"{file}: {brief(error)}") from error


def _checked(content: Any, file: Path) -> Experiment:
    if not isinstance(content, Mapping) or not isinstance(content.get("experiment"), Mapping):
        raise ValueError(
            "a declaration expects a key experiment that holds a mapping; mad new NNN-name writes one"
        )
    grid = grid_of(content)
    experiment = Experiment.of(content["experiment"])
    if experiment.name != file.stem.replace("_", "-"):
        expected = file.stem.replace("_", "-")
        raise ValueError(f"experiment.name expects the file's name, {expected}; got {experiment.name}")
    names = _names_in(file.parent.parent)
    for path, selector in experiment.selectors():
        if len(names) > 1:
            check_known(selector, path=path, names=names)
        check_grid(selector, path=path, grid={key: _plain_values(text) for key, text in grid.items()})
    return Experiment(**{**vars(experiment), "grid": grid})


def grid_of(content: Mapping[str, Any]) -> dict[str, str]:
    """The sweep of a declaration's file: ``hydra.sweeper.params``, as text."""
    found: Any = content
    for key in ("hydra", "sweeper", "params"):
        found = found.get(key) if isinstance(found, Mapping) else None
    if found is not None and not isinstance(found, Mapping):
        raise ValueError(f"hydra.sweeper.params expects a mapping from keys to values; got {found!r}")
    return {str(key): str(value) for key, value in (found or {}).items()}


def _plain_values(text: str) -> list[str]:
    """The values of ``a,b,c``; nothing for what only Hydra can read."""
    plain = not set(text) & set("()[]{}'\"$\\")
    return [value.strip() for value in text.split(",") if value.strip()] if plain else []


def _names_in(conf: Path) -> dict[str, list[str]]:
    folders = (folder for folder in conf.iterdir() if folder.is_dir())
    return {folder.name: [file.stem for file in folder.glob("*.yaml")] for folder in folders}


def _check_claims(criteria: Sequence[Criterion], *, path: str) -> None:
    """Refuses a claim that is made twice: it is the name by which changes and standings are told."""
    claims = [criterion.claim for criterion in criteria]
    for number, claim in enumerate(claims):
        if claim in claims[:number]:
            raise ValueError(
                f"{path}.criteria[{number}].claim expects a claim of its own; {claim!r} is also that of "
                f"criteria[{claims.index(claim)}]: reword one of them"
            )


def _is_number_of(wanted: str, name: str) -> bool:
    return wanted.isdecimal() and len(wanted) <= 3 and int(wanted) == int(name[:3])


def _search(fields: Fields) -> str | None:
    if "search" in fields.mapping and fields.mapping["search"] is None:
        return None
    search = fields.text("search", "trainer.learning_rate")
    if "." not in search:
        raise fields.wrong("search", "a dotted key of the config, such as trainer.learning_rate, or null")
    return search
