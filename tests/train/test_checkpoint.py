"""A checkpoint is whole and verified, or it is not used."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch

import mad.train.checkpoint
from mad.report.atomic import write_atomically
from mad.train.checkpoint import weights_sha256
from tests.train.small import kept_in


def state(step: int) -> dict[str, Any]:
    return {"step": step, "weights": torch.arange(100.0) + step, "counts": {64: 3}, "best": None}


def saved(folder: Path, *steps: int, code: str = "code") -> Path:
    """Saves at each step, with a row of the curves before it; returns the newest file."""
    checkpoints = kept_in(folder, code=code)
    for step in steps:
        checkpoints.metrics.append({"step": step})
        checkpoints.save(state(step), step=step)
    return folder / f"checkpoint-{steps[-1]:08d}.pt"


def loaded(folder: Path) -> tuple[dict[str, Any] | None, list[str]]:
    sentences: list[str] = []
    return kept_in(folder, sentences=sentences).load(), sentences


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    saved(tmp_path, 7)
    found, sentences = loaded(tmp_path)
    assert found is not None
    assert sentences == []
    assert torch.equal(found.pop("weights"), state(7)["weights"])
    assert found == {"step": 7, "counts": {64: 3}, "best": None}


def test_the_last_two_are_kept_each_with_its_digest(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2, 3)
    (tmp_path / "checkpoint-00000009.pt.tmp").write_bytes(b"cut short")
    saved(tmp_path, 3, 4)
    assert sorted(file.name for file in tmp_path.glob("checkpoint*")) == [
        f"checkpoint-0000000{step}.pt{suffix}" for step in (3, 4) for suffix in ("", ".sha256")
    ]


def test_the_curves_are_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2)
    metrics = kept_in(tmp_path).metrics
    metrics.append({"step": 3})
    with metrics.path.open("a") as file:
        file.write('{"step": 4, "tor')
    loaded(tmp_path)
    assert metrics.path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_without_a_checkpoint_the_curves_begin_anew(tmp_path: Path) -> None:
    kept_in(tmp_path).metrics.append({"step": 1})
    assert loaded(tmp_path) == (None, [])
    assert (tmp_path / "metrics.jsonl").read_text() == ""


def test_if_all_are_damaged_it_says_what_to_do(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2)
    for file in tmp_path.glob("checkpoint-*.pt"):
        file.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"checkpoint-00000002.pt is damaged .* delete the checkpoint files"):
        loaded(tmp_path)


def test_a_damaged_one_is_replaced_and_not_counted_among_the_kept(tmp_path: Path) -> None:
    saved(tmp_path, 1, 9).write_bytes(b"nothing")
    checkpoints = kept_in(tmp_path)
    checkpoints.load()
    checkpoints.save(state(4), step=4)
    names = sorted(file.name for file in tmp_path.glob("checkpoint-*.pt"))
    assert names == ["checkpoint-00000001.pt", "checkpoint-00000004.pt"]


@pytest.mark.parametrize("before, n_written", [([1], 0), ([1], 1), ([1, 2], 1)])
def test_a_crash_while_saving_leaves_the_previous_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: list[int], n_written: int
) -> None:
    saved(tmp_path, *before)
    left = iter(range(n_written))

    def fails(path: Path, content: bytes | str) -> None:
        if next(left, None) is None:
            raise OSError("no space left on device")
        write_atomically(path, content)

    monkeypatch.setattr(mad.train.checkpoint, "write_atomically", fails)
    with pytest.raises(OSError, match="no space"):
        saved(tmp_path, 2)
    found, sentences = loaded(tmp_path)
    assert found is not None
    assert found["step"] == 1
    assert len(sentences) == n_written
    assert all("checkpoint-00000002.pt is not used: it is incomplete" in sentence for sentence in sentences)


def test_one_of_other_code_or_of_another_run_is_not_used(tmp_path: Path) -> None:
    saved(tmp_path, 1, code="older")
    assert loaded(tmp_path) == (None, ["checkpoint-00000001.pt is not used: other code made it"])
    checkpoints = kept_in(tmp_path)
    checkpoints.identity = "another"
    checkpoints.save(state(1), step=1)
    assert loaded(tmp_path) == (None, ["checkpoint-00000001.pt is not used: it belongs to another run"])


class Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("marker"),)


def test_a_checkpoint_cannot_bring_code_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path, 1)
    torch.save({"identity": "identity", "code": "code", "state": Malicious()}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
    with pytest.raises(ValueError, match="torch cannot load it"):
        loaded(tmp_path)
    assert not Path("marker").exists()


def test_equal_weights_have_equal_digests_and_other_weights_others() -> None:
    weights = {"a": torch.ones(2, 3), "b": torch.tensor(1.0)}
    same = {"b": torch.tensor(1.0), "a": torch.ones(3, 2).t()}
    others = [
        {**weights, "a": torch.ones(3, 2)},
        {**weights, "a": torch.ones(2, 3, dtype=torch.float64)},
        {**weights, "b": torch.tensor(1.0000001)},
        {"a": weights["a"], "c": weights["b"]},
    ]
    assert weights_sha256(same) == weights_sha256(weights)
    assert len({weights_sha256(other) for other in [weights, *others]}) == 5
