"""A config's values by their dotted keys, such as ``model.d_model``."""

from collections.abc import Iterator, Mapping
from typing import Any

from mad.report.identity import NOT_MEANING


def leaves(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Of a run's config, less what says where, how and in what words the run was made."""
    for key, value in config.items():
        if not path and key in NOT_MEANING:
            continue
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
