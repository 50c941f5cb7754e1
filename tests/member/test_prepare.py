"""The long half of a member's work, against a store that counts what it is asked for."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from colearn_ledger.core.claims import RejectedMerge
from colearn_ledger.core.decide import Adopt, Contribute, Judge, Merge, Propose, Republish
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.merge.claim import LeftOut, claim_digest
from colearn_ledger.core.merge.contributions import Basis
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import Claim, Contribution, WeightsRef
from colearn_ledger.core.summaries import DiffPrivBudget, TrainingSummary
from colearn_ledger.core.weights import decode, encode, weights_ref
from colearn_ledger.errors import InvalidWeights, StoreError, UnavailableWeights
from colearn_ledger.member.prepare import Preparer
from colearn_ledger.member.verified import Verified
from colearn_ledger.member.work import Adopted, Contributed, Declined, Merged, Nothing, Published, Trained, Verdict
from colearn_ledger.stores.base import ANYBODY
from colearn_ledger.stores.local import LocalStore

from ..kit.builders import proposal
from ..kit.learners import LinearLearner


class CountingStore(LocalStore):
    """A folder that counts, and that can be cut off."""

    def __init__(self, folder: Path, owner: str = ANYBODY) -> None:
        super().__init__(folder, owner=owner)
        self.fetched: list[WeightsRef] = []
        self.reachable = True
        self.stuck = ""
        self.away = 0  # how often it can't be published to from now on

    def put(self, data: bytes | memoryview) -> WeightsRef:
        if self.away:
            self.away -= 1
            raise StoreError("the daemon is away")
        return super().put(data)

    def discard(self, ref: WeightsRef | str) -> None:
        if ref == self.stuck:
            raise StoreError("it is stuck")
        super().discard(ref)

    def get(self, ref: WeightsRef, **options: Any) -> bytes:
        self._fetch(ref)
        return super().get(ref, **options)

    def get_to(self, path: str | os.PathLike[str], ref: WeightsRef, **options: Any) -> None:
        self._fetch(ref)
        super().get_to(path, ref, **options)

    def _fetch(self, ref: WeightsRef) -> None:
        self.fetched.append(ref)
        if not self.reachable:
            raise UnavailableWeights("nobody has them")


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    return CountingStore(tmp_path)


@pytest.fixture
def genesis(store: CountingStore) -> WeightsRef:
    return store.put(encode({"w": np.zeros(4)}))


def member(store: CountingStore, genesis: WeightsRef, index: int = 0, verified: Verified | None = None) -> Preparer:
    """One that has adopted the first weights."""
    preparer = Preparer(LinearLearner(index, seed=1), store, max_size=1 << 20, verified=verified)
    assert isinstance(preparer.prepare(Adopt(0, genesis)), Adopted)
    store.fetched.clear()
    return preparer


def judge(ref: WeightsRef) -> Judge:
    return Judge(1, proposal(weights=ref), secret=False)


def holds(preparer: Preparer) -> WeightsRef:
    return weights_ref(encode(preparer.learner.mli_get_current_weights().weights))


@pytest.fixture
def proposed(store: CountingStore) -> WeightsRef:
    return store.put(encode({"w": np.arange(4.0)}))


def test_adopt__what_was_verified_for_the_vote__is_not_fetched_again(
    store: CountingStore, genesis: WeightsRef, proposed: WeightsRef
) -> None:
    voter = member(store, genesis)
    assert isinstance(voter.prepare(judge(proposed)), Verdict)
    assert store.fetched == [proposed]
    store.reachable = False
    assert isinstance(voter.prepare(Adopt(1, proposed)), Adopted)
    assert store.fetched == [proposed]
    assert voter.adopted == proposed.sha256 and holds(voter) == proposed


def test_adopt__own_proposal__is_not_fetched(store: CountingStore, genesis: WeightsRef) -> None:
    proposer = member(store, genesis)
    trained = proposer.prepare(Propose(1, genesis.sha256))
    assert isinstance(trained, Trained)
    assert isinstance(proposer.prepare(Adopt(1, trained.weights)), Adopted)
    assert store.fetched == [] and holds(proposer) == trained.weights


def test_adopt__learner_wrote_into_what_it_tested__adopts_what_was_verified(
    store: CountingStore, genesis: WeightsRef, proposed: WeightsRef
) -> None:
    voter = member(store, genesis)
    verdict = voter.prepare(judge(proposed))
    assert isinstance(verdict, Verdict) and verdict.test is not None
    verdict.test.weights.weights["w"][:] = 9.0
    voter.prepare(Adopt(1, proposed))
    assert holds(voter) == proposed


def test_adopt__others_than_were_verified_last__are_fetched(
    store: CountingStore, genesis: WeightsRef, proposed: WeightsRef
) -> None:
    voter = member(store, genesis)
    later = store.put(encode({"w": np.arange(4.0) + 1}))
    voter.prepare(judge(proposed))
    voter.prepare(judge(later))
    assert isinstance(voter.prepare(Adopt(1, proposed)), Adopted)
    assert store.fetched == [proposed, later, proposed] and holds(voter) == proposed


class Tidying:
    """A member with a store of its own at a place where others keep the same."""

    def __init__(self, folder: Path) -> None:
        self.store = CountingStore(folder, owner="me")
        self.others = LocalStore(folder, owner="others")
        self.genesis = self.others.put(encode({"w": np.zeros(4)}))
        self.preparer = member(self.store, self.genesis)

    def judged(self, *values: float) -> list[WeightsRef]:
        """Proposals of others, judged one after the other."""
        refs = [self.others.put(encode({"w": np.full(4, float(value))})) for value in values]
        for ref in refs:
            assert isinstance(self.preparer.prepare(judge(ref)), Verdict)
        return refs


@pytest.fixture
def tidying(tmp_path: Path) -> Tidying:
    return Tidying(tmp_path / "tidying")


def test_tidy__what_is_needed_adopted_or_verified_last__stays_and_all_else_goes(tidying: Tidying) -> None:
    needed, old, older, last = tidying.judged(1, 2, 3, 4)
    tidying.preparer.tidy([needed])
    assert tidying.store.kept() == {tidying.genesis.cid, needed.cid, last.cid}
    assert tidying.others.kept() == {one.cid for one in (tidying.genesis, needed, old, older, last)}


def test_tidy__needed_by_another_ref_of_the_same_cid__stays(tidying: Tidying) -> None:
    needed, _ = tidying.judged(1, 2)
    tidying.preparer.tidy([replace(needed, sha256=bytes(32), size=needed.size + 1)])
    assert needed.cid in tidying.store.kept()


def test_tidy__members_may_go_back__those_weights_are_kept_and_pulled(tidying: Tidying) -> None:
    kept, _ = tidying.judged(1, 2)
    elsewhere = tidying.others.put(encode({"w": np.full(4, 5.0)}))
    gone = replace(kept, sha256=bytes(32), cid_digest=bytes(32))
    tidying.preparer.tidy([], wanted=[kept, elsewhere])
    assert {kept.cid, elsewhere.cid} <= tidying.store.kept()
    fetched = list(tidying.store.fetched)
    tidying.preparer.tidy([], wanted=[kept, elsewhere])
    assert tidying.store.fetched == fetched  # they are there
    with pytest.raises(UnavailableWeights):  # which is told; the others stay
        tidying.preparer.tidy([], wanted=[gone, kept, elsewhere])
    assert {kept.cid, elsewhere.cid} <= tidying.store.kept()
    tidying.preparer.tidy([])
    assert elsewhere.cid not in tidying.store.kept()


def test_train__nothing_changed__declines(tidying: Tidying) -> None:
    class Still(LinearLearner):
        def mli_propose_weights(self) -> Weights:
            return self.mli_get_current_weights()

    own = Preparer(Still(1, seed=1), tidying.store, max_size=1 << 20)
    own.prepare(Adopt(0, tidying.genesis))
    work = own.prepare(Propose(1, tidying.genesis.sha256))
    assert isinstance(work, Declined) and "came to nothing" in work.reason


class Republishing:
    """A member that has proposed in rounds 1 and 2, and whose store and everybody's have lost the first."""

    def __init__(self, folder: Path, learner: LinearLearner) -> None:
        self.store = CountingStore(folder, owner="me")
        self.genesis = self.store.put(encode({"w": np.zeros(4)}))
        self.learner = learner
        self.trained = 0
        propose = learner.mli_propose_weights

        def counted() -> Weights:
            self.trained += 1
            return propose()

        learner.mli_propose_weights = counted  # type: ignore[method-assign]
        self.preparer = Preparer(learner, self.store, max_size=1 << 20)
        self.preparer.prepare(Adopt(0, self.genesis))
        self.first, self.second = (self.propose(number) for number in (1, 2))
        self.store.discard(self.first)
        assert not self.store.has(self.first)
        self.trained = 0

    def propose(self, number: int) -> WeightsRef:
        work = self.preparer.prepare(Propose(number, self.genesis.sha256))
        assert isinstance(work, Trained)
        return work.weights

    def republish(self, number: int, weights: WeightsRef) -> Published | Declined:
        work = self.preparer.prepare(Republish(number, self.genesis.sha256, weights), deadline_s=1.0)
        assert isinstance(work, Published | Declined)
        return work


