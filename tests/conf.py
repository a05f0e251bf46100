"""What `conf/` lists, composed for tests."""

from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

# Hydra looks for its plugins once a process: the door must have named their folder by then.
import mad.door.compose  # noqa: F401

CONF = Path(__file__).parents[1] / "conf"


def options(group: str) -> list[str]:
    """The names that a group offers."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml") if not path.stem.startswith("_"))


def composed(*overrides: str) -> dict[str, Any]:
    """The resolved config of a command line, without the parts that are Hydra's own."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", overrides=list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return config
