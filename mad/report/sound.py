"""Whether a record that could be read has the types that it should have, before anyone computes with it."""

import json
import math
from collections.abc import Mapping
from typing import Any

TABLES = ("metrics", "bounds", "cost")
"""Of a result: names and numbers."""


def check_record(record: Mapping[str, Any]) -> None:
    """Raises ValueError, naming the key, for a value in a result that is not of its type."""
    for name in (*TABLES, "cells", "stamp"):
        _mapping(name, record.get(name, {}))
    tables = {name: record.get(name, {}) for name in TABLES}
    tables |= {
        f"cells.{name}": _mapping(f"cells.{name}", cell) for name, cell in record.get("cells", {}).items()
    }
    for path, table in tables.items():
        for key, value in table.items():
            _number(f"{path}.{key}", value)
            if key.rpartition("/")[2].endswith("accuracy"):
                _share(f"{path}.{key}", value)
    for key in ("n_parameters", "state_floats", "train_flops"):
        _number(f"stamp.{key}", record.get("stamp", {}).get(key))
    for key in ("steps", "best_step"):
        _number(key, record.get(key))
    for key in ("run_id", "identity", "code", "error", "weights_sha256", "curves_sha256"):
        _text(key, record.get(key))
    check_config(record["config"])
    seed = record["config"].get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise ValueError(f"config.seed expects a whole number; got {_shown(seed)}")


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


def _share(name: str, value: Any) -> None:
    if value is not None and not 0 <= value <= 1:
        raise ValueError(f"{name} expects a share from 0 to 1; got {_shown(value)}")


def _text(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} expects text; got {_shown(value)}")


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)[:60]
