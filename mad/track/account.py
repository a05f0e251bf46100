"""What this machine knows of a W&B account, found without its package: the host, the key, the way there."""

import netrc
import os
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path
from urllib.parse import urlsplit

from mad.track.reach import PROBE_SECONDS, any_answers

PUBLIC_HOST = "https://api.wandb.ai"
VARIABLE = "WANDB_API_KEY"


def host() -> str:
    """The W&B server's address: ``WANDB_BASE_URL``, what ``wandb login --host`` kept, or the public one."""
    return (os.environ.get("WANDB_BASE_URL") or _kept_host() or PUBLIC_HOST).rstrip("/")


def api_key() -> str | None:
    """The key for the host, or None: from ``WANDB_API_KEY``, or where ``wandb login`` left it."""
    return os.environ.get(VARIABLE, "").strip() or _netrc_key()


def key_source() -> str | None:
    """Where the key is, in words for people; None if there is none."""
    if os.environ.get(VARIABLE, "").strip():
        return VARIABLE
    return str(_netrc_file()) if _netrc_key() else None


def is_reachable(url: str, *, seconds: float = PROBE_SECONDS) -> bool:
    """Whether somebody takes a connection at a URL's address, or at the proxy on the way there, in time."""
    return any_answers([url], seconds=seconds)


def _kept_host() -> str | None:
    folder = Path(os.environ.get("WANDB_CONFIG_DIR") or Path.home() / ".config" / "wandb")
    settings = ConfigParser(interpolation=None)
    try:
        settings.read(folder / "settings", encoding="utf-8")
    except (ConfigError, UnicodeDecodeError):  # W&B itself says so when it is used
        return None
    return settings.get("default", "base_url", fallback=None)


def _netrc_file() -> Path:
    if os.environ.get("NETRC"):
        return Path(os.environ["NETRC"]).expanduser()
    files = [Path.home() / ".netrc", Path.home() / "_netrc"]
    return next((file for file in files if file.exists()), files[0])


def _netrc_key() -> str | None:
    file = _netrc_file()
    if not file.is_file():
        return None
    try:
        entry = netrc.netrc(str(file)).authenticators(urlsplit(host()).hostname or "")
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):  # W&B could not read it either
        return None
    return entry[2] if entry else None
