"""HTTP to an IPFS daemon: its token, Unix domain sockets, no proxy between this machine and itself, long answers."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from ..errors import ConfigError

__all__ = ["SocketAdapter", "Token", "authorization", "plain_answer"]

_READ = 1 << 20  # bytes that are taken from a socket at once, at most


def authorization(token: str) -> str:
    """The ``Authorization`` header for a token: a whole header as it is, ``user:password``, or else a bearer token.

    These are the forms of Kubo's ``API.Authorizations``. Raises ConfigError, which doesn't show it, for a token of
    several lines or with other characters than a header may have.
    """
    from base64 import b64encode

    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise ConfigError(
            "the token of the IPFS RPC can't be sent",
            expected="one line: user:password, a bearer token, or a whole Authorization header",
            fix="correct the file that store.token_file names",
        )
    kind, _, rest = token.partition(":")
    if re.match(r"(?i)(basic|bearer) ", token):
        return token
    if rest and kind.lower() == "bearer":  # as Kubo's configuration has it
        return f"Bearer {rest}"
    if rest and kind.lower() == "basic":
        token = rest
        if ":" not in token:
            return f"Basic {token}"
    if ":" in token:
        return "Basic " + b64encode(token.encode()).decode()
    return f"Bearer {token}"


class Token(AuthBase):
    """Sends an ``Authorization`` header, and has no text that shows it."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class _SocketConnection(HTTPConnection):
    """A connection whose other end is a Unix domain socket, whatever the URL's host says."""

    def __init__(self, path: str, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._path = path

    def _new_conn(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if isinstance(self.timeout, int | float):
                made.settimeout(self.timeout)
            made.connect(self._path)
        except TimeoutError as e:
            made.close()
            raise ConnectTimeoutError(self, f"{self._path} doesn't answer") from e
        except OSError as e:
            made.close()
            raise NewConnectionError(self, f"{self._path}: {e.strerror or e}") from e
        return made


class SocketAdapter(HTTPAdapter):
    """Sends every request to one Unix domain socket.

    The client library writes a socket's path into the URL's host, which is taken in lower case.
    """

    def __init__(self, path: str, connection: type[_SocketConnection] = _SocketConnection) -> None:
        super().__init__()
        self._pool = HTTPConnectionPool("localhost")
        self._pool.ConnectionCls = partial(connection, path)  # type: ignore[assignment]

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> HTTPConnectionPool:
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()


def plain_answer(
    session: requests.Session, url: str, options: Mapping[str, str], timeout_s: float, socket_path: str | None
) -> Iterator[bytes]:
    """What a POST is answered with, as it comes; nothing where the status says that it is an error.

    It is asked for in HTTP/1.0, whose answers are plain. A daemon writes 4 KiB at a time, in HTTP/1.1 each as a chunk
    with its own length, which costs both ends more than the bytes do. The price: an answer that was cut short ends as a
    whole one does. Whoever asks has to know how much there should be.

    Raises
    ------
    requests.RequestException: nobody answers, or the connection breaks.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]  # which HTTP/1.0 leaves out
    headers = {"Host": host, "Accept-Encoding": "identity"}  # they are taken as they come
    request = session.prepare_request(requests.Request("POST", url, headers=headers, params=options))
    settings = session.merge_environment_settings(url, {}, True, None, None)  # proxies, where they are asked
    adapter = _PlainAdapter() if socket_path is None else SocketAdapter(socket_path, _PlainSocketConnection)
    with closing(adapter), adapter.send(request, timeout=timeout_s, **settings) as answer:
        if not answer.ok:
            return
        try:
            while part := answer.raw.read1(_READ):
                yield part
        except HTTPError as e:
            raise requests.ConnectionError(e) from e


class _Plain(HTTPConnection):
    """A connection that speaks HTTP/1.0."""

    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"


class _PlainTls(HTTPSConnection):
    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"


class _PlainSocketConnection(_Plain, _SocketConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _PlainTlsPool(HTTPSConnectionPool):
    ConnectionCls = _PlainTls


class _PlainAdapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _PlainTlsPool}
