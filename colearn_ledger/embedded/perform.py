"""Performing what :func:`~colearn_ledger.core.decide.decide` decided, for one member in one process.

Every action has two halves. :meth:`~.prepare.Preparer.prepare` does the long work (train, pull, test) and touches no
chain, so it may run anywhere and be dropped when it is stale. :meth:`~.submit.Submitter.submit` sends what came out.
"""

from __future__ import annotations

from ..chain.transactions import Receipt, Sender
from ..core.decide import Me
from ..core.learner import Learner
from ..core.schema import Schema
from ..member.prepare import Preparer
from ..member.submit import Submitter, sent
from ..member.verified import Verified
from ..member.work import Adopted, Declined, Nothing, Trained, Verdict, Work
from ..stores.base import Store

__all__ = ["Adopted", "Declined", "Nothing", "Performer", "Trained", "Verdict", "Work", "sent"]


class Performer(Preparer):
    """One member's hands: a learner, a store, and a sender of its transactions.

    Parameters
    ----------
    learner, store, max_size, name, schema, verified: as :class:`~.prepare.Preparer` takes them.
    sender: the member's account on the contract.
    """

    def __init__(
        self,
        learner: Learner,
        store: Store,
        sender: Sender,
        *,
        max_size: int,
        name: str = "",
        schema: Schema | None = None,
        verified: Verified | None = None,
    ) -> None:
        super().__init__(learner, store, max_size=max_size, name=name, schema=schema, verified=verified)
        self.sender = sender
        self._submitter = Submitter(sender)

    @property
    def me(self) -> Me:
        """What the member knows of itself."""
        return Me(self.sender.account.address, self.adopted)

    def submit(self, work: Work) -> Receipt | None:
        """Send what came out of the work; None when there is nothing to send."""
        return self._submitter.submit(work)
