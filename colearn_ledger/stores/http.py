"""HTTP to an IPFS daemon: its token, Unix domain sockets, and no proxy between this machine and itself."""

from __future__ import annotations

import re
import socket
from functools import partial
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from ..errors import ConfigError

__all__ = ["SocketAdapter", "Token", "authorization"]


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

    def __init__(self, path: str) -> None:
        super().__init__()
        self._pool = HTTPConnectionPool("localhost")
        self._pool.ConnectionCls = partial(_SocketConnection, path)  # type: ignore[assignment]

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> HTTPConnectionPool:
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()
