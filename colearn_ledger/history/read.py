"""Reading the history: rounds from storage, page by page, joined with events."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eth_utils.address import to_checksum_address
from web3 import Web3

from ..chain.snapshot import Snapshot
from ..core.protocol import ZERO_ADDRESS, MotionKind, RoundRecord, RoundState
from ..errors import ChainError, UsageError
from .batches import fetch_many, number_of
from .logs import Event, Events, fetch_events, is_there
from .motions import fetch_all_motions
from .trainings import CLAIM_BYTES, Trainings, contributions_in, fetch_trainings, successors_in
from .types import History, Round, Transaction, Vote, choice_of

__all__ = ["read_history"]

PAGE = 256  # rounds in one call, where the endpoint answers so many
FEW = 16  # rounds up to which only their own events are asked for
_MILLION = 1_000_000
_DID = {
    "CollectiveCreated": "deployed",
    "RoundOpened": "opened",
    "WeightsContributed": "contributed",
    "WeightsProposed": "proposed",
    "VoteCast": "voted",
    "VoteCommitted": "committed",
    "RoundDecided": "decided",
}
_MAIN = ("WeightsContributed", "WeightsProposed", "VoteCast", "VoteCommitted")  # what transactions are sent for


def read_history(
    snapshot: Snapshot,
    *,
    first: int = 0,
    last: int | None = None,
    deployed_block: int = 0,
    logs: bool = True,
    receipts: bool = False,
    page: int = PAGE,
    few: int = FEW,
    progress: Callable[[str], None] = lambda text: None,
) -> History:
    """The rounds ``first`` to ``last`` (None: the current one) as of ``snapshot``.

    Parameters
    ----------
    deployed_block: events aren't looked for before it.
    logs: join what only events have.
    receipts: read each transaction's receipt too, for gas and senders; a hundred in a call, where the endpoint does so.
    page: rounds in one call.
    few: rounds up to which only their own events are asked for.
    progress: gets what is being read, for people.

    Raises
    ------
    UsageError: there is no round ``first``.
    ChainError: the endpoint can't be reached, or there was a re-org while it was read (read again).
    """
    view = snapshot.view(ZERO_ADDRESS)
    records = tuple(_fetch_records(snapshot, first, last, page, lambda n: progress(f"round {n:,} of {view.round:,}")))
    current = view.round
    if not records:
        raise UsageError(f"there is no round {first} yet", expected=f"0 to {current}", fix="name a round up to that")
    motions = fetch_all_motions(snapshot)
    back = {m.first_round: m.to_round for m in motions if m.kind is MotionKind.REVERT_TO and m.first_round}
    events, problem, trainings = None, "", Trainings()
    if logs:
        trainings = fetch_trainings(snapshot, view, deployed_block, records)
        events = _fetch_events(snapshot, deployed_block, records, trainings, few, progress)
        problem = events.problem or trainings.problem
        if not problem and _is_incomplete(events, records, trainings):
            problem = "the endpoint left out events of rounds that the contract's storage has"
    whole = events is not None and not problem and len(records) > few  # else only some of the events were asked for
    changes = _member_changes(events) if events is not None and whole else None
    members = _Members(snapshot, moved=bool(motions), changes=changes)
    if receipts and events is not None:
        progress(f"receipts of {len(events.events):,} events")
    join = _Join(snapshot.contract.web3, records, () if events is None else events.events, trainings, receipts)
    successors = successors_in(motions)
    rounds = tuple(_round(record, members, join, back.get(record.round), successors) for record in records)
    if events is not None and not is_there(snapshot, snapshot.head):
        raise ChainError("the chain was reorganised while its history was read", fix="read it again")
    return History(
        chain_id=snapshot.contract.chain_id,
        address=snapshot.contract.address,
        head=snapshot.head,
        clock=snapshot.clock,
        rounds=rounds,
        current=current,
        logs_from=None if events is None else events.first_block,
        logs_problem=problem,
        merge_order=view.merge_order,
    )


def _fetch_records(
    snapshot: Snapshot, first: int, last: int | None, most: int, progress: Callable[[int], None]
) -> Iterable[RoundRecord]:
    while last is None or first <= last:
        count = most if last is None else min(most, last - first + 1)
        progress(first)
        page = snapshot.rounds(first, count)
        yield from page
        if len(page) < count:
            return
        first += count


def _fetch_events(
    snapshot: Snapshot,
    deployed_block: int,
    records: tuple[RoundRecord, ...],
    trainings: Trainings,
    few: int,
    progress: Callable[[str], None],
) -> Events:
    subjects = None
    if len(records) <= few:
        subjects = [number.to_bytes(32, "big") for number in sorted(_numbers(records, trainings))]
        subjects += [r.id for r in records if r.id is not None]
    first = min(trainings.of(record) or record.round for record in records)

    def is_earlier(event: Event) -> bool:
        """What belongs to a round comes after its opening, and so after all proposals of the rounds before it."""
        return event.name == "WeightsProposed" and int(event.arguments["round"]) < first

    return fetch_events(snapshot, deployed_block, subjects, enough=is_earlier, progress=progress)


def _numbers(records: Iterable[RoundRecord], trainings: Trainings) -> set[int]:
    """Which rounds events name that belong to these."""
    numbers = {r.round or 1 for r in records}  # what the deployment says of round 0 has no number, but it opens 1
    return numbers | {first for first in map(trainings.of, records) if first is not None}


def _is_incomplete(events: Events, records: tuple[RoundRecord, ...], trainings: Trainings) -> bool:
    """An empty answer proves nothing: a proposal that is in storage must have its event, and all that it merges."""
    proposed = {e.arguments["round"] for e in events.events if e.name == "WeightsProposed"}
    if any(r.weights is not None and r.round > 0 and r.round not in proposed for r in records):
        return True
    contributed = Counter(e.arguments["training"] for e in events.events if e.name == "WeightsContributed")
    return any(r.claim is not None and contributed[trainings.of(r)] < r.claim.seats.bit_count() for r in records)


def _member_changes(events: Events) -> list[int]:
    """The rounds from which there are other members."""
    return sorted({int(e.arguments["firstRound"]) for e in events.events if e.name.startswith("Member")})


class _Members:
    """The members of a round. As long as no motion was ever moved they are the founders, and one call serves all.

    ``changes``: the rounds from which there are others, where all are known: then a call serves all between two.
    """

    def __init__(self, snapshot: Snapshot, *, moved: bool, changes: Sequence[int] | None) -> None:
        self._snapshot = snapshot
        self._changes = changes if moved else ()
        self._known: dict[int, tuple[str, ...]] = {}

    def of(self, round_number: int) -> tuple[str, ...]:
        key = round_number if self._changes is None else bisect_right(self._changes, round_number)
        if key not in self._known:
            self._known[key] = self._snapshot.members(round_number)
        return self._known[key]


@dataclass
class _Logged:
    """What the events say about one round."""

    transactions: dict[bytes, Transaction] = field(default_factory=dict)
    note: bytes | None = None
    by_clock: bool | None = None
    opened: Transaction | None = None
    proposed: Transaction | None = None
    decided: Transaction | None = None
    ballots: dict[str, bytes] = field(default_factory=dict)
    scores: dict[str, tuple[float, float]] = field(default_factory=dict)
    contributed: list[tuple[dict[str, Any], Transaction]] = field(default_factory=list)


class _Join:
    """Events by round."""

    def __init__(
        self,
        web3: Web3,
        records: Sequence[RoundRecord],
        events: Iterable[Event],
        trainings: Trainings,
        receipts: bool,
    ) -> None:
        self._round_of = {record.id: record.round for record in records if record.id is not None}
        self.trainings = trainings
        by_transaction: dict[bytes, list[Event]] = {}
        for event in events:
            if "round" in event.arguments and "id" in event.arguments:  # of rounds that weren't asked for, too
                self._round_of[bytes(event.arguments["id"])] = int(event.arguments["round"])
            if event.name in _DID or event.name == "ScoresPublished":
                by_transaction.setdefault(event.transaction, []).append(event)
        asked = _numbers(records, trainings)
        by_transaction = {
            transaction: same
            for transaction, same in by_transaction.items()
            if not asked.isdisjoint(map(self._round, same))
        }
        told = [event for same in by_transaction.values() for event in same]
        self._times = _fetch_times(web3, {event.block for event in told if event.time is None})
        self._receipts = _fetch_receipts(web3, by_transaction) if receipts else {}
        self.logged: dict[int, _Logged] = {}
        for same in by_transaction.values():
            self._add(same)

    def _add(self, events: list[Event]) -> None:
        """The events of one transaction."""
        main = next((e for e in events if e.name in _MAIN), None)
        main = main or next((e for e in events if e.name == "RoundDecided"), events[0])
        sent_for = self._round(main)
        did = tuple(_DID[e.name] for e in events if e.name in _DID)
        if main.name in ("CollectiveCreated", "RoundOpened") and main.arguments.get("round", 1) == 1:
            sent_for, did = 0, ("deployed",)  # round 1 is opened by the deployment and by nothing else
        if sent_for is None:
            return
        transaction = Transaction(
            hash=main.transaction,
            block=main.block,
            time=self._times.get(main.block) if main.time is None else main.time,
            round=sent_for,
            did=did,
        )
        transaction = replace(transaction, **self._receipts.get(main.transaction, {}))
        for event in events:
            number = self._round(event)
            if number is not None:
                logged = self.logged.setdefault(number, _Logged())
                self._note(logged, event, transaction)
                # Opening a round is a by-product, mostly of the vote that decides the one before.
                if event.name != "RoundOpened" or transaction.round == number:
                    logged.transactions[transaction.hash] = transaction
        if did == ("deployed",):
            self.logged.setdefault(0, _Logged()).transactions[transaction.hash] = transaction

    def _round(self, event: Event) -> int | None:
        if event.name == "CollectiveCreated":
            return 0
        named = event.arguments.get("round", event.arguments.get("training"))
        return self._round_of.get(bytes(event.arguments["id"])) if named is None else int(named)

    def _note(self, logged: _Logged, event: Event, transaction: Transaction) -> None:
        arguments, name = event.arguments, event.name
        if name == "RoundOpened":
            logged.opened = transaction
        elif name == "WeightsProposed":
            logged.note, logged.proposed = bytes(arguments["note"]), transaction
        elif name == "WeightsContributed":
            logged.contributed.append((arguments, transaction))
        elif name == "RoundDecided":
            logged.by_clock, logged.decided = bool(arguments["byClock"]), transaction
        elif name == "ScoresPublished":
            scores = arguments["currentScore"] / _MILLION, arguments["proposedScore"] / _MILLION
            logged.scores[arguments["voter"]] = scores
        elif name in ("VoteCommitted", "VoteCast"):  # a reveal casts the vote that was committed before
            logged.ballots[arguments["voter"]] = transaction.hash


def _fetch_times(web3: Web3, blocks: Iterable[int]) -> dict[int, int]:
    """When these blocks were made, of those that the endpoint still has."""
    wanted = sorted(blocks)
    found = fetch_many(web3, "eth_getBlockByNumber", [(hex(number), False) for number in wanted])
    return {number: number_of(b["timestamp"]) for number, b in zip(wanted, found, strict=True) if b is not None}


def _fetch_receipts(web3: Web3, transactions: Iterable[bytes]) -> dict[bytes, dict[str, Any]]:
    """Sender, gas and fee of these transactions, of those whose receipts the endpoint still has."""
    wanted = list(transactions)
    found = fetch_many(web3, "eth_getTransactionReceipt", [("0x" + hash_.hex(),) for hash_ in wanted])
    return {hash_: _paid(receipt) for hash_, receipt in zip(wanted, found, strict=True) if receipt is not None}


def _paid(receipt: Mapping[str, Any]) -> dict[str, Any]:
    sender, gas = receipt.get("from"), number_of(receipt["gasUsed"])
    return {
        "sender": None if sender is None else to_checksum_address(sender),
        "gas": gas,
        "fee": gas * number_of(receipt.get("effectiveGasPrice") or 0),
    }


def _round(
    record: RoundRecord, members: _Members, join: _Join, reverted_to: int | None, successors: dict[str, str]
) -> Round:
    logged = join.logged.get(record.round, _Logged())
    training = join.trainings.of(record)
    sent = () if training is None else join.logged.get(training, _Logged()).contributed
    if record.state is RoundState.MISSED:
        sent = ()
    note = logged.note or b""
    seated = () if record.weights is None or record.round == 0 else members.of(record.round)
    return Round(
        record=record,
        members=seated,
        votes=tuple(
            Vote(seat, member, choice_of(record, seat), logged.scores.get(member), logged.ballots.get(member))
            for seat, member in enumerate(seated)
            if seat != record.proposer_seat
        ),
        reverted_to=reverted_to,
        logged=logged.proposed is not None,
        note=logged.note if logged.note is None or record.claim is None else note[CLAIM_BYTES:],
        by_clock=_by_clock(record, logged),
        transactions=tuple(logged.transactions.values()),  # in the chain's order, as the events are
        opened=logged.opened,
        proposed=logged.proposed,
        decided=logged.decided,
        training=training,
        contributions=contributions_in(record, members.of(record.round), sent, note, successors) if sent else (),
    )


def _by_clock(record: RoundRecord, logged: _Logged) -> bool | None:
    """A round that is over although no transaction has said so: the deadline did it."""
    over = record.state.decided and record.round > 0 and logged.proposed is not None
    return True if over and logged.by_clock is None else logged.by_clock
