"""The contract as seen from Python: typed reads, each pinned to one block, over any web3 provider.

Nothing here has a default block: who reads says at which block (``Head``), so that two reads never mix two states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from eth_abi.exceptions import DecodingError
from eth_utils.abi import get_abi_output_types
from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.exceptions import ContractLogicError, Web3RPCError
from web3.types import TxParams

from ..core.limits import MOST_MEMBERS
from ..core.protocol import (
    ZERO_ADDRESS,
    MotionKind,
    MotionRecord,
    MotionState,
    Proposal,
    RoundRecord,
    RoundState,
    Rules,
    View,
    WeightsRef,
)
from ..errors import ChainError
from .artifact import Artifact, load_artifact
from .endpoint import is_behind
from .endpoints import begin_view, distrust
from .ids import proposal_id_of
from .reach import REFUSALS, reaching
from .reverts import RevertDecoder
from .snapshot import Snapshot

__all__ = ["CollectiveContract", "Head"]

T = TypeVar("T")
_ZERO_HASH = bytes(32)
_PAGE = 512  # records in one call, at most: about three million gas of reading, where endpoints allow fifty


@dataclass(frozen=True, slots=True)
class Head:
    """The block that reads are pinned to. ``timestamp`` in seconds."""

    number: int
    hash: bytes
    timestamp: int


class CollectiveContract:
    """One deployed collective.

    Parameters
    ----------
    web3: a connected web3 instance (any provider).
    address: of the contract.
    pin_by_number: for chains that take no block hash in ``eth_call`` (eth-tester); such a chain must not re-org.
    """

    def __init__(
        self, web3: Web3, address: str, *, pin_by_number: bool = False, artifact: Artifact | None = None
    ) -> None:
        self.web3 = web3
        self.address = Web3.to_checksum_address(address)
        self.artifact = artifact or load_artifact()
        self.functions = web3.eth.contract(address=self.address, abi=self.artifact.abi).functions
        self.reverts = RevertDecoder(self.artifact.abi)
        self._pin_by_number = pin_by_number
        with reaching("read the chain id"):
            self.chain_id: int = web3.eth.chain_id

    # -------------------------------------------------------------------------------------------- head and clock

    def fetch_head(self, number: int | None = None) -> Head:
        """The newest block, or block ``number``. A view begins here: what is read at this head is read through one
        endpoint.
        """
        begin_view(self.web3)
        which = "latest" if number is None else number
        with reaching(f"read the block {which}"):
            block = self.web3.eth.get_block(which)  # type: ignore[arg-type]
        return Head(int(block["number"]), bytes(block["hash"]), int(block["timestamp"]))

    def fetch_clock(self, head: Head) -> int:
        """Block time now: what the next block's timestamp would be, as the chain says, never before ``head``'s.

        On chains that mine only when there is a transaction the head's time stands still while deadlines pass.
        """
        try:
            pending = self.web3.eth.get_block("pending")
        except REFUSALS:  # an endpoint without a pending block: its head is the only clock
            return head.timestamp
        return max(head.timestamp, int(pending["timestamp"]))

    def snapshot(self, number: int | None = None) -> Snapshot:
        """The newest block, or block ``number``, and block time now. A view begins here, as in :meth:`fetch_head`."""
        return self.snapshot_at(self.fetch_head(number))

    def snapshot_at(self, head: Head) -> Snapshot:
        """A head that was fetched before, and block time now."""
        return Snapshot(self, head, self.fetch_clock(head))

    # -------------------------------------------------------------------------------------------- reads

    def fetch_view(self, member: str, head: Head, clock: int) -> View:
        """What ``member``'s node needs to decide at block time ``clock``, from the state at ``head``."""
        call, doing = self.view_call(member, clock), "read the view"
        return self.decode_view(self._ask(call, head, doing), head, clock)

    def view_call(self, member: str, clock: int) -> TxParams:
        """The call whose answer :meth:`decode_view` reads."""
        return self._call_of(self.functions.viewFor(member, clock))

    def decode_view(self, answer: bytes, head: Head, clock: int) -> View:
        """The view in the answer to :meth:`view_call`; raises ChainError if no such contract answers so."""
        with self._deciphering():
            raw = self._decode(self.functions.viewFor(ZERO_ADDRESS, 0), answer)
            view = View(
                block_number=head.number,
                block_hash=head.hash,
                at=raw["at"],
                round=raw["round"],
                state=RoundState(raw["state"]),
                proposer=raw["proposer"],
                deadline=raw["deadline"],
                overdue=raw["overdue"],
                accepted_round=raw["acceptedRound"],
                accepted=WeightsRef(raw["acceptedSha256"], raw["acceptedCidDigest"], raw["acceptedSize"]),
                proposal=_proposal(raw["proposal"]),
                member_count=raw["memberCount"],
                is_member=raw["isMember"],
                seat=raw["seat"],
                voted=raw["voted"],
                commitment=None if raw["commitment"] == _ZERO_HASH else raw["commitment"],
                rules=_rules(raw["rules"]),
                secret_votes=raw["secretVotes"],
                max_size=raw["maxSize"],
                motions_to_vote=tuple(raw["motionsToVote"]),
            )
            _check_view(view, clock)
        return view

    def fetch_rounds(self, first: int, count: int, head: Head, clock: int) -> tuple[RoundRecord, ...]:
        """Records of at most ``count`` rounds from ``first``, none past the current one, from storage alone."""

        def fetch(first: int, count: int) -> tuple[RoundRecord, ...]:
            page = self._call(self.functions.rounds(first, count, clock), head, "read the rounds")
            with self._deciphering():
                records = tuple(_round_record(raw) for raw in page)
                if [record.round for record in records] != list(range(first, first + len(records))):
                    raise ValueError("other rounds than were asked for")
                return records

        return _paged(fetch, first, count)

    def fetch_members(self, head: Head, at_round: int | None = None) -> tuple[str, ...]:
        """The members by seat: now, or in ``at_round``."""
        call = self.functions.members() if at_round is None else self.functions.membersAt(at_round)
        return tuple(self._call(call, head, "read the members"))

    def fetch_motions(self, first: int, count: int, head: Head) -> tuple[MotionRecord, ...]:
        """At most ``count`` motions from index ``first``, in the order they were moved."""

        def fetch(first: int, count: int) -> tuple[MotionRecord, ...]:
            page = self._call(self.functions.motions(first, count), head, "read the motions")
            with self._deciphering():
                return tuple(_motion_record(raw) for raw in page)

        return _paged(fetch, first, count)

    # -------------------------------------------------------------------------------------------- helpers

    def pin(self, head: Head) -> Any:
        """How to name ``head`` when something is read: by its hash, as EIP-1898 has it, so that a re-org is noticed."""
        return head.number if self._pin_by_number else {"blockHash": Web3.to_hex(head.hash)}

    def _call(self, function: Any, head: Head, doing: str) -> Any:
        answer = self._ask(self._call_of(function), head, doing)
        with self._deciphering():
            return self._decode(function, answer)

    def _call_of(self, function: Any) -> TxParams:
        return {"to": self.address, "data": function._encode_transaction_data()}

    def _ask(self, call: TxParams, head: Head, doing: str) -> bytes:
        # Not function.call(): that asks for the number of a block that is named by its hash, and reads at the number,
        # which after a re-org is another block.
        with reaching(doing):
            try:
                return bytes(self.web3.eth.call(call, self.pin(head)))
            except ContractLogicError as e:
                data = revert_data(e)
                if not data:
                    raise _Refused(f"could not {doing}: {e.message}") from e
                # None of these reads is ever refused by the contract.
                distrust(self.web3)
                raise ChainError(
                    f"could not {doing}: {self.reverts.decode(data, doing).what}",
                    expected="an endpoint that answers as its chain does",
                    fix="look at the chain's node behind it; name another endpoint",
                ) from e
            except Web3RPCError as e:
                if is_behind(e.rpc_response):
                    raise
                raise _Refused(f"could not {doing}: {e}", fix="check that the endpoint is reachable and synced") from e

    def _decode(self, function: Any, answer: bytes) -> Any:
        [raw] = self.web3.codec.decode(get_abi_output_types(function.abi), answer)
        return _named(function.abi["outputs"][0], raw)

    @contextmanager
    def _deciphering(self) -> Iterator[None]:
        """What was read becomes values here; if it can't be, the endpoint that said it is left for another."""
        try:
            yield
        except (DecodingError, ValueError, OverflowError) as e:
            distrust(self.web3)
            raise ChainError(
                f"what is at {self.address} on chain {self.chain_id} doesn't answer as this contract",
                expected="a deployed CollectiveLearning contract, and an endpoint that is synced past its deployment",
                fix="compare the address and the chain id with the deployment; look at the endpoint",
            ) from e


