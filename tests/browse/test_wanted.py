"""Which runs are meant: by conditions, and by parts of a name."""

from pathlib import Path

import pytest

from mad.browse.runs import all_runs
from mad.browse.wanted import filtered, find
from tests.browse.records import left, three
from tests.report.judging.runs import run


@pytest.mark.parametrize(
    "words, places",
    [
        ("", [0, 1, 2]),
        ("model=softmax", [0]),
        ("model=softmax,gqa", [0, 1, 2]),
        ("model=gqa status=failed", [1]),
        ("status=finished", [0, 2]),
        ("experiment=008", [2]),
        ("experiment=features", [2]),
        ("experiment=none", [0, 1]),
        ("trainer.learning_rate=0.0010", [0, 2]),
        ("trainer.learning_rate=1e-2", [1]),
        ("seed=1", [2]),
        ("run=-s1-", [2]),
        ("model=cosformer", []),
        ("status=running", []),
        ("status=running model=softmax", []),
    ],
)
def test_conditions_select(words: str, places: list[int]) -> None:
    folders = three()
    kept = filtered(all_runs(Path()), words.split(), root=Path())
    assert [run.path for run in kept] == [folders[place] for place in places]


@pytest.mark.parametrize(
    "words, reason",
    [
        (["modle=softmax"], "no run says modle; did you mean model?"),
        (
            ["trainer.learning_rat=1"],
            "no run says trainer.learning_rat; did you mean trainer.learning_rate or ",
        ),
        (["status=faild"], "there is no status faild; did you mean failed?"),
        (["experiment=777"], "there is no experiment '777'"),
        (["softmax"], "a condition expects KEY=VALUE"),
        (["model="], "a condition expects KEY=VALUE"),
        (["model=gqa", "model=softmax"], "model is given twice"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_said(words: list[str], reason: str) -> None:
    three()
    with pytest.raises(ValueError, match=reason.replace("?", r"\?")):
        filtered(all_runs(Path()), words, root=Path())


def test_a_run_is_found_by_its_name_its_path_or_a_part_that_only_it_has() -> None:
    folders = three()
    for folder in folders:
        cut = f"{folder.name[:3]}…{folder.name[-10:]}"
        for reference in (folder.name, str(folder), f"{folder}/", str(folder / "result.json"), cut):
            assert find(reference, root=Path()).path == folder
    assert find(folders[0].name[-6:], root=Path()).path == folders[0]


def test_a_whole_name_goes_before_a_longer_one() -> None:
    folder = three()[0]
    folder.rename("runs/one")
    left(run(seed=3)).rename("runs/one-more")
    assert find("one", root=Path()).name == "one"
    assert find("one-", root=Path()).name == "one-more"


def test_a_part_that_several_have_names_them() -> None:
    folders = three()
    with pytest.raises(ValueError, match="'mqar' may mean 3 runs") as caught:
        find("mqar", root=Path())
    assert all(str(folder) in str(caught.value) for folder in folders)


def test_a_name_that_none_has_is_said() -> None:
    with pytest.raises(ValueError, match="there is no run 'x'; there are no runs here"):
        find("x", root=Path())
    name = three()[0].name
    with pytest.raises(ValueError, match=f"did you mean .*{name}"):
        find(name.replace("mqar", "mqra"), root=Path())


def test_a_path_outside_of_the_usual_places_is_a_run_as_well(tmp_path: Path) -> None:
    folder = left(run(), where="elsewhere/deep")
    assert find(str(tmp_path / folder), root=Path()).status == "finished"
