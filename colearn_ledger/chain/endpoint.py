"""One JSON-RPC endpoint: how it is asked, what its failures mean, where it stands."""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError
from web3._utils.encoding import Web3JsonEncoder
from web3.types import RPCEndpoint, RPCResponse

from ..errors import ChainError, UsageError
from ..formats.urls import is_loopback, shown_url
from .answers import MOST_BYTES, BadAnswer, may_refuse, read_answer, read_batch, refusal

__all__ = ["Endpoint", "Position", "Unanswered", "ask_all", "fetch_positions", "is_behind"]

# web3 imports py_ecc, which lets Python recurse so deep (100,000) that the C stack ends first, and the process with it.
# py-evm, where it is loaded, wants as much as this.
if sys.getrecursionlimit() >= 100_000:
    sys.setrecursionlimit(10_240 if "eth" in sys.modules else 1_000)

T = TypeVar("T")
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 20.0
# A node that restarts refuses connections for a moment. An answer that doesn't come in time isn't asked for again: the
# caller looks again anyway, through another endpoint where there is one.
_TRIES, RETRY_S = 3, 0.2
_MISTAKEN = 0.15  # what is a wrong address mostly; a chain's node that starts is there soon
_PART = 1 << 16
_LONGEST_WAIT_S = 300.0  # that an endpoint may ask for

# Words of endpoints that have too much to do, and of balanced ones whose next backend knows the block. In lower case.
_BUSY_CODES = (429, -32005, -32097)
_BUSY = ("too many requests", "rate limit", "request limit", "capacity", "compute units", "throttled", "overloaded")
_TOO_MUCH = ("range", "results", "logs", "response size")  # of eth_getLogs: less is to be asked for
_BEHIND = (
    "header not found",
    "header for hash not found",
    "unknown block",
    "block not found",
    "block is not available",
)


class _TooLarge(Exception):
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


@dataclass(slots=True)
class Endpoint:
    """One endpoint, and what was seen of it.

    Parameters
    ----------
    url: of http or https; UsageError if it isn't.
    timeout_s: seconds in which an answer must be there, to its last byte.
    retry_s: seconds after which a refused connection is tried again, then twice as many.
    """

    url: str
    timeout_s: float = READ_TIMEOUT_S
    retry_s: float = RETRY_S
    checked: bool = False  # known to be the right chain, since it was down
    down_until: float = 0.0  # monotonic
    failures: int = 0  # in a row
    misled: int = 0  # how often it was left because of its head, since that was last as high as the others'
    stood_at: int | None = None  # its newest block when it was left because of that
    _options: dict[str, Any] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=itertools.count)
    _mine: threading.local = field(default_factory=threading.local)  # a session isn't safe to share

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            good = False
        if not good:
            raise UsageError(
                "an RPC endpoint isn't a URL of http or https", expected="http://host:port", fix="correct --rpc"
            )
        if is_loopback(parts.hostname or ""):
            # A proxy from the environment must not be asked for what is on this machine; and not to look for one in the
            # environment for every request saves a tenth of what requests cost.
            self._options["proxies"] = {"no_proxy": parts.hostname}

    @property
    def shown(self) -> str:
        return shown_url(self.url)

    def cool_down(self, seconds: float) -> None:
        """Don't ask it first for so long, and look again which chain it is before it is used."""
        self.down_until = time.monotonic() + seconds
        self.checked = False

    def unreachable(self, error: Unanswered) -> ChainError:
        """What to raise when a request to it has failed with ``error``."""
        return ChainError(
            f"the endpoint {self.shown} can't be reached or doesn't answer as a chain does: {error}",
            expected="a JSON-RPC endpoint of an Ethereum-like chain",
            fix="check the URL, and that the chain's node is running",
        )

    # -------------------------------------------------------------------------------------------- asking

    def ask(self, method: RPCEndpoint, params: Any, timeout_s: float | None = None) -> RPCResponse:
        """Its answer: a result of the method's type, or an error in its own words. Raises Unanswered."""
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params or []}
        return self._answer(
            request, lambda body: read_answer(body, method, params), may_refuse(method, params), timeout_s
        )

    def ask_batch(self, requests_: Sequence[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        """Its answers to several requests, or the one error by which it refuses them. Raises Unanswered.

        Whatever else it says of a batch counts as a refusal: not all servers know batches.
        """
        batch = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": params or []}
            for index, (method, params) in enumerate(requests_)
        ]

        def read(body: bytes) -> list[RPCResponse] | RPCResponse:
            try:
                return read_batch(body, requests_)
            except BadAnswer as e:
                return refusal(f"it takes no batches: {e}")

        return self._answer(batch, read, True, None)

    def ask_number(self, method: str, timeout_s: float | None = None) -> int:
        """Its answer to a question without parameters whose answer is a number. Raises Unanswered."""
        answer = self.ask(RPCEndpoint(method), [], timeout_s)
        if "result" not in answer:
            raise Unanswered(f"it refuses {method}")
        return int(answer["result"], 16)

    def _answer(self, request: Any, read: Callable[[bytes], T], optional: bool, timeout_s: float | None) -> T:
        data = json.dumps(request, cls=Web3JsonEncoder).encode()
        try:
            with _mapped():
                status, headers, body = self._post(data, self.timeout_s if timeout_s is None else timeout_s)
        except _TooLarge:
            if optional:  # less may be asked for
                return refusal(f"the answer has more than {MOST_BYTES >> 20} MiB")  # type: ignore[return-value]
            raise Unanswered(f"the answer has more than {MOST_BYTES >> 20} MiB", worth=0.0) from None
        try:
            if status in (429, 502, 503, 504):
                raise Unanswered(f"HTTP status {status}", wait_s=_wait_asked_for(headers))
            try:
                answer = read(body)
            except BadAnswer as e:
                if status < 400:
                    raise Unanswered(str(e), worth=1.0 if e.is_json else _MISTAKEN) from e
                if optional and status < 500 and status != 401:
                    return refusal(f"HTTP status {status}")  # type: ignore[return-value]
                raise Unanswered(f"HTTP status {status}") from e
        except RecursionError as e:  # a limit that is lower than usual
            raise Unanswered("it is nested too deep") from e
        if isinstance(answer, dict) and "error" in answer and _is_busy(request, answer["error"]):
            raise Unanswered(f"it says: {answer['error']['message']}", wait_s=_wait_asked_for(headers))
        return answer

    def _post(self, data: bytes, timeout_s: float) -> tuple[int, Mapping[str, str], bytes]:
        end = time.monotonic() + timeout_s
        for attempt in itertools.count(1):
            try:
                response = self._session().post(
                    self.url,
                    data=data,
                    headers={"Content-Type": "application/json"},
                    timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
                    stream=True,
                    **self._options,
                )
                break
            except requests.ConnectionError as e:
                if attempt == _TRIES or isinstance(e, requests.Timeout):
                    raise
                time.sleep(self.retry_s * 2 ** (attempt - 1))
        with response:
            body = bytearray()
            while part := response.raw.read1(_PART, decode_content=True):
                body += part
                if len(body) > MOST_BYTES:
                    raise _TooLarge
                if time.monotonic() > end:  # else a byte now and then would do
                    raise requests.Timeout
            return response.status_code, response.headers, bytes(body)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._mine, "session", None)
        if session is None:
            session = self._mine.session = requests.Session()
        return session


