"""What is remembered changes no config and no complaint."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import hydra
import pytest
from omegaconf import DictConfig, OmegaConf, open_dict

from mad.door.compose import composed
from mad.door.folder import conf_dir
from mad.door.once import Once

CHOICES = [
    "model=gla",
    "model=softmax",
    "model=zzz",
    "model=3",
    "+model=softmax",
    "memory=log_linear",
    "memory=linear",
    "features=cosine",
    "task=recall",
    "task=[mqar,recall]",
    "~task",
    "~task=recall",
    "+task@probe=recall",
    "task@probe=recall",
    "experiment=001_mqar_controls",
    "recipe=recall_008",
    "hydra/help=default",
]
"""Of files: these end up in what is remembered."""

VALUES = [
    "seed=1",
    "seed=2,3",
    "seed=${task.seq_len}",
    "seed=${nowhere}",
    "seed=???",
    "seed=[1",
    "+seed=1",
    "++seed=1",
    "+extra={a: 1, b: [2]}",
    "+extra.a=${seed}",
    "~seed",
    "~trainer.learning_rate",
    "~trainer.zzz",
    "trainer.learning_rate=1e-3",
    "trainer={learning_rate: 0.1}",
    "task={seq_len: 32}",
    "++task.deep.key=1",
    "modle=gla",
    "model.mixers=[softmax,gla]",
    "model.mixer.memory._target_=mad.x.Y",
    "results=${hydra.job.name}",
    "hydra.job.name=other",
    "launch.jobs=2",
    "track@other=files",
]
"""Of keys: these are applied to a copy of it."""


def outcome(overrides: Sequence[str]) -> tuple[Any, ...]:
    """What Hydra composes in full, and what that comes to; or its error."""
    try:
        config = hydra.compose("config", list(overrides), return_hydra_config=True)
        return OmegaConf.to_container(config, resolve=False), flags(config), resolved(config)
    except Exception as error:
        return type(error), str(error)


def flags(config: DictConfig) -> list[Any]:
    """What the config allows: Hydra's and OmegaConf's own marks."""
    return [config._get_flag(name) for name in ("struct", "readonly")] + [config.hydra._get_flag("readonly")]


def resolved(config: DictConfig) -> Any:
    """The plain values, or what stands in their way."""
    with open_dict(config):
        del config["hydra"]
    try:
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except Exception as error:
        return type(error), str(error)


def combinations() -> list[list[str]]:
    """Each word alone, and words of both kinds together, in any order."""
    draw = random.Random(0)
    mixed = [draw.sample(CHOICES, n % 3) + draw.sample(VALUES, 1 + n % 4) for n in range(24)]
    for words in mixed:
        draw.shuffle(words)
    return [[], *([word] for word in CHOICES + VALUES), *mixed]


def test_a_config_is_the_one_that_is_composed_from_scratch() -> None:
    once = Once()
    n_configs = 0
    with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for words in combinations():
            expected = outcome(words)
            for _ in range(2):
                with once.in_force():
                    assert outcome(words) == expected, words
            n_configs += len(expected) == 3
    assert n_configs > 20


def test_a_sweep_reads_each_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[str] = Counter()
    plain = OmegaConf.load

    def load(file: Any) -> Any:
        read[file.name] += 1
        return plain(file)

    monkeypatch.setattr(OmegaConf, "load", load)
    assert len(composed(["seed=0,1", "model=gla,softmax", "task.seq_len=32,64"], multirun=True)) == 8
    assert len(read) > 10
    assert set(read.values()) == {1}


def test_no_job_of_a_sweep_sees_the_values_of_another() -> None:
    jobs = composed(["model=gla,softmax,gla", "++track={a: 1},{b: 2}"], multirun=True)
    extras = [{key: value for key, value in job.config["track"].items() if key in "ab"} for job in jobs]
    assert extras == [{"a": 1}, {"b": 2}] * 3
