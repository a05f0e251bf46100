"""Hydra's work on config files, done once: the jobs of a sweep differ in values more than in files.

Hydra reads, orders and merges the files anew for every config that it composes, at fifty times the cost of
applying the values. What depends on the files alone is remembered here, and handed out in copies; Hydra
itself goes on to apply the values, as ever. A file is looked at before Hydra reads it: one that is too
large, or a bomb of aliases, would take all time and memory there.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import astuple
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra._internal.defaults_list import DefaultsList, Overrides, create_defaults_list
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig

from mad.report.reading import check_size, text_in

T = TypeVar("T")


class Once:
    """What has been read, ordered and merged so far. It lives as long as one command: files may change."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Puts the memory behind three functions of Hydra, which has no place to hand it in."""
        with (
            mock.patch.object(ConfigRepository, "load_config", self._read()),
            mock.patch.object(config_loader_impl, "create_defaults_list", self._order),
            mock.patch.object(ConfigLoaderImpl, "_compose_config_from_defaults_list", self._merge()),
        ):
            yield

    def _read(self) -> Callable[[ConfigRepository, str], ConfigResult | None]:
        plain = ConfigRepository.load_config

        def load_config(repo: ConfigRepository, config_path: str) -> ConfigResult | None:
            def checked() -> ConfigResult | None:
                for file in _files(repo, config_path):
                    check_size(text_in(file), file=file)
                return plain(repo, config_path)

            return deepcopy(self._remembered(("file", config_path, _sources(repo)), checked))

        return load_config

    def _order(
        self,
        repo: IConfigRepository,
        config_name: str | None,
        overrides_list: list[Override],
        prepend_hydra: bool,
        skip_missing: bool,
    ) -> DefaultsList:
        """The files in order: these depend on the choices of files, and not on the values."""
        values = Overrides(repo, overrides_list).config_overrides
        choices = [override for override in overrides_list if not any(override is value for value in values)]
        lines = tuple(override.input_line for override in choices)
        found = self._remembered(
            ("order", config_name, lines, prepend_hydra, skip_missing, _sources(repo)),
            lambda: create_defaults_list(repo, config_name, choices, prepend_hydra, skip_missing),
        )
        return DefaultsList(found.defaults, found.defaults_tree, values, found.overrides)

    def _merge(self) -> Callable[[ConfigLoaderImpl, list[ResultDefault], IConfigRepository], DictConfig]:
        plain = ConfigLoaderImpl._compose_config_from_defaults_list

        def compose(
            loader: ConfigLoaderImpl, defaults: list[ResultDefault], repo: IConfigRepository
        ) -> DictConfig:
            key = ("merged", tuple(astuple(default) for default in defaults), _sources(repo))
            return deepcopy(self._remembered(key, lambda: plain(loader, defaults, repo)))

        return compose

    def _remembered(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self._known:
            self._known[key] = make()
        found: T = self._known[key]
        return found


def _files(repo: IConfigRepository, config_path: str) -> Iterator[Path]:
    """The files of that name. Raises ValueError for one outside of the folder of the config files."""
    for source in repo.get_sources():
        if source.scheme() == "file" and source.is_config(config_path):
            if Path(config_path).is_absolute() or ".." in Path(config_path).parts:
                raise ValueError(f"{config_path} lies outside of {source.path}; name a file of a group there")
            yield Path(source.path, config_path.removesuffix(".yaml") + ".yaml")


def _sources(repo: IConfigRepository) -> tuple[tuple[str, str], ...]:
    """Where the files come from."""
    return tuple((source.provider, source.path) for source in repo.get_sources())
