"""Connecting to a chain through one or several JSON-RPC endpoints.

Two endpoints may be at different blocks, so what is read through one must not be completed through another. A view
begins with :func:`begin_view` (``CollectiveContract.fetch_head`` calls it); every request of a thread goes to the
endpoint that its view began with, whatever happens, and fails if that endpoint fails. The next view begins with the
next endpoint that answers, and that is the same chain.

An endpoint that answers may mislead all the same: its head stands still, or is far behind. Only its caller knows how
far is too far: :func:`compare_heads` says where the endpoints stand, :func:`switch_endpoint` leaves one for the best.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from web3 import Web3
from web3.exceptions import ContractCustomError
from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from ..backoff import Backoff, pause_after
from ..errors import ChainError, TransactionError, UsageError, WrongChain
from .endpoint import READ_TIMEOUT_S, Endpoint, fetch_positions, is_behind
from .transport import RETRY_S, Post, Unanswered, http_post

__all__ = [
    "PATIENCE_S",
    "EndpointsProvider",
    "Heads",
    "ask_many",
    "begin_view",
    "compare_heads",
    "connect",
    "distrust",
    "persist",
    "switch_endpoint",
]

COOL_DOWN_S, _LONGEST_COOL_DOWN_S = 30.0, 300.0
PROBE_S = 3.0
_IDENTIFY_S = 5.0  # for what any endpoint knows without looking
PATIENCE_S = 12.0  # of a command that is run once
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 4.0

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Heads:
    """Where the endpoints stand. URLs are as :func:`shown_url` shows them, numbers are those of the newest blocks.

    Attributes
    ----------
    current, current_number: of the endpoint that this thread's requests go to; None if it doesn't say.
    best, best_number: of the one whose head is the highest.
    lag: blocks that the current one is behind the best one; 0 if it is the best one, or doesn't say where it stands.
    """

    current: str
    current_number: int | None
    best: str
    best_number: int
    lag: int


def connect(
    urls: Sequence[str],
    *,
    expected_chain_id: int | None = None,
    timeout_s: float = READ_TIMEOUT_S,
    retry_s: float = RETRY_S,
    cool_down_s: float = COOL_DOWN_S,
    probe_s: float = PROBE_S,
    patience_s: float = 0.0,
    make_post: Callable[[str], Post] | None = None,
) -> Web3:
    """A web3 over ``urls``, in the order of preference.

    Parameters
    ----------
    urls: http or https, at least one.
    expected_chain_id: None takes whatever chain the first endpoint that answers is.
    timeout_s: seconds to wait for an answer.
    retry_s: seconds after which a refused connection is tried again, then twice as many, with jitter.
    cool_down_s, probe_s, patience_s: as :class:`EndpointsProvider` has them.
    make_post: what sends to a URL; None: over HTTP.

    Raises
    ------
    UsageError: a URL isn't one.
    ChainError: no endpoint answers.
    WrongChain: an endpoint that answers is another chain than expected, or than the others.
    """
    if not urls:
        raise UsageError("no RPC endpoint is named", expected="at least one URL", fix="name one with --rpc")
    make_post = make_post or (lambda url: http_post(url, retry_s=retry_s))
    provider = EndpointsProvider(
        [Endpoint(url, make_post(url), timeout_s) for url in urls],
        expected_chain_id,
        cool_down_s=cool_down_s,
        probe_s=probe_s,
        patience_s=patience_s,
    )
    provider.check()
    web3 = Web3(provider)
    # It asks for the chain id twice around each call, to check fields that this package gives itself.
    web3.middleware_onion.remove("validation")
    return web3


def begin_view(web3: Web3) -> None:
    """From here on this thread's requests go to one endpoint; raises ChainError if none is usable."""
    if isinstance(web3.provider, EndpointsProvider):
        web3.provider.begin_view()


