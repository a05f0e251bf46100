"""What holds for every task that `conf/task` lists."""

import inspect
import itertools
import random
import re
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from mad.blueprint import resolved_class
from mad.seeding import generator
from mad.tasks.base import IGNORE, Batch, Task
from mad.tasks.splits import Splits, splits
from mad.tasks.topic_markov import TopicMarkov
from tests.conf import CONF, options
from tests.tasks.solvers import UNKNOWN, commonest_answer, oracle, possible_answers

EACH_TASK = pytest.mark.parametrize("name", options("task"))
N = 40


def task_config(name: str) -> dict[str, Any]:
    config = OmegaConf.to_container(OmegaConf.load(CONF / "task" / f"{name}.yaml"))
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def small_splits(name: str, *, seed: int = 0) -> Splits:
    """All splits of one size, so that they are equal if they share a stream."""
    config = task_config(name)
    config["mixture"] = [{**part, "train": N} for part in config["mixture"]]
    n_train = N * max(1, len(config["mixture"]))
    config["data"] = {"train": n_train, "validation": n_train, "test": N, "fresh": config["data"]["fresh"]}
    return splits(config, seed=seed)


def drawn(name: str, *, size: int = N) -> tuple[Task, Batch]:
    task = small_splits(name).task
    return task, task.sample(size, generator(0, "tests"))


def rows(*batches: Batch) -> set[tuple[int, ...]]:
    return {tuple(row) for batch in batches for row in batch.inputs.tolist()}


def same(a: Batch, b: Batch) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None)


@EACH_TASK
def test_the_config_lists_every_keyword(name: str) -> None:
    config = task_config(name)
    keywords = set(inspect.signature(resolved_class(config["_target_"])).parameters)
    assert set(config) == keywords | {"_target_", "eval", "mixture", "data"}


@EACH_TASK
def test_the_config_builds_and_says_what_it_is(name: str) -> None:
    made = splits(task_config(name), seed=0)
    assert made.n_train == task_config(name)["data"]["train"]
    assert re.match(r"# [A-Z].*\.\n", (CONF / "task" / f"{name}.yaml").read_text())


@EACH_TASK
def test_data_is_a_function_of_config_seed_and_split(name: str) -> None:
    one, two = small_splits(name), small_splits(name)
    two.validation(), two.train(3)
    torch.manual_seed(1)
    assert all(same(a, b) for a, b in zip(one.train(2), two.train(2), strict=True))
    assert all(same(a, b) for a, b in zip(one.validation(), two.validation(), strict=True))
    assert all(same(one.test()[cell], two.test()[cell]) for cell in one.cells)


@EACH_TASK
def test_drawing_leaves_the_global_generator_alone(name: str) -> None:
    before = torch.get_rng_state()
    made = small_splits(name)
    made.train(0), made.validation(), made.test(), made.task.bounds()
    assert torch.equal(before, torch.get_rng_state())


@EACH_TASK
def test_train_validation_test_and_seeds_share_no_sequence(name: str) -> None:
    streams = []
    for seed in (0, 1):
        made = small_splits(name, seed=seed)
        streams += [rows(*made.train(0)), rows(*made.validation()), rows(*made.test().values())]
    for a, b in itertools.combinations(streams, 2):
        assert not a & b


@EACH_TASK
def test_fresh_data_is_new_each_epoch_and_fixed_data_is_not(name: str) -> None:
    made = small_splits(name)
    first, second = (rows(*made.train(epoch)) for epoch in (0, 1))
    assert (not first & second) if made.fresh else first == second


@EACH_TASK
def test_tokens_and_targets_lie_in_the_vocabulary(name: str) -> None:
    task, (inputs, targets, truth) = drawn(name, size=500)
    assert inputs.shape == targets.shape == (500, task.seq_len)
    assert inputs.dtype == targets.dtype == torch.int64
    assert inputs.min() >= 0
    assert inputs.max() < task.vocab_size
    asked = targets[targets != IGNORE]
    assert asked.min() >= 0
    assert asked.max() < task.vocab_size
    assert truth is None or truth.shape == inputs.shape


