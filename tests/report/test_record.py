"""The run folder: what is found there, what is kept, what is left behind."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mad.report import record
from mad.report.record import RunFolder
from tests.results import small_config, small_result


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """A run kept below the test's own folder."""
    return small_config(tmp_path / "runs")


def by_other_code(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, code: str = "0" * 64) -> RunFolder:
    """The folder as another version of the package sees it."""
    with monkeypatch.context() as patch:
        patch.setattr(record, "code_hash", lambda packages: code)
        return RunFolder.of(config)


def test_results_lie_where_the_config_says(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    assert RunFolder.of(config).path.parent == tmp_path
    assert RunFolder.of({**config, "results": None}).path.parent == Path("runs")
    of_experiment = {**config, "results": None, "experiment": {"name": "008-features"}}
    assert RunFolder.of(of_experiment).path.parent == Path("experiments/008-features/runs")


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "/etc",
        "008",
        "8-x",
        "008-",
        "008-X",
        "008-a/b",
        "008-a\n",
        "008-" + "x" * 99,
        None,
        3,
        "-rf",
    ],
)
def test_an_experiment_cannot_lie_elsewhere(tmp_path: Path, name: Any) -> None:
    with pytest.raises(ValueError, match=r"experiment\.name expects"):
        RunFolder.of(small_config(tmp_path, results=None, experiment={"name": name}))


def test_a_run_goes_from_new_over_unfinished_to_finished(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    assert folder.state() == "new"
    assert not folder.path.exists()
    with folder.claim(config) as found:
        assert found == "new"
        assert folder.state() == "running"
    assert folder.state() == "unfinished"
    with folder.claim(config) as found:
        assert found == "unfinished"
        folder.write_result(small_result(config, status="preempted"))
    assert folder.state() == "unfinished"
    with folder.claim(config):
        folder.write_result(small_result(config))
    assert folder.state() == "finished"
    with folder.claim(config) as found:
        assert found == "finished"
    assert folder.result() == small_result(config)


def test_a_diverged_run_is_not_run_again(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    with folder.claim(config):
        folder.write_result(small_result(config, status="diverged"))
    assert folder.state() == "finished"


def test_the_recorded_config_says_what_was_run_and_not_where(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    with folder.claim(config):
        text = folder.config_file.read_text()
    assert yaml.safe_load(text) == {
        k: v for k, v in config.items() if k not in ("results", "launch", "track")
    }
    assert str(folder.path.parent) not in text


def test_what_other_code_made_is_kept_aside(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = by_other_code(config, monkeypatch), RunFolder.of(config)
    with old.claim(config):
        old.metrics.append({"step": 1})
        (old.path / "checkpoint.pt").write_bytes(b"old")
        old.console_file.write_text("old\n")
        old.write_result(small_result(config, code=old.code))
    assert new.state() == "stale"
    with new.claim(config) as found:
        assert found == "stale"
        assert (new.metrics.rows(), new.result()) == ([], None)
    shelf = new.path / "superseded" / old.code[:10]
    assert {file.name for file in shelf.iterdir()} == {
        "config.yaml",
        "claim.json",
        "metrics.jsonl",
        "checkpoint.pt",
        "result.json",
    }
    assert new.console_file.read_text() == "old\n"
    assert new.state() == "unfinished"


def test_an_unfinished_run_of_other_code_is_not_resumed(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = by_other_code(config, monkeypatch)
    with old.claim(config):
        (old.path / "checkpoint.pt").write_bytes(b"old")
    with RunFolder.of(config).claim(config) as found:
        assert found == "stale"
        assert not list(old.path.glob("checkpoint*"))


def test_every_old_record_is_kept_however_often_the_code_goes_to_and_fro(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for step, code in enumerate("abababa"):
        folder = by_other_code(config, monkeypatch, code * 64)
        with folder.claim(config):
            folder.metrics.append({"step": step})
    steps = [json.loads(file.read_text())["step"] for file in folder.path.glob("superseded/*/metrics.jsonl")]
    assert sorted(steps) == list(range(6))


def test_an_interrupted_archiving_goes_on(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    old = by_other_code(config, monkeypatch)
    with old.claim(config):
        old.metrics.append({"step": 1})
        old.write_result(small_result(config, code=old.code))
    shelf = old.path / "superseded" / old.code[:10]
    shelf.mkdir(parents=True)
    old.metrics.path.replace(shelf / "metrics.jsonl")
    old.result_file.replace(shelf / "result.json")
    with RunFolder.of(config).claim(config) as found:
        assert found == "stale"
    assert (shelf / "claim.json").exists()
    assert (shelf / "metrics.jsonl").exists()


def test_a_record_from_version_control_counts(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.of(config)
    with folder.claim(config):
        folder.write_result(small_result(config))
    (folder.path / "claim.json").unlink()
    (folder.path / "lock").unlink()
    assert folder.state() == "finished"
    assert by_other_code(config, monkeypatch).state() == "stale"


def test_bad_input_leaves_no_folder(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    with pytest.raises(ValueError, match="horizon"), folder.claim(config):
        raise ValueError("horizon 64 is shorter than the sequence")
    assert not folder.path.exists()


def test_an_error_after_the_start_leaves_the_folder(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)

    def fail_later() -> None:
        folder.metrics.append({"step": 1})
        raise ValueError("later")

    with pytest.raises(ValueError, match="later"), folder.claim(config):
        fail_later()
    assert folder.state() == "unfinished"


def test_only_a_folder_that_holds_no_record_is_discarded(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    folder.path.mkdir(parents=True)
    folder.console_file.write_text("n_heads must divide d_model\n")
    folder.discard_if_empty()
    assert not folder.path.exists()
    with folder.claim(config):
        folder.discard_if_empty()
        assert folder.path.exists()
    folder.discard_if_empty()
    assert folder.state() == "unfinished"


def test_an_unreadable_result_is_named(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    with folder.claim(config):
        folder.result_file.write_text('{"run_id": ')
    with pytest.raises(ValueError, match=r"result\.json is no JSON .*; restore it, or move it away"):
        folder.state()


def test_another_run_in_the_folder_is_not_touched(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    with folder.claim(config):
        pass
    other = RunFolder(folder.path, "f" * 64, folder.code)
    with pytest.raises(ValueError, match="holds another run"), other.claim(config):
        pass