class _Refused(ChainError):
    """The endpoint won't answer this call, which may be too dear for it; it said nothing that the contract says."""


def _paged(fetch: Callable[[int, int], tuple[T, ...]], first: int, count: int) -> tuple[T, ...]:
    """At most ``count`` records from ``first``, in pages as large as the endpoint answers.

    How much a call may cost, and how an endpoint says that it is too much, is each endpoint's own ("out of gas",
    "MemoryOOG", "execution timeout"): so whatever it refuses is asked for in halves.
    """
    records: list[T] = []
    size = _PAGE
    while len(records) < count:
        asked = min(size, count - len(records))
        try:
            page = fetch(first + len(records), asked)
        except _Refused:
            if asked == 1:
                raise
            size = (asked + 1) // 2
            continue
        records += page[:asked]
        if len(page) < asked:
            break
    return tuple(records)


def revert_data(error: Exception) -> bytes:
    """The bytes that a call reverted with, out of whatever web3 and the node wrapped around them."""
    for part in (getattr(error, "data", None), *error.args):
        if isinstance(part, Mapping):
            part = part.get("data")
        if isinstance(part, bytes):
            return part
        if isinstance(part, str) and part.startswith("0x"):
            try:
                return bytes.fromhex(part[2:])
            except ValueError:
                continue
    return b""


