"""Blueprints build classes of the allowed packages, and nothing else."""

import re
import sys
from pathlib import Path

import pytest

from mad.blueprint import blueprint
from mad.launch.settings import Launch

LAUNCH = "mad.launch.settings.Launch"

GUESTS = """
from collections import OrderedDict
from functools import partial

class Inner:
    def __init__(self, shape, *, width: int, rate: float = 0.5, name: str | None = None):
        self.shape, self.width = shape, width

class Outer:
    def __init__(self, *, inner, others=(), table=None):
        self.inner, self.others, self.table = inner, others, table

class _Private:
    pass

def function():
    pass

an_object = Inner(1, width=2)
"""


@pytest.fixture
def guests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of a user's own."""
    (tmp_path / "guests.py").write_text(GUESTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "guests", raising=False)
    return "guests"


def test_a_target_becomes_a_class_that_waits_for_the_rest(guests: str) -> None:
    inner = blueprint({"_target_": "guests.Inner", "width": 3}, allow=[guests])
    assert inner("a shape").shape == "a shape"
    assert inner("a shape").width == 3


def test_nested_targets_become_blueprints_at_any_depth(guests: str) -> None:
    part = {"_target_": "guests.Inner", "width": 3}
    config = {
        "_target_": "guests.Outer",
        "inner": part,
        "others": [part, [part]],
        "table": {"a": part, "b": 1},
    }
    outer = blueprint(config, allow=[guests])()
    parts = [outer.inner, outer.others[0], outer.others[1][0], outer.table["a"]]
    assert [part(shape).width for shape, part in enumerate(parts)] == [3] * 4
    assert outer.table["b"] == 1


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "guests.Inner",
        "builtins.eval",
        "mad",
        "madness.Model",
        "mad.seeding.torch.load",  # walks through an import
        "mad.report.record.Path",  # a class, but not one of ours
        "mad.report.record.Result.from_json",
        "mad.blueprint.blueprint",  # a function
        "mad.report.result.DONE",
        "mad.launch.pool._Worker",
        "mad.launch.nowhere.Launch",
        "mad.launch.settings.Lunch",
        "mad..Launch",
        "mad.launch.settings.Launch()",
        "",
        None,
        3,
        ["mad.launch.settings.Launch"],
    ],
)
def test_only_classes_written_in_the_package_can_be_named(target: object) -> None:
    with pytest.raises(ValueError, match="_target_"):
        blueprint({"_target_": target})


@pytest.mark.parametrize("name", ["OrderedDict", "partial", "function", "an_object", "_Private"])
def test_an_allowed_package_lends_its_own_classes_only(guests: str, name: str) -> None:
    with pytest.raises(ValueError, match="_target_"):
        blueprint({"_target_": f"guests.{name}"}, allow=[guests])


def test_a_mapping_without_a_target_is_no_blueprint() -> None:
    with pytest.raises(ValueError, match="_target_"):
        blueprint({"jobs": 3})


@pytest.mark.parametrize(
    "keywords, message",
    [
        ({"thread": 2}, "knows no keyword 'thread'; did you mean threads"),
        ({"_partial_": True}, "knows no keyword '_partial_'"),
        ({"threads": "two"}, "threads expects int, got 'two'"),
        ({"threads": None}, "threads expects int, got None"),
        ({"threads": True}, "threads expects int, got True"),
        ({"device": 3}, "device expects str, got 3"),
        ({"timeout_seconds": "1 h"}, "timeout_seconds expects float | None, got '1 h'"),
    ],
)
def test_a_keyword_that_does_not_fit_is_refused_before_anything_is_built(
    keywords: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        blueprint({"_target_": LAUNCH, **keywords})


def test_a_whole_number_fits_where_a_number_is_expected() -> None:
    assert blueprint({"_target_": LAUNCH, "timeout_seconds": 3})() == Launch(timeout_seconds=3)


def test_a_misspelled_class_is_told_the_nearest_one() -> None:
    with pytest.raises(ValueError, match="did you mean Launch"):
        blueprint({"_target_": "mad.launch.settings.Lunch"})


def test_a_missing_argument_shows_when_the_blueprint_is_called(guests: str) -> None:
    waiting = blueprint({"_target_": "guests.Inner"}, allow=[guests])
    assert waiting("a shape", width=1).width == 1
    with pytest.raises(ValueError, match="Inner: missing a required argument: 'width'"):
        waiting("a shape")


def test_a_dependency_that_is_not_installed_is_no_misspelling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needy.py").write_text("import a_package_that_is_not_there\nclass Needy: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        blueprint({"_target_": "needy.Needy"}, allow=["needy"])
