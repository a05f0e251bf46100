"""The launcher's settings are checked before anything is launched."""

import re
from typing import Any

import pytest

from mad.launch.settings import Launch


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