def rules_struct(rules: Rules) -> tuple[int, ...]:
    """The rules as the contract's struct."""
    return (
        rules.threshold_numerator,
        rules.threshold_denominator,
        rules.propose_window,
        rules.vote_window,
        rules.reveal_window,
        rules.motion_window,
    )


def _check_view(view: View, clock: int) -> None:
    """Raise ValueError for what no such contract says, whatever its state."""
    proposal = view.proposal
    fits = view.is_member is False or view.seat < view.member_count
    good = view.at == clock and 2 <= view.member_count <= MOST_MEMBERS and fits and not view.state.decided
    good = good and (proposal is None) is (view.state is RoundState.PROPOSING)
    # What is tested is then what the vote is for, whatever the endpoint shows beside the id.
    if not good or (proposal is not None and proposal.id != proposal_id_of(view.round, proposal.weights)):
        raise ValueError("a view that can't be")


def _rules(raw: Mapping[str, int]) -> Rules:
    return Rules(
        threshold_numerator=raw["thresholdNumerator"],
        threshold_denominator=raw["thresholdDenominator"],
        propose_window=raw["proposeWindow"],
        vote_window=raw["voteWindow"],
        reveal_window=raw["revealWindow"],
        motion_window=raw["motionWindow"],
    )


def _proposal(raw: Mapping[str, Any]) -> Proposal | None:
    if raw["id"] == _ZERO_HASH:
        return None
    return Proposal(
        id=raw["id"],
        weights=WeightsRef(raw["sha256Hash"], raw["cidDigest"], raw["size"]),
        proposer_seat=raw["proposerSeat"],
        approvals=raw["approvals"],
        rejections=raw["rejections"],
        hidden=raw["hidden"],
        need=raw["need"],
    )


def _motion_record(raw: Mapping[str, Any]) -> MotionRecord:
    return MotionRecord(
        id=raw["id"],
        kind=MotionKind(raw["kind"]),
        state=MotionState(raw["state"]),
        mover=raw["mover"],
        subject=None if raw["subject"] == ZERO_ADDRESS else raw["subject"],
        rules=_rules(raw["rules"]) if raw["kind"] == MotionKind.SET_RULES else None,
        deadline=raw["deadline"],
        approvals=raw["approvals"],
        rejections=raw["rejections"],
        need=raw["need"],
    )


def _round_record(raw: Mapping[str, Any]) -> RoundRecord:
    proposed = raw["id"] != _ZERO_HASH or raw["size"] > 0
    return RoundRecord(
        round=raw["round"],
        state=RoundState(raw["state"]),
        proposer=raw["proposer"],
        parent_round=raw["parentRound"],
        parent=raw["parent"],
        id=raw["id"] if proposed else None,
        weights=WeightsRef(raw["sha256Hash"], raw["cidDigest"], raw["size"]) if proposed else None,
        deadline=raw["deadline"],
        member_count=raw["memberCount"],
        proposer_seat=raw["proposerSeat"],
        approvals=raw["approvals"],
        rejections=raw["rejections"],
        hidden=raw["hidden"],
        need=raw["need"],
    )


def _named(abi: Mapping[str, Any], value: Any) -> Any:
    """ABI-decoded ``value`` with structs as dicts by field name, at every depth."""
    kind: str = abi["type"]
    if kind.endswith("[]"):
        inner = {**abi, "type": kind[:-2]}
        return [_named(inner, v) for v in value]
    if kind == "tuple":
        return {c["name"]: _named(c, v) for c, v in zip(abi["components"], value, strict=True)}
    if kind.startswith("bytes"):
        return bytes(value)
    return _checksummed(value) if kind == "address" else value


@lru_cache(maxsize=256)  # the same few members again and again, and each costs a hash
def _checksummed(address: str) -> str:
    return str(to_checksum_address(address))
