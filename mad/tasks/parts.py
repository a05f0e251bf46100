"""The parts that tokens play in a sequence, written in colour."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from jaxtyping import Int
from rich.text import Text
from rich.theme import Theme
from torch import Tensor

from mad.tasks.base import IGNORE

Line = Int[Tensor, " T"]

LONGEST_RUN = 3
"""Longer runs of one token that nobody is asked about are written once, with their length."""

_TOPIC_COLOURS = ("cyan", "yellow", "magenta", "green", "red", "blue", "bright_black", "white")

THEME = Theme(
    {
        "key": "bold cyan",
        "value": "yellow",
        "query": "bold magenta",
        "answer": "bold green",
        "token": "yellow",
        "separator": "bold",
        "filler": "dim",
        "any topic": "dim",
        **{f"topic {topic}": colour for topic, colour in enumerate(_TOPIC_COLOURS)},
    }
)
"""The colour of each part, for the console that prints it."""


def coloured(inputs: Line, parts: Sequence[str], *, answers: Line) -> Text:
    """The tokens of one sequence, each in the style of its part; ``query→answer`` where one is asked.

    ``parts`` names a part for each token. Where ``answers`` is IGNORE no answer is written.
    """
    text = Text()
    for (token, part, answer), run in groupby(zip(inputs.tolist(), parts, answers.tolist(), strict=True)):
        length = len(list(run))
        if answer != IGNORE:
            for _ in range(length):
                text.append(str(token), part).append("→").append(str(answer), "answer").append(" ")
        elif length > LONGEST_RUN:
            text.append(f"{token} x{length} ", part)
        else:
            text.append(f"{token} " * length, part)
    text.rstrip()
    return text


def legend(texts: Iterable[Text]) -> Text:
    """The names of the parts that occur in ``texts``, each in its own style."""
    present = {span.style for text in texts for span in text.spans}
    return Text("  ").join(Text(name, name) for name in THEME.styles if name in present)
