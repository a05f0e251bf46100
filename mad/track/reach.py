"""Does anybody take connections at an address? Asked before a client is, which may try for minutes.

Where the environment names a proxy on the way (``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, less
``NO_PROXY``), the proxy is asked in the server's place: that it answers is all that can be known without a
client.
"""

import queue
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

PROBE_SECONDS = 3.0

PORTS = {"https": 443, "http": 80}
SOCKS_PORT = 1080


def any_answers(
    urls: Sequence[str], *, seconds: float = PROBE_SECONDS, proxies: Mapping[str, str] | None = None
) -> bool:
    """Whether one of the servers, or the proxy on the way to it, takes a connection within ``seconds``.

    ``proxies``: by scheme; None: those of the environment. Name servers are asked within that time, too: in
    threads that are left behind if they are slow.
    """
    known = getproxies() if proxies is None else proxies
    answers = queue.SimpleQueue[bool]()
    places = {_on_the_way(url, known) for url in urls}
    for place in places:
        threading.Thread(target=_ask, args=(place, seconds, answers), daemon=True).start()
    until = time.monotonic() + seconds
    for _ in places:
        try:
            if answers.get(timeout=max(until - time.monotonic(), 0.0)):
                return True
        except queue.Empty:
            return False
    return False


def address(url: str) -> tuple[str, int]:
    """The host and the port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS.get(parts.scheme, SOCKS_PORT)


def _on_the_way(url: str, proxies: Mapping[str, str]) -> tuple[str, int]:
    """Whom to ask: the proxy, if one is to be used, or the server itself."""
    parts = urlsplit(url)
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return address(url)
    return address(proxy if "://" in proxy else f"http://{proxy}")


def _ask(place: tuple[str, int], seconds: float, answers: "queue.SimpleQueue[bool]") -> None:
    try:
        socket.create_connection(place, timeout=seconds).close()
    except (OSError, UnicodeError):  # the latter: a host's name that cannot be one
        answers.put(False)
    else:
        answers.put(True)
