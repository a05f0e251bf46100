"""A new declaration: it can be read as it is, and takes nobody's place."""

from pathlib import Path

import pytest
import yaml

from mad.report.judging.experiment import Experiment, declared, find
from mad.report.judging.scaffold import new_declaration
from tests.report.judging.test_experiment import ROOT


def test_a_new_declaration_can_be_read_and_is_found(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    for group in ("model", "task", "recipe"):
        (tmp_path / "conf" / group).symlink_to(ROOT / "conf" / group)
    file = new_declaration("042-short-name", root=tmp_path)
    assert file == find("42", root=tmp_path)
    found = declared(file)
    assert (found.name, len(found.criteria)) == ("042-short-name", 4)
    assert found.grid["model"] == "softmax,cos_log_linear,log_linear,vanilla_linear"


def test_a_new_declaration_names_every_key(tmp_path: Path) -> None:
    content = yaml.safe_load(new_declaration("042-short-name", root=tmp_path).read_text())
    assert content["experiment"].keys() == Experiment.__dataclass_fields__.keys() - {"grid"}


@pytest.mark.parametrize("name", ["short-name", "42-x", "042_x", "042-X", "../042-x", "042-a/b", "042-", ""])
def test_a_name_must_be_three_digits_and_words(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="expects a name such as 008-short-name"):
        new_declaration(name, root=tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_and_no_number_taken_twice(tmp_path: Path) -> None:
    file = new_declaration("001-short-name", root=tmp_path)
    file.write_text("mine")
    for name in ("001-short-name", "001-other"):
        with pytest.raises(ValueError, match=r"001 is taken by .*001_short_name\.yaml; 002 is free"):
            new_declaration(name, root=tmp_path)
    assert file.read_text() == "mine"
