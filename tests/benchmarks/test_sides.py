"""What is timed is what is meant; nothing is timed here."""

import pytest
import torch
import torch.nn.functional as F

from benchmarks.startup import main_job
from benchmarks.streaming import bytes_of, memories, model_with
from benchmarks.training_step import loss_at_every_position, step, whole
from mad.door.compose import compose
from mad.seeding import generator
from mad.tasks.base import IGNORE
from mad.tasks.mqar import MQAR

SMALL = ("model=cos_log_linear", "task=mqar_008", "model.d_model=8")


def test_the_dense_model_takes_the_same_steps() -> None:
    ours = step(SMALL, batch_size=4)
    dense = step(SMALL, batch_size=4, memory="benchmarks.dense_levels.DenseLevels")
    for _ in range(3):
        # The loss and the norm of the gradient, in single precision.
        torch.testing.assert_close(torch.tensor(dense()), torch.tensor(ours()), rtol=1e-4, atol=1e-5)


def test_the_head_at_every_position_gives_the_same_steps() -> None:
    ours, every = step(SMALL, batch_size=4), step(SMALL, batch_size=4, loss=loss_at_every_position)
    for _ in range(3):
        torch.testing.assert_close(torch.tensor(every()), torch.tensor(ours()), rtol=1e-4, atol=1e-5)


def test_a_whole_minibatch_keeps_every_position_and_question() -> None:
    batch = MQAR(vocab_size=64, seq_len=32, n_pairs=4).sample(3, generator(0))
    found = whole(batch)
    assert found.inputs.shape == (3, 32)
    assert len(found.asked) == 12
    targets = torch.full((96,), IGNORE).scatter(0, found.asked, found.answers)
    assert torch.equal(targets.view(3, 32), batch.targets)
    assert F.one_hot(found.answers, 64).sum() == 12


@pytest.mark.parametrize("memory", memories())
def test_every_named_memory_has_a_model_that_streams(memory: str) -> None:
    model = model_with(memory, longest=64)
    _, state = model.mix(torch.zeros(1, 33, dtype=torch.long), model.init_state(1))
    assert bytes_of(state) == 4 * model.state_floats(33)


def test_the_main_job_is_the_readme_s_with_one_seed() -> None:
    assert [word for word in main_job() if word.startswith("seed=")] == ["seed=0"]
    assert compose(main_job())["seed"] == 0
