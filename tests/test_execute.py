"""A run from its config to its record, also when it is stopped on the way."""

import copy
import json
import multiprocessing
import os
import signal
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch

from mad.execute import execute
from mad.report.record import RunFolder
from mad.report.result import Result
from mad.train.checkpoint import weights_sha256
from mad.train.loop import Training
from tests import child
from tests.conf import composed

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["mad.execute", "torch._dynamo"])  # the optimiser imports the latter


def config(results: Path, **trainer: Any) -> dict[str, Any]:
    """A run of 60 steps of 3 ms each."""
    whole = {**copy.deepcopy(_composed()), "results": str(results)}
    whole["model"] |= {"d_model": 16, "n_layers": 1, "dropout": 0.1}
    whole["task"] |= {"vocab_size": 8, "seq_len": 12, "n_pairs": 2}
    whole["task"]["eval"] = [{"seq_len": 20, "n_pairs": 3}]
    whole["task"]["data"] = {"train": 80, "validation": 32, "test": 32, "fresh": True}
    steps = {"batch_size": 16, "epochs": None, "steps": 60, "warmup_steps": 5, "log_every": 1}
    whole["trainer"] |= {**steps, "checkpoint_steps": 6, "validate_every": 7, **trainer}
    return whole


@cache
def _composed() -> dict[str, Any]:
    return composed("model=vanilla_linear", "task=recall", "track.console=false")


def record(whole: dict[str, Any]) -> tuple[Result, bytes]:
    """The result and the curves, as they lie in the folder."""
    folder = RunFolder.of(whole)
    result = folder.result()
    assert result is not None
    return result, folder.metrics.path.read_bytes()


def comparable(whole: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    result, curves = record(whole)
    assert result.status == "finished"
    return result.determined(), curves


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], bytes]:
    whole = config(tmp_path_factory.mktemp("uninterrupted"))
    execute(whole)
    return comparable(whole)


def test_a_run_leaves_its_record(tmp_path: Path) -> None:
    whole = config(tmp_path)
    result = execute(whole)
    assert record(whole)[0] == result
    assert result.status == "finished"
    assert result.steps == 60
    assert result.metrics.keys() == {
        "train/loss_nats",
        *(
            f"{split}/{quantity}"
            for split in ("validation", "test")
            for quantity in ("accuracy", "loss_nats")
        ),
    }
    assert {name: cell["seq_len"] for name, cell in result.cells.items()} == {
        "default": 12,
        "seq_len=20,n_pairs=3": 20,
    }
    assert result.metrics["test/accuracy"] == result.cells["default"]["accuracy"]
    assert result.bounds["chance_accuracy"] is not None
    assert result.cost.keys() == {"seconds", "train_seconds", "feature_map_seconds", "peak_memory_bytes"}
    assert 0 < (result.cost["feature_map_seconds"] or 0) < (result.cost["seconds"] or 0)
    assert "launch" not in result.config
    rows = [json.loads(line) for line in record(whole)[1].splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 61))


