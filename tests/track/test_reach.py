"""Whether anybody answers is known in time, also where a proxy is on the way."""

import time
from urllib.request import getproxies

import pytest

from mad.track.reach import address, any_answers
from tests.track.stub import stub
from tests.track.watched import black_hole, refused_port


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in (*getproxies(), "no"):
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
def test_a_proxy_is_asked_in_the_servers_place(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "https://nowhere.invalid"
    with stub() as proxy:
        monkeypatch.setenv(variable, proxy.url.removeprefix("http://"))
        assert any_answers([nowhere], seconds=10.0)
        assert not any_answers([nowhere], seconds=0.5, proxies={})
        monkeypatch.setenv("NO_PROXY", "nowhere.invalid")
        assert not any_answers([nowhere], seconds=0.5)


def test_a_proxy_that_does_not_answer_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with black_hole() as hole, stub() as server:
        monkeypatch.setenv("HTTP_PROXY", hole)
        begun = time.monotonic()
        assert not any_answers([server.url], seconds=0.3)
        assert time.monotonic() - begun < 2.0


def test_one_server_of_several_is_enough() -> None:
    with black_hole() as hole, stub() as server:
        assert any_answers([hole, refused_port(), server.url], seconds=10.0)
        assert not any_answers([hole, refused_port()], seconds=0.3)
    assert not any_answers([], seconds=0.1)


@pytest.mark.parametrize(
    "url, place",
    [
        ("https://api.example.org", ("api.example.org", 443)),
        ("http://127.0.0.1:8080/x", ("127.0.0.1", 8080)),
        ("socks5h://proxy", ("proxy", 1080)),
    ],
)
def test_a_url_names_its_place(url: str, place: tuple[str, int]) -> None:
    assert address(url) == place