def test_republish__still_there_or_verified_last_or_at_another_member__is_not_trained_again(tmp_path: Path) -> None:
    made = Republishing(tmp_path, LinearLearner(0, seed=1))
    assert made.republish(2, made.second) == Published(made.second)
    made.store.discard(made.second)
    again = made.republish(2, made.second)
    assert isinstance(again, Published) and again.how and made.store.has(made.second)
    foreign = LocalStore(tmp_path, owner="another").put(encode({"w": np.full(4, 7.0)}))
    assert isinstance(made.republish(3, foreign), Published)
    assert foreign.cid in made.store.kept() and made.trained == 0


def test_republish__nobody_has_it__is_trained_again_to_the_same_bytes(tmp_path: Path) -> None:
    made = Republishing(tmp_path, LinearLearner(0, seed=1))
    made.store.away = 1
    with pytest.raises(StoreError):
        made.republish(1, made.first)
    again = made.republish(1, made.first)
    assert isinstance(again, Published) and "trained again" in again.how and made.preparer.published == made.first
    assert made.first.cid in made.store.kept() and made.trained == 1, "also when the store is away meanwhile"


class Forgetful(LinearLearner):
    """One whose training depends on what it did before."""

    def mli_propose_weights(self) -> Weights:
        self._seed += 1
        return super().mli_propose_weights()


