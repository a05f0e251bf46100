"""Which launcher a command line names, read before anything is composed."""

from collections.abc import Sequence

import yaml

from mad.door.folder import conf_dir


def is_cloud(overrides: Sequence[str]) -> bool:
    """Whether ``launch=...`` among the overrides names a launcher that needs an account.

    What an experiment's file chooses shows only when it is composed.
    """
    for override in overrides:
        key, _, name = override.partition("=")
        file = conf_dir() / "launch" / f"{name}.yaml"
        if key == "launch" and name.isidentifier() and file.exists():
            settings = yaml.safe_load(file.read_text(encoding="utf-8"))
            parents = [entry for entry in settings.get("defaults", []) if entry != "_self_"]
            return settings.get("kind", "") == "modal" or "modal" in parents
    return False


def gpus(overrides: Sequence[str]) -> list[str]:
    """The names that ``launch.gpu=...`` gives."""
    values = [word.partition("=")[2] for word in overrides if word.startswith("launch.gpu=")]
    return [name for value in values for name in value.split(",") if name != "null"]
