"""The launcher's settings are checked before anything is launched."""

import re
from typing import Any

import pytest

from mad.door.compose import compose
from mad.launch.settings import Cloud, Launch, launcher, launcher_of_all


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("kind", "moon", "launch.kind expects local; got 'moon'"),
        ("jobs", 0, "launch.jobs expects a whole number, 1 or more, or null; got 0"),
        ("jobs", "many", "launch.jobs expects a whole number, 1 or more, or null; got 'many'"),
        ("threads", None, "launch.threads expects a whole number, 1 or more; got None"),
        ("threads", True, "launch.threads expects a whole number, 1 or more; got True"),
        ("device", "gpu", "launch.device expects auto, cpu, cuda or cuda:N; got 'gpu'"),
        ("timeout_seconds", 0, "launch.timeout_seconds expects a number above 0, or null; got 0"),
    ],
)
def test_a_setting_out_of_range_is_refused(name: str, value: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        Launch.of({"launch": {name: value}})


def test_a_sweep_fills_the_cores_unless_told_otherwise() -> None:
    assert Launch().n_processes >= 1
    assert Launch(jobs=3).n_processes == 3


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("kind", "moon", "launch.kind expects local or modal; got 'moon'"),
        ("gpu", 3, "launch.gpu expects a name, or null; got 3"),
        ("cpu", 0, "launch.cpu expects a number above 0; got 0"),
        ("budget_usd", -1, "launch.budget_usd expects a number above 0, or null; got -1"),
        ("max_containers", 0, "launch.max_containers expects a whole number, 1 or more; got 0"),
        ("timeout_seconds", None, "launch.timeout_seconds expects whole seconds, 1 to 86400; got None"),
        ("timeout_seconds", 90_000, "launch.timeout_seconds expects whole seconds, 1 to 86400; got 90000"),
        ("retries", 11, "launch.retries expects 0 to 10; got 11"),
        ("retries", True, "launch.retries expects 0 to 10; got True"),
        ("wait", "no", "launch.wait expects true or false; got 'no'"),
        (
            "volume",
            "../x",
            "launch.volume expects a short name of letters, digits, dots and dashes; got '../x'",
        ),
        ("jobs", 4, "launch=modal knows no launch.jobs; known: "),
    ],
)
def test_a_setting_for_modal_out_of_range_is_refused(name: str, value: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        launcher({"launch": {"kind": "modal", name: value}})


@pytest.mark.parametrize("name, gpu", [("modal", "T4"), ("modal_t4", "T4"), ("modal_a100", "A100")])
def test_the_files_for_modal_hold_what_the_settings_know(name: str, gpu: str) -> None:
    config = compose([f"launch={name}"])
    assert launcher(config) == Cloud(gpu=gpu)
    assert launcher(compose([])) == Launch()


def test_one_sweep_is_launched_alike_at_modal() -> None:
    there = [{"launch": {"kind": "modal", "gpu": gpu}} for gpu in ("T4", "L4")]
    with pytest.raises(ValueError, match=r"launch\.gpu differs between them: sweep once for each"):
        launcher_of_all(there)
    with pytest.raises(ValueError, match=r"launch\.kind differs"):
        launcher_of_all([{"launch": {"kind": "local"}}, there[0]])
    assert launcher_of_all(there[:1]) == Cloud(gpu="T4")
    assert launcher_of_all([{"launch": {"threads": 1}}, {"launch": {"threads": 2}}]) == Launch(threads=1)
