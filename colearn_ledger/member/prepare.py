"""The long half of what a member does: train, pull, test. It touches no chain, so it may run in any process.

Nothing here loads web3: a node's worker process stays small.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import partial

from ..core.asking import ask_accept, ask_current, ask_judge, ask_proposal, ask_test, why_declined
from ..core.blocks import Buffer
from ..core.claims import RejectedMerge
from ..core.decide import Action, Adopt, Contribute, Judge, Merge, Propose, Republish, Wait
from ..core.held import Held
from ..core.learner import Checkpoint, Learner, Pause, ProposedWeights, Weights
from ..core.merge.claim import claim_digest, seats_mask
from ..core.merge.contributions import Basis
from ..core.merge.rules import Rule
from ..core.protocol import Claim, WeightsRef
from ..core.roles import roles_of
from ..core.schema import Schema
from ..core.weights import check_head, encoded, weights_ref
from ..errors import InvalidWeights, UnavailableWeights, UntestableWeights
from ..stores.base import Store
from .checkpoints import Checkpoints, TrainingId
from .keeping import tidy
from .mapped import decoded, spooled
from .merging import MergedBytes, merge_contributed
from .notes import note_of
from .pulling import pull
from .recomputing import Recomputed, recompute
from .verified import Verified
from .work import Adopted, Contributed, Declined, Merged, Nothing, Published, Trained, Verdict, Work

__all__ = ["Preparer"]


_AT_HAND_S = 5.0  # for its own proposal, which others may have: else it is trained again


class Preparer:
    """A learner and the store that its weights go to.

    Parameters
    ----------
    learner: any object with the four methods.
    store: where weights are put and pulled.
    max_size: the deployment's cap on the size of weights, in bytes.
    name: what to call the learner in messages.
    schema: what the collective's weights look like; as the learner's own if not given.
    verified: where verified weights are kept until they are adopted; members in one process may share one.
    keep_contributions: in joint rounds, for as long as :meth:`tidy` isn't told that they may go.
    checkpoints: of trainings that run for long; None: there are none.

    Raises InvalidWeights when the learner's own current weights can't be encoded, or don't fit the schema.
    """

    def __init__(
        self,
        learner: Learner,
        store: Store,
        *,
        max_size: int,
        name: str = "",
        schema: Schema | None = None,
        verified: Verified | None = None,
        keep_contributions: bool = True,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.learner = learner
        self.store = store
        self.max_size = max_size
        self.name = name
        self._keep_contributions = keep_contributions
        self._checkpoints = checkpoints
        own = ask_current(learner, name).weights
        self.schema = schema or Schema.of(own, roles_of(learner))
        for _ in encoded(self.schema.fit(own), self.schema):
            pass  # looked at alone
        self._adopted_ref: WeightsRef | None = None
        self._held = Held(self.schema)
        self._unpublished: tuple[tuple[int, bytes], bytes, Buffer] | None = None  # of a turn: its note, and the bytes
        self._contributed: Contributed | None = None  # last
        self._verified = Verified() if verified is None else verified
        self.published: WeightsRef | None = None  # its own proposal that the store had when it was looked at last
        self.contributed: WeightsRef | None = None  # its own contribution, likewise

    @property
    def adopted(self) -> bytes | None:
        """sha256 of the accepted weights that the learner holds; None before the first."""
        return None if self._adopted_ref is None else self._adopted_ref.sha256

    def prepare(self, action: Action, *, deadline_s: float | None = None, pause: Pause | None = None) -> Work:
        """Do the long part of ``action``. ``deadline_s``: seconds that pulling weights may take.

        ``pause``: called between two steps of a training, if the learner does that; there this may be called again to
        judge other weights. It returns False to end the training.

        Raises InvalidWeights where accepted weights don't fit this learner, or its own proposal can't be published;
        TrainingStopped where ``pause`` ended it.
        """
        if isinstance(action, Adopt):
            return self._adopt(action, deadline_s)
        if isinstance(action, Propose):
            return self._train(action, pause)
        if isinstance(action, Republish):
            return self._republish(action, deadline_s, pause)
        if isinstance(action, Contribute):
            return self._contribute(action, pause)
        if isinstance(action, Merge):
            return self._merge(action, deadline_s)
        if isinstance(action, Judge):
            return self._judge(action, deadline_s)
        if isinstance(action, Wait):
            return Nothing(action.why)
        return action

    def test(self, data: Buffer) -> ProposedWeights:
        """Have the learner test weights that were verified, or that it made: canonical bytes of the schema."""
        return ask_test(self.learner, Weights(decoded(data, self.schema, verified=True)), self.name, held=self._held)

    def test_current(self) -> ProposedWeights:
        """Have the learner test its own current weights: can it test at all?"""
        own = self.schema.fit(ask_current(self.learner, self.name).weights)
        return self.test(self._spooled(encoded(own, self.schema)))

    def _spooled(self, pieces: Iterable[Buffer]) -> Buffer:
        return spooled(pieces, self._verified.folder)

    def tidy(
        self,
        needed: Sequence[WeightsRef] | None,
        archive: Sequence[WeightsRef] = (),
        wanted: Sequence[WeightsRef] = (),
        archive_only: Sequence[WeightsRef] | None = None,
        forgotten: Sequence[tuple[int, int]] = (),
    ) -> Nothing | None:
        """See to it that the store keeps what this member needs: :func:`.keeping.tidy`.

        The adopted weights are put back where the store has lost them, which is then told.
        """
        adopted = None if self._adopted_ref is None else (self._adopted_ref, self._held.data)
        keep = None if needed is None else [*needed, *(ref for ref in (self._verified.ref,) if ref is not None)]
        lost = tidy(self.store, adopted, keep, archive, wanted, archive_only, forgotten)
        return Nothing("the store had lost the accepted weights, and they were put back") if lost else None

    def _adopt(self, action: Adopt, deadline_s: float | None) -> Work:
        ref = action.weights
        held = Held(self.schema, self._verified.take(ref), self._held.exact)
        if held.data is not None:
            tree = decoded(held.data, self.schema, verified=True)
        else:
            self.schema.check_size(ref.size)
            try:
                data = self._pull(ref, deadline_s)
            except UnavailableWeights as e:
                return Nothing(f"the accepted weights can't be had yet: {e.what}")
            tree = decoded(data, self.schema)
            self._verified.keep(ref, data)
            held.data = self._verified.take(ref) or data  # a proposal is compared with its parent, disk or none
            del data  # it may be large
        self._held = Held(self.schema)  # what it holds isn't known while it adopts
        ask_accept(self.learner, Weights(tree), self.name, schema=self.schema)
        self._held, self._adopted_ref = held, ref
        if self._checkpoints is not None:
            self._checkpoints.adopted(ref.sha256)
        return Adopted(ref)

    def _pull(self, ref: WeightsRef, deadline_s: float | None) -> Buffer:
        """Weights out of the store; their header is looked at before the rest is fetched."""
        check = partial(check_head, size=ref.size, schema=self.schema)
        return pull(self.store, ref, deadline_s=deadline_s, check_head=check, folder=self._verified.folder)

    def _train(self, action: Propose, pause: Pause | None) -> Trained | Declined:
        made = self._make(action.round, action.parent, pause)
        if isinstance(made, Declined):
            return made
        note, data = made
        del made
        # Published before the transaction names it, so that nobody looks for what isn't there. While the store is away
        # that fails, and is tried again without another training, which may have its price in time and privacy.
        ref = self.published = self.store.put(data)
        self._unpublished = None
        self._verified.keep(ref, data)
        weights = Weights(decoded(data, self.schema, verified=True))
        del data  # where it is in memory it isn't held any longer
        return Trained(action.round, action.parent, ref, note, self._own_test(weights))

    def _own_test(self, weights: Weights) -> ProposedWeights | None:
        """What the learner makes of what it proposes itself; None where it can't be tested."""
        try:
            return ask_judge(self.learner, weights, self.name, held=self._held, its_own=True)
        except UntestableWeights:
            return None  # told already; what the others make of it is theirs

    def _make(
        self, round: int, parent: bytes, pause: Pause | None, basis: Basis | None = None
    ) -> tuple[bytes, Buffer] | Declined:
        """Train, unless that was done in this turn already: the note, and the bytes. ``basis``: to be merged."""
        turn = (round, parent)
        if self._unpublished is None or self._unpublished[0] != turn:
            self._unpublished = None
            # What the others must refuse is refused here, before it is published.
            proposed, data = ask_proposal(
                self.learner,
                round,
                self.schema,
                self.name,
                max_size=self.max_size,
                held=self._held,
                basis=basis,
                pause=pause,
                write=self._spooled,
                checkpoint=self._checkpoint(TrainingId(round, parent, basis is not None)),
            )
            declined = why_declined(proposed, data, self._held)
            if declined:
                return Declined(round, declined)
            self._unpublished = turn, note_of(proposed), data
            del proposed
        return self._unpublished[1:]

    def _checkpoint(self, training: TrainingId) -> Checkpoint | None:
        return None if self._checkpoints is None else self._checkpoints.of(training)

    def _contribute(self, action: Contribute, pause: Pause | None) -> Contributed | Declined:
        last = self._contributed  # after a lost transaction or a re-org it is contributed again, without a training
        if last is not None and (last.training, last.parent) == (action.training, action.parent):  # noqa: SIM102
            if self.store.has(last.weights):
                self.contributed = last.weights
                return last
        made = self._make(action.training, action.parent, pause, self._basis())
        if isinstance(made, Declined):
            return made
        note, data = made
        ref = self.contributed = self.store.put(data)  # before it is named, as in solo rounds
        if self._keep_contributions:
            self.store.keep_contribution(ref, action.training)
        self._unpublished = None
        self._contributed = Contributed(action.training, action.parent, ref, note)
        return self._contributed

    def _merge(self, action: Merge, deadline_s: float | None) -> Merged | Nothing:
        try:
            found = self._merged(action, self._basis(), deadline_s, anew=True)
        except UnavailableWeights as e:
            return Nothing(e.what)
        why = tuple(f"seat {seat}: {reason}" for seat, reason in sorted(found.why.items()))
        if found.data is None or found.weights is None:
            return Nothing(f"no contribution can be merged: {'; '.join(why)}")
        ref = self.published = self.store.put(found.data)
        self._verified.keep(ref, found.data)
        claim = Claim(seats_mask(seat for seat, _ in found.merged), action.rule, claim_digest(found.merged))
        left_out = tuple((seat, int(reason)) for seat, reason in sorted(found.left_out.items()))
        again = RejectedMerge(ref, claim.digest) in action.rejected
        own_test = None if again else self._own_test(Weights(decoded(found.data, self.schema, verified=True)))
        return Merged(action.round, action.parent, ref, claim, left_out, why, own_test, again)

    def _merged(self, action: Merge, basis: Basis, deadline_s: float | None, *, anew: bool = False) -> MergedBytes:
        return merge_contributed(
            self.store,
            basis,
            Rule(action.rule),
            [(one.seat, one.weights) for one in action.contributions],
            parent_size=self._parent_size,
            parent=action.parent if anew else None,
            before=action.before,
            deadline_s=deadline_s,
        )

    @property
    def _parent_size(self) -> int:
        assert self._adopted_ref is not None, "it has adopted their parent"
        return self._adopted_ref.size

    def _basis(self) -> Basis:
        """What contributions are counted by: the accepted weights."""
        assert self._held.data is not None, "it has adopted them"
        return Basis.of(self.schema, self._held.data)

    def _republish(self, action: Republish, deadline_s: float | None, pause: Pause | None) -> Published | Declined:
        """The bytes that were proposed, from wherever they can be had: the proposal is that, and nothing else."""
        ref = action.weights
        work = self._had_again(action, deadline_s, pause)
        if isinstance(work, Declined):
            return work
        if not action.contribution:
            self.published = ref
            return work
        self.contributed = ref
        if self._keep_contributions:
            self.store.keep_contribution(ref, action.round)
        return work

    def _had_again(self, action: Republish, deadline_s: float | None, pause: Pause | None) -> Published | Declined:
        ref = action.weights
        if ref.cid in self.store.kept() and self.store.has(ref):
            return Published(ref)
        kept = self._verified.take(ref)
        if kept is not None:
            self.store.put(kept)
            return Published(ref, "the bytes were still there")
        try:
            self._pull(ref, _AT_HAND_S if deadline_s is None else min(deadline_s, _AT_HAND_S))
            return Published(ref, "another member had it")
        except UnavailableWeights:
            pass
        except InvalidWeights as e:
            return Declined(action.round, e.what)
        if action.merge is not None:
            try:
                found = self._merged(action.merge, self._basis(), deadline_s)
            except UnavailableWeights as e:
                return Declined(action.round, f"no store has it, and {e.what}")
            if found.data is None or found.weights != ref:
                return Declined(action.round, "no store has it, and merging again gives other weights")
            self.store.put(found.data)
            self._verified.keep(ref, found.data)
            return Published(ref, "it was merged again, to the same bytes")
        if not getattr(self.learner, "reproducible", True):  # another training would have its price, and be another one
            return Declined(action.round, "no store has it, and by its own word the learner isn't reproducible")
        made = self._make(action.round, action.parent, pause, self._basis() if action.contribution else None)
        if isinstance(made, Declined):
            return Declined(action.round, f"no store has it, and {made.reason}")
        data = made[1]
        if weights_ref(data) != ref:
            self._unpublished = None
            return Declined(action.round, "no store has it, and training again gives other weights")
        self.store.put(data)
        self._unpublished = None
        self._verified.keep(ref, data)
        return Published(ref, "it was trained again, to the same bytes")

    def _judge(self, action: Judge, deadline_s: float | None) -> Work:
        if self._checkpoints is not None:
            self._checkpoints.votes_in(action.round)
        if action.unread:
            return Verdict(action, approve=False, test=None, reason=action.unread)
        ref, start, recomputed = action.proposal.weights, time.monotonic(), Recomputed()
        try:
            # Before anything of it is fetched. What it was trained from bounds what the schema doesn't.
            self.schema.check_size(ref.size, None if self._adopted_ref is None else self._adopted_ref.size)
            # From the store, also if they were verified before: what a member votes for it pins.
            data = self._pull(ref, deadline_s)
            weights = Weights(decoded(data, self.schema))
            self._verified.keep(ref, data)
            if action.merge is not None:
                # Half of the time: what can't be had by then must not cost the vote.
                left_s = None if deadline_s is None else max(deadline_s / 2 - (time.monotonic() - start), 0.0)
                recomputed = recompute(
                    self.store, self._basis(), action, parent_size=self._parent_size, deadline_s=left_s
                )
                if recomputed.false:
                    return Verdict(action, approve=False, test=None, reason=recomputed.false)
            # It may know more than the schema says.
            test = ask_judge(self.learner, weights, self.name, held=self._held, data=data)
        except UnavailableWeights as e:  # says nothing about the weights: no vote comes of it
            return Nothing(f"the proposed weights can't be had yet: {e.what}")
        except InvalidWeights as e:
            return Verdict(action, approve=False, test=None, reason=e.what)
        reason, unknown = "tested on own data", recomputed.unknown
        return Verdict(action, approve=bool(test.vote), test=test, reason=reason, unknown=unknown)