def test_the_stamp_counts_what_the_model_says(tmp_path: Path) -> None:
    from mad.blueprint import blueprint

    whole = config(tmp_path)
    stamp = execute(whole).stamp
    model = blueprint(whole["model"])(vocab_size=8)
    assert stamp["n_parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert stamp["state_floats"] == model.state_floats(12)
    assert stamp["train_flops"] == 3 * 60 * 16 * model.flops(12)


def test_a_finished_run_is_returned_and_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = execute(config(tmp_path))
    monkeypatch.delattr(Training, "run")
    assert execute(config(tmp_path)) == first


def test_a_run_that_another_process_finished_meanwhile_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = execute(config(tmp_path))
    monkeypatch.setattr(RunFolder, "state", lambda folder: "running")
    monkeypatch.delattr(Training, "run")
    assert execute(config(tmp_path)) == first


def test_equal_configs_give_equal_results(
    tmp_path: Path, uninterrupted: tuple[dict[str, Any], bytes]
) -> None:
    execute(config(tmp_path))
    assert comparable(config(tmp_path)) == uninterrupted


def started(target: Any, *arguments: Any, **options: Any) -> BaseProcess:
    process = PROCESSES.Process(target=target, args=arguments, kwargs=options)
    process.start()
    return process


def wait_for_rows(process: BaseProcess, run: dict[str, Any], *, n_rows: int) -> None:
    """Returns when the process has added so many rows to the curves, or has ended."""
    metrics = RunFolder.of(run).metrics
    last, n_added = metrics.offset, 0
    while process.is_alive() and n_added < n_rows:
        process.join(0.002)
        n_added += metrics.offset > last
        last = metrics.offset


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_preempts_the_run_and_the_next_attempt_finishes_it(
    tmp_path: Path, uninterrupted: tuple[dict[str, Any], bytes], number: signal.Signals
) -> None:
    whole = config(tmp_path)
    process = started(child.run, whole)
    wait_for_rows(process, whole, n_rows=15)
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join()
    assert process.exitcode == 128 + number
    result, curves = record(whole)
    assert (result.status, result.error) == ("preempted", number.name)
    assert 15 <= result.steps <= 60
    assert len(curves.splitlines()) in (result.steps, result.steps - 1)
    execute(whole)
    assert comparable(whole) == uninterrupted


@pytest.mark.parametrize("model", ["softmax", "cos_log_linear"])
def test_a_compiled_run_gives_the_same_but_for_rounding(tmp_path: Path, model: str) -> None:
    results = []
    for compiled in (False, True):
        whole = config(tmp_path, steps=3, warmup_steps=0, batch_size=16)
        whole["model"] = composed(f"model={model}")["model"] | {"d_model": 8, "n_layers": 1}
        # Long enough for several chunks of log-linear attention.
        whole["task"] |= {"seq_len": 40, "eval": []}
        whole["trainer"]["compile"] = compiled
        process = started(child.run_compiled if compiled else child.run, whole)
        process.join()
        results.append(record(whole)[0])
    eager, other = results
    assert eager.run_id != other.run_id
    assert (eager.status, other.status) == ("finished", "finished")
    assert eager.metrics.keys() == other.metrics.keys()
    for name, value in eager.metrics.items():
        # Single precision: the same sums in another order.
        assert other.metrics[name] == pytest.approx(value, rel=1e-4)


def test_a_run_that_diverges_is_recorded_without_nan_and_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = config(tmp_path, learning_rate=1e38, warmup_steps=0)
    result = execute(whole)
    assert (result.status, result.cells) == ("diverged", {})
    assert result.error is not None
    assert result.error.endswith("at step 2; try a lower learning rate")
    text = RunFolder.of(whole).result_file.read_text() + record(whole)[1].decode()
    assert "NaN" not in text
    assert "Infinity" not in text
    monkeypatch.delattr(Training, "run")
    assert execute(whole) == result


def test_a_run_that_breaks_is_recorded_as_failed_with_its_traceback_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: tuple[dict[str, Any], bytes]
) -> None:
    whole, update = config(tmp_path), Training._update

    def breaks(training: Training) -> None:
        if training._tally.step == 30:
            raise RuntimeError("the machine is on fire")
        update(training)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_update", breaks)
        with pytest.raises(RuntimeError, match="on fire"):
            execute(whole)
    result, _ = record(whole)
    assert (result.status, result.error) == ("failed", "RuntimeError: the machine is on fire")
    assert "in breaks\n" in RunFolder.of(whole).console_file.read_text()
    execute(whole)
    assert comparable(whole) == uninterrupted


def test_a_damaged_checkpoint_is_named_in_the_console_log_and_the_previous_one_used(
    tmp_path: Path, uninterrupted: tuple[dict[str, Any], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    whole = config(tmp_path)
    started(child.run_until, whole, function="fsync", n_calls=40).join()
    older, newest = sorted(RunFolder.of(whole).path.glob("checkpoint-*.pt"))[-2:]
    newest.write_bytes(newest.read_bytes()[:-1])
    execute(whole)
    sentence = f"{newest.name} is damaged (its SHA-256 is not the recorded one); {older.name} is used instead"
    assert sentence in RunFolder.of(whole).console_file.read_text()
    assert sentence in capsys.readouterr().out
    assert comparable(whole) == uninterrupted


@pytest.mark.parametrize(
    "path, value, message",
    [
        (("trainer", "steps"), 0, "trainer.steps expects a whole number, 1 or more"),
        (("trainer", "warmup_steps"), 60, r"warmup_steps \(60\) leaves nothing of the 60 steps"),
        (
            ("trainer", "precision"),
            "bf16",
            "trainer.precision=bf16 expects a CUDA device and this run is on cpu",
        ),
        (("trainer", "kernels"), "fla", "trainer.kernels=fla expects a CUDA device and this run is on cpu"),
        (("launch", "device"), "cuda:99", "launch.device cuda:99 is not there"),
        (("launch", "threads"), 0, "launch.threads expects"),
        (("model", "learned_positions"), 19, r"horizon 19 \(learned positions\) is shorter .* \(20\); set"),
        (("task", "n_pairs"), 100, "n_pairs"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_folder(
    tmp_path: Path, path: tuple[str, str], value: Any, message: str
) -> None:
    whole = config(tmp_path / "runs")
    whole["launch"]["device"] = "cpu"
    whole[path[0]][path[1]] = value
    with pytest.raises(ValueError, match=message):
        execute(whole)
    assert not (tmp_path / "runs").exists()


def test_the_recorded_digest_is_that_of_the_best_weights(tmp_path: Path) -> None:
    whole = config(tmp_path)
    result = execute(whole)
    newest = sorted(RunFolder.of(whole).path.glob("checkpoint-*.pt"))[-1]
    best = torch.load(newest, weights_only=True)["state"]["selection"]
    assert weights_sha256(best["weights"]) == result.weights_sha256
    assert best["best_step"] == result.best_step


def test_torch_is_left_as_it_was(tmp_path: Path) -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    execute(config(tmp_path, steps=6))
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
