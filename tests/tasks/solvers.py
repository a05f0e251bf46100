"""Who answers a task: an oracle that reads, a guesser that is blind, one that cannot bind.

They follow the definitions one sequence at a time, in plain Python, and see the inputs only.
"""

import random
from collections import Counter
from collections.abc import Sequence
from functools import singledispatch

from mad.tasks.base import IGNORE, Task
from mad.tasks.mqar import MQAR
from mad.tasks.mqar_008 import MQAR008
from mad.tasks.recall import Recall
from mad.tasks.selective_copy import SelectiveCopy
from mad.tasks.topic_markov import TopicMarkov

UNKNOWN = -1
"""An answer that the inputs do not hold."""


@singledispatch
def oracle(task: Task, tokens: Sequence[int]) -> list[int]:
    """The target of every position, IGNORE where nothing is asked."""
    raise NotImplementedError(f"write an oracle for {type(task).__name__} in {__file__}")


@oracle.register
def _(task: MQAR, tokens: Sequence[int]) -> list[int]:
    end = 2 * task.n_pairs
    value_of = dict(zip(tokens[0:end:2], tokens[1:end:2], strict=True))
    return [
        value_of.get(token, IGNORE) if t >= end and t % 2 == 0 else IGNORE for t, token in enumerate(tokens)
    ]


@oracle.register(MQAR008)
@oracle.register(Recall)
def _(task: MQAR008 | Recall, tokens: Sequence[int]) -> list[int]:
    separator = tokens.index(0)
    value_of = dict(zip(tokens[0:separator:2], tokens[1:separator:2], strict=True))
    return [value_of.get(token, IGNORE) if t > separator else IGNORE for t, token in enumerate(tokens)]


@oracle.register
def _(task: SelectiveCopy, tokens: Sequence[int]) -> list[int]:
    copied = [token for token in tokens if token < task.vocab_size - 2]
    return [IGNORE] * (len(tokens) - len(copied)) + copied


@oracle.register
def _(task: TopicMarkov, tokens: Sequence[int]) -> list[int]:
    return [*tokens[1:], UNKNOWN]


def possible_answers(task: Task) -> range:
    """What a blind guesser chooses from."""
    match task:
        case MQAR():
            return range(task.vocab_size // 2, task.vocab_size)
        case MQAR008() | Recall():
            return range(2, task.vocab_size)
        case SelectiveCopy():
            return range(task.vocab_size - 2)
        case TopicMarkov():
            return range(task.vocab_size)
    raise NotImplementedError(f"say what {type(task).__name__} can answer in {__file__}")


def commonest_answer(task: Task, tokens: Sequence[int], rng: random.Random) -> int:
    """The best guess of one who knows which answers the sequence holds, but not to what."""
    if isinstance(task, SelectiveCopy):
        held = [token for token in tokens if token < task.vocab_size - 2]
    else:
        held = list(tokens[1 : 2 * task.n_pairs : 2])  # type: ignore[attr-defined]
    counts = Counter(held)
    return rng.choice([value for value, count in counts.items() if count == max(counts.values())])