class Noisy(LinearLearner):
    """One that says that its training depends on more."""

    reproducible = False


def test_republish__training_gives_other_weights__is_declined_and_nothing_published(tmp_path: Path) -> None:
    made = Republishing(tmp_path, Forgetful(0, seed=1))
    kept = made.store.kept()
    declined = made.republish(1, made.first)
    assert isinstance(declined, Declined) and "other weights" in declined.reason and made.trained == 1
    assert made.store.kept() == kept
    assert made.propose(3), "and the next turn is as always"


# ------------------------------------------------------------------------------------------------ joint rounds


def contribution(store: CountingStore, genesis: WeightsRef, seat: int) -> Contribution:
    """Of another member."""
    other = member(store, genesis, seat)
    work = other.prepare(Contribute(5, genesis.sha256))
    assert isinstance(work, Contributed)
    return Contribution(seat, work.weights, late=False)


def test_contribute__asked_again__the_same_without_another_training_also_after_other_work(
    store: CountingStore, genesis: WeightsRef
) -> None:
    mine, other = member(store, genesis), contribution(store, genesis, 1)
    first = mine.prepare(Contribute(5, genesis.sha256))
    assert isinstance(first, Contributed) and (first.training, first.parent) == (5, genesis.sha256)
    assert store.has(first.weights)
    mine.prepare(judge(other.weights))
    mine.learner.mli_propose_weights = None  # type: ignore[method-assign]
    assert mine.prepare(Contribute(5, genesis.sha256)) == first


