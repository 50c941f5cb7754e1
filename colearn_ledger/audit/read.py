"""Reading the facts from an endpoint: storage page by page, members where they change, all events, receipts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from eth_utils.address import to_checksum_address

from ..chain.reach import reaching
from ..chain.snapshot import Snapshot
from ..core.protocol import AGREEMENTS, ZERO_ADDRESS, MotionKind, MotionState, RoundRecord, Rules
from ..errors import ChainError
from ..founding.record import DeploymentRecord
from ..history.batches import fetch_many, number_of
from ..history.logs import Event, Events, fetch_events
from ..history.motions import fetch_all_motions
from .facts import Facts, Span

__all__ = ["read_facts"]

_PAGE = 256


def read_facts(
    snapshot: Snapshot,
    *,
    deployment: DeploymentRecord | None = None,
    deployed_block: int = 0,
    logs: bool = True,
    receipts: bool = True,
    progress: Callable[[str], None] = lambda text: None,
) -> Facts:
    """All that there is to be read of one collective, as of ``snapshot``.

    Parameters
    ----------
    deployment: the file that the founder handed around.
    deployed_block: events aren't looked for before it.
    logs: read events, too; ``receipts``: and who sent their transactions.
    progress: gets what is being read, for people.

    Raises ChainError when the endpoint can't be reached, or was reorganised meanwhile.
    """
    contract = snapshot.contract
    with reaching("read the contract's code"):
        code = bytes(contract.web3.eth.get_code(contract.address, snapshot.pin))
    view = snapshot.view(ZERO_ADDRESS)
    records: list[RoundRecord] = []
    while len(records) <= view.round:
        progress(f"round {len(records)} of {view.round}")
        page = snapshot.rounds(len(records), min(_PAGE, view.round + 1 - len(records)))
        records += page
        if not page:
            break
    motions = fetch_all_motions(snapshot)
    read = Events((), 0, "they were not asked for")
    if logs:
        read = fetch_events(snapshot, deployed_block, progress=progress)
    events = tuple(_named(event) for event in read.events)
    if events:
        progress("blocks")
        events = _timed(snapshot, events)
    shuffled = contract.call(contract.functions.shuffled(), snapshot.head, "read the order of turns", bool)
    moved = any(m.kind not in (MotionKind.SET_RULES, *AGREEMENTS) and m.state is MotionState.ENACTED for m in motions)
    spans = _spans(snapshot, records, view.round, events if moved else ())
    senders: dict[bytes, str] = {}
    if events and receipts:
        progress("receipts")
        senders = _senders(snapshot, events)
    agreements = {kind: snapshot.agreement(kind) for kind in AGREEMENTS}
    accounts = {who for span in spans for who in span.members}
    if logs:
        _check_still_there(snapshot)
    return Facts(
        chain_id=contract.chain_id,
        address=contract.address,
        head=snapshot.head,
        clock=snapshot.clock,
        code=code,
        view=view,
        shuffled=shuffled,
        records=tuple(records),
        spans=spans,
        motions=motions,
        events=events if logs else None,
        events_problem=read.problem if logs else "",
        senders=senders,
        programs=_programs(snapshot, accounts, senders) if senders else frozenset(),
        agreements=agreements,
        deployment=deployment,
    )


def _spans(snapshot: Snapshot, records: list[RoundRecord], current: int, events: Iterable[Event]) -> tuple[Span, ...]:
    """Where the members change: where their number does, where events say so, and wherever else it is seen."""
    probes = {1, max(current, 1)} | {r.round for r in records if r.round > 0 and r.round % _PAGE == 0}
    changes = {b.round for a, b in itertools.pairwise(records) if a.member_count != b.member_count}
    changes |= {int(e.arguments["firstRound"]) for e in events if e.name.startswith("Member")}
    for number in changes:
        probes |= {number - 1, number}
    known: dict[int, tuple[str, ...]] = {}

    def members(number: int) -> tuple[str, ...]:
        if number not in known:
            known[number] = snapshot.members(number)
        return known[number]

    def between(low: int, high: int) -> None:
        if high - low > 1 and members(low) != members(high):
            middle = (low + high) // 2
            members(middle)
            between(low, middle)
            between(middle, high)

    asked = sorted(number for number in probes if 1 <= number <= max(current, 1))
    for low, high in itertools.pairwise(asked):
        between(low, high)
    members(asked[0])
    spans: list[Span] = []
    for number in sorted({*asked, *known}):
        if not spans or spans[-1].members != members(number):
            spans.append(Span(number, members(number)))
    return tuple(spans)


def _named(event: Event) -> Event:
    """Its arguments as this package's values."""
    arguments = {name: _value(name, value) for name, value in event.arguments.items()}
    return replace(event, arguments=arguments)


def _value(name: str, value: Any) -> Any:
    if name == "rules":
        numbers = list(value.values()) if isinstance(value, Mapping) else list(value)
        return Rules(*numbers)
    if isinstance(value, list | tuple):
        return tuple(value)
    return bytes(value) if isinstance(value, bytes | bytearray) else value


def _timed(snapshot: Snapshot, events: tuple[Event, ...]) -> tuple[Event, ...]:
    wanted = sorted({event.block for event in events if event.time is None})
    found = fetch_many(snapshot.contract.web3, "eth_getBlockByNumber", [(hex(number), False) for number in wanted])
    times = {n: number_of(block["timestamp"]) for n, block in zip(wanted, found, strict=True) if block is not None}
    return tuple(replace(e, time=times.get(e.block)) if e.time is None else e for e in events)


def _senders(snapshot: Snapshot, events: tuple[Event, ...]) -> dict[bytes, str]:
    wanted = list(dict.fromkeys(event.transaction for event in events))
    found = fetch_many(snapshot.contract.web3, "eth_getTransactionReceipt", [("0x" + hash_.hex(),) for hash_ in wanted])
    return {
        hash_: str(to_checksum_address(receipt["from"]))
        for hash_, receipt in zip(wanted, found, strict=True)
        if receipt is not None and receipt.get("from") is not None
    }


def _programs(snapshot: Snapshot, accounts: Iterable[str], senders: Mapping[bytes, str]) -> frozenset[str]:
    """Of these accounts those with code, among who never sent a transaction itself."""
    sent = set(senders.values())
    with reaching("read an account's code"):
        web3 = snapshot.contract.web3
        return frozenset(who for who in accounts - sent if web3.eth.get_code(who, snapshot.pin))  # type: ignore[arg-type,operator]


def _check_still_there(snapshot: Snapshot) -> None:
    """Storage was read at a block's hash, events by numbers: only if the hash still has its number do they agree."""
    head = snapshot.head
    with reaching(f"read block {head.number}", fix="try again"):
        now = bytes(snapshot.contract.web3.eth.get_block(head.number)["hash"])
    if now != head.hash:
        raise ChainError("the chain was reorganised while it was audited", fix="audit it again")
