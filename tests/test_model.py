"""The model around the mixers: sizes as published, the law for the whole, hybrids, and what is refused."""

from typing import Any

import pytest
import torch

from mad.blueprint import blueprint
from mad.model import Model
from tests.conf import composed


def _model(*overrides: str, vocab_size: int = 64) -> Model:
    torch.manual_seed(0)
    model: Model = blueprint(composed(*overrides)["model"])(vocab_size=vocab_size)
    return model


@pytest.mark.parametrize(
    "overrides, expected",
    [
        (("model=vanilla_linear",), 41_440),
        (("model=cosformer",), 41_440),
        (("model=log_linear", "memory=log_linear_008"), 42_628),
        (("model=cos_log_linear", "memory=log_linear_008"), 42_628),
    ],
)
def test_experiment_008_has_its_published_size(overrides: tuple[str, ...], expected: int) -> None:
    model = _model(*overrides, "task=mqar_008", "recipe=published_008")
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


@pytest.mark.parametrize(
    "name, expected",
    [("favor", 118_674), ("relu_linear", 118_674), ("softmax", 118_674), ("circulant_favor", 119_186)],
)
def test_experiment_029_has_its_published_size(name: str, expected: int) -> None:
    model = _model(f"model={name}", "task=recall", "recipe=published_029", vocab_size=18)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def _hybrid(*names: str, **changes: Any) -> Model:
    config = composed("model=softmax", "task.seq_len=64")["model"]
    mixers = [composed(f"model={name}", "task.seq_len=64")["model"]["mixer"] for name in names]
    model: Model = blueprint({**config, "mixers": mixers, "n_layers": len(names), **changes})(vocab_size=64)
    return model.double()


def test_cutting_time_changes_nothing_in_a_whole_hybrid_model() -> None:
    model = _hybrid("cos_log_linear", "softmax", "gated_delta_net", learned_positions=64)
    tokens = torch.randint(64, (2, 64), generator=torch.Generator().manual_seed(0))
    whole, state, pieces = model(tokens), model.init_state(2), []
    for first, last in ((0, 1), (1, 38), (38, 64)):
        hidden, state = model.mix(tokens[:, first:last], state)
        pieces.append(hidden)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=1e-9, atol=1e-9)


def test_every_layer_has_parameters_of_its_own() -> None:
    model = _model("model=softmax")
    first, second = (block.mixer.project.weight for block in model.blocks)
    assert not torch.equal(first, second)


def test_a_tied_head_reads_the_embedding_and_the_embedding_has_the_asked_scale() -> None:
    model = _model("model=softmax", "model.tied_head=true", "model.embedding_std=0.02", vocab_size=4096)
    assert model.head.weight is model.embedding.weight
    assert model.embedding.weight.std().item() == pytest.approx(0.02, rel=0.02)


def test_a_model_without_channel_mixers_is_the_mixers_alone() -> None:
    model = _model("model=softmax", "mlp=none", "model.n_layers=1")
    assert model.blocks[0].mlp is None
    assert model(torch.zeros(1, 3, dtype=torch.long)).shape == (1, 3, 64)


@pytest.mark.parametrize(
    "overrides, message",
    [
        (("model.mixer.n_heads=3",), r"n_heads \(3\) must divide d_model \(64\)"),
        (("model=gqa", "model.mixer.n_kv_heads=3"), r"n_kv_heads \(3\) must divide n_heads \(4\)"),
        (("model.dropout=1.0",), r"model.dropout must lie in \[0, 1\), not 1.0"),
        (("model.embedding_std=-1.0",), r"model.embedding_std must be 0 or more"),
        (
            ("model=delta_product", "model.mixer.memory.lowest_eigenvalue=-2.0"),
            r"must lie in \[-1, 0\], not -2.0",
        ),
        (("model=gla", "features=cosine"), r"set features=identity"),
        (
            ("model=log_linear", "model.mixer.memory.reads=never"),
            r"unknown reads 'never'; take one of own_token",
        ),
        (("model.mlp.width=-1",), r"mlp.width must lie between 1 and 134,217,728 with d_model=64, not -1"),
        (("model.mlp.width=1000000000000",), r"mlp.width must lie between"),
        (
            ("model=delta_product", "model.mixer.memory.n_householder=65"),
            r"n_householder must lie between 1 and 64",
        ),
        (("model=gla", "model.mixer.memory.decay.rank=0"), r"decay.rank must lie between 1 and"),
        (("model=gla", "model.mixer.memory.decay.temperature=0"), r"decay.temperature must be above 0"),
        (("model.mixers=3",), r"Model.mixers expects a list of parts with _target_, or null, got 3"),
        (("positions=rotary", "model.mixer.key_width=3"), r"rotary positions need an even key width, not 3"),
    ],
)
def test_what_cannot_be_is_refused(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _model(*overrides)


def test_a_hybrid_needs_a_mixer_for_every_layer() -> None:
    with pytest.raises(
        ValueError, match=r"model.mixers lists 2 layers and model.n_layers says 3; set model.n_layers=2"
    ):
        _hybrid("softmax", "cosformer", n_layers=3)


def test_a_model_is_no_longer_than_its_shortest_part() -> None:
    assert _hybrid("cos_log_linear", "softmax").max_length == 64
    assert _hybrid("softmax", "softmax").max_length is None
    with pytest.raises(ValueError, match="learned_positions 8 is shorter than the sequence \\(9\\)"):
        _hybrid("softmax", learned_positions=8)(torch.zeros(1, 9, dtype=torch.long))