def persist(web3: Web3, read: Callable[[], Answer]) -> Answer:
    """What ``read`` gives, which begins a view; where that fails, it is tried again through each further endpoint.

    For what is run once; a loop looks again anyway. Raises what the last attempt raised.
    """
    attempts = web3.provider.count + 1 if isinstance(web3.provider, EndpointsProvider) else 1
    pauses = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
    while True:
        attempts -= 1
        try:
            return read()
        except (WrongChain, TransactionError):
            raise
        except ChainError:
            if not attempts:
                raise
        time.sleep(pauses.add())


def distrust(web3: Web3) -> None:
    """This thread's endpoint has answered what can't be: let the next views begin with another one, if there is one."""
    if isinstance(web3.provider, EndpointsProvider):
        web3.provider.distrust()


def ask_many(web3: Web3, requests: Sequence[tuple[RPCEndpoint, Any]]) -> list[Any] | None:
    """The results of several requests in one batch, None for each that is refused; None if the batch is.

    As the endpoint says them, of the types that they must have, and not as web3 formats them. Raises ChainError when
    this thread's endpoint fails.
    """
    if not isinstance(web3.provider, EndpointsProvider):
        return None
    answers = web3.provider.make_batch_request(list(requests))
    return [answer.get("result") for answer in answers] if isinstance(answers, list) else None


def compare_heads(web3: Web3) -> Heads | None:
    """Where this thread's endpoint stands beside the others. Begins no view, and changes none.

    None where there is one endpoint only, and where none says where it stands. One that is another chain, or doesn't
    answer within seconds, is left out, and so is for a while one that didn't lately. Raises nothing.
    """
    return web3.provider.compare_heads() if isinstance(web3.provider, EndpointsProvider) else None


def switch_endpoint(web3: Web3) -> bool:
    """Let the next views begin with the endpoint whose head is the highest, because this thread's misleads.

    The one that misleads cools down, and isn't used again before its head has moved. The view that this thread is in
    goes on where it began. False, and nothing changes: there is no other one, or none that is as far. Raises nothing.
    """
    return isinstance(web3.provider, EndpointsProvider) and web3.provider.switch()


