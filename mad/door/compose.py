"""Composes configs with Hydra and lets them through the door, as plain dicts.

Hydra only composes here: what it hands over is run after it is gone. Its own machinery (callbacks,
logging, output folders) stays off, also where a config file asks for it, since it would run before the
guard.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict

from mad.door.complaints import LONGEST, broken_file, complaint, is_unreadable, shortened
from mad.door.folder import PACKAGE, conf_dir
from mad.door.guard import check, known_keys
from mad.door.once import Once
from mad.door.quiet import check_files, check_overrides, quiet_overrides
from mad.report.reading import check_size, text_in

# Where Hydra finds the launcher of ``-m``: it looks for packages named hydra_plugins along this path.
sys.path.append(str(PACKAGE / "launch"))


@dataclass(frozen=True)
class Job:
    """One run: its resolved config, and what was typed to get it."""

    config: dict[str, Any]
    overrides: tuple[str, ...]


def compose(overrides: Sequence[str] = (), *, conf: Path | None = None) -> dict[str, Any]:
    """The checked config of one run. Raises ValueError, in one clear line, for whatever may not pass."""
    door = Door(conf or conf_dir())
    with door.clear_complaints(overrides), door.opened():
        raw = hydra.compose("config", list(overrides), return_hydra_config=True)
        return door.job(*_without_hydra(raw), overrides).config


def composed(overrides: Sequence[str], *, multirun: bool, conf: Path | None = None) -> list[Job]:
    """The checked jobs of a command line; one unless ``multirun``. Raises ValueError as ``compose`` does.

    All jobs pass the door before the first is returned.
    """
    door, taken = Door(conf or conf_dir()), list[tuple[DictConfig, dict[str, str], list[str]]]()

    def take(raw: DictConfig) -> None:
        typed = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
        assert isinstance(typed, list)
        taken.append((raw, _choices(HydraConfig.get()), [str(word) for word in typed]))

    main = hydra.main(version_base="1.3", config_path=str(door.conf), config_name="config")(take)
    with door.clear_complaints(overrides):
        door.check_hydra(overrides)
        with door.once.in_force(), _command_line([*overrides, *quiet_overrides(multirun=multirun)]):
            main()
        with door.opened():
            return [door.job(raw, choices, typed) for raw, choices, typed in taken]


def complete(arguments: Sequence[str]) -> int:
    """Serves the shell's tab completion: ``eval "$(mad -sc install=bash)"``."""
    main = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(lambda raw: None)
    with Once().in_force(), _command_line(["--shell-completion", *arguments]):
        main()
    return 0


