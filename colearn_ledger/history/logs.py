"""Events from the chain in bounded ranges of blocks, newest first, as far back as the endpoint has them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.exceptions import DecodingError
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic
from web3.types import RPCEndpoint

from ..chain.contract import CollectiveContract, Head, checksummed
from ..chain.endpoints import distrust
from ..chain.reach import REFUSALS, reaching
from ..chain.snapshot import Snapshot
from ..errors import ChainError
from .batches import number_of

__all__ = ["Event", "Events", "fetch_events", "is_there"]

# Endpoints cap blocks or results, each in its own way and words. So the range shrinks when one refuses and grows when
# it was taken; and it begins short, since mostly the newest rounds are asked for.
_FIRST_RANGE, _LONGEST_RANGE = 128, 100_000


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
    names: Collection[str] = (),
    enough: Callable[[Event], bool] = lambda event: False,
    most: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Events:
    """All events of the contract from ``first_block`` to the snapshot's.

    Parameters
    ----------
    subjects: only events of transactions that have an event whose first indexed argument (a round, an id) is one of
        these, each of 32 bytes.
    names: only events of these names, and nothing else of their transactions.
    enough: no blocks are read before those of an event of which this is true, nor before the contract's first one.
    most: ranges that are asked for, for what is worth no more; None: all that there are.
    progress: gets what is being read, for people.

    Raises
    ------
    ChainError: the endpoint can't be reached, or says what the contract never does. One that has no old events, or
        none at all, is no error.
    """
    decoder = _Decoder(snapshot.contract)
    pages: list[list[Event]] = []
    last, length, problem = snapshot.head.number, _FIRST_RANGE, ""
    while last >= first_block:
        if len(pages) == most:
            problem = f"events before block {last + 1} weren't asked for: the endpoint gives few blocks in a call"
            break
        first = max(first_block, last - length + 1)
        progress(f"events of blocks {first:,} to {last:,}")
        try:
            pages.append(decoder.fetch(first, last, subjects, names))
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


def is_there(snapshot: Snapshot, head: Head) -> bool:
    """Whether this block is one of those that the snapshot's chain has. Raises ChainError.

    Storage is read at a block's hash, events by numbers: only if the hash still has its number do they agree.
    """
    newest = snapshot.head
    if head.number > newest.number or (head.number == newest.number and head.hash != newest.hash):
        return False
    with reaching(f"read block {head.number}", fix="try again"):
        return bytes(snapshot.contract.web3.eth.get_block(head.number)["hash"]) == head.hash


@dataclass(frozen=True, slots=True)
class _Shape:
    """How an event is written: names and types of what its topics have, and of what its data has."""

    name: str
    indexed: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    types: tuple[str, ...]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> _Shape:
        inputs = [(one["name"], collapse_if_tuple(one), one["indexed"]) for one in event["inputs"]]
        plain = [(name, kind) for name, kind, indexed in inputs if not indexed]
        indexed = tuple((name, kind) for name, kind, indexed in inputs if indexed)
        return cls(event["name"], indexed, tuple(name for name, _ in plain), tuple(kind for _, kind in plain))


class _Decoder:
    """Reads events as the endpoint says them: what web3 makes of each takes five times as long."""

    def __init__(self, contract: CollectiveContract) -> None:
        self._web3 = contract.web3
        self._address = contract.address
        declared = [item for item in contract.artifact.abi if item["type"] == "event"]
        self._shapes = {event_abi_to_log_topic(item): _Shape.of(item) for item in declared}  # type: ignore[arg-type]

    def fetch(
        self, first: int, last: int, subjects: Sequence[bytes] | None, names: Collection[str] = ()
    ) -> list[Event]:
        query: dict[str, Any] = {"address": [self._address], "fromBlock": hex(first), "toBlock": hex(last)}
        if names:
            query["topics"] = [["0x" + topic.hex() for topic, shape in self._shapes.items() if shape.name in names]]
        elif subjects is not None:
            query["topics"] = [None, ["0x" + subject.hex() for subject in subjects]]
        logs = self._web3.manager.request_blocking(RPCEndpoint("eth_getLogs"), [query])
        try:
            events = [self._event(log) for log in logs if not log.get("removed")]
        except (DecodingError, KeyError, TypeError, AttributeError, *REFUSALS) as e:
            distrust(self._web3)
            raise ChainError(
                f"the endpoint has events of {self._address} that are none of this contract's",
                fix="look at the chain's node behind it; name another endpoint",
            ) from e
        return sorted(filter(None, events), key=lambda event: (event.block, event.index))

    def _event(self, log: Mapping[str, Any]) -> Event | None:
        if checksummed(log["address"]) != self._address:
            raise ValueError("another contract's events")
        first, *topics = map(_bytes, log["topics"])
        shape = self._shapes.get(first)
        if shape is None:
            return None
        if len(topics) != len(shape.indexed):
            raise ValueError(f"{shape.name} with {len(topics)} topics")
        decode = self._web3.codec.decode
        arguments = {
            name: _plain(kind, decode([kind], topic)[0])
            for (name, kind), topic in zip(shape.indexed, topics, strict=True)
        }
        values = decode(shape.types, _bytes(log["data"]))
        arguments |= {n: _plain(kind, value) for n, kind, value in zip(shape.names, shape.types, values, strict=True)}
        time = log.get("blockTimestamp")
        return Event(
            name=shape.name,
            arguments=arguments,
            block=number_of(log["blockNumber"]),
            index=number_of(log["logIndex"]),
            transaction=_bytes(log["transactionHash"]),
            time=None if time is None else number_of(time),
        )


def _bytes(value: Any) -> bytes:
    """Data in an answer that web3 hasn't formatted."""
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)


def _plain(kind: str, value: Any) -> Any:
    """As the rest of the package has it: addresses with their checksum, several values in a tuple."""
    if kind == "address":
        return checksummed(value)
    return tuple(map(checksummed, value)) if kind == "address[]" else value