def test_contribute__the_store_has_lost_it__is_trained_again_to_the_same_bytes(
    store: CountingStore, genesis: WeightsRef
) -> None:
    mine = member(store, genesis)
    first = mine.prepare(Contribute(5, genesis.sha256))
    assert isinstance(first, Contributed)
    (store.folder / first.weights.cid).unlink()
    assert mine.prepare(Contribute(5, genesis.sha256)) == first and store.has(first.weights)


def test_contribute__the_store_is_away__is_published_later_without_another_training(
    store: CountingStore, genesis: WeightsRef
) -> None:
    mine = member(store, genesis)
    store.away = 1
    with pytest.raises(StoreError):
        mine.prepare(Contribute(5, genesis.sha256))
    mine.learner.mli_propose_weights = None  # type: ignore[method-assign]
    assert isinstance(mine.prepare(Contribute(5, genesis.sha256)), Contributed)


@pytest.mark.parametrize("keeps", [True, False])
def test_contribute__published__is_kept_by_its_training_unless_it_is_not_to_be(tidying: Tidying, keeps: bool) -> None:
    mine = Preparer(LinearLearner(2, seed=1), tidying.store, max_size=1 << 20, keep_contributions=keeps)
    mine.prepare(Adopt(0, tidying.genesis))
    work = mine.prepare(Contribute(5, tidying.genesis.sha256))
    assert isinstance(work, Contributed)
    mine.tidy([])  # it is over
    assert tidying.store.contributions() == ({(5, work.weights.cid)} if keeps else set())
    assert tidying.store.has(work.weights) is keeps


class Far(LinearLearner):
    """One whose training goes further than can be merged."""

    def mli_propose_weights(self) -> Weights:
        return Weights({"w": np.array([2.0**60, -(2.0**60), 1.0, 0.0])})


def test_contribute__training_that_went_too_far_to_be_merged__is_cut_to_what_can_be(
    store: CountingStore, genesis: WeightsRef
) -> None:
    mine = Preparer(Far(0, seed=1), store, max_size=1 << 20)
    mine.prepare(Adopt(0, genesis))
    work = mine.prepare(Contribute(5, genesis.sha256))
    assert isinstance(work, Contributed)
    basis = Basis.of(mine.schema, store.get(genesis))
    assert basis.check(0, work.weights, store.get(work.weights)).seat == 0
    assert decode(store.get(work.weights))["w"][2:].tolist() == [1.0, 0.0]


def test_merge__claims_what_it_merges_and_tells_what_it_left_out(store: CountingStore, genesis: WeightsRef) -> None:
    mine, others = member(store, genesis), [contribution(store, genesis, seat) for seat in (1, 2)]
    gone = Contribution(3, replace(genesis, sha256=b"g" * 32, cid_digest=b"g" * 32), late=False)
    offered = (*others, gone, replace(others[0], seat=4))
    work = mine.prepare(Merge(6, genesis.sha256, Rule.MEAN, offered))
    assert isinstance(work, Merged) and (work.round, work.parent) == (6, genesis.sha256)
    assert work.claim == Claim(0b110, Rule.MEAN, claim_digest([(one.seat, one.weights) for one in others]))
    assert work.left_out == ((3, LeftOut.UNAVAILABLE), (4, LeftOut.EQUAL)) and work.why[0].startswith("seat 3: ")
    trees = [decode(store.get(one.weights))["w"] for one in others]
    assert np.allclose(decode(store.get(work.weights))["w"], np.mean(trees, axis=0), atol=1e-9)
    assert work.own_test is not None and mine.published == work.weights
    assert isinstance(mine.prepare(judge(work.weights)), Verdict)


def test_merge__nothing_can_be_used__is_tried_again_and_what_cancels_the_others_is_left_out(
    store: CountingStore, genesis: WeightsRef
) -> None:
    mine = member(store, genesis)
    gone = Contribution(3, replace(genesis, sha256=b"g" * 32, cid_digest=b"g" * 32), late=False)
    assert isinstance(mine.prepare(Merge(6, genesis.sha256, Rule.MEAN, (gone,))), Nothing)
    two = (
        Contribution(seat, store.put(encode({"w": np.full(4, value)})), late=False)
        for seat, value in ((1, 2.0), (2, -2.0))
    )
    work = mine.prepare(Merge(6, genesis.sha256, Rule.MEAN, tuple(two)))
    assert isinstance(work, Merged) and work.claim.seats == 0b010 and work.left_out == ((2, LeftOut.CANCELS),)


