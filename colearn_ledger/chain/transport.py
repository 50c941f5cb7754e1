"""Bytes to an endpoint and back, over HTTP: sizes and times are bounded, and every failure is told in a few words."""

from __future__ import annotations

import itertools
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError

from ..backoff import pause_after
from ..errors import UsageError, how_to_install
from ..formats.urls import is_loopback

__all__ = ["MISTAKEN", "MOST_BYTES", "RETRY_S", "Post", "Reply", "TooLarge", "Unanswered", "http_post", "proxy_for"]

MOST_BYTES = 64 << 20  # of one answer's body
MISTAKEN = 0.15  # what is a wrong address mostly; a chain's node that starts is there soon
_CONNECT_TIMEOUT_S = 5.0
# A node that restarts refuses connections for a moment. An answer that doesn't come in time, or a connection that takes
# its time to fail, isn't tried again: the caller looks again anyway, through another endpoint where there is one.
_TRIES, RETRY_S, _AT_ONCE_S = 3, 0.2, 1.0
_PART = 1 << 16
_LONGEST_WAIT_S = 300.0  # that an endpoint may ask for
# Where the network is cut nothing is refused: packets just don't arrive, and are sent again ever more rarely. So such a
# connection is given up soon, and a new one is tried at once when the network is back. An endpoint that only takes its
# time isn't meant: its machine says that it has the request.
_DEAD_S = 5
_SOCKET_OPTIONS = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in [
            ("TCP_USER_TIMEOUT", _DEAD_S * 1000),
            ("TCP_KEEPIDLE", _DEAD_S),
            ("TCP_KEEPINTVL", 1),
            ("TCP_KEEPCNT", 3),
        ]
        if hasattr(socket, name)  # not every system has all of them
    ),
]


class TooLarge(Exception):
    """The answer has more bytes than any should have."""


class Unanswered(Exception):
    """It didn't answer, or not as a chain does; the text says why, without its URL.

    Attributes
    ----------
    wait_s: seconds that it asks for before it is asked again.
    worth: how much of a caller's patience asking again is worth, from 0 (time was what ran out, already) to 1.
    """

    def __init__(self, why: str, *, wait_s: float = 0.0, worth: float = 1.0) -> None:
        super().__init__(why)
        self.wait_s, self.worth = wait_s, worth


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP status, the body that came with it, and the headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def wait_s(self) -> float:
        """Seconds that ``Retry-After`` or its date asks for; 0 where it doesn't."""
        said = self.headers.get("Retry-After", "").strip()
        try:
            in_seconds = said.isascii() and said.isdigit()
            seconds = float(said) if in_seconds else parsedate_to_datetime(said).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return 0.0
        return min(max(seconds, 0.0), _LONGEST_WAIT_S)


class _Adapter(HTTPAdapter):
    """Connections that notice when the network is gone."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, socket_options=_SOCKET_OPTIONS)  # type: ignore[no-untyped-call]


# Sends a body, and gives the reply within so many seconds; raises Unanswered or TooLarge.
Post = Callable[[bytes, float], Reply]


def http_post(url: str, *, retry_s: float = RETRY_S) -> Post:
    """What posts to ``url``: through the proxy that the environment names, but never to this machine through one.

    Parameters
    ----------
    retry_s: seconds after which a refused connection is tried again, then twice as many, with jitter.

    Raises UsageError unless it is a URL of http or https.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            "an RPC endpoint isn't a URL of http or https", expected="http://host:port", fix="correct --rpc"
        )
    host = parts.hostname or ""
    # Not to look for a proxy in the environment for every request saves a tenth of what requests cost, too.
    proxies = {"no_proxy": host} if is_loopback(host) else None
    mine = threading.local()  # a session isn't safe to share

    def open_response(data: bytes, timeout_s: float) -> requests.Response:
        if not hasattr(mine, "session"):
            mine.session = requests.Session()
            for scheme in ("http://", "https://"):
                mine.session.mount(scheme, _Adapter())
        for attempt in itertools.count(1):
            begun = time.monotonic()
            try:
                return mine.session.post(  # type: ignore[no-any-return]
                    url,
                    data=data,
                    headers={"Content-Type": "application/json"},
                    timeout=(min(_CONNECT_TIMEOUT_S, timeout_s), timeout_s),
                    stream=True,
                    proxies=proxies,
                )
            except requests.ConnectionError as e:
                slow = isinstance(e, requests.Timeout) or time.monotonic() - begun > _AT_ONCE_S
                if attempt == _TRIES or slow:
                    raise
                time.sleep(pause_after(attempt, retry_s, math.inf))
        raise AssertionError("it counts without end")

    def post(data: bytes, timeout_s: float) -> Reply:
        end = time.monotonic() + timeout_s
        with _mapped(), open_response(data, timeout_s) as response:
            body = bytearray()
            while part := response.raw.read1(_PART, decode_content=True):
                body += part
                if len(body) > MOST_BYTES:
                    raise TooLarge
                if time.monotonic() > end:  # else a byte now and then would do
                    raise requests.Timeout
            return Reply(response.status_code, bytes(body), response.headers)

    return post


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a URL of http, https, ws or wss; None for this machine.

    As for every request of :func:`http_post`: HTTP_PROXY, HTTPS_PROXY or else ALL_PROXY, in either case of letters, and
    NO_PROXY says where none is used. ws counts as http, wss as https. Raises nothing.
    """
    scheme, colon, rest = url.partition(":")
    as_http = {"ws": "http", "wss": "https"}.get(scheme.lower(), scheme) + colon + rest
    try:
        if is_loopback(urlsplit(as_http).hostname or ""):
            return None
        proxy: str | None = requests.utils.select_proxy(as_http, requests.utils.get_environ_proxies(as_http))
    except ValueError:  # no URL, as whoever asks it will find
        return None
    return proxy


@contextmanager
def _mapped() -> Iterator[None]:
    """What requests raises, in a few words and without the URL: its texts are long and have it in them."""
    try:
        yield
    except (requests.Timeout, ReadTimeoutError) as e:
        raise Unanswered("no answer in time", worth=0.0) from e
    except requests.exceptions.SSLError as e:
        raise Unanswered("the TLS connection failed", worth=MISTAKEN) from e
    except requests.exceptions.ProxyError as e:
        raise Unanswered("the proxy that the environment names can't be reached, or refuses", worth=MISTAKEN) from e
    except (requests.ConnectionError, HTTPError) as e:
        raise Unanswered("no connection", worth=MISTAKEN) from e
    except requests.exceptions.InvalidSchema as e:
        if "SOCKS" in str(e):
            raise Unanswered(
                f"the environment names a SOCKS proxy, which needs a package ({how_to_install('socks')})",
                worth=0.0,
            ) from e
        raise Unanswered("it sends on to a URL that isn't of http or https", worth=MISTAKEN) from e
    except (requests.RequestException, OSError, ValueError) as e:
        raise Unanswered(f"it can't be asked ({type(e).__name__})", worth=MISTAKEN) from e
