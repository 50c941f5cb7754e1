"""A proposer and a voter in processes of their own, so that the memory of each is its own.

Each is what a node's worker process has: a learner that costs nothing, a store, and what lies between.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from colearn_ledger.core.asking import ask_accept
from colearn_ledger.core.blocks import Buffer
from colearn_ledger.core.decide import Action, Adopt, Judge, Propose
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.lineage import check_parts
from colearn_ledger.core.protocol import Proposal, WeightsRef
from colearn_ledger.core.weights import check_head, encoded, laid_out, parts_of_data
from colearn_ledger.member.mapped import decoded, spooled
from colearn_ledger.member.prepare import Preparer
from colearn_ledger.member.pulling import pull
from colearn_ledger.member.work import Adopted, Trained, Verdict
from colearn_ledger.stores.base import Store
from colearn_ledger.stores.spec import StoreSpec

from .free_learner import FreeLearner
from .peak import Cost, cost_of

__all__ = ["COPIES", "Side", "adopt", "judge", "propose", "sides"]

COPIES = 1  # sets of weights beside the model that are the learner's own
_MOST = 1 << 36  # bytes of weights


class _FreshLearner(FreeLearner):
    """All of its weights are other ones each round, so that no block of them lies anywhere already.

    What it adopts it copies into its model, as frameworks do, and what it shows are the model's own arrays. So beside
    that there is one set of weights, the one that it has made or was given.
    """

    def __init__(self, index: int, size: int) -> None:
        super().__init__(index, 0, "")
        self._w = np.random.default_rng(1).standard_normal(size // 4, dtype=np.float32)

    def mli_propose_weights(self) -> Weights:
        return Weights(self._w + np.float32(self._round / 8))

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        assert np.isfinite(weights.weights.max())  # it looks at all of them, as a test does
        return super().mli_test_weights(weights)

    def mli_accept_weights(self, weights: Weights) -> None:
        np.copyto(self._w, weights.weights)

    def mli_get_current_weights(self) -> Weights:
        return Weights(self._w)


class Side:
    """One of them: does what it is told, and says what that took."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put_first(self) -> WeightsRef:
        """Its learner's weights, as the first ones."""
        return self._asked(None)[0]  # type: ignore[no-any-return]

    def do(self, action: Action) -> tuple[Any, Cost]:
        """The work without the weights that it is about, and its cost: all that a member does for it."""
        return self._asked(action)  # type: ignore[no-any-return]

    def publish(self, number: int) -> tuple[WeightsRef, Cost]:
        """Into its store, from what its learner has proposed on."""
        return self._asked(("publish", number))  # type: ignore[no-any-return]

    def verify(self, ref: WeightsRef) -> Cost:
        """Out of its store, with all that is looked at before the learner is asked."""
        return self._asked(("verify", ref))[1]  # type: ignore[no-any-return]

    def adopt(self) -> Cost:
        """What was verified last into its learner."""
        return self._asked(("adopt", None))[1]  # type: ignore[no-any-return]

    def discard(self, ref: WeightsRef) -> None:
        """Have its store keep them no longer."""
        self._asked(("discard", ref))

    def _asked(self, what: Action | tuple[str, Any] | None) -> Any:
        self._connection.send(what)
        answer = self._connection.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextlib.contextmanager
def sides(size: int, stores: list[StoreSpec]) -> Iterator[list[Side]]:
    """One for each store, with weights of ``size`` bytes."""
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as ends:
        found = []
        for i, store in enumerate(stores):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, i, size, store), daemon=True)
            process.start()
            theirs.close()
            ends.callback(process.join)
            ends.callback(ours.close)  # and with that the process ends
            found.append(Side(ours))
        yield found


def adopt(side: Side, number: int, ref: WeightsRef) -> Cost:
    work, cost = side.do(Adopt(number, ref))
    assert isinstance(work, Adopted), work
    return cost


def propose(side: Side, number: int, parent: WeightsRef) -> tuple[WeightsRef, Cost]:
    work, cost = side.do(Propose(number, parent.sha256))
    assert isinstance(work, Trained), work
    return work.weights, cost


def judge(side: Side, number: int, ref: WeightsRef) -> Cost:
    proposal = Proposal(bytes(32), ref, 1, approvals=0, rejections=0, hidden=0, need=1)
    work, cost = side.do(Judge(number, proposal, secret=False))
    assert isinstance(work, Verdict) and work.approve, work
    return cost


def _serve(connection: Connection, index: int, size: int, spec: StoreSpec) -> None:
    member = _Member(_FreshLearner(index, size), spec.open())
    with contextlib.suppress(EOFError):
        while True:
            what = connection.recv()
            try:
                answer = member.answer(what)
            except Exception as e:
                answer = e
            connection.send(answer)


class _Member:
    """What a side is in its process."""

    def __init__(self, learner: FreeLearner, store: Store) -> None:
        self._learner, self._store = learner, store
        self._preparer = Preparer(learner, store, max_size=_MOST)
        self._schema = self._preparer.schema
        self._parent: Buffer = b""
        self._verified: Buffer = b""

    def answer(self, what: Any) -> Any:
        """To what its :class:`Side` asks."""
        if what is None:
            return self._store.put(spooled(encoded(self._learner.mli_get_current_weights().weights))), None
        if not isinstance(what, tuple):
            work, cost = cost_of(lambda: self._preparer.prepare(what))
            return _light(work), cost
        name, about = what
        if name == "publish":
            self._learner.mli_begin_round(about)
            tree = self._learner.mli_propose_weights().weights
            return cost_of(lambda: self._store.put(spooled(encoded(tree, self._schema))))
        if name == "discard":
            return cost_of(lambda: self._store.discard(about))
        return cost_of(partial(self._verify, about) if name == "verify" else self._adopt)

    def _verify(self, ref: WeightsRef) -> None:
        check = partial(check_head, size=ref.size, schema=self._schema)
        self._verified = pull(self._store, ref, check_head=check)
        parts = laid_out(self._verified, self._schema)[1]
        if self._parent:
            check_parts(self._schema, parts, parts_of_data(self._parent))

    def _adopt(self) -> None:
        ask_accept(self._learner, Weights(decoded(self._verified, self._schema, verified=True)), schema=self._schema)
        self._parent = self._verified


def _light(work: Any) -> Any:
    """Without the weights."""
    if isinstance(work, Trained):
        work = Trained(work.round, work.parent, work.weights, work.note, None)
    elif isinstance(work, Verdict):
        work = Verdict(work.action, work.approve, None, work.reason)
    return work