def test_judge__what_it_claims_can_not_be__is_rejected_with_the_reason_and_nothing_fetched(
    store: CountingStore, genesis: WeightsRef
) -> None:
    verdict = member(store, genesis).prepare(replace(judge(genesis), unread="it merges what nobody contributed"))
    assert isinstance(verdict, Verdict) and not verdict.approve
    assert verdict.reason == "it merges what nobody contributed" and store.fetched == []


def test_judge__asked_to_recompute__a_lie_is_rejected_before_it_is_tested_and_what_is_unknown_is_told(
    store: CountingStore, genesis: WeightsRef
) -> None:
    mine, others = member(store, genesis), [contribution(store, genesis, seat) for seat in (1, 2)]
    action = Merge(6, genesis.sha256, Rule.MEAN, tuple(others))
    work = mine.prepare(action)
    assert isinstance(work, Merged)
    true = replace(judge(work.weights), merge=action)
    verdict = mine.prepare(true, deadline_s=5.0)
    assert isinstance(verdict, Verdict) and verdict.test is not None and not verdict.unknown
    lie = store.put(encode({"w": np.full(4, 0.5)}))
    told = mine.prepare(replace(judge(lie), merge=action), deadline_s=5.0)
    assert isinstance(told, Verdict) and not told.approve and told.test is None
    assert "it isn't the merge that it claims to be" in told.reason
    (store.folder / others[1].weights.cid).unlink()
    told = mine.prepare(true, deadline_s=5.0)
    assert isinstance(told, Verdict) and told.approve == verdict.approve and told.test is not None
    assert told.unknown == "what seat 2 contributed can't be had"


def test_judge__asked_to_recompute__pulls_for_half_of_the_time_at_most(tmp_path: Path) -> None:
    class Patient(LocalStore):
        given: ClassVar[list[float]] = []

        def get_to(self, path: Any, ref: WeightsRef, *, deadline_s: float | None = None, **options: Any) -> None:
            assert deadline_s is not None
            self.given.append(deadline_s)
            super().get_to(path, ref, deadline_s=deadline_s, **options)

    store = Patient(tmp_path)
    genesis = store.put(encode({"w": np.zeros(4)}))
    gone = Contribution(3, replace(genesis, sha256=b"g" * 32, cid_digest=b"g" * 32), late=False)
    proposed = store.put(encode({"w": np.ones(4)}))
    merge = Merge(6, genesis.sha256, Rule.MEAN, (gone,))
    voter = Preparer(LinearLearner(1, seed=1), store, max_size=1 << 20)
    voter.prepare(Adopt(0, genesis), deadline_s=8.0)
    store.given.clear()
    voter.prepare(replace(judge(proposed), merge=merge, left_out=(gone,)), deadline_s=8.0)
    assert store.given[0] == 8.0, "the proposal itself"
    assert store.given[1:] and all(0 < left <= 4.0 for left in store.given[1:])


def test_merge__what_comes_of_it_was_rejected_before__is_proposed_untested_so_that_the_next_rule_has_its_turn(
    store: CountingStore, genesis: WeightsRef
) -> None:
    mine, others = member(store, genesis), [contribution(store, genesis, seat) for seat in (1, 2)]
    action = Merge(6, genesis.sha256, Rule.MEAN, tuple(others))
    first = mine.prepare(action)
    assert isinstance(first, Merged) and not first.again and first.own_test is not None
    rejected = (RejectedMerge(first.weights, first.claim.digest),)
    again = mine.prepare(Merge(7, genesis.sha256, Rule.MEDIAN, tuple(others), rejected))
    assert isinstance(again, Merged) and again.weights == first.weights and again.claim.rule == Rule.MEDIAN
    assert again.again and again.own_test is None
    other = mine.prepare(Merge(7, genesis.sha256, Rule.MEDIAN, (others[0],), rejected))
    assert isinstance(other, Merged) and not other.again and other.own_test is not None


