"""All that a node knows of its collective: a few calls. A chain is one way to answer them."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from colearn_ledger.chain.claims import check_view
from colearn_ledger.chain.contract import CollectiveContract, Head
from colearn_ledger.chain.endpoints import Heads, compare_heads, distrust, switch_endpoint
from colearn_ledger.chain.quorum import AgreedSnapshot, Quorum
from colearn_ledger.chain.reach import FAILURES
from colearn_ledger.chain.snapshot import Snapshot
from colearn_ledger.chain.transactions import Outcome, Receipt, Sending
from colearn_ledger.core.protocol import RoundRecord, View
from colearn_ledger.errors import ChainError
from colearn_ledger.member.submit import Submitter
from colearn_ledger.member.work import Work

__all__ = ["ChainLedger", "Ledger"]

# For so long an endpoint is taken to lag that shows less than this node has had mined: behind a load balancer one
# answers after another. A transaction that is still there makes it likelier.
_LAG_S, _LONGEST_LAG_S = 2.0, 30.0
_MOST_DROPPED = 8


class Ledger(Protocol):
    """What a node reads and sends. All of it may raise ChainError: look again later."""

    @property
    def member(self) -> str:
        """The address whose view decides."""

    @property
    def sends(self) -> bool:
        """False: nothing is sent (dry run)."""

    def view(self, known: View | None = None) -> View:
        """The newest view; ``known`` itself, for one call less, if nothing was mined since that was read."""

    def rounds(self, first: int, count: int, view: View) -> tuple[RoundRecord, ...]:
        """At most ``count`` rounds from ``first``, as of ``view``."""

    def next_proposer(self, view: View) -> str:
        """Whose turn comes when the clock ends the round that is open; empty where that isn't known."""

    def compare_heads(self) -> Heads | None:
        """Where the endpoint that is looked through stands beside the others; None where there is no other."""

    def switch_endpoint(self) -> bool:
        """Look through the one that is furthest from now on. False: none is."""

    def submit(self, work: Work) -> None:
        """Begin to send what came out of the work. What is still under way is dropped: this takes its place, unless
        that was mined and isn't known to be.
        """

    def poll(self) -> Receipt | None:
        """What has become of what was submitted; None while it is under way.

        Raises ContractError where it is refused. After a receipt, and after any error, nothing is under way.
        """

    def settle(self) -> Sequence[tuple[Work, Receipt]]:
        """What was mined though it was dropped, to be asked once what took its place is mined: it came before that, or
        never.
        """

    @property
    def pause(self) -> float:
        """Seconds after which to poll again; infinite while nothing is under way."""


class ChainLedger:
    """A contract, seen through one endpoint at a time.

    Parameters
    ----------
    contract: the collective.
    member: the address whose view is read.
    submitter: begins transactions; None sends nothing.
    quorum: endpoints that must agree on a view; None takes one's word.
    clock: seconds that never go back.
    """

    def __init__(
        self,
        contract: CollectiveContract,
        member: str,
        submitter: Submitter[Sending] | None,
        *,
        quorum: Quorum | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.contract, self.member = contract, member
        self._submitter, self._quorum, self._now = submitter, quorum, clock
        self._sending: Sending | None = None
        self._work: Work | None = None  # what is sent
        self._dropped: deque[tuple[Work, Sending]] = deque(maxlen=_MOST_DROPPED)
        self._own: Receipt | None = None  # this node's last transaction that was mined
        self._below: list[float] = []  # when looks in a row, so far, showed less than the block that it is in

    @property
    def sends(self) -> bool:
        return self._submitter is not None

    def view(self, known: View | None = None) -> View:
        agreed = None if self._quorum is None else self._quorum.snapshot()
        head = self.contract.fetch_head() if agreed is None else agreed.head
        if known is not None and known.block_hash == head.hash:
            return known
        self._believe(head)
        snapshot = agreed or self.contract.snapshot_at(head)
        try:
            view = snapshot.view(self.member)
        except ChainError as e:
            if self._has_no_code(snapshot):
                raise ChainError(
                    f"the contract isn't on this chain any more: block {head.number} has no code at its address",
                    expected="the chain that it was deployed on",
                    fix="wait until that is back; where the chain was begun anew, deploy again",
                ) from e
            raise
        try:
            check_view(view)
        except ChainError:
            distrust(self.contract.web3)
            raise
        return view

    def rounds(self, first: int, count: int, view: View) -> tuple[RoundRecord, ...]:
        head = Head(view.block_number, view.block_hash, view.at)
        return self.contract.snapshot_at(head, view.at).rounds(first, count)

    def next_proposer(self, view: View) -> str:
        head = Head(view.block_number, view.block_hash, view.at)
        following = self.contract.snapshot_at(head, view.deadline + 1).rounds(view.round + 1, 1)
        return following[0].proposer if following else ""

    def compare_heads(self) -> Heads | None:
        return compare_heads(self.contract.web3)

    def switch_endpoint(self) -> bool:
        return switch_endpoint(self.contract.web3)

    def submit(self, work: Work) -> None:
        assert self._submitter is not None
        if self._sending is not None and self._work is not None:
            self._dropped.append((self._work, self._sending))
        self._work, self._sending = work, self._submitter.submit(work)
        assert self._sending is not None, "there is something to send"

    def poll(self) -> Receipt | None:
        assert self._sending is not None
        try:
            receipt = self._sending.poll()
        except BaseException:
            self._sending = None
            raise
        if receipt is not None:
            self._sending = None
            if receipt.outcome is Outcome.SENT:
                self._own, self._below = receipt, []
        return receipt

    def settle(self) -> Sequence[tuple[Work, Receipt]]:
        dropped = [(work, sending.fetch_receipt()) for work, sending in self._dropped]
        self._dropped.clear()
        return [(work, receipt) for work, receipt in dropped if receipt is not None]

    @property
    def pause(self) -> float:
        return math.inf if self._sending is None else self._sending.pause

    def _believe(self, head: Head) -> None:
        """Raise ChainError while the endpoint seems to lag: it shows less than this node has had mined.

        Where that goes on, and the transaction isn't there either, the chain itself has gone back: what is remembered
        of it is void, and the state decides.
        """
        if self._own is None or head.number >= self._own.block:
            self._below = []
            return
        now = self._now()
        self._below.append(now)
        patience = _LONGEST_LAG_S if self._is_there(self._own) else _LAG_S
        if len(self._below) > 1 and now - self._below[0] >= patience:
            self._own, self._below = None, []
            return
        raise ChainError(f"the endpoint shows block {head.number}, this node's transaction is in {self._own.block}")

    def _has_no_code(self, snapshot: Snapshot | AgreedSnapshot) -> bool:
        try:
            return not self.contract.web3.eth.get_code(self.contract.address, snapshot.pin)
        except FAILURES:  # it can't be known
            return False

    def _is_there(self, receipt: Receipt) -> bool:
        try:
            self.contract.web3.eth.get_transaction_receipt(receipt.transaction)  # type: ignore[arg-type]
        except FAILURES:  # also: no such transaction
            return False
        return True
