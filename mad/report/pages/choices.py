"""The four choices that move recall from floor to ceiling, more than most mechanisms do."""

from collections.abc import Sequence
from typing import Any

from mad.report.judging.evidence import Arm
from mad.report.judging.selector import ABSENT, found_in
from mad.report.pages.blocks import Table, numbers, row, words
from mad.report.pages.wording import NOTHING, plain, setting

FOUR = {
    "Embedding std": "model.embedding_std",
    "Readout": "model.mixer.readout",
    "Convolution": "model.mixer.convolution",
    "Learning rate": "trainer.learning_rate",
}
"""Their names, and where a config has them."""


def choices(arms: Sequence[Arm]) -> Table:
    """A row for each arm, as it was at its best setting."""
    return Table(
        caption="Four choices that move accuracy more than most mechanisms do",
        columns=[
            *words("Arm"),
            *numbers("Embedding std"),
            *words("Readout"),
            *numbers("Convolution", "Learning rate"),
        ],
        rows=[row(plain(arm.name), *_four(arm)) for arm in arms],
    )


def _four(arm: Arm) -> list[str]:
    std, readout, convolution, rate = (found_in(arm.config, key) for key in FOUR.values())
    width = convolution.get("width", NOTHING) if isinstance(convolution, dict) else convolution
    return [_said(std), _part(readout), _said(width), _said(rate)]


def _part(value: Any) -> str:
    """A part's name: the last word of its target."""
    return _said(value.get("_target_", "").rpartition(".")[2] if isinstance(value, dict) else value)


def _said(value: Any) -> str:
    if value is ABSENT:
        return NOTHING
    return "none" if value is None else setting(value) if isinstance(value, float) else plain(value)