def test_republish__a_merge_that_nobody_has__is_merged_again_to_the_same_bytes(
    store: CountingStore, genesis: WeightsRef
) -> None:
    mine, others = member(store, genesis), [contribution(store, genesis, seat) for seat in (1, 2)]
    action = Merge(6, genesis.sha256, Rule.MEDIAN, tuple(others))
    work = mine.prepare(action)
    assert isinstance(work, Merged)
    again = member(store, genesis)  # after a restart
    store.discard(work.weights)
    again.learner.mli_propose_weights = None  # type: ignore[method-assign]
    published = again.prepare(Republish(6, genesis.sha256, work.weights, action), deadline_s=1.0)
    assert isinstance(published, Published) and "merged again" in published.how and store.has(work.weights)
    other = replace(action, rule=Rule.MEAN, contributions=(others[0],))
    store.discard(work.weights)
    declined = member(store, genesis).prepare(Republish(6, genesis.sha256, work.weights, other), deadline_s=1.0)
    assert isinstance(declined, Declined) and "other weights" in declined.reason


def test_republish__a_contribution_that_nobody_has__is_trained_again_to_the_same_bytes_and_kept_as_one(
    store: CountingStore, genesis: WeightsRef
) -> None:
    mine = contribution(store, genesis, 0)
    again = member(store, genesis)  # after a restart
    action = Republish(5, genesis.sha256, mine.weights, contribution=True)
    assert isinstance(again.prepare(action, deadline_s=1.0), Published) and again.contributed == mine.weights
    (store.folder / mine.weights.cid).unlink()
    published = again.prepare(action, deadline_s=1.0)
    assert isinstance(published, Published) and "trained again" in published.how and again.published is None
    assert store.has(mine.weights) and (5, mine.weights.cid) in store.contributions()
    other = replace(action, round=6)  # another training's seed
    (store.folder / mine.weights.cid).unlink()
    declined = member(store, genesis).prepare(other, deadline_s=1.0)
    assert isinstance(declined, Declined) and "other weights" in declined.reason


def test_republish__learner_is_not_reproducible__is_not_trained_again(tmp_path: Path) -> None:
    """As with noise for privacy: it would cost budget, and give others."""
    made = Republishing(tmp_path, Noisy(0, seed=1))
    declined = made.republish(1, made.first)
    assert isinstance(declined, Declined) and "reproducible" in declined.reason and made.trained == 0


def test_republish__what_was_proposed_is_something_else__says_what(tmp_path: Path) -> None:
    """Another program with this key has named bytes by a hash that isn't theirs."""
    made = Republishing(tmp_path, LinearLearner(0, seed=1))
    declined = made.republish(3, replace(made.genesis, sha256=bytes(32), size=made.genesis.size + 1))
    assert isinstance(declined, Declined) and "bytes" in declined.reason and made.trained == 0


def test_tidy__everything_is_needed__nothing_goes(tidying: Tidying) -> None:
    refs = tidying.judged(1, 2, 3)
    tidying.preparer.tidy(None)
    assert {one.cid for one in refs} < tidying.store.kept()


def test_tidy__archived__stays_when_it_is_proposed_and_rejected_again(tidying: Tidying) -> None:
    accepted, _ = tidying.judged(1, 2)
    tidying.preparer.tidy([], [accepted, replace(accepted, cid_digest=bytes(32))])
    tidying.preparer.prepare(judge(accepted))
    tidying.judged(3)
    tidying.preparer.tidy([])
    tidying.others.discard(accepted)
    assert accepted.cid not in tidying.store.kept() and tidying.store.has(accepted)


def test_tidy__archived_beyond_the_limit__goes_and_what_may_stay_stays(tidying: Tidying) -> None:
    old, newer, newest = tidying.judged(1, 2, 3)
    tidying.preparer.tidy(None, [old, newer])
    tidying.preparer.tidy([newest], [newest], archive_only=[newer])
    tidying.others.discard(old)
    tidying.others.discard(newer)
    assert tidying.store.archived() == {newer.cid, newest.cid}
    assert not tidying.store.has(old) and tidying.store.has(newer)