class EndpointsProvider(JSONBaseProvider):
    """Several endpoints as one provider; see the module's text for when it changes from one to another.

    Parameters
    ----------
    endpoints: in the order of preference.
    chain_id: that all must have; None: whatever the first that answers has.
    cool_down_s: seconds, at most, that an endpoint which failed isn't asked first; twice as many each further time, to
        300. How many of them is drawn at random. One that asks for a longer pause (``Retry-After``) gets it.
    probe_s: seconds that comparing heads may take.
    patience_s: seconds for which the same is asked again and again of an endpoint that fails in a way that may pass,
        before it counts as failed; a quarter of that where another endpoint is there. 0 for who looks again anyway.
    """

    # A call's answer must never make this program fetch a URL of a stranger's choice (EIP-3668).
    global_ccip_read_enabled = False

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        chain_id: int | None,
        *,
        cool_down_s: float = COOL_DOWN_S,
        probe_s: float = PROBE_S,
        patience_s: float = 0.0,
    ) -> None:
        super().__init__()
        self.chain_id = chain_id
        self.cool_down_s, self.probe_s, self.patience_s = cool_down_s, probe_s, patience_s
        self._endpoints = tuple(endpoints)
        self._best_index, self._best_until = 0, 0.0  # what comes first after a switch, and until when
        self._lock = threading.Lock()
        self._mine = threading.local()  # each thread has its own view

    def __str__(self) -> str:
        return ", ".join(endpoint.shown for endpoint in self._endpoints)

    __repr__ = __str__

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All of them, in the order of preference."""
        return self._endpoints

    @property
    def count(self) -> int:
        """How many endpoints there are."""
        return len(self._endpoints)

    @property
    def current(self) -> int:
        """The index of the endpoint that this thread's requests go to."""
        return getattr(self._mine, "index", 0)

    # -------------------------------------------------------------------------------------------- views

    def check(self) -> None:
        """Ask every endpoint for its chain: at least one must answer, and all that do must be the same chain.

        Raises ChainError when none answers, WrongChain when one is another chain.
        """
        begun, pauses = time.monotonic(), Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            failures = []
            for endpoint in self._endpoints:
                try:
                    self._verify(endpoint)
                except WrongChain:
                    raise
                except ChainError as e:
                    failures.append(e)
            if len(failures) < len(self._endpoints):
                return self.begin_view()
            worth = max(e.__cause__.worth for e in failures if isinstance(e.__cause__, Unanswered))
            pause = pauses.add()
            if time.monotonic() + pause > begun + worth * self.patience_s:
                raise failures[0]
            time.sleep(pause)

    def begin_view(self) -> None:
        """From here on this thread's requests go to one endpoint: the first by preference that is usable.

        Raises ChainError when none is; one that has come back as another chain is not.
        """
        failure: ChainError | None = None
        for index in self._order():
            endpoint = self._endpoints[index]
            try:
                if not endpoint.checked:  # new, or it was down: it may have come back as another chain
                    self._verify(endpoint)
            except WrongChain as e:  # perhaps only for now: what is behind a name changes
                self._failed(endpoint)
                failure = failure or ChainError(e.what, expected=e.expected, fix=e.fix)
                continue
            except ChainError as e:
                failure = failure or e
                continue
            self._mine.index = index
            return
        assert failure is not None
        raise failure

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Ask the endpoint that this thread's view began with, and no other.

        Raises ChainError if that fails, ContractCustomError with the data that a call reverted with.
        """
        endpoint = self._endpoints[self.current]
        answer = self._patiently(endpoint, lambda: endpoint.ask(method, params))
        error: Any = answer.get("error")
        if error is not None and "data" in error and method in ("eth_call", "eth_estimateGas"):
            # Not left to web3, which takes some such data apart, and has its own errors for what doesn't fit.
            raise ContractCustomError(error["message"], error["data"])
        return answer

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        """Several at once, as :meth:`make_request`; an endpoint that takes no batches answers with an error."""
        endpoint = self._endpoints[self.current]
        return self._patiently(endpoint, lambda: endpoint.ask_batch(requests))

    def use(self, endpoint: Endpoint) -> None:
        """From here on this thread's requests go to this one."""
        self._mine.index = next(i for i, one in enumerate(self._endpoints) if one is endpoint)

    def distrust(self) -> None:
        """See the function :func:`distrust`."""
        self._failed(self._endpoints[self.current])

    def _patiently(self, endpoint: Endpoint, ask: Callable[[], Answer]) -> Answer:
        """What it answers; asked again while it fails, or doesn't know a block yet, and patience lasts."""
        begun, pauses = time.monotonic(), Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            left = begun + self._patience(endpoint) - time.monotonic()
            try:
                answer = ask()
                pause = pauses.add()
                if not is_behind(answer) or pause > left:
                    return answer
            except Unanswered as e:
                pause = max(pauses.add(), e.wait_s)
                if pause > left - (1.0 - e.worth) * self._patience(endpoint):
                    self._failed(endpoint, e.wait_s)
                    raise endpoint.unreachable(e) from e
            time.sleep(pause)

    def _patience(self, endpoint: Endpoint) -> float:
        now = time.monotonic()
        others = any(other is not endpoint and other.down_until <= now for other in self._endpoints)
        return self.patience_s / 4 if others else self.patience_s

    # -------------------------------------------------------------------------------------------- heads

    def compare_heads(self) -> Heads | None:
        """See the function :func:`compare_heads`."""
        if len(self._endpoints) == 1:
            return None
        current, numbers = self.current, self._fetch_numbers()
        if not numbers:
            return None
        best, mine = _highest(numbers), numbers.get(current)
        if mine == numbers[best]:
            best = current
        return Heads(
            current=self._endpoints[current].shown,
            current_number=mine,
            best=self._endpoints[best].shown,
            best_number=numbers[best],
            lag=0 if mine is None else numbers[best] - mine,
        )

    def switch(self) -> bool:
        """See the function :func:`switch_endpoint`."""
        if len(self._endpoints) == 1:
            return False
        current, numbers = self.current, self._fetch_numbers()
        mine = numbers.pop(current, None)
        if not numbers:
            return False
        best, left = _highest(numbers), self._endpoints[current]
        if mine is not None and numbers[best] < mine:
            return False
        with self._lock:
            left.misled, left.stood_at = left.misled + 1, mine
            left.cool_down(self._pause(left.misled))
            self._best_index, self._best_until = best, left.down_until
        return True

    def _fetch_numbers(self) -> dict[int, int]:
        """The newest block's number by index, of the endpoints that say it and are this chain."""
        now, current = time.monotonic(), self.current
        asked = [
            index
            for index, e in enumerate(self._endpoints)
            # Of one that didn't answer lately no answer is waited for.
            if index == current or e.down_until <= now or (e.stood_at is not None and e.failures == 0)
        ]
        positions = fetch_positions([self._endpoints[index] for index in asked], self.probe_s)
        numbers: dict[int, int] = {}
        for index, position in zip(asked, positions, strict=True):
            if position is not None and position.chain_id == self.chain_id:
                numbers[index] = position.number
            elif index != current:  # what is wrong with the current one is met where it is used
                self._failed(self._endpoints[index])
        highest = max(numbers.values(), default=0)
        with self._lock:
            for index, number in numbers.items():
                endpoint = self._endpoints[index]
                if endpoint.misled and number == highest and number > (endpoint.stood_at or 0):  # as good as any by now
                    endpoint.misled, endpoint.stood_at = 0, None
                    endpoint.down_until = self._best_until = 0.0
        return numbers

    # -------------------------------------------------------------------------------------------- one by one

    def _order(self) -> list[int]:
        now = time.monotonic()
        first = self._best_index if self._best_until > now else 0
        return sorted(range(len(self._endpoints)), key=lambda i: (self._endpoints[i].down_until > now, i != first, i))

    def _pause(self, times: int) -> float:
        return pause_after(times, self.cool_down_s, _LONGEST_COOL_DOWN_S)

    def _failed(self, endpoint: Endpoint, wait_s: float = 0.0) -> None:
        with self._lock:
            endpoint.failures += 1
            endpoint.cool_down(max(self._pause(endpoint.failures), wait_s))

    def _verify(self, endpoint: Endpoint) -> None:
        """Raise unless it answers, is the chain that all others are, and has moved on where it had stood still."""
        try:
            seconds = min(endpoint.timeout_s, _IDENTIFY_S)
            chain_id = endpoint.ask_number("eth_chainId", seconds)
            stands = None if endpoint.stood_at is None else endpoint.ask_number("eth_blockNumber", seconds)
        except Unanswered as e:
            self._failed(endpoint, e.wait_s)
            raise endpoint.unreachable(e) from e
        with self._lock:
            if self.chain_id is None:
                self.chain_id = chain_id
            if chain_id != self.chain_id:
                raise WrongChain(
                    f"the endpoint {endpoint.shown} is the chain {chain_id}",
                    expected=f"the chain {self.chain_id}",
                    fix="name endpoints of the chain that the contract is on, and only those",
                )
            if stands is not None and stands == endpoint.stood_at:
                endpoint.misled += 1
                endpoint.cool_down(self._pause(endpoint.misled))
                raise ChainError(
                    f"the endpoint {endpoint.shown} still stands at block {stands}",
                    expected="an endpoint that goes on with its chain",
                    fix="look at the chain's node behind it; name another endpoint",
                )
            endpoint.checked, endpoint.down_until, endpoint.failures, endpoint.stood_at = True, 0.0, 0, None


def _highest(numbers: dict[int, int]) -> int:
    """The index with the highest number; of several, the first by preference."""
    return max(numbers, key=lambda index: (numbers[index], -index))
