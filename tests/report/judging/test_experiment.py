"""Declarations: what may stand in one, and what is said of what may not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mad.report.judging.criterion import Criterion
from mad.report.judging.experiment import Experiment, declared, find

ROOT = Path(__file__).parents[3]

FULL = """
# @package _global_
# Features.
experiment:
  name: 008-features
  question: "Does it
    recall?"
  hypothesis: It does.
  proposal: {id: 008-features-proposal, priority: medium}
  expected: {minutes: 50, usd: 0, result: It wins.}
  roles:
    candidate: {model: cos_log_linear}
    baselines: [{model: log_linear}, {model: [cosformer, softmax]}]
    positive_control: {model: softmax}
    negative_control: null
  search: trainer.learning_rate
  solved_at: 0.95
  criteria:
    - claim: more than 80 %
      where: {model: cos_log_linear, recipe: published_008}
      above: 0.8
    - claim: 60-70 %
      where: {model: log_linear}
      between: [0.6, 0.7]
      decides: false
    - claim: a gap
      where: {model: cos_log_linear}
      gap_to: {model: log_linear}
      metric: test/loss_nats
      below: 1e-3
    - claim: no run diverges
      metric: diverged
      equals: 0
hydra: {sweeper: {params: {model: "softmax,log_linear,cos_log_linear", seed: 0}}}
"""


def written(folder: Path, text: str = FULL, *, name: str = "008_features") -> Path:
    """A declaration in a tree of its own."""
    file = folder / f"conf/experiment/{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_declaration_is_read_whole(tmp_path: Path) -> None:
    found = declared(written(tmp_path))
    assert found.question == "Does it recall?"
    assert found.proposal is not None
    assert (found.proposal.priority, found.expected.minutes, found.control_at) == ("medium", 50, 0.95)
    assert found.roles.baselines[1] == {"model": ["cosformer", "softmax"]}
    assert found.criteria[2].below == 0.001
    assert not found.criteria[1].decides
    assert found.criteria[3].where == {}
    assert found.grid == {"model": "softmax,log_linear,cos_log_linear", "seed": "0"}


def test_a_criterion_says_its_bar() -> None:
    found = Experiment.of(yaml.safe_load(FULL)["experiment"]).criteria
    assert [criterion.text() for criterion in found] == [
        "test/accuracy > 80 %",
        "test/accuracy from 60 % to 70 %",
        "test/loss_nats less that of model=log_linear < 0.001",
        "diverged = 0 %",
    ]
    points = Criterion.of({"claim": "x", "gap_to": {"model": "a"}, "above": 0.125}, path="criterion")
    assert points.text() == "test/accuracy less that of model=a > 12.5 points"


@pytest.mark.parametrize(
    "keys",
    [
        {"metric": "cells/seq_len=64/hard/accuracy", "above": 0.8},
        {"metric": "cost/peak_memory_bytes", "below": 1e9},
        {"metric": "validation/loss_nats", "below": 3.0},
        {"metric": "test/accuracy", "gap_to": {"model": "x"}, "above": -0.1},
        {"metric": "state_floats", "equals": 4096},
    ],
)
def test_what_can_be_measured_can_be_claimed(keys: dict[str, Any]) -> None:
    assert Criterion.of({"claim": "x", **keys}, path="criterion").metric == keys["metric"]


@pytest.mark.parametrize("seeds, n", [("0,1,2", 3), ("0", 1), ("range(3)", None), ("", None)])
def test_the_seeds_of_the_grid_are_counted(seeds: str, n: int | None) -> None:
    assert Experiment(name="008-features", grid={"seed": seeds}).n_seeds == n


def test_a_name_is_enough() -> None:
    found = Experiment.of({"name": "001-mqar-controls"})
    assert (found.criteria, found.search, found.solved_at) == ((), "trainer.learning_rate", 0.9)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "conf/experiment").glob("*.yaml")), ids=lambda file: file.stem
)
def test_what_is_declared_in_conf_can_be_read(file: Path) -> None:
    assert declared(file).name == file.stem.replace("_", "-")


def criterion(**keys: Any) -> dict[str, Any]:
    """A declaration with one criterion."""
    return {"criteria": [{"claim": "x", **keys}]}


@pytest.mark.parametrize(
    "changes, complaint",
    [
        ({"name": None}, r"experiment\.name is missing"),
        ({"name": "8-x"}, r"experiment\.name expects three digits"),
        ({"qestion": "x"}, r"unknown key experiment\.qestion; did you mean question\?"),
        ({"question": 3}, r"experiment\.question expects text; got 3"),
        ({"search": "lr"}, r"experiment\.search expects a dotted key"),
        ({"solved_at": 90}, r"experiment\.solved_at expects a share"),
        ({"control_at": "high"}, r"experiment\.control_at expects a finite number"),
        ({"proposal": {"id": "x", "priority": "urgent"}}, r"proposal\.priority expects high"),
        ({"proposal": {"priority": "low"}}, r"proposal\.id is missing"),
        ({"expected": {"minutes": -1}}, r"expected\.minutes expects"),
        ({"expected": {"hours": 1}}, r"unknown key experiment\.expected\.hours"),
        ({"roles": {"candidates": {}}}, r"unknown key experiment\.roles\.candidates; did you mean candidate"),
        ({"roles": {"candidate": {}}}, r"roles\.candidate expects conditions"),
        ({"roles": {"candidate": "softmax"}}, r"roles\.candidate expects a mapping"),
        ({"roles": {"baselines": {"model": "x"}}}, r"roles\.baselines expects a list"),
        ({"criteria": {"claim": "x"}}, r"experiment\.criteria expects a list"),
        ({"criteria": [{"above": 0.8}]}, r"criteria\[0\]\.claim is missing"),
        (criterion(), r"criteria\[0\] expects exactly one of above.*got none"),
        (criterion(above=0.8, below=0.9), "got above, below"),
        (criterion(above=True), r"above expects a finite number; got True"),
        (criterion(above=".nan x"), r"above expects a finite number"),
        (criterion(between=[0.7, 0.6]), r"between expects the smaller number first"),
        (criterion(between=0.6), r"between expects two numbers"),
        (criterion(equals=1), r"equals is for diverged, solved"),
        (
            criterion(metric="accuracy", above=0),
            r"criteria\[0\]\.metric expects the name of a metric.*did you",
        ),
        (criterion(metric="test/acuracy", above=0), r"got 'test/acuracy'; did you mean test/accuracy\?"),
        (criterion(metric="cost/second", above=0), r"did you mean cost/seconds\?"),
        (criterion(metric="cells/hard/acuracy", above=0), r"expects cells/NAME/accuracy or cells/NAME/loss"),
        (criterion(metric="cells/accuracy", above=0), r"expects cells/NAME/accuracy or cells/NAME/loss"),
        (criterion(above=80), r"above expects a share between 0 and 1.*got 80"),
        (criterion(between=[0.6, 70]), r"between expects a share"),
        (criterion(metric="cells/hard/accuracy", below=-0.1), r"below expects a share"),
        (criterion(metric="diverged", equals=2), r"equals expects a share"),
        (criterion(gap_to={"model": "x"}, above=10), r"above expects a difference between -1 and 1"),
        (
            {"criteria": [{"claim": "it recalls", "above": bar} for bar in (0.8, 0.9)]},
            r"criteria\[1\]\.claim expects a claim of its own; 'it recalls' is also that of criteria\[0\]",
        ),
        (criterion(decides="no", above=0), r"decides expects true or false"),
        (criterion(where={"seed": 0}, above=0), r"seed cannot be selected"),
        (criterion(where={"model": {}}, above=0), r"where\.model expects a value"),
        (criterion(where={"model": []}, above=0), r"an empty list selects nothing"),
        (criterion(where={"trainer.learning_rate": 1}, above=0), "chosen on validation"),
        (criterion(metric="solved", gap_to={"model": "x"}, above=0), r"gap_to expects a metric"),
        (criterion(gap_to={}, above=0), r"gap_to expects other arms"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Experiment.of({"name": "008-features", **changes})


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("a: [", "is no YAML"),
        ("experiment: 008", "expects a key experiment"),
        (FULL.replace("name: 008-features", "name: 009-features"), "expects the file's name, 008-features"),
        (
            FULL.replace("{model: softmax}", "{model: mamba2}"),
            r"positive_control\.model selects nothing: mamba2",
        ),
        (
            FULL.replace("params: {", "params: {trainer.steps: '1,2', ").replace(
                "model: log_linear}\n      b", "trainer.steps: 3}\n      b"
            ),
            r"criteria\[1\]\.where\.trainer\.steps selects nothing",
        ),
    ],
)
def test_a_file_that_cannot_be_meant_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=rf"008_features\.yaml.*{complaint}"):
        declared(written(tmp_path, text))


@pytest.mark.parametrize(
    "mistake, complaint",
    [
        ("{model: cos_loglinear}", "no conf/model/cos_loglinear.yaml; did you mean cos_log_linear"),
        ("{modle: softmax}", "modle is no group of conf/; did you mean model"),
    ],
)
def test_a_selector_that_names_nothing_in_conf_is_refused(
    tmp_path: Path, mistake: str, complaint: str
) -> None:
    for name in ("softmax", "log_linear", "cos_log_linear", "cosformer"):
        (tmp_path / f"conf/model/{name}.yaml").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"conf/model/{name}.yaml").touch()
    (tmp_path / "conf/recipe").mkdir()
    (tmp_path / "conf/recipe/published_008.yaml").touch()
    assert declared(written(tmp_path))
    with pytest.raises(ValueError, match=complaint):
        declared(
            written(tmp_path, FULL.replace("candidate: {model: cos_log_linear}", f"candidate: {mistake}"))
        )


@pytest.mark.parametrize("reference", ["008", "8", "08", "features", "008-features", "008_features.yaml"])
def test_an_experiment_is_found_by_number_name_or_both(tmp_path: Path, reference: str) -> None:
    file = written(tmp_path)
    written(tmp_path, name="018_other_features")
    (file.parent / "_base.yaml").touch()
    assert find(reference, root=tmp_path) == file


def test_what_is_not_there_or_not_one_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are none yet"):
        find("008", root=tmp_path)
    written(tmp_path)
    with pytest.raises(ValueError, match=r"no experiment '9'; known: 008-features"):
        find("9", root=tmp_path)
    written(tmp_path, name="009_features")
    with pytest.raises(ValueError, match="may mean 008-features or 009-features"):
        find("features", root=tmp_path)