@pytest.mark.parametrize("damage", ["gone", "short", "a bit"])
def test_tidy__store_has_lost_the_adopted_weights__puts_them_back(tidying: Tidying, damage: str) -> None:
    path = tidying.store.folder / tidying.genesis.cid
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "short":
        path.write_bytes(data[:-1])
    else:
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    mended = tidying.preparer.tidy(None)
    assert mended is not None and "put back" in mended.reason and tidying.preparer.tidy(None) is None
    assert path.read_bytes() == data and tidying.genesis.cid in tidying.store.kept()


def test_tidy__store_has_lost_them_and_is_mended__others_can_adopt(tidying: Tidying, tmp_path: Path) -> None:
    """Whoever starts now has them of nobody else."""
    (tidying.store.folder / tidying.genesis.cid).unlink()
    newcomer = Preparer(LinearLearner(1, seed=1), tidying.store, max_size=1 << 20)
    assert isinstance(newcomer.prepare(Adopt(0, tidying.genesis)), Nothing)
    tidying.preparer.tidy([])
    assert isinstance(newcomer.prepare(Adopt(0, tidying.genesis)), Adopted)


def test_tidy__one_can_not_be_discarded__the_rest_is_and_it_is_tried_again(tidying: Tidying) -> None:
    stuck, gone, _ = tidying.judged(1, 2, 3)
    tidying.store.stuck = stuck.cid
    with pytest.raises(StoreError, match="stuck"):
        tidying.preparer.tidy([])
    assert stuck.cid in tidying.store.kept() and gone.cid not in tidying.store.kept()
    tidying.store.stuck = ""
    tidying.preparer.tidy([])
    assert stuck.cid not in tidying.store.kept()


def test_judge__verified_before__is_fetched_so_that_the_voter_pins_it(
    store: CountingStore, genesis: WeightsRef, proposed: WeightsRef
) -> None:
    voter = member(store, genesis)
    for _ in range(2):
        assert isinstance(voter.prepare(judge(proposed)), Verdict)
    assert store.fetched == [proposed, proposed]


@pytest.mark.parametrize("size", [1 << 20, 1 << 30, 8, 0])
def test_judge__another_size_than_the_models__is_rejected_and_nothing_fetched(
    store: CountingStore, genesis: WeightsRef, proposed: WeightsRef, size: int
) -> None:
    voter = member(store, genesis)
    verdict = voter.prepare(judge(replace(proposed, size=size)))
    assert isinstance(verdict, Verdict) and not verdict.approve and verdict.test is None
    assert f"have {size:,} bytes" in verdict.reason and store.fetched == []


def test_judge__grown_without_bound__is_rejected_and_nothing_fetched_but_a_round_of_trees_is(
    store: CountingStore,
) -> None:
    class Grower(LinearLearner):
        def mli_get_current_weights(self) -> Weights:
            return Weights({"w": b""})

        def mli_accept_weights(self, weights: Weights) -> None:
            pass

    genesis = store.put(encode({"w": b""}))
    voter = Preparer(Grower(0, seed=1), store, max_size=1 << 30)
    voter.prepare(Adopt(0, genesis))
    store.fetched.clear()
    grown, too_much = WeightsRef(bytes(32), bytes(32), 10 << 20), WeightsRef(bytes(32), bytes(32), 20 << 20)
    work = voter.prepare(judge(grown))
    assert isinstance(work, Nothing) and store.fetched == [grown]  # it would have been tested, if it were there
    verdict = voter.prepare(judge(too_much))
    assert isinstance(verdict, Verdict) and not verdict.approve and store.fetched == [grown]


def test_judge__header_of_another_model__is_rejected_before_the_rest_is_read(
    store: CountingStore, genesis: WeightsRef
) -> None:
    """The rest isn't even what the chain says: nobody has come that far."""
    voter = member(store, genesis)
    other = encode({"v": np.arange(4.0)})
    ref = replace(store.put(other), sha256=bytes(32))
    verdict = voter.prepare(judge(ref))
    assert isinstance(verdict, Verdict) and not verdict.approve and "/v" in verdict.reason


