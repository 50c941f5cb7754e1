"""All that a node knows of its collective: a few calls. A chain is one way to answer them."""

from __future__ import annotations

from typing import Protocol

from colearn_ledger.chain.contract import CollectiveContract, Head
from colearn_ledger.chain.endpoints import Heads, compare_heads, switch_endpoint
from colearn_ledger.chain.transactions import Outcome, Receipt
from colearn_ledger.core.protocol import RoundRecord, View
from colearn_ledger.errors import ChainError
from colearn_ledger.member.submit import Submitter
from colearn_ledger.member.work import Work

__all__ = ["ChainLedger", "Ledger"]


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

    def compare_heads(self) -> Heads | None:
        """Where the endpoint that is looked through stands beside the others; None where there is no other."""

    def switch_endpoint(self) -> bool:
        """Look through the one that is furthest from now on. False: none is."""

    def submit(self, work: Work) -> Receipt:
        """Send what came out of the work, and wait until it counts. Raises ContractError where it is refused."""


class ChainLedger:
    """A contract, seen through one endpoint at a time.

    Parameters
    ----------
    contract: the collective.
    member: the address whose view is read.
    submitter: sends; None sends nothing.
    """

    def __init__(self, contract: CollectiveContract, member: str, submitter: Submitter | None) -> None:
        self.contract, self.member = contract, member
        self._submitter = submitter
        self._own_block = 0  # of this node's last transaction

    @property
    def sends(self) -> bool:
        return self._submitter is not None

    def view(self, known: View | None = None) -> View:
        head = self.contract.fetch_head()
        if known is not None and known.block_hash == head.hash:
            return known
        if head.number < self._own_block:
            raise ChainError(f"the endpoint shows block {head.number}, this node's transaction is in {self._own_block}")
        return self.contract.snapshot_at(head).view(self.member)

    def rounds(self, first: int, count: int, view: View) -> tuple[RoundRecord, ...]:
        head = Head(view.block_number, view.block_hash, view.at)
        return self.contract.snapshot_at(head, view.at).rounds(first, count)

    def compare_heads(self) -> Heads | None:
        return compare_heads(self.contract.web3)

    def switch_endpoint(self) -> bool:
        return switch_endpoint(self.contract.web3)

    def submit(self, work: Work) -> Receipt:
        assert self._submitter is not None
        receipt = self._submitter.submit(work)
        assert receipt is not None, "there is something to send"
        if receipt.outcome is Outcome.SENT:
            self._own_block = max(self._own_block, receipt.block)
        return receipt