@contextmanager
def _mapped() -> Iterator[None]:
    """What requests raises, in a few words and without the URL: its texts are long and have it in them."""
    try:
        yield
    except (requests.Timeout, ReadTimeoutError) as e:
        raise Unanswered("no answer in time", worth=0.0) from e
    except requests.exceptions.SSLError as e:
        raise Unanswered("the TLS connection failed") from e
    except requests.exceptions.ProxyError as e:
        raise Unanswered("the proxy that the environment names can't be reached, or refuses") from e
    except (requests.ConnectionError, HTTPError) as e:
        raise Unanswered("no connection", worth=_MISTAKEN) from e
    except requests.exceptions.InvalidSchema as e:
        if "SOCKS" in str(e):
            raise Unanswered(
                'the environment names a SOCKS proxy, which needs a package: pip install "colearn-ledger[socks]"',
                worth=0.0,
            ) from e
        raise Unanswered("it sends on to a URL that isn't of http or https") from e
    except (requests.RequestException, OSError, ValueError) as e:
        raise Unanswered(f"it can't be asked ({type(e).__name__})") from e


def _is_busy(request: Any, error: Mapping[str, Any]) -> bool:
    """Whether the error says that there is too much to do, or that a backend isn't there yet: ask again, or another."""
    text = str(error["message"]).lower()
    method = request.get("method") if isinstance(request, dict) else ""
    if method == "eth_getLogs" and any(word in text for word in _TOO_MUCH):
        return False
    return error["code"] in _BUSY_CODES or any(words in text for words in _BUSY)


def is_behind(answer: object) -> bool:
    """Whether it doesn't know a block, which behind a load balancer another backend may know."""
    error = answer.get("error") if isinstance(answer, dict) else None
    return isinstance(error, dict) and any(words in str(error["message"]).lower() for words in _BEHIND)


def _wait_asked_for(headers: Mapping[str, str]) -> float:
    """Seconds, as ``Retry-After`` has them or its date does; 0 where it doesn't say."""
    said = headers.get("Retry-After", "").strip()
    try:
        in_seconds = said.isascii() and said.isdigit()
        seconds = float(said) if in_seconds else parsedate_to_datetime(said).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)


# ------------------------------------------------------------------------------------------------ several at once


@dataclass(frozen=True, slots=True)
class Position:
    """The chain that an endpoint is, and the number of its newest block."""

    chain_id: int
    number: int


def ask_all(endpoints: Sequence[Endpoint], ask: Callable[[Endpoint], T], timeout_s: float) -> list[T | None]:
    """What ``ask`` says of each; None where it raises Unanswered, or takes longer than ``timeout_s`` seconds.

    All are asked at once, and whatever they do, it takes no longer.
    """
    said: list[T | None] = [None] * len(endpoints)

    def ask_one(index: int) -> None:
        with suppress(Unanswered):
            said[index] = ask(endpoints[index])

    # Daemons, waited for no longer than that: a pool would wait for one that sends a byte now and then.
    threads = [threading.Thread(target=ask_one, args=(index,), daemon=True) for index in range(len(endpoints))]
    end = time.monotonic() + timeout_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return list(said)


def fetch_positions(endpoints: Sequence[Endpoint], timeout_s: float) -> list[Position | None]:
    """Where each endpoint stands; None for one that hasn't said it rightly within ``timeout_s`` seconds."""

    def ask(endpoint: Endpoint) -> Position:
        chain_id = endpoint.ask_number("eth_chainId", timeout_s)
        return Position(chain_id, endpoint.ask_number("eth_blockNumber", timeout_s))

    return ask_all(endpoints, ask, timeout_s)