def test_adopt__what_the_vote_found_invalid__is_refused(store: CountingStore, genesis: WeightsRef) -> None:
    voter = member(store, genesis)
    wrong = store.put(encode({"w": np.ones(4)})[:-8] + np.array([np.nan]).tobytes())
    verdict = voter.prepare(judge(wrong))
    assert isinstance(verdict, Verdict) and not verdict.approve and verdict.test is None
    with pytest.raises(InvalidWeights):
        voter.prepare(Adopt(1, wrong))
    assert voter.adopted == genesis.sha256 and holds(voter) == genesis


def test_adopt__no_room_to_keep_them__works_as_before(
    store: CountingStore, genesis: WeightsRef, proposed: WeightsRef, tmp_path: Path
) -> None:
    voter = member(store, genesis, verified=Verified(tmp_path / "missing"))
    verdict = voter.prepare(judge(proposed))
    assert isinstance(verdict, Verdict) and verdict.test is not None
    assert isinstance(voter.prepare(Adopt(1, proposed)), Adopted)
    assert store.fetched == [proposed, proposed] and holds(voter) == proposed


def test_adopt__several_members_in_one_process__share_what_was_verified(
    store: CountingStore, genesis: WeightsRef, proposed: WeightsRef
) -> None:
    verified = Verified()
    members = [member(store, genesis, i, verified) for i in range(3)]
    members[0].prepare(judge(proposed))
    for each in members:
        assert isinstance(each.prepare(Adopt(1, proposed)), Adopted)
        assert holds(each) == proposed
    assert store.fetched == [proposed]


class Summarising(LinearLearner):
    """One that tells of its training."""

    summary: TrainingSummary | None = None

    def mli_propose_weights(self) -> Weights:
        return Weights(super().mli_propose_weights().weights, training_summary=self.summary)


@pytest.mark.parametrize(
    "summary, note",
    [
        (None, b""),
        (TrainingSummary(), b""),
        (TrainingSummary(samples=70), b'{"samples":70}'),
        (
            TrainingSummary(dp_budget=DiffPrivBudget(8.0, 1e-5, 0.12341, 2e-6)),
            b'{"epsilon":0.1235,"delta":2e-06,"target":8.0}',
        ),
        (TrainingSummary(samples=1, dp_budget=DiffPrivBudget(8.0, 1e-5, math.inf, 0.0)), b'{"samples":1}'),
    ],
)
def test_propose__note__is_what_the_learner_tells_of_its_training(
    store: CountingStore, genesis: WeightsRef, summary: TrainingSummary | None, note: bytes
) -> None:
    learner = Summarising(0, seed=1)
    learner.summary = summary
    preparer = Preparer(learner, store, max_size=1 << 20)
    preparer.prepare(Adopt(0, genesis))
    work = preparer.prepare(Propose(1, genesis.sha256))
    assert isinstance(work, Trained) and work.note == note


def test_train__cannot_be_published__is_tried_again_without_another_training(
    store: CountingStore, genesis: WeightsRef
) -> None:
    trained: list[int] = []

    class Counts(LinearLearner):
        def mli_propose_weights(self) -> Weights:
            trained.append(1)
            return super().mli_propose_weights()

    made = Preparer(Counts(0), store, max_size=1 << 20)
    made.prepare(Adopt(0, genesis))
    store.away = 3
    for _ in range(3):
        with pytest.raises(StoreError, match="away"):
            made.prepare(Propose(1, genesis.sha256))
    work = made.prepare(Propose(1, genesis.sha256))
    assert isinstance(work, Trained) and store.has(work.weights) and trained == [1]
    store.away = 1
    with pytest.raises(StoreError):
        made.prepare(Propose(2, genesis.sha256))
    other = made.prepare(Propose(3, genesis.sha256))
    assert isinstance(other, Trained) and other.round == 3 and trained == [1] * 3, "another turn is trained for anew"
