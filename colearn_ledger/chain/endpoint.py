"""One JSON-RPC endpoint: how it is asked, what its failures mean, where it stands."""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from web3.types import RPCEndpoint, RPCResponse

from ..errors import ChainError
from ..formats.urls import shown_url
from .answers import BadAnswer
from .jsonrpc import NotJson, may_refuse, read_answer, read_batch, refusal
from .transport import MISTAKEN, MOST_BYTES, Post, TooLarge, Unanswered

__all__ = ["READ_TIMEOUT_S", "Endpoint", "Position", "ask_all", "fetch_positions", "is_behind"]

# web3 imports py_ecc, which lets Python recurse so deep (100,000) that the C stack ends first, and the process with it.
# py-evm, where it is loaded, wants as much as this.
if sys.getrecursionlimit() >= 100_000:
    sys.setrecursionlimit(10_240 if "eth" in sys.modules else 1_000)

T = TypeVar("T")
READ_TIMEOUT_S = 20.0

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


@dataclass(slots=True, eq=False)
class Endpoint:
    """One endpoint, and what was seen of it.

    Parameters
    ----------
    url: where it is; only shown.
    post: sends to it, as :func:`.http_post` makes it.
    timeout_s: seconds in which an answer must be there, to its last byte.
    """

    url: str
    post: Post
    timeout_s: float = READ_TIMEOUT_S
    checked: bool = False  # known to be the right chain, since it was down
    down_until: float = 0.0  # monotonic
    failures: int = 0  # in a row
    misled: int = 0  # how often it was left because of its head, since that was last as high as the others'
    stood_at: int | None = None  # its newest block when it was left because of that
    _ids: Iterator[int] = field(default_factory=itertools.count)

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
        data = json.dumps(request, default=_as_json).encode()
        try:
            reply = self.post(data, self.timeout_s if timeout_s is None else timeout_s)
        except TooLarge:
            if optional:  # less may be asked for
                return refusal(f"the answer has more than {MOST_BYTES >> 20} MiB")  # type: ignore[return-value]
            raise Unanswered(f"the answer has more than {MOST_BYTES >> 20} MiB", worth=0.0) from None
        status = reply.status
        if status in (429, 502, 503, 504):
            raise Unanswered(f"HTTP status {status}", wait_s=reply.wait_s)
        try:
            answer = read(reply.body)
        except BadAnswer as e:
            if status < 400:
                raise Unanswered(str(e), worth=MISTAKEN if isinstance(e, NotJson) else 1.0) from e
            if optional and status < 500 and status != 401:
                return refusal(f"HTTP status {status}")  # type: ignore[return-value]
            raise Unanswered(f"HTTP status {status}", worth=1.0 if status >= 500 else MISTAKEN) from e
        if isinstance(answer, dict) and "error" in answer and _is_busy(request, answer["error"]):
            raise Unanswered(f"it says: {answer['error']['message']}", wait_s=reply.wait_s)
        return answer


def _as_json(value: object) -> object:
    """What web3 leaves in parameters."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} in a request")


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
