"""The command line: what it prints, what it returns, what it leaves."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from mad.door.compose import compose
from mad.launch import sweep as sweep_module
from mad.report.lock import locked
from mad.report.record import NotRecorded, RunFolder
from mad.report.result import Result
from mad.run import main
from tests.results import small_result

CONF = Path(__file__).parents[1] / "conf"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Puts something else in the place of training; what is returned lists the configs that it saw."""

    def instead(make: Callable[[dict[str, Any]], Result]) -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []

        def execute(config: dict[str, Any]) -> Result:
            seen.append(config)
            folder = RunFolder.of(config)
            with folder.claim(config):
                result = make(config)
                folder.write_result(result)
            return result

        module = ModuleType("mad.execute")
        module.execute = execute  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "mad.execute", module)
        return seen

    return instead


def test_a_dry_run_shows_config_folder_and_state(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose(["seed=3"])
    folder = RunFolder.of(config)

    def shown() -> str:
        assert main(["--dry-run", "seed=3"]) == 0
        return capsys.readouterr().out

    first = shown()
    assert yaml.safe_load(first.partition("\nrun  ")[0]) == config
    assert f"folder  {folder.path}/" in first
    assert first.endswith("state   new\n")
    assert not Path("runs").exists()
    with folder.claim(config):
        assert shown().endswith("state   running\n")
    assert shown().endswith("state   unfinished\n")
    folder.write_result(small_result(config, code="0" * 64))
    assert shown().endswith("state   stale\n")
    folder.write_result(small_result(config))
    assert shown().endswith("state   finished\n")


def test_a_dry_sweep_shows_every_job(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "--dry-run", "seed=0,1", "model=softmax,gqa"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("state   new") == 4
    assert "seed=1 model=gqa\n" in shown


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--lst"], "mad: unknown flag --lst; did you mean --list?"),
        (["-x"], "mad: unknown flag -x; "),
        (["--config-dir=/tmp"], "mad: unknown flag --config-dir=/tmp; known: "),
        (["model=cos_loglinear"], "mad: there is no model=cos_loglinear; did you mean cos_log_linear"),
        (["+trainer.batchsize=1"], "mad: unknown key trainer.batchsize; did you mean trainer.batch_size?"),
        (
            ["trainer.batch_size=many"],
            "mad: trainer.batch_size expects a whole number, got 'many' (text); e.g. ",
        ),
        (["launch.device=gpu"], "mad: launch.device expects auto, cpu, cuda or cuda:N; got 'gpu'"),
        (["results=null", "experiment={name: ../../x}"], "mad: experiment.name expects three digits"),
        (["model.mixer._target_=os.system"], "mad: model.mixer: _target_ 'os.system' lies outside"),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--dry-run"]], ids=["run", "dry run"])
def test_bad_input_is_one_clear_line_and_exit_code_2(
    arguments: list[str], flags: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *flags]) == 2
    out, err = capfd.readouterr()
    assert err.startswith(message)
    assert len(err.splitlines()) <= 2
    assert out == ""
    assert list(Path.cwd().iterdir()) == []


def test_a_run_ends_with_a_table_and_the_path_of_its_record(
    training: Callable[..., list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    seen = training(small_result)
    assert main(["seed=0"]) == 0
    assert seen == [compose(["seed=0"])]
    assert capsys.readouterr().out.splitlines() == [
        "test     accuracy  loss (nats)  length  asked",
        "default     50.0%         1.25      16    640",
        "accuracy: chance 1.0%, floor 25.0%, ceiling 100.0%; loss: best 0",
        "3 s, 10 steps, 1,234 parameters, 99 state floats",
        f"record: {RunFolder.of(seen[0]).path}/",
    ]


def test_a_finished_run_is_returned_at_once_and_says_so(
    training: Callable[..., list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    seen = training(small_result)
    main(["seed=0"])
    first = capsys.readouterr().out
    assert main(["seed=0", "track=files", "launch.threads=2"]) == 0
    assert len(seen) == 1
    assert capsys.readouterr().out == "finished before; here is its record\n" + first


@pytest.mark.parametrize(
    "status, error, code",
    [
        ("finished", None, 0),
        ("diverged", "the loss is nan at step 3", 1),
        ("failed", "out of memory", 1),
        ("preempted", "SIGINT", 130),
        ("preempted", "SIGTERM", 143),
    ],
)
def test_the_exit_code_says_how_it_ended(
    training: Callable[..., list[dict[str, Any]]],
    status: Any,
    error: str | None,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def make(config: dict[str, Any]) -> Result:
        return Result(**{**small_result(config).__dict__, "status": status, "error": error})

    training(make)
    assert main(["seed=0"]) == code
    if error:
        assert f"{status}: {error}" in capsys.readouterr().out


def test_a_stale_record_is_said_to_be_kept(
    training: Callable[..., list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    training(partial(small_result, code="0" * 64))
    main(["seed=0"])
    training(small_result)
    assert main(["seed=0"]) == 0
    assert (
        "there is a record of this run by other code; it is kept under superseded/" in capsys.readouterr().out
    )
    assert list(Path("runs").glob("*/superseded/0000000000/result.json"))


def test_what_a_constructor_refuses_is_exit_code_2_without_a_folder(
    training: Callable[..., list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(config: dict[str, Any]) -> Result:
        raise ValueError("n_heads (3) must divide d_model (64); change one of them")

    training(refuse)
    assert main(["model.mixer.n_heads=3"]) == 2
    assert capsys.readouterr().err == "mad: n_heads (3) must divide d_model (64); change one of them\n"
    assert not list(Path("runs").iterdir())


def test_a_run_under_way_is_not_started_twice(
    training: Callable[..., list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    training(small_result)
    with locked(RunFolder.of(compose(["seed=0"])).path):
        assert main(["seed=0"]) == 1
    assert f"is already running (pid {os.getpid()} on " in capsys.readouterr().err


def test_a_sweep_runs_in_processes_and_ends_with_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = partial(sweep_module.sweep, function="tests.launch.stand_ins:by_seed")
    monkeypatch.setattr(sweep_module, "sweep", stand_in)
    assert main(["-m", "seed=0,2"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[lines.index("run status accuracy loss (nats) seconds") :] == [
        "run status accuracy loss (nats) seconds",
        "seed=0 finished 50.0% 1.25 3",
        "seed=2 finished 70.0% 1.25 3",
        "all mean, n=2 60.0% 1.25 3",
        "records: runs/",
    ]
    assert main(["-m", "seed=0,1"]) == 1


def test_the_module_trains_leaves_a_record_and_nothing_else(tmp_path: Path) -> None:
    words = [
        "task=mqar",
        "model=vanilla_linear",
        "trainer.epochs=null",
        "trainer.steps=2",
        "trainer.warmup_steps=0",
        "task.data.train=64",
    ]
    command = [sys.executable, "-m", "mad.run", *words, "task.data.validation=8", "task.data.test=8"]
    environment = {**os.environ, "PYTHONPATH": str(CONF.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    [folder] = (tmp_path / "runs").iterdir()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert done.stdout.splitlines()[-1] == f"record: runs/{folder.name}/"
    assert all(len(line) <= 110 for line in done.stdout.splitlines())
    result = Result.from_json((folder / "result.json").read_text())
    assert result.status == "finished"
    assert str(tmp_path) not in (folder / "result.json").read_text() + (folder / "config.yaml").read_text()


@pytest.mark.parametrize("cause", [OSError("no room"), RuntimeError("a bug")], ids=["disk", "bug"])
def test_a_failure_without_a_record_is_a_line_unless_its_traceback_would_be_lost(
    cause: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(request: object) -> int:
        raise NotRecorded("the run failed, and nothing can be written") from cause

    monkeypatch.setattr("mad.run._answer", fail)
    if isinstance(cause, OSError):
        assert main(["task=mqar"]) == 1
        assert capsys.readouterr().err == "mad: the run failed, and nothing can be written\n"
    else:
        with pytest.raises(NotRecorded):
            main(["task=mqar"])
