"""Connecting to a chain through one or several JSON-RPC endpoints.

Two endpoints may be at different blocks, so what is read through one must not be completed through another. A view
begins with :func:`begin_view` (``CollectiveContract.fetch_head`` calls it); every request of a thread goes to the
endpoint that its view began with, whatever happens, and fails if that endpoint fails. The next view begins with the
next endpoint that answers, and that is the same chain.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers import JSONBaseProvider
from web3.providers.rpc.utils import ExceptionRetryConfiguration
from web3.types import RPCEndpoint, RPCResponse

from ..errors import ChainError, UsageError, WrongChain

__all__ = ["EndpointsProvider", "begin_view", "connect", "shown_url", "switch_endpoint"]

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 20.0
# A node that restarts refuses connections for a moment; web3's own default doesn't retry that. An answer that doesn't
# come in time isn't asked for again: the caller looks again anyway, through another endpoint where there is one.
_RETRIES, _BACKOFF_S = 3, 0.2
_COOL_DOWN_S, _LONGEST_COOL_DOWN_S = 30.0, 300.0
_UNREACHABLE = (Web3Exception, OSError, ValueError)  # ValueError: something answers, and not in JSON


def connect(
    urls: Sequence[str],
    *,
    expected_chain_id: int | None = None,
    timeout_s: float = READ_TIMEOUT_S,
) -> Web3:
    """A web3 over ``urls``, in the order of preference.

    Parameters
    ----------
    urls: http or https, at least one.
    expected_chain_id: None takes whatever chain the first endpoint that answers is.
    timeout_s: seconds to wait for an answer.

    Raises
    ------
    UsageError: a URL isn't one.
    ChainError: no endpoint answers.
    WrongChain: an endpoint that answers is another chain than expected, or than the others.
    """
    if not urls:
        raise UsageError("no RPC endpoint is named", expected="at least one URL", fix="name one with --rpc")
    provider = EndpointsProvider([_http(url, timeout_s) for url in urls], expected_chain_id)
    provider.check()
    web3 = Web3(provider)
    # It asks for the chain id twice around each call, to check fields that this package gives itself.
    web3.middleware_onion.remove("validation")
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)  # proof-of-authority headers; harmless elsewhere
    return web3


def begin_view(web3: Web3) -> None:
    """From here on this thread's requests go to one endpoint; raises ChainError or WrongChain if none is usable."""
    if isinstance(web3.provider, EndpointsProvider):
        web3.provider.begin_view()


def switch_endpoint(web3: Web3) -> bool:
    """Let the next view begin with another endpoint, because this one misleads (its head stands still). False: none."""
    return isinstance(web3.provider, EndpointsProvider) and web3.provider.switch()


def shown_url(url: str) -> str:
    """The URL without what may be a secret in it: user, password, path and query (many providers' keys are paths)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{parts.port}' if parts.port else ''}"


class EndpointsProvider(JSONBaseProvider):
    """Several endpoints as one provider; see the module's text for when it changes from one to another."""

    def __init__(self, endpoints: Sequence[HTTPProvider], chain_id: int | None) -> None:
        super().__init__()
        self.endpoints = tuple(endpoints)
        self.chain_id = chain_id
        self._down_until = [0.0] * len(self.endpoints)
        self._failures = [0] * len(self.endpoints)  # in a row
        self._checked = [False] * len(self.endpoints)
        self._lock = threading.Lock()
        self._mine = threading.local()  # each thread has its own view

    def __str__(self) -> str:
        return ", ".join(shown_url(str(e.endpoint_uri)) for e in self.endpoints)

    __repr__ = __str__

    @property
    def current(self) -> int:
        """The index of the endpoint that this thread's requests go to."""
        return getattr(self._mine, "index", 0)

    def check(self) -> None:
        """Ask every endpoint for its chain: at least one must answer, and all that do must be the same chain."""
        failures = []
        for index in range(len(self.endpoints)):
            try:
                self._verify(index)
            except WrongChain:
                raise
            except ChainError as e:
                failures.append(e)
        if len(failures) == len(self.endpoints):
            raise failures[0]
        self.begin_view()

    def begin_view(self) -> None:
        now = time.monotonic()
        order = sorted(range(len(self.endpoints)), key=lambda i: (self._down_until[i] > now, i))
        failure: ChainError | None = None
        for index in order:
            try:
                if not self._checked[index]:  # new, or it was down: it may have come back as another chain
                    self._verify(index)
            except WrongChain:
                raise
            except ChainError as e:
                failure = failure or e
                continue
            self._mine.index = index
            return
        assert failure is not None
        raise failure

    def switch(self) -> bool:
        if len(self.endpoints) == 1:
            return False
        self._set_down(self.current)
        return True

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        index = self.current
        try:
            return self.endpoints[index].make_request(method, params)
        except _UNREACHABLE as e:
            self._set_down(index)
            raise self._unreachable(index, e) from e

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        index = self.current
        try:
            return self.endpoints[index].make_batch_request(requests)
        except _UNREACHABLE as e:
            self._set_down(index)
            raise self._unreachable(index, e) from e

    def _set_down(self, index: int) -> None:
        with self._lock:
            pause = min(_COOL_DOWN_S * 2 ** min(self._failures[index], 10), _LONGEST_COOL_DOWN_S)
            self._down_until[index] = time.monotonic() + pause
            self._failures[index] += 1
            self._checked[index] = False

    def _verify(self, index: int) -> None:
        """Raise unless the endpoint answers and is the chain that all others are."""
        try:
            answer = self.endpoints[index].make_request(RPCEndpoint("eth_chainId"), [])
            found = int(answer["result"], 16)
        except (*_UNREACHABLE, KeyError, TypeError) as e:
            self._set_down(index)
            raise self._unreachable(index, e) from e
        with self._lock:
            if self.chain_id is None:
                self.chain_id = found
            if found != self.chain_id:
                raise WrongChain(
                    f"the endpoint {shown_url(str(self.endpoints[index].endpoint_uri))} is the chain {found}",
                    expected=f"the chain {self.chain_id}",
                    fix="name endpoints of the chain that the contract is on, and only those",
                )
            self._checked[index] = True
            self._down_until[index] = 0.0
            self._failures[index] = 0

    def _unreachable(self, index: int, error: Exception) -> ChainError:
        url = shown_url(str(self.endpoints[index].endpoint_uri))
        return ChainError(
            f"the endpoint {url} can't be reached or doesn't answer as a chain does: {_short(error)}",
            expected="a JSON-RPC endpoint of an Ethereum-like chain",
            fix="check the URL, and that the chain's node is running",
        )


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


def _http(url: str, timeout_s: float) -> HTTPProvider:
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
            errors=(requests.ConnectionError,), retries=_RETRIES, backoff_factor=_BACKOFF_S
        ),
    )
