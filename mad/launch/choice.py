"""Which launcher a command line names, read before anything is composed."""

from collections.abc import Mapping, Sequence

from mad.door.folder import conf_dir
from mad.report.reading import yaml_in


def is_cloud(overrides: Sequence[str]) -> bool:
    """Whether ``launch=...`` among the overrides names a launcher that needs an account.

    What an experiment's file chooses shows only when it is composed. Raises ValueError for a file that is no
    mapping.
    """
    for override in overrides:
        key, _, name = override.partition("=")
        file = conf_dir() / "launch" / f"{name}.yaml"
        if key == "launch" and name.isidentifier() and file.exists():
            settings = yaml_in(file)
            if not isinstance(settings, Mapping):
                raise ValueError(f"{file} expects a mapping, as launch/local.yaml holds one; correct it")
            parents = settings.get("defaults")
            return settings.get("kind") == "modal" or (isinstance(parents, list) and "modal" in parents)
    return False


def gpus(overrides: Sequence[str]) -> list[str]:
    """The names that ``launch.gpu=...`` gives."""
    values = [word.partition("=")[2] for word in overrides if word.startswith("launch.gpu=")]
    return [name for value in values for name in value.split(",") if name != "null"]
