"""Which runs are meant: conditions on what a run chose, such as ``{model: softmax, task.seq_len: 64}``.

A key without a dot is a group of ``conf/`` and is compared with the choice that was made there; one with a
dot is a path into the config. A list of values means any of them; no condition at all means every run.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from mad.report.judging.fields import Fields, suggestion
from mad.report.result import Result

Selector = Mapping[str, Any]

ABSENT = object()
"""The value of a key that a run's config does not have."""


def selector_of(value: Any, *, path: str) -> Selector:
    """Raises ValueError for anything but a mapping from keys to plain values or lists of them."""
    fields = Fields.of(value, path=path, known=list(value) if isinstance(value, Mapping) else ["model"])
    for key, wanted in fields.mapping.items():
        if not isinstance(key, str) or not key.strip("."):
            raise ValueError(f"{path} expects groups or dotted keys; got {key!r}")
        if key == "seed":
            raise ValueError(f"{path}.seed cannot be selected: claims are made over all seeds; leave it out")
        if not all(_is_plain(entry) for entry in (wanted if isinstance(wanted, list | tuple) else [wanted])):
            raise fields.wrong(key, "a value or a list of values")
        if isinstance(wanted, list | tuple) and not wanted:
            raise fields.wrong(key, "one value or more: an empty list selects nothing")
    return dict(fields.mapping)


def text_of(selector: Selector) -> str:
    """As people write it: ``model=softmax recipe=none``, or ``every arm``."""
    return " ".join(f"{key}={value_text(value)}" for key, value in selector.items()) or "every arm"


def value_text(value: Any) -> str:
    """As one types it: ``0.001``, ``null``, ``softmax``; a list's values with commas."""
    if isinstance(value, list | tuple):
        return ",".join(map(value_text, value))
    return value if isinstance(value, str) else json.dumps(value)


def matches(selector: Selector, result: Result) -> bool:
    """Whether the run is one of those meant."""
    return means(selector, result.config)


def means(selector: Selector, config: Mapping[str, Any]) -> bool:
    """Whether a run of this config is one of those meant."""
    return all(_is_one_of(found_in(config, key), wanted) for key, wanted in selector.items())


def looked_up(result: Result, key: str) -> Any:
    """What a run chose under a group or a dotted key; ABSENT if it knows no such thing."""
    return found_in(result.config, key)


def found_in(config: Mapping[str, Any], key: str) -> Any:
    """The same in a config."""
    if "." not in key:
        return (_asked(config).get("choices") or {}).get(key, ABSENT)
    found: Any = config
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return ABSENT
        found = found[part]
    return found


def asked(result: Result) -> Mapping[str, Any]:
    """What was typed and chosen to get the run; empty in a record that does not say."""
    return _asked(result.config)


def canonical(value: Any) -> str:
    """One spelling of equal values: ``1e-3``, ``0.001`` and ``"0.001"`` are the same."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, Mapping):
        entries = (f"{key}: {canonical(entry)}" for key, entry in sorted(value.items()))
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(canonical, value)) + "]"
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
    return repr(number) if math.isfinite(number) else str(value)


def check_known(selector: Selector, *, path: str, names: Mapping[str, Iterable[str]]) -> None:
    """Refuses a group, or a name in a group, that ``names`` does not have: it would select nothing."""
    for key, wanted in selector.items():
        if "." in key:
            continue
        if key not in names:
            message = f"{path}.{key} is no group of conf/{suggestion(key, sorted(names))}"
            raise ValueError(f"{message} A key of the config is written with its dots.")
        for value in wanted if isinstance(wanted, list | tuple) else [wanted]:
            if str(value) not in names[key]:
                hint = suggestion(str(value), sorted(names[key]))
                raise ValueError(f"{path}.{key} selects nothing: there is no conf/{key}/{value}.yaml{hint}")


def check_grid(selector: Selector, *, path: str, grid: Mapping[str, Iterable[str]]) -> None:
    """Refuses a value that the grid does not run."""
    for key, wanted in selector.items():
        values = wanted if isinstance(wanted, list | tuple) else [wanted]
        offered = {canonical(value) for value in grid.get(key, ())}
        if offered and not offered & {canonical(value) for value in values}:
            raise ValueError(
                f"{path}.{key} selects nothing: {value_text(wanted)} is not in the grid "
                f"({', '.join(map(str, grid[key]))}); correct it, or add it to hydra.sweeper.params.{key}"
            )


def _asked(config: Mapping[str, Any]) -> Mapping[str, Any]:
    found = config.get("asked")
    return found if isinstance(found, Mapping) else {}


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def _is_one_of(value: Any, wanted: Any) -> bool:
    if value is ABSENT:
        return False
    spelled = canonical(value)
    if isinstance(wanted, list | tuple) and spelled in {canonical(entry) for entry in wanted}:
        return True
    return spelled == canonical(wanted)
