"""A digest at the end of a record, so that nobody reads a changed digit for a number.

A seal tells a record from what a disk, an editor or a merge has made of it. It is no signature: whoever
means to deceive can seal what he likes.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SEAL = "sha256"
"""The key of the digest."""


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with its seal as the last entry. Raises ValueError for a number that is not finite."""
    return {**record, SEAL: digest(record)}


def unsealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record without its seal. Raises ValueError if there is none, or it does not fit."""
    rest = {key: value for key, value in record.items() if key != SEAL}
    if record.get(SEAL) != digest(rest):
        raise ValueError("it is not what was written: its seal does not fit")
    return rest


def digest(record: Any) -> str:
    """64 hexadecimal digits of what JSON holds, whatever the order of its keys."""
    text = json.dumps(record, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
