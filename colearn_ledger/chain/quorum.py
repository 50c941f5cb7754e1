"""What several endpoints say alike: one of them may lie, or lag, and nothing is done on its word alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from web3.types import RPCEndpoint

from ..core.protocol import View
from ..errors import NoQuorum
from .contract import CollectiveContract, Head
from .endpoint import Endpoint, ask_all
from .endpoints import EndpointsProvider
from .transport import Unanswered

__all__ = ["AgreedSnapshot", "Quorum"]

K = TypeVar("K", bound=Hashable)
_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class _Position:
    """Where an endpoint stands: its newest block, and its pending block's time."""

    head: Head
    clock: int


class Quorum:
    """A contract as at least ``count`` of its endpoints show it.

    Parameters
    ----------
    contract: over a connection of :func:`.connect` with at least ``count`` endpoints.
    count: endpoints that must say the same, 2 or more.
    lag: blocks that the height on which they agree may be behind what the others claim.
    answer_s: seconds in which an endpoint must have answered.
    """

    def __init__(self, contract: CollectiveContract, count: int, *, lag: float, answer_s: float = _ANSWER_S) -> None:
        provider = contract.web3.provider
        assert isinstance(provider, EndpointsProvider) and 2 <= count <= provider.count
        self.contract, self.count, self.lag, self.answer_s = contract, count, lag, answer_s
        self._provider = provider

    def snapshot(self) -> AgreedSnapshot:
        """The newest block that enough endpoints have, at the block time that as many have reached.

        Raises NoQuorum when too few answer, when they are apart, or when they have different blocks of that height.
        """
        endpoints = self._provider.endpoints
        seen = dict(self._ask(endpoints, _fetch_position))
        if len(seen) < self.count:
            raise self._none(f"{len(seen)} of {len(endpoints)} endpoints answer")
        heights = sorted((position.head.number for position in seen.values()), reverse=True)
        height = heights[self.count - 1]
        # As many as may be wrong may claim any height; one more can't.
        wrong = len(endpoints) - self.count
        if wrong < len(heights) and heights[wrong] - height > self.lag:
            behind = (e.shown for e, position in seen.items() if position.head.number == height)
            raise self._none(f"too few endpoints are up to date; {', '.join(behind)} is behind")
        up_to_it = [endpoint for endpoint, position in seen.items() if position.head.number >= height]

        def fetch_head(endpoint: Endpoint) -> Head:
            newest = seen[endpoint].head
            return newest if newest.number == height else _fetch_head(endpoint, hex(height))

        head, backers = self._largest(self._ask(up_to_it, fetch_head), "which block is the newest")
        clock = sorted((seen[endpoint].clock for endpoint in backers), reverse=True)[self.count - 1]
        return AgreedSnapshot(self, head, max(clock, head.timestamp), backers)

    def view(self, snapshot: AgreedSnapshot, member: str) -> View:
        """See :meth:`AgreedSnapshot.view`."""
        of_one = self.contract.snapshot_at(snapshot.head, snapshot.clock)
        params = [dict(of_one.view_call(member)), of_one.pin]

        def fetch(endpoint: Endpoint) -> str:
            return str(_result(endpoint, "eth_call", params))

        answer, backers = self._largest(self._ask(snapshot.backers, fetch), "what the contract's state is")
        self._provider.use(backers[0])
        return of_one.decode_view(bytes.fromhex(answer[2:]))

    def _ask(self, endpoints: Sequence[Endpoint], ask: Any) -> list[tuple[Endpoint, Any]]:
        said = ask_all(endpoints, ask, self.answer_s)
        return [(endpoint, one) for endpoint, one in zip(endpoints, said, strict=True) if one is not None]

    def _largest(self, said: Iterable[tuple[Endpoint, K]], what: str) -> tuple[K, tuple[Endpoint, ...]]:
        """What most say, if they are enough, and who they are."""
        by_answer: dict[K, list[Endpoint]] = defaultdict(list)
        for endpoint, one in said:
            by_answer[one].append(endpoint)
        most = max(by_answer.items(), key=lambda item: len(item[1]), default=None)
        if most is not None and len(most[1]) >= self.count:
            return most[0], tuple(most[1])
        if len(by_answer) < 2:
            raise self._none("too few endpoints answer")
        apart = " and ".join(sorted(group[0].shown for group in by_answer.values()))
        raise self._none(f"{apart} disagree about {what}")

    def _none(self, what: str) -> NoQuorum:
        return NoQuorum(
            f"no {self.count} endpoints agree on the chain, so nothing is done: {what}",
            expected=f"{self.count} endpoints that show the same, as `quorum` asks for",
            fix="look at the endpoints; one that lies is to be replaced",
        )


@dataclass(frozen=True, slots=True)
class AgreedSnapshot:
    """A collective at a head and a block time that enough endpoints agree on; ``backers`` are those."""

    quorum: Quorum
    head: Head
    clock: int
    backers: tuple[Endpoint, ...]

    @property
    def pin(self) -> Any:
        """The block as ``eth_call`` and its kind take it."""
        return self.quorum.contract.pin(self.head)

    def view(self, member: str) -> View:
        """What ``member``'s node needs to decide, byte by byte as enough endpoints say it. This thread goes on with one
        of these. Raises NoQuorum.
        """
        return self.quorum.view(self, member)


def _fetch_position(endpoint: Endpoint) -> _Position:
    head = _fetch_head(endpoint, "latest")
    try:
        pending = _result(endpoint, "eth_getBlockByNumber", ["pending", False])
    except Unanswered:  # it has none: its head is the only clock
        pending = None
    return _Position(head, head.timestamp if pending is None else max(head.timestamp, int(pending["timestamp"], 16)))


def _fetch_head(endpoint: Endpoint, which: str) -> Head:
    block = _result(endpoint, "eth_getBlockByNumber", [which, False])
    if block is None:
        raise Unanswered("it doesn't have the block any more")
    return Head(int(block["number"], 16), bytes.fromhex(block["hash"][2:]), int(block["timestamp"], 16))


def _result(endpoint: Endpoint, method: str, params: list[Any]) -> Any:
    answer = endpoint.ask(RPCEndpoint(method), params)
    if "result" not in answer:
        raise Unanswered(f"it refuses {method}")
    return answer["result"]
