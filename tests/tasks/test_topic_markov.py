"""The topic language, its Bayes filter against an enumeration, and the order of sequences."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from mad.seeding import generator
from mad.tasks.topic_filter import likeliest
from mad.tasks.topic_language import TopicLanguage
from mad.tasks.topic_markov import TopicMarkov

SMALL = {"vocab_size": 64, "seq_len": 128, "n_topics": 3, "concentration": 100.0}


def small(**keywords: Any) -> TopicMarkov:
    return TopicMarkov(**{**SMALL, **keywords})


def probability(tokens: list[int], task: TopicMarkov) -> float:
    """P(tokens), summed over all numbers of segments, all cuts and all topics."""
    language, total = task.language, 0.0
    n_segments = range(task.min_segments, task.max_segments + 1)
    for n in n_segments:
        cut_sets = list(itertools.combinations(range(1, len(tokens)), n - 1))
        topic_lists = [
            topics
            for topics in itertools.product(range(language.n_topics), repeat=n)
            if all(a != b for a, b in itertools.pairwise(topics))
        ]
        for cuts, topics in itertools.product(cut_sets, topic_lists):
            path = [topics[sum(cut <= t for cut in cuts)] for t in range(len(tokens))]
            found = language.stationary[path[0], tokens[0]]
            for t in range(1, len(tokens)):
                found = found * language.transitions[path[t], tokens[t - 1], tokens[t]]
            total += float(found) / len(n_segments) / len(cut_sets) / len(topic_lists)
    return total


@pytest.mark.parametrize("segments", [(1, 1), (1, 3), (2, 4), (3, 3), (2, 6)])
def test_the_bayes_filter_equals_an_enumeration_of_all_cuts_and_topics(segments: tuple[int, int]) -> None:
    task = TopicMarkov(
        vocab_size=4,
        seq_len=5,
        n_topics=3,
        concentration=9.0,
        min_segments=segments[0],
        max_segments=segments[1],
    )
    inputs, targets, _ = task.sample(4, generator(0))
    predicted = task.read(inputs, targets).joint.sum(2)
    for row, last, each in zip(inputs.tolist(), targets[:, -1].tolist(), predicted, strict=True):
        first = float(task.language.stationary[:, row[0]].mean())
        assert float(each.prod()) * first == pytest.approx(probability([*row, last], task), rel=1e-9)


def test_the_best_loss_is_what_the_filter_scores_on_other_sequences() -> None:
    task = small()
    inputs, targets, _ = task.sample(2000, generator(7))
    reading = task.read(inputs, targets)
    losses = -reading.joint.sum(2).log().mean(1)
    # The bound itself is a mean over 2048 such sequences: sqrt(2) times one standard error.
    sigma = float(losses.std()) / 2000**0.5 * 2**0.5
    assert abs(float(losses.mean()) - task.bounds().best_loss) < 3 * sigma
    right = (likeliest(reading.topics, inputs, language=task.language) == targets).double()
    assert float(right.mean()) == pytest.approx(task.bounds().best_accuracy, abs=0.01)
    assert torch.allclose(reading.topics.sum(2), torch.ones(1, dtype=torch.float64))


def test_the_small_setting_has_the_known_losses() -> None:
    """A prototype found 2.478 nats with the topic known, 2.587 with a Bayes filter (one language)."""
    tasks = [small(language_seed=seed) for seed in range(4)]
    known = [task.language.entropy_rate() for task in tasks]
    inferred = [task.bounds().best_loss for task in tasks]
    assert sum(known) / 4 == pytest.approx(2.478, abs=0.01)
    assert sum(inferred) / 4 == pytest.approx(2.587, abs=0.01)
    assert all(low < high < math.log(64) for low, high in zip(known, inferred, strict=True))


def test_the_easy_published_setting_has_a_gap_of_1_7_nats() -> None:
    language = TopicLanguage(vocab_size=512, n_topics=3, concentration=100.0, seed=0)
    assert math.log(512) - language.entropy_rate() == pytest.approx(1.716, abs=0.005)


def test_the_entropy_rate_is_the_loss_of_one_who_is_told_the_topic() -> None:
    task = small(min_segments=1, max_segments=1)
    inputs, targets, truth = task.sample(2000, generator(3))
    assert truth is not None
    assert (truth == truth[:, :1]).all()
    losses = -task.language.transitions[truth, inputs, targets].log().mean(1)
    sigma = float(losses.std()) / 2000**0.5
    assert abs(float(losses.mean()) - task.language.entropy_rate()) < 3 * sigma


def test_tokens_follow_the_transitions_of_their_topic() -> None:
    task = TopicMarkov(vocab_size=5, seq_len=60, n_topics=2, concentration=4.0)
    inputs, _, truth = task.sample(5000, generator(0))
    assert truth is not None
    where = (truth[:, 1:] * 5 + inputs[:, :-1]) * 5 + inputs[:, 1:]
    counts = where.flatten().bincount(minlength=50).view(10, 5).double()
    expected = task.language.transitions.flatten(0, 1) * counts.sum(1, keepdim=True)
    assert ((counts - expected).abs() < 5 * expected.clamp(min=1).sqrt()).all()


def test_the_first_token_follows_the_stationary_share_of_its_topic() -> None:
    language = TopicLanguage(vocab_size=5, n_topics=2, concentration=100.0, seed=0)
    for topic in (0, 1):
        first = language.write(torch.full((20_000, 1), topic), generator(0))[:, 0]
        expected = 20_000 * language.stationary[topic]
        assert ((first.bincount(minlength=5) - expected).abs() < 4 * expected.sqrt()).all()


def test_topics_differ_in_transitions_and_hardly_in_tokens() -> None:
    language = TopicLanguage(vocab_size=64, n_topics=3, concentration=100.0, seed=0)
    assert torch.allclose(language.transitions.sum(2), torch.ones(1, dtype=torch.float64))
    assert torch.allclose(
        (language.stationary.unsqueeze(1) @ language.transitions).squeeze(1), language.stationary
    )

    def distance(p: Tensor) -> float:
        """Total variation between the first two topics."""
        return float((p[0] - p[1]).abs().sum(-1).mean() / 2)

    assert distance(language.stationary) < 0.25
    assert distance(language.transitions) > 0.6


def test_sequences_have_2_to_5_segments_equally_often_cut_anywhere() -> None:
    _, _, truth = small(seq_len=400).sample(8000, generator(0))
    assert truth is not None
    cuts = truth.diff(dim=1) != 0
    # A cut before the last token, which is a target only, is not seen: 2.5 cuts in 400 places.
    shares = (1 + cuts.sum(1)).bincount(minlength=6)[2:] / 8000
    assert shares.sum() > 0.99
    assert (shares - 0.25).abs().max() < 0.025
    places = cuts.double().mean(0)
    early, late = places[:200].mean(), places[200:].mean()
    assert abs(float(early / late) - 1) < 0.05


def test_the_language_is_the_same_for_every_split_and_seed() -> None:
    assert torch.equal(small().language.transitions, small(seq_len=64).language.transitions)
    assert not torch.equal(small().language.transitions, small(language_seed=1).language.transitions)


def test_topic_order_sorts_the_same_sequences_by_their_commonest_topic() -> None:
    shuffled, ordered = small(), small(order="topic_ordered")
    assert ordered.ordered
    assert not shuffled.ordered
    one, two = (task.sample(300, generator(0)) for task in (shuffled, ordered))
    assert sorted(one.inputs.tolist()) == sorted(two.inputs.tolist())
    assert one.truth is not None
    assert two.truth is not None
    # The last token, which is only a target, counts too: at most one sequence a border may differ.
    commonest = two.truth.mode(1).values
    assert (commonest.diff() < 0).sum() <= 2
    assert (one.truth.mode(1).values.diff() < 0).sum() > 30


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"n_topics": 1}, r"n_topics must lie in 2\.\.vocab_size"),
        ({"concentration": 0.0}, "concentration must be a finite number above 0"),
        ({"min_segments": 6}, "expected 1 <= min_segments <= max_segments"),
        ({"max_segments": 130}, "max_segments <= seq_len"),
        ({"order": "sorted"}, "order must be one of shuffled, topic_ordered; got 'sorted'"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**wrong)
