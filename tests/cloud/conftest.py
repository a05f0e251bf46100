"""The fixture ``plane``: a loopback of Modal's control plane that the real client is led to."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.cloud.plane.control import Plane


@pytest.fixture(scope="session")
def one_plane() -> Iterator[Plane]:
    """One plane for all tests of the process; its address stays, so that clients and their handles do."""
    plane = Plane()
    yield plane
    plane.close()


@pytest.fixture
def plane(one_plane: Plane, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plane]:
    """The plane, emptied, with this process's environment leading there."""
    one_plane.clear()
    for name in [name for name in os.environ if name.startswith("MODAL_")]:
        monkeypatch.delenv(name)
    for name, value in one_plane.variables.items():
        monkeypatch.setenv(name, value)
    if "modal" in sys.modules:  # imported before, it has read the file of whoever runs the tests
        monkeypatch.setattr("modal.config._user_config", {})
    yield one_plane
    if "modal" in sys.modules:
        from modal.client import _Client

        _Client._set_env_client(None)  # the next test, of whatever kind, makes its own
    assert not one_plane.errors
    one_plane.clear()


@pytest.fixture
def tiny(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The small app, running for as long as the test."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "plane" / "example"))
    import tiny_app

    with tiny_app.app.run():
        yield tiny_app


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that does not exist yet: bodies wait until a test makes it."""
    return tmp_path / "gate"
