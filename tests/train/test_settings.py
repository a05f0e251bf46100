"""The recipe is checked before anything is trained."""

import inspect
from typing import Any

import pytest

from mad.blueprint import blueprint
from mad.train.settings import Settings
from tests.conf import composed, options


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"epochs": None}, r"exactly one of epochs and steps; got epochs=None, steps=None"),
        ({"steps": 5}, r"got epochs=1, steps=5: set one, and the other to null"),
        ({"epochs": 0}, r"trainer.epochs expects a whole number, 1 or more, or null; got 0"),
        ({"epochs": 1.5}, r"trainer.epochs expects a whole number"),
        ({"batch_size": 0}, r"trainer.batch_size expects a whole number from 1 to 1,048,576; got 0"),
        ({"batch_size": None}, r"trainer.batch_size expects a whole number from 1 to 1,048,576; got None"),
        ({"batch_size": True}, r"trainer.batch_size"),
        ({"learning_rate": 0}, r"trainer.learning_rate expects more than 0; got 0"),
        ({"learning_rate": "3e-3"}, r"trainer.learning_rate"),
        ({"learning_rate": float("nan")}, r"trainer.learning_rate"),
        ({"weight_decay": -0.1}, r"trainer.weight_decay expects 0 or more; got -0.1"),
        ({"betas": (0.9, 1.0)}, r"trainer.betas expects two numbers in \[0, 1\); got \(0.9, 1.0\)"),
        ({"betas": [0.9]}, r"trainer.betas"),
        ({"clip_norm": 0}, r"trainer.clip_norm expects more than 0, or null; got 0"),
        ({"schedule": "linear"}, r"trainer.schedule expects one of constant, cosine; got 'linear'"),
        ({"warmup_steps": -1}, r"trainer.warmup_steps expects a whole number, 0 or more; got -1"),
        ({"validate_every": 0}, r"trainer.validate_every"),
        ({"log_every": None}, r"trainer.log_every"),
        ({"stop_at": 99}, r"trainer.stop_at expects an accuracy in \(0, 1\], or null; got 99"),
        ({"patience": 0}, r"trainer.patience"),
        ({"checkpoint_seconds": 0}, r"trainer.checkpoint_seconds"),
        ({"checkpoint_steps": 0}, r"trainer.checkpoint_steps"),
        ({"compile": 1}, r"trainer.compile expects true or false; got 1"),
        ({"kernels": "cuda"}, r"trainer.kernels expects one of torch, fla; got 'cuda'"),
        ({"precision": "fp16"}, r"trainer.precision expects one of fp32, bf16; got 'fp16'"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**{"epochs": 1, **changes})


@pytest.mark.parametrize("name", options("trainer"))
def test_a_named_trainer_lists_every_keyword_and_can_be_built(name: str) -> None:
    config = composed(f"trainer={name}")["trainer"]
    assert config.keys() - {"_target_"} == inspect.signature(Settings).parameters.keys()
    settings = blueprint(config)()
    assert settings.batch_size == 64
    assert settings.betas == (0.9, 0.999)
