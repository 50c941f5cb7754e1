"""Events from the chain in bounded ranges of blocks, newest first, as far back as the endpoint has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.exceptions import DecodingError
from eth_utils.abi import event_abi_to_log_topic

from ..chain.contract import CollectiveContract
from ..chain.endpoints import distrust
from ..chain.reach import REFUSALS
from ..chain.snapshot import Snapshot
from ..errors import ChainError

__all__ = ["Event", "Events", "fetch_events"]

# Endpoints cap blocks or results, each in its own way and words. So the range shrinks when one refuses and grows when
# it was taken.
_FIRST_RANGE, _LONGEST_RANGE = 500, 100_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the contract."""

    name: str
    arguments: dict[str, Any]
    block: int
    index: int
    transaction: bytes
    time: int | None  # where the endpoint says it with the log


@dataclass(frozen=True, slots=True)
class Events:
    """Events in the chain's order. ``first_block``: they are complete from there on; ``problem``: why not earlier."""

    events: tuple[Event, ...]
    first_block: int
    problem: str = ""


def fetch_events(
    snapshot: Snapshot,
    first_block: int,
    subjects: Sequence[bytes] | None = None,
    *,
    name: str = "",
    enough: Callable[[Event], bool] = lambda event: False,
) -> Events:
    """All events of the contract from ``first_block`` to the snapshot's.

    Parameters
    ----------
    subjects: only events of transactions that have an event whose first indexed argument (a round, an id) is one of
        these, each of 32 bytes.
    name: only events of this name, and nothing else of their transactions.
    enough: no blocks are read before those of an event of which this is true, nor before the contract's first one.

    Raises
    ------
    ChainError: the endpoint can't be reached, or says what the contract never does. One that has no old events, or
        none at all, is no error.
    """
    decoder = _Decoder(snapshot.contract)
    pages: list[list[Event]] = []
    last, length, problem = snapshot.head.number, _FIRST_RANGE, ""
    while last >= first_block:
        first = max(first_block, last - length + 1)
        try:
            pages.append(decoder.fetch(first, last, subjects, name))
        except REFUSALS as e:
            if first == last:
                problem = f"the endpoint has no events before block {last + 1}: {str(e)[:200]}"
                break
            length = max(1, (last - first + 1) // 4)
            continue
        last = first - 1
        length = min(length * 2, _LONGEST_RANGE)
        if any(event.name == "CollectiveCreated" or enough(event) for event in pages[-1]):
            break
    events = tuple(event for page in reversed(pages) for event in page)
    if subjects is not None:  # what else the transactions did
        wanted = {event.transaction for event in events}
        blocks = sorted({event.block for event in events})
        events = tuple(e for b in blocks for e in decoder.fetch(b, b, None) if e.transaction in wanted)
    return Events(events, last + 1, problem)


class _Decoder:
    def __init__(self, contract: CollectiveContract) -> None:
        self._web3 = contract.web3
        self._address = contract.address
        declared = contract.web3.eth.contract(address=contract.address, abi=contract.artifact.abi).events
        self._events: dict[bytes, Any] = {
            event_abi_to_log_topic(item): getattr(declared, item["name"])()  # type: ignore[arg-type]
            for item in contract.artifact.abi
            if item["type"] == "event"
        }

    def fetch(self, first: int, last: int, subjects: Sequence[bytes] | None, name: str = "") -> list[Event]:
        query: dict[str, Any] = {"address": self._address, "fromBlock": first, "toBlock": last}
        if name:
            query["topics"] = [
                ["0x" + topic.hex() for topic, event in self._events.items() if event.event_name == name]
            ]
        elif subjects is not None:
            query["topics"] = [None, ["0x" + subject.hex() for subject in subjects]]
        logs = self._web3.eth.get_logs(query)  # type: ignore[arg-type]
        try:
            return self._decode(sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"])))
        except (DecodingError, *REFUSALS) as e:
            distrust(self._web3)
            raise ChainError(
                f"the endpoint has events of {self._address} that are none of this contract's",
                fix="look at the chain's node behind it; name another endpoint",
            ) from e

    def _decode(self, logs: Sequence[Any]) -> list[Event]:
        if any(log["address"] != self._address for log in logs):
            raise ValueError("another contract's events")
        return [self._event(log) for log in logs if not log.get("removed") and bytes(log["topics"][0]) in self._events]

    def _event(self, log: Any) -> Event:
        event = self._events[bytes(log["topics"][0])]
        decoded = event.process_log(log)
        time = log.get("blockTimestamp")
        return Event(
            name=decoded["event"],
            arguments=dict(decoded["args"]),
            block=int(log["blockNumber"]),
            index=int(log["logIndex"]),
            transaction=bytes(log["transactionHash"]),
            time=int(time, 16) if isinstance(time, str) else time,
        )
