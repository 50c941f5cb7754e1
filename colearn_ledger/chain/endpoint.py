"""One JSON-RPC endpoint: how it is asked, what may be shown of its URL, what its failures mean, where it stands."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from web3 import HTTPProvider
from web3.providers.rpc.utils import ExceptionRetryConfiguration

from ..errors import ChainError, UsageError

__all__ = ["Endpoint", "Position", "fetch_positions", "http_provider", "shown_url"]

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 20.0
# A node that restarts refuses connections for a moment; web3's own default doesn't retry that. An answer that doesn't
# come in time isn't asked for again: the caller looks again anyway, through another endpoint where there is one.
_RETRIES, RETRY_S = 3, 0.2


@dataclass(slots=True)
class Endpoint:
    """One endpoint, and what was seen of it."""

    provider: HTTPProvider
    checked: bool = False  # known to be the right chain, since it was down
    down_until: float = 0.0  # monotonic
    failures: int = 0  # in a row
    misled: int = 0  # how often it was left because of its head, since that was last as high as the others'
    stood_at: int | None = None  # its newest block when it was left because of that

    @property
    def url(self) -> str:
        return str(self.provider.endpoint_uri)

    @property
    def shown(self) -> str:
        return shown_url(self.url)

    def cool_down(self, seconds: float) -> None:
        """Don't ask it first for so long, and look again which chain it is before it is used."""
        self.down_until = time.monotonic() + seconds
        self.checked = False

    def unreachable(self, error: Exception) -> ChainError:
        """What to raise when a request to it has failed with ``error``."""
        return ChainError(
            f"the endpoint {self.shown} can't be reached or doesn't answer as a chain does: {_short(error)}",
            expected="a JSON-RPC endpoint of an Ethereum-like chain",
            fix="check the URL, and that the chain's node is running",
        )


def shown_url(url: str) -> str:
    """The URL without what may be a secret in it: user, password, path and query (many providers' keys are paths)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{parts.port}' if parts.port else ''}"


def http_provider(url: str, *, timeout_s: float = READ_TIMEOUT_S, retry_s: float = RETRY_S) -> HTTPProvider:
    """A provider for an http or https URL, without a proxy for what is on this machine.

    Parameters
    ----------
    timeout_s: seconds to wait for an answer.
    retry_s: seconds after which a refused connection is tried again, then twice as many.

    Raises UsageError when it isn't such a URL.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            "an RPC endpoint isn't a URL of http or https", expected="http://host:port", fix="correct --rpc"
        )
    options: dict[str, Any] = {"timeout": (CONNECT_TIMEOUT_S, timeout_s)}
    host = parts.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127."):
        # A proxy from the environment must not be asked for what is on this machine; and not to look for one in the
        # environment for every request saves a tenth of what requests cost.
        options["proxies"] = {"no_proxy": host}
    return HTTPProvider(
        url,
        request_kwargs=options,
        exception_retry_configuration=ExceptionRetryConfiguration(
            errors=(requests.ConnectionError,), retries=_RETRIES, backoff_factor=retry_s
        ),
    )


# ------------------------------------------------------------------------------------------------ where it stands


@dataclass(frozen=True, slots=True)
class Position:
    """The chain that an endpoint is, and the number of its newest block."""

    chain_id: int
    number: int


def fetch_positions(endpoints: Sequence[Endpoint], timeout_s: float) -> list[Position | None]:
    """Where each endpoint stands; None for one that hasn't said it rightly within ``timeout_s`` seconds.

    All are asked at once, in no view and with no retries, and whatever they do, it takes no longer. Raises nothing.
    """
    positions: list[Position | None] = [None] * len(endpoints)

    def ask(index: int) -> None:
        endpoint = endpoints[index]
        options = {**dict(endpoint.provider.get_request_kwargs()), "timeout": timeout_s}
        try:
            with requests.Session() as session:
                chain_id = _ask(session, endpoint.url, "eth_chainId", options)
                number = _ask(session, endpoint.url, "eth_blockNumber", options)
        except (OSError, ValueError, KeyError, TypeError):  # of requests, and of what isn't JSON-RPC
            return
        positions[index] = Position(chain_id, number)

    # Daemons, waited for no longer than that: a pool would wait for one that sends a byte now and then.
    threads = [threading.Thread(target=ask, args=(index,), daemon=True) for index in range(len(endpoints))]
    end = time.monotonic() + timeout_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return list(positions)


def _ask(session: requests.Session, url: str, method: str, options: dict[str, Any]) -> int:
    answer = session.post(url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": []}, **options)
    answer.raise_for_status()
    return int(answer.json()["result"], 16)


def _short(error: Exception) -> str:
    """What went wrong, in a few words and without the URL: the texts of requests are long and have it in them."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS connection failed"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, KeyError | TypeError | ValueError):
        return "the answer isn't JSON-RPC"
    return type(error).__name__