@EACH_TASK
def test_an_oracle_that_reads_the_inputs_scores_100_percent(name: str) -> None:
    task, (inputs, targets, _) = drawn(name)
    answers = torch.tensor([oracle(task, row) for row in inputs.tolist()])
    answers = torch.where(answers == UNKNOWN, targets, answers)
    assert torch.equal(answers, targets)
    assert ((targets != IGNORE).sum(1) > 0).all()


@EACH_TASK
def test_a_label_shifted_by_one_is_noticed(name: str) -> None:
    task, (inputs, targets, _) = drawn(name)
    for shift in (-1, 1):
        for row, wrong in zip(inputs.tolist(), targets.roll(shift, 1).tolist(), strict=True):
            assert oracle(task, row)[:-1] != wrong[:-1]


@EACH_TASK
def test_a_blind_guess_scores_chance(name: str) -> None:
    task, (_, targets, _) = drawn(name, size=5000)
    answers, rng = possible_answers(task), generator(0, "blind")
    guesses = torch.randint(answers.start, answers.stop, targets.shape, generator=rng)
    right = (guesses == targets)[targets != IGNORE].double()
    chance = task.bounds().chance_accuracy
    assert abs(float(right.mean()) - chance) < 3 * (chance * (1 - chance) / len(right)) ** 0.5
    assert task.bounds().chance_loss == pytest.approx(torch.tensor(float(len(answers))).log().item())


@EACH_TASK
def test_a_guess_without_binding_scores_the_floor(name: str) -> None:
    task, (inputs, targets, _) = drawn(name, size=4000)
    floor = task.bounds().floor_accuracy
    if floor is None:
        assert isinstance(task, TopicMarkov)
        return
    rng = random.Random(0)
    guesses = torch.tensor([commonest_answer(task, row, rng) for row in inputs.tolist()]).unsqueeze(1)
    asked = targets != IGNORE
    right = ((guesses == targets) & asked).sum(1).double() / asked.sum(1)
    assert abs(float(right.mean()) - floor) <= 3 * float(right.std()) / len(right) ** 0.5 + 1e-9


@EACH_TASK
def test_the_bounds_are_in_order(name: str) -> None:
    bounds = small_splits(name).task.bounds()
    assert (
        0 < bounds.chance_accuracy < (bounds.floor_accuracy or bounds.best_accuracy) <= bounds.best_accuracy
    )
    assert 0 <= bounds.best_loss < bounds.chance_loss


@EACH_TASK
def test_an_explanation_shows_every_answer(name: str) -> None:
    task, (inputs, targets, _) = drawn(name, size=1)
    text = task.explain(inputs[0], targets[0])
    shown = [int(word.split("→")[1]) for word in text.plain.split() if "→" in word]
    assert shown == ([] if isinstance(task, TopicMarkov) else targets[targets != IGNORE].tolist())
    assert text.spans


DOCUMENTED = {
    "mqar": {"vocab_size": 16, "seq_len": 10, "n_pairs": 2},
    "mqar_008": {"vocab_size": 10, "seq_len": 12, "n_pairs": 3},
    "recall": {"vocab_size": 10, "seq_len": 10, "n_pairs": 3},
    "selective_copy": {"vocab_size": 10, "seq_len": 11, "n_tokens": 3},
    "topic_markov": {"vocab_size": 4, "seq_len": 9, "n_topics": 2},
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_example_in_the_docstring_is_right(name: str) -> None:
    """The examples were made by hand; the oracle's answers to their inputs are their targets."""
    task = splits({**task_config(name), **DOCUMENTED[name]}, seed=0).task
    lines = {
        line.split()[0]: line.split()[1:] for line in (inspect.getdoc(type(task)) or "").splitlines() if line
    }
    inputs = [int(token) for token in lines["inputs"]]
    targets = [IGNORE if token == "." else int(token) for token in lines["targets"]]
    assert len(inputs) == len(targets) == task.seq_len
    answers = zip(oracle(task, inputs), targets, strict=True)
    assert all(answer in (UNKNOWN, target) for answer, target in answers)
