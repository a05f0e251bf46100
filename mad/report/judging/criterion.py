"""A criterion: a claim as data, written before the runs, so that afterwards only numbers decide."""

from dataclasses import dataclass
from typing import Any

from mad.report.judging.fields import Fields, suggestion
from mad.report.judging.selector import Selector, selector_of, text_of

BARS = ("above", "below", "between", "equals")

SHARES = ("diverged", "solved")
"""Shares of runs: over all settings of the arms, and over the seeds of the best setting."""

COUNTS = ("n_parameters", "state_floats")
"""What no seed changes."""

METRICS = (
    *(f"{split}/{what}" for split in ("test", "validation", "train") for what in ("accuracy", "loss_nats")),
    *(
        f"cost/{what}"
        for what in ("seconds", "train_seconds", "feature_map_seconds", "peak_memory_bytes", "usd")
    ),
    *SHARES,
    *COUNTS,
)
"""What a criterion may be about, besides ``cells/NAME/accuracy`` and ``cells/NAME/loss_nats``."""

OF_CELLS = ("accuracy", "loss_nats")


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """What must be seen in which arms; of the four bars exactly one is given."""

    claim: str
    where: Selector
    """The arms that it is about; it must hold in each of them."""
    metric: str = "test/accuracy"
    above: float | None = None
    below: float | None = None
    between: tuple[float, float] | None = None
    equals: float | None = None
    gap_to: Selector | None = None
    """The arm whose value is subtracted."""
    decides: bool = True
    """Whether it enters the verdict; otherwise it is an expectation."""
    published: str = ""
    """What was published, in the source's own figures, where somebody else made the claim."""

    @classmethod
    def of(cls, value: Any, *, path: str) -> "Criterion":
        """Raises ValueError, naming the key, for whatever is not a criterion."""
        known = ("claim", "where", "metric", *BARS, "gap_to", "decides", "published")
        fields = Fields.of(value, path=path, known=known)
        fields.required("claim")
        gap_to = fields.mapping.get("gap_to")
        criterion = cls(
            claim=fields.text("claim"),
            where=selector_of(fields.mapping.get("where") or {}, path=f"{path}.where"),
            metric=fields.text("metric", "test/accuracy"),
            above=fields.number("above"),
            below=fields.number("below"),
            between=fields.pair("between"),
            equals=fields.number("equals"),
            gap_to=None if gap_to is None else selector_of(gap_to, path=f"{path}.gap_to"),
            decides=fields.flag("decides", True),
            published=fields.text("published"),
        )
        criterion._check(fields)
        return criterion

    @property
    def is_share(self) -> bool:
        """Whether the metric lies between 0 and 1."""
        return self.metric.rpartition("/")[2] == "accuracy" or self.metric in SHARES

    def text(self) -> str:
        """The bar as people write it: ``test/accuracy > 80 %``; a gap names what is subtracted."""
        if self.gap_to is None:
            return f"{self.metric} {self._bar()}"
        return f"{self.metric} less that of {text_of(self.gap_to)} {self._bar()}"

    def shown(self, value: float) -> str:
        """A value of the metric as people write it: ``80 %``, ``20 points`` (a gap), ``2.5``."""
        unit = "%" if self.gap_to is None else "points"
        return f"{round(100 * value, 1):.6g} {unit}" if self.is_share else f"{value:.4g}"

    def _bar(self) -> str:
        if self.between is not None:
            low, high = (self.shown(value) for value in self.between)
            return f"from {low} to {high}"
        bars = ((">", self.above), ("<", self.below), ("=", self.equals))
        return next(f"{sign} {self.shown(bar)}" for sign, bar in bars if bar is not None)

    def _check(self, fields: Fields) -> None:
        given = [bar for bar in BARS if getattr(self, bar) is not None]
        if len(given) != 1:
            raise ValueError(
                f"{fields.path} expects exactly one of {', '.join(BARS)}; got {', '.join(given) or 'none'}"
            )
        _check_metric(self.metric, path=f"{fields.path}.metric")
        self._check_range(fields, given[0])
        if self.equals is not None and self.metric not in (*SHARES, *COUNTS):
            raise ValueError(
                f"{fields.path}.equals is for {_one_of_the_others()}; "
                f"no seed meets a measured {self.metric} exactly: give it above, below or between"
            )
        if self.gap_to is not None and self.metric in SHARES:
            raise ValueError(f"{fields.path}.gap_to expects a metric that each run has; got {self.metric}")
        if self.gap_to is not None and self.gap_to == self.where:
            raise ValueError(f"{fields.path}.gap_to expects other arms than where; got the same")

    def _check_range(self, fields: Fields, bar: str) -> None:
        """Refuses a bar that the metric can never reach, such as 80 where 80 % is meant."""
        value = getattr(self, bar)
        low = 0.0 if self.gap_to is None else -1.0
        if self.is_share and not all(low <= end <= 1 for end in (value if bar == "between" else [value])):
            what = "a share between 0 and 1" if self.gap_to is None else "a difference between -1 and 1"
            raise fields.wrong(bar, f"{what}, since it is about {self.metric} (80 % is 0.8)")


def _check_metric(metric: str, *, path: str) -> None:
    first, _, rest = metric.partition("/")
    cell, _, quantity = rest.rpartition("/")
    if metric in METRICS or (first == "cells" and cell and quantity in OF_CELLS):
        return
    if first == "cells":
        raise ValueError(
            f"{path} expects cells/NAME/accuracy or cells/NAME/loss_nats, NAME being a cell of the test set; "
            f"got {metric!r}"
        )
    raise ValueError(f"{path} expects the name of a metric; got {metric!r}{suggestion(metric, METRICS)}")


def _one_of_the_others() -> str:
    return ", ".join((*SHARES, *COUNTS))
