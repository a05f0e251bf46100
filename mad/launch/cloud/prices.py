"""What an hour of a container costs: by a dated table, by Modal's own rates, or as the user says."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mad.blueprint import nearest
from mad.launch.settings import Cloud
from mad.report.reading import yaml_in

TABLE = Path(__file__).with_name("prices.yaml")

SYNONYMS = {"A100": "A100-40GB", "A10G": "A10"}

ASK_SECONDS = 5.0

MOST_USD = 1000
"""Of an hour of anything."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """The price of one container."""

    usd_per_hour: float
    source: str
    """Where it comes from, such as ``the price table of 2026-07-01``."""

    def usd(self, seconds: float) -> float:
        """What so many seconds cost."""
        return self.usd_per_hour * seconds / 3600


def known_gpus() -> list[str]:
    """The names that ``launch.gpu`` may take."""
    return [*_table()["gpu_hour"], *SYNONYMS]


def check_gpu(name: str) -> None:
    """Raises ValueError, naming the nearest, for a GPU that is not in the table."""
    if _plain(name) not in known_gpus():
        raise ValueError(f"launch.gpu={name} is not one of Modal's{nearest(name.upper(), known_gpus())}")


def rate(settings: Cloud, *, own: Mapping[str, float] | None = None) -> Rate:
    """The rate of a container: of its GPU, its cores and its memory. No socket is opened.

    ``own``: Modal's own rates, where they could be asked for. Raises ValueError for an unknown GPU.
    """
    if settings.gpu is not None:
        check_gpu(settings.gpu)
    if settings.usd_per_hour is not None:
        return Rate(usd_per_hour=settings.usd_per_hour, source="launch.usd_per_hour")
    table = _table()
    gpu = 0.0 if settings.gpu is None else float(table["gpu_hour"][_full(settings.gpu)])
    source = f"the price table of {table['dated']}"
    if settings.gpu is not None and own and (found := _own_rate(_full(settings.gpu), own, near=gpu)):
        gpu, source = found, "Modal's own rates"
    cores = 3600 * settings.cpu * float(table["cpu_core_second"])
    memory = 3600 * settings.memory_gib * float(table["memory_gib_second"])
    return Rate(usd_per_hour=gpu + cores + memory, source=source)


def own_rates(ask: Callable[[], Mapping[str, Any]] | None = None) -> Mapping[str, float]:
    """Modal's own rates by its own names, asked for in five seconds at most; empty if it does not say."""
    found: dict[str, float] = {}

    def fetch() -> None:
        try:
            found.update({str(name): float(value) for name, value in (ask or _ask_modal)().items()})
        except Exception as error:  # whatever the client raises: the table is good enough
            print(f"Modal does not tell its rates ({type(error).__name__}); the price table is used")

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    thread.join(ASK_SECONDS)
    return dict(found)


def _ask_modal() -> Mapping[str, Any]:
    import modal

    return dict(modal.Workspace.from_context().billing.rates())


def _own_rate(gpu: str, own: Mapping[str, float], *, near: float) -> float | None:
    """A GPU's rate per hour. Modal documents neither the names nor the unit: what is far off is not used."""
    wanted = re.compile(rf"(gpu|nvidia)*{_letters(gpu)}(gpu|per|usd|hours?|seconds?|[hs])*")
    for name, value in own.items():
        if wanted.fullmatch(_letters(name)):
            for per_hour in (value, 60 * value, 3600 * value):
                if near / 3 < per_hour < near * 3:
                    return per_hour
    return None


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _full(gpu: str) -> str:
    return SYNONYMS.get(_plain(gpu), _plain(gpu))


def _plain(gpu: str) -> str:
    """The name without Modal's ``!``, which forbids a better GPU in its place."""
    return gpu.upper().removesuffix("!")


@cache
def _table() -> dict[str, Any]:
    return table_in(TABLE)


def table_in(file: Path) -> dict[str, Any]:
    """The price table in a file. Raises ValueError, naming the file, for what is none."""
    table = yaml_in(file)
    try:
        gpus, numbers = table["gpu_hour"], [table["cpu_core_second"], table["memory_gib_second"]]
        prices = [*gpus.values(), *numbers]
        sound = isinstance(table["dated"], str) and all(isinstance(name, str) for name in gpus)
    except (TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"{file} is no table of prices ({error!r}); restore it") from error
    if not sound or not all(_is_price(price) for price in prices):
        raise ValueError(f"{file} expects dated, and prices from 0 to {MOST_USD:,} USD; restore it")
    return dict(table)


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_USD
