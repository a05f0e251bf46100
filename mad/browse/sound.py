"""Whether a record that could be read holds what it should: a broken one is named and breaks nothing."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mad.report.result import Result

BROKEN = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    RecursionError,
    OSError,
    yaml.YAMLError,
)
"""What reading and judging a record that was not written by us may raise."""


def read_result(file: Path) -> Result | None:
    """The result in a file, or None if there is no file. Raises ValueError for anything but a result."""
    if not file.exists():
        return None
    result = Result.from_json(file.read_text(encoding="utf-8"))
    for name in ("metrics", "cells", "bounds", "cost", "stamp"):
        _mapping(name, getattr(result, name))
    tables = {name: getattr(result, name) for name in ("metrics", "bounds", "cost")}
    tables |= {f"cells.{name}": _mapping(f"cells.{name}", cell) for name, cell in result.cells.items()}
    for path, table in tables.items():
        for key, value in table.items():
            _number(f"{path}.{key}", value)
    for key in ("n_parameters", "state_floats", "train_flops"):
        _number(f"stamp.{key}", result.stamp.get(key))
    for key in ("steps", "best_step"):
        _number(key, getattr(result, key))
    for key in ("run_id", "identity", "code"):
        _text(key, getattr(result, key))
    check_config(result.config)
    return result


def read_config(file: Path) -> Mapping[str, Any]:
    """The config in a file; empty if there is no file. Raises ValueError for anything but a config."""
    if not file.exists():
        return {}
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"config.yaml is no YAML: {error}") from error
    check_config(config)
    return dict(config)


def check_config(config: Any) -> None:
    """Raises ValueError unless it is a mapping that says in a known form what was asked for."""
    asked = _mapping("config", config).get("asked")
    if asked is None:
        return
    choices = _mapping("asked", asked).get("choices")
    for group, name in _mapping("asked.choices", choices or {}).items():
        _text(f"asked.choices.{group}", name)
    overrides = asked.get("overrides")
    if not isinstance(overrides or [], list):
        raise ValueError(f"asked.overrides expects a list; got {_shown(overrides)}")


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} expects a mapping; got {_shown(value)}")
    return value


def _number(name: str, value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        sound = value is None or (is_number and math.isfinite(value))
    except OverflowError:
        sound = False
    if not sound:
        raise ValueError(f"{name} expects a finite number or null; got {_shown(value)}")


def _text(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} expects text; got {_shown(value)}")


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)[:60]
