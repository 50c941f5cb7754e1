"""What members agreed on besides weights, read from the chain as of a view."""

from __future__ import annotations

from colearn_ledger.chain.contract import CollectiveContract, Head
from colearn_ledger.chain.snapshot import Snapshot
from colearn_ledger.core.protocol import MotionKind, View
from colearn_ledger.history.accepted import mean_scores
from colearn_ledger.history.read import read_history
from colearn_ledger.plan.successor import Successor

__all__ = ["ChainAgreements"]


class ChainAgreements:
    """Agreements on a chain; ``deployed_block``: no event is looked for before it."""

    def __init__(self, contract: CollectiveContract, deployed_block: int) -> None:
        self._contract, self._deployed_block = contract, deployed_block

    def plan(self, view: View) -> bytes:
        return self._at(view).agreement(MotionKind.SET_PLAN)

    def successor(self, view: View) -> Successor | None:
        return Successor.of(self._at(view).agreement(MotionKind.SET_SUCCESSOR))

    def published_mean(self, view: View) -> float | None:
        number = view.accepted_round
        if number == 0:
            return None
        history = read_history(self._at(view), first=number, last=number, deployed_block=self._deployed_block)
        means = mean_scores(history.rounds[0])
        return None if means is None else means[1]

    def _at(self, view: View) -> Snapshot:
        return self._contract.snapshot_at(Head(view.block_number, view.block_hash, view.at), view.at)
