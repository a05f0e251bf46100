"""What is sent to a container: the plain config of one run, and where its record goes. JSON, no pickle."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from mad.launch.settings import Cloud
from mad.report.identity import code_hash, identity, run_name
from mad.report.redaction import redacted_config
from mad.report.result import finite

LEFT_OUT = ("results", "launch")
"""Parts of a config that speak of this machine."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One run for a container."""

    config: Mapping[str, Any]
    """Resolved, without secrets, and without what concerns the sender's machine."""
    run: str
    """The name of the run's folder."""
    code: str
    """The hash of the sender's sources: others are not run in their name."""
    volume: str
    """The name of the volume where the record is kept."""
    folder: str
    """On the volume; of this launch alone."""
    earlier: str | None = None
    """The folder of an earlier launch of this run, that this one resumes."""
    mirror_seconds: float = 60.0
    threads: int = 1
    device: str = "auto"
    """``cuda`` where a GPU was asked for: without one the run is refused, not made slowly."""

    @classmethod
    def of(
        cls, config: Mapping[str, Any], *, settings: Cloud, folder: str, earlier: str | None = None
    ) -> "Order":
        """The order for a resolved config. Raises ValueError for what JSON cannot hold, or a secret."""
        clean = redacted_config({key: value for key, value in config.items() if key not in LEFT_OUT})
        if finite(clean) != clean:
            raise ValueError("a config expects text, finite numbers, lists and mappings to be sent away")
        return cls(
            config=clean,
            run=run_name(config, identity(config)),
            code=code_hash(tuple(config.get("allow") or ())),
            volume=settings.volume,
            folder=folder,
            earlier=earlier,
            mirror_seconds=settings.mirror_seconds,
            threads=settings.threads,
            device="cuda" if settings.gpu else "auto",
        )

    def to_json(self) -> str:
        """As it is sent. Raises ValueError for what JSON cannot hold."""
        try:
            return json.dumps(asdict(self), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"a config expects text, finite numbers, lists and mappings: {error}") from error

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """Reads what ``to_json`` wrote. Raises ValueError for anything else."""
        content = json.loads(text)
        if not isinstance(content, dict) or content.keys() != {entry.name for entry in fields(cls)}:
            raise ValueError("an order expects exactly the fields of this version of mad; send it anew")
        return cls(**content)

    def config_here(self, results: str) -> dict[str, Any]:
        """The config as it is executed where the order arrives: records go to ``results``.

        MAD_DEVICE names the device where containers have other ones than were asked for.
        """
        device = os.environ.get("MAD_DEVICE") or self.device
        launch = {"kind": "local", "threads": self.threads, "device": device}
        return {**self.config, "results": results, "launch": launch}
