"""What a config may name to be called, wherever the config comes from: refused before anything is built."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

import mad.execute
from mad.door.compose import composed
from mad.execute import execute
from tests.conf import CONF
from tests.test_execute import config

FOREIGN = [
    "os.system",
    "builtins.eval",
    "subprocess.Popen",
    "torch.load",
    "hydra.utils.instantiate",
    "madness.Model",
    "mad",
    "mad..model.Model",
    "mad.execute.os.system",
    "mad.execute.Path",
    "mad.execute.execute",
    "mad.train.checkpoint._digest",
]
"""Outside of the package, or within it and no class that was written there."""

BY_NAME = FOREIGN[:8]
"""Those that their name gives away, which is all that the door looks at."""

PLACES = ["model.mixer.memory", "model.mixer.memory.features", "task", "trainer", "model"]


@pytest.fixture
def nothing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model, data or training comes to be."""

    def built(*given: Any, **named: Any) -> None:
        raise AssertionError("something was built")

    for name in ("splits", "Training", "check_length", "seeded"):
        monkeypatch.setattr(mad.execute, name, built)


def with_target(whole: dict[str, Any], place: str, target: str) -> dict[str, Any]:
    """A copy whose ``place`` names another target."""
    node = whole = deepcopy(whole)
    for key in place.split("."):
        node = node[key]
    node["_target_"] = target
    return whole


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("target", BY_NAME)
def test_a_stored_config_is_refused_by_the_names_in_it(
    tmp_path: Path, place: str, target: str, nothing_is_built: None
) -> None:
    stored = with_target(config(tmp_path / "runs"), place, target)
    with pytest.raises(ValueError, match="_target_"):
        execute(yaml.safe_load(yaml.safe_dump(stored)))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("target", FOREIGN)
def test_no_target_is_called_that_is_no_class_of_the_package(tmp_path: Path, target: str) -> None:
    stored = with_target(config(tmp_path / "runs"), "model.mixer.memory", target)
    with pytest.raises(ValueError, match=r"_target_"):
        execute(stored)
    assert not (tmp_path / "runs").exists()


def typed(place: str, target: str, conf: Path) -> list[str]:
    return [f"{place}._target_={target}"]


def declared(place: str, target: str, conf: Path) -> list[str]:
    *parents, last = [*place.split("."), "_target_"]
    value: dict[str, Any] = {last: target}
    for key in reversed(parents):
        value = {key: value}
    (conf / "experiment").mkdir(parents=True, exist_ok=True)
    text = "# @package _global_\n# A case.\n" + yaml.safe_dump(value)
    (conf / "experiment/bad.yaml").write_text(text)
    return ["experiment=bad"]


@pytest.mark.parametrize("source", [typed, declared])
@pytest.mark.parametrize("target", ["os.system", "builtins.eval", "madness.Model"])
def test_the_door_refuses_it_from_the_command_line_and_from_an_experiment(
    tmp_path: Path, source: Callable[[str, str, Path], list[str]], target: str
) -> None:
    conf = tmp_path / "conf"
    for folder in CONF.rglob("*.yaml"):
        copy = conf / folder.relative_to(CONF)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(folder.read_bytes())
    for place in PLACES:
        with pytest.raises(ValueError, match=f"_target_ '{target}' lies outside the allowed packages"):
            composed(source(place, target, conf), multirun=False, conf=conf)
