"""Hydra without its machinery: no callbacks, no logging, no folders, and its sweeps handed to us.

All of these are set up before a job's config can be checked, and some of them can name any callable; so
they are neither the command line's nor a config file's to change.
"""

import re
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

NO_LOGGING = {"version": 1, "root": None, "disable_existing_loggers": False}

QUIET: dict[str, Any] = {
    "callbacks": {},
    "job_logging": NO_LOGGING,
    "hydra_logging": NO_LOGGING,
    "output_subdir": None,
    "run.dir": ".",
    "job.env_set": {},
    "job.chdir": None,
}
"""What must stand once all files have been composed; ``conf/config.yaml`` sees to it."""


def quiet_overrides(*, multirun: bool) -> list[str]:
    """The overrides that give a sweep to our launcher, and that no config file can make one."""
    plugin = "hydra_plugins.mad_sweep"
    mode = "hydra.mode=MULTIRUN" if multirun else "hydra.mode=RUN"
    return [mode, f"hydra.sweeper._target_={plugin}.Sweep", f"hydra.launcher._target_={plugin}.Handover"]


def check_overrides(overrides: Sequence[str]) -> None:
    """Refuses overrides of Hydra's own settings."""
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        if re.match(r"hydra\b", key):
            raise ValueError(
                f"{key} cannot be set: Hydra only composes here, and its own settings are fixed; leave it out"
            )


def check_files(node: DictConfig) -> None:
    """Refuses config files that change Hydra's own settings, but for the sweep of an experiment."""
    settings = OmegaConf.to_container(node, resolve=False)
    changed = [name for name, expected in QUIET.items() if _at(settings, name) != expected]
    if changed:
        raise ValueError(f"a config file sets hydra.{changed[0]}; below hydra only sweeper.params may be set")
    if any(str(key).lstrip("+") == "allow" for key in _at(settings, "sweeper.params") or {}):
        raise ValueError("a config file sweeps over allow; only the command line may allow packages")


def _at(settings: Any, name: str) -> Any:
    for part in name.split("."):
        settings = (settings or {}).get(part)
    return settings