class Door:
    """Composes schemas, once for each choice of files, and holds configs against them."""

    def __init__(self, conf: Path) -> None:
        """Raises ValueError, naming it, for a config file that nobody should read."""
        for file in sorted(conf.rglob("*.yaml")):
            check_size(text_in(file), file=file)
        self.conf, self.once = conf, Once()
        self._schemas: dict[tuple[str, ...], dict[str, Any]] = {}

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hydra's composer, while it is needed outside of ``hydra.main``."""
        with self.once.in_force(), hydra.initialize_config_dir(str(self.conf), version_base="1.3"):
            yield

    def job(self, raw: DictConfig, choices: Mapping[str, str], overrides: Sequence[str]) -> Job:
        """Resolves one composed config, checks it, and adds the words behind its values."""
        files = tuple(override.input_line or "" for override in self._file_choices(overrides))
        config = check(self._plain(raw, files), self._schema(files))
        named = {group: choices[group] for group in self._groups() if group in choices}
        return Job({**config, "asked": {"overrides": list(overrides), "choices": named}}, tuple(overrides))

    def check_hydra(self, overrides: Sequence[str]) -> None:
        """Refuses what would set Hydra's own machinery in motion, from the command line or from a file."""
        files = [o.input_line or "" for o in self._file_choices(overrides) if not o.is_sweep_override()]
        check_overrides(overrides)
        with self.opened():
            raw = hydra.compose("config", files, return_hydra_config=True)
            check_files(raw.hydra)
            self._schemas[tuple(files)] = self._plain(_without_hydra(raw)[0], tuple(files))

    @contextmanager
    def clear_complaints(self, overrides: Sequence[str]) -> Iterator[None]:
        """Turns the composer's errors into a ValueError of a line or two, unless HYDRA_FULL_ERROR is 1."""
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            yield
            return
        with mock.patch.dict(os.environ, HYDRA_FULL_ERROR="1"):  # else Hydra prints and exits by itself
            try:
                yield
            except Exception as error:
                message = broken_file(self.conf) if is_unreadable(error) else None
                message = message or complaint(error, groups=self._groups(), known=self._known(overrides))
                if message is None and not (isinstance(error, ValueError) and len(str(error)) > LONGEST):
                    raise
                raise ValueError(shortened(message or str(error))) from error

    def _plain(self, raw: DictConfig, files: tuple[str, ...]) -> dict[str, Any]:
        config = OmegaConf.to_container(raw, resolve=True, throw_on_missing=True)
        assert isinstance(config, dict)
        return self._with_named_mixers({str(key): value for key, value in config.items()}, files)

    def _schema(self, files: tuple[str, ...]) -> dict[str, Any]:
        if files not in self._schemas:
            self._schemas[files] = self._plain(hydra.compose("config", list(files)), files)
        return self._schemas[files]

    def _with_named_mixers(self, config: dict[str, Any], files: tuple[str, ...]) -> dict[str, Any]:
        """``model.mixers`` with names of model files replaced by the mixers that these files describe.

        A hybrid has no use for ``model.mixer``, which is emptied so that it cannot tell two runs apart.
        """
        model = config.get("model")
        mixers = model.get("mixers") if isinstance(model, Mapping) else None
        if not isinstance(mixers, list):
            return config
        named = [self._named_mixer(entry, files) if isinstance(entry, str) else entry for entry in mixers]
        return {**config, "model": {**config["model"], "mixer": None, "mixers": named}}

    def _named_mixer(self, name: str, files: tuple[str, ...]) -> Any:
        """The mixer of one model file, in its plain form: the memory and the features are the file's own."""
        others = [line for line in files if line.partition("=")[0] not in ("model", "memory", "features")]
        return self._schema((*others, f"model={name}"))["model"]["mixer"]

    def _file_choices(self, overrides: Sequence[str]) -> list[Override]:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        return [override for override in parsed if override.key_or_group in self._groups()]

    def _groups(self) -> list[str]:
        return sorted(folder.name for folder in self.conf.iterdir() if folder.is_dir())

    def _known(self, overrides: Sequence[str]) -> list[str]:
        """The keys that these files know; those of the default files if these cannot be composed."""
        for choices in (overrides, ()):
            try:
                with self.opened():
                    files = [
                        o.input_line or "" for o in self._file_choices(choices) if not o.is_sweep_override()
                    ]
                    return list(known_keys(self._schema(tuple(files))))
            except Exception:  # whatever is wrong is being reported already
                continue
        return []


def _without_hydra(raw: DictConfig) -> tuple[DictConfig, dict[str, str]]:
    """A config less Hydra's own part, and the names that were chosen in each group."""
    choices = _choices(raw.hydra)
    with open_dict(raw):
        del raw["hydra"]
    return raw, choices


def _choices(hydra_config: Any) -> dict[str, str]:
    return {str(group): str(name) for group, name in hydra_config.runtime.choices.items() if name is not None}


@contextmanager
def _command_line(arguments: Sequence[str]) -> Iterator[None]:
    """Hydra reads its overrides from ``sys.argv`` and nowhere else."""
    with mock.patch.object(sys, "argv", [sys.argv[0], *arguments]):
        yield
