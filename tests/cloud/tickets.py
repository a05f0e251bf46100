"""Tickets for tests."""

from collections.abc import Mapping
from typing import Any

from mad.launch.cloud.ticket import State, Ticket
from mad.report.record import RunFolder


def ticket(config: Mapping[str, Any], *, gpu: str | None = "T4", state: State = "open") -> Ticket:
    """The ticket of a launch of this config."""
    folder = RunFolder.of(config)
    return Ticket(
        state=state,
        launch="20260101-000000-abcd",
        run=folder.name,
        identity=folder.identity,
        code=folder.code,
        call="fc-1",
        app="ap-1",
        url="https://modal.com/id/fc-1",
        gpu=gpu,
        launched="2026-01-01T00:00:00+00:00",
        usd_per_hour=0.6,
        price_source="launch.usd_per_hour",
        estimated_seconds=60.0,
        timeout_seconds=3600,
        retries=2,
        volume="mad-runs",
        folder=f"{folder.name}/20260101-000000-abcd",
    )
