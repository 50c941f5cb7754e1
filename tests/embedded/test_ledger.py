"""The embedded ledger gives what the in-process driver gives: proposers, votes, decisions, bytes."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import pickle
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from web3.middleware import Web3Middleware

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.core.decide import Propose, decide
from colearn_ledger.core.driver import run
from colearn_ledger.core.learner import Learner, ProposedWeights, Weights
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.core.results import Results, RoundResult
from colearn_ledger.core.weights import encode
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.embedded.collective import Member
from colearn_ledger.embedded.ledger import EmbeddedLedger
from colearn_ledger.errors import InvalidWeights, SchemaMismatch
from colearn_ledger.history import Choice, Vote, read_history, write_csv
from colearn_ledger.history.logs import fetch_events
from colearn_ledger.member.prepare import Preparer
from colearn_ledger.member.submit import Submitter
from colearn_ledger.member.work import Adopted, Declined, Nothing, Trained, Verdict, Work
from colearn_ledger.stores.local import LocalStore

from ..kit.collective import Collective, embedded
from ..kit.learners import FrugalLearner, LinearLearner, linear_learners


def decided(results: Results) -> tuple[object, ...]:
    """What must not depend on the backend."""

    def same(r: RoundResult) -> RoundResult:
        return dataclasses.replace(r, gas=None, seconds=0.0)

    return (same(results.initial), tuple(same(r) for r in results.rounds), results.final_sha256, results.threshold)


@pytest.mark.parametrize("n_learners", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 5))])
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_run__same_seed__same_decisions_and_bytes_on_the_ledger(n_learners: int, seed: int) -> None:
    plain = run(8, linear_learners(n_learners, seed), 0.5)
    ledger_learners = linear_learners(n_learners, seed)
    ledger = run(8, ledger_learners, 0.5, backend=EmbeddedLedger())
    assert decided(ledger) == decided(plain)
    assert all(r.gas and r.gas > 100_000 for r in ledger.rounds)
    finals = {learner.mli_get_current_weights().weights["w"].tobytes() for learner in ledger_learners}
    assert len(finals) == 1


@pytest.mark.slow
@pytest.mark.parametrize("rounds", ["solo", "joint"])
def test_run__pauses_between_rounds__same_decisions_and_bytes_at_once_and_the_chain_has_them(rounds: Any) -> None:
    plain = run(4, linear_learners(3, 1), 0.5, rounds=rounds)
    chain = EmbeddedChain(3)
    ledger = run(4, linear_learners(3, 1), 0.5, rounds=rounds, backend=EmbeddedLedger(chain=chain, pause=86_400))
    assert decided(ledger) == decided(plain)
    assert ledger.ledger is not None
    snapshot = CollectiveContract(chain.web3, ledger.ledger["contract"], pin_by_number=True).snapshot()
    events = fetch_events(snapshot, 0).events
    decisions = [e.block for e in events if e.name == "RoundDecided"]
    acts = [e.block for e in events if e.name in ("WeightsProposed", "WeightsContributed")]
    assert len(decisions) == 4 and snapshot.view(str(chain.accounts[0].address)).rules.pause == 86_400

    def time(block: int) -> int:
        return int(chain.web3.eth.get_block(block)["timestamp"])

    after = [min((block for block in acts if block > decided), default=None) for decided in decisions]
    assert [time(b) - time(a) for a, b in zip(decisions, after, strict=True) if b is not None] == [86_400] * 3
    assert snapshot.view(str(chain.accounts[0].address)).opens_at == time(decisions[-1]) + 86_400


def merges(results: Results) -> list[object]:
    return [r.merge for r in results.rounds]


@pytest.mark.slow
@pytest.mark.parametrize("secret", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_run__joint_rounds__same_decisions_merges_and_bytes_on_the_ledger(secret: bool) -> None:
    plain = run(6, linear_learners(4, 1), 0.5, rounds="joint")
    ledger = run(6, linear_learners(4, 1), 0.5, rounds="joint", backend=EmbeddedLedger(secret=secret))
    assert decided(ledger) == decided(plain) and merges(ledger) == merges(plain)
    assert {r.accepted for r in plain.rounds} == {True, False}
    assert len({merge.training for merge in merges(plain)}) < 6, "after a rejection nobody trains again"


@pytest.mark.slow
def test_run__joint_rounds__the_store_has_what_was_merged_into_accepted_weights_and_no_other_contributions(
    tmp_path: Path,
) -> None:
    chain = EmbeddedChain(4)
    backend = EmbeddedLedger(store=LocalStore(tmp_path), chain=chain)
    results = run(10, linear_learners(4, 1), 0.5, rounds="joint", backend=backend, merge_order=[Rule.MEAN])
    assert results.ledger is not None
    contract = CollectiveContract(chain.web3, results.ledger["contract"], pin_by_number=True)
    rounds = [round_ for round_ in read_history(contract.snapshot()).rounds if round_.record.claim is not None]
    contributed = {
        state: {one.weights.cid for r in rounds if r.record.state is state for one in r.contributions}
        for state in (RoundState.ACCEPTED, RoundState.REJECTED)
    }
    assert all(len(cids) >= 4 for cids in contributed.values())
    proposed = {results.initial.cid, *(r.cid for r in results.rounds)}
    assert {path.name for path in tmp_path.glob("b*")} == contributed[RoundState.ACCEPTED] | proposed


class Stubborn(LinearLearner):
    """Likes nothing of the first training: of two contributions the median is the mean, which was rejected before."""

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        test = super().mli_test_weights(weights)
        return dataclasses.replace(test, vote=test.vote and self._round > 1)


@pytest.mark.slow
def test_run__joint_rounds_whose_rules_agree__what_was_rejected_is_voted_against_unread_as_in_process() -> None:
    order = [Rule.MEAN, Rule.MEDIAN, Rule.CLIPPED_MEAN]
    plain, ledger = (
        run(5, [Stubborn(i, seed=1) for i in range(2)], rounds="joint", backend=backend, merge_order=order)
        for backend in (None, EmbeddedLedger(verify_merge=True))
    )
    assert decided(ledger) == decided(plain) and merges(ledger) == merges(plain)
    one, two, three = ledger.rounds[:3]
    assert one.weights_sha256 == two.weights_sha256 != three.weights_sha256
    assert one.test_scores[0] is not None and two.test_scores == (None, None) and two.votes == (False, None)


@pytest.mark.slow
def test_run__joint_rounds_in_which_one_has_nothing_to_contribute__go_on_with_what_the_others_have() -> None:
    def learners() -> list[Learner]:
        return [FrugalLearner(0, 1), *linear_learners(4, 1)[1:]]

    plain, members = run(5, learners(), 0.5, rounds="joint"), learners()
    ledger = run(5, members, 0.5, rounds="joint", backend=EmbeddedLedger())
    assert decided(ledger) == decided(plain)
    left_out = [dict(merge.left_out) for merge in merges(ledger)]
    assert not left_out[0] and "privacy budget is spent" in left_out[-1][0] and merges(ledger) == merges(plain)
    # Whose budget is spent votes on, and merges the others' in its turn; it was asked for one training, and spent that.
    spent = next(i for i, out in enumerate(left_out) if out)
    assert all(r.votes[0] is not None for r in ledger.rounds[spent:] if r.proposer != 0)
    last = ledger.rounds[4]
    assert last.proposer == 0 and not last.declined and merges(ledger)[4].merged == (1, 2, 3)
    assert members[0].trainings == 1


class Canceller(LinearLearner):
    """Contributes what makes the mean of its own and the first one's what was there before."""

    def mli_propose_weights(self) -> Weights:
        now = self.mli_get_current_weights().weights
        first = LinearLearner(0, seed=1)
        first.mli_accept_weights(Weights(now))
        first.mli_begin_round(self._round)
        step = first.mli_propose_weights().weights
        return Weights({name: 2 * value - step[name] for name, value in now.items()})


@pytest.mark.slow
def test_run__joint_rounds_in_which_one_cancels_the_others__leave_it_out_as_in_process() -> None:
    def learners() -> list[Learner]:
        return [LinearLearner(0, seed=1), Canceller(1, seed=1)]

    plain, ledger = (run(3, learners(), rounds="joint", backend=b) for b in (None, EmbeddedLedger(verify_merge=True)))
    assert decided(ledger) == decided(plain) and merges(ledger) == merges(plain)
    assert not any(r.declined for r in ledger.rounds)
    assert "it cancels the others out" in {why for merge in merges(plain) for _, why in merge.left_out}


@pytest.mark.slow
@pytest.mark.parametrize("verify", [False, True])
def test_run__joint_rounds_by_momentum__same_bytes_as_in_process(verify: bool) -> None:
    order = [Rule.MOMENTUM, Rule.MEDIAN]
    plain = run(7, linear_learners(3, 1), 0.5, rounds="joint", merge_order=order)
    ledger = EmbeddedLedger(verify_merge=verify)
    on_ledger = run(7, linear_learners(3, 1), 0.5, rounds="joint", merge_order=order, backend=ledger)
    assert decided(on_ledger) == decided(plain) and merges(on_ledger) == merges(plain)
    by_momentum = [r for r in plain.rounds if r.merge is not None and r.merge.rule == "momentum"]
    assert sum(r.accepted for r in by_momentum) >= 2, "so that there is something before the parent"


@pytest.mark.parametrize("n_learners", [3, 5])
def test_run__seeds_used_here__accept_some_and_reject_some(n_learners: int) -> None:
    outcomes = {r.accepted for r in run(8, linear_learners(n_learners, 1), 0.5).rounds}
    assert outcomes == {True, False}


@pytest.mark.slow
def test_run__secret_votes__same_decisions_and_bytes() -> None:
    plain = run(5, linear_learners(4, 3), "2/3")
    secret = run(5, linear_learners(4, 3), "2/3", backend=EmbeddedLedger(secret=True))
    assert decided(secret) == decided(plain)


@pytest.mark.slow
@pytest.mark.parametrize("secret", [False, True])
def test_run__spent_privacy_budgets__turns_pass_and_the_rest_goes_on_as_in_process(secret: bool) -> None:
    def learners() -> list[LinearLearner]:
        return [FrugalLearner(0, 1), LinearLearner(1, seed=1), FrugalLearner(2, 2)]

    plain, ledger_learners = run(9, learners()), learners()
    ledger = run(9, ledger_learners, backend=EmbeddedLedger(secret=secret))
    assert decided(ledger) == decided(plain)
    assert [r.round for r in ledger.rounds if r.declined] == [4, 7, 9]
    assert [r.proposer for r in ledger.rounds] == [0, 1, 2] * 3
    spent = next(r for r in ledger.rounds if r.declined)
    assert "privacy budget is spent: epsilon 1.013 of 1.013" in spent.declined
    assert not spent.accepted and spent.gas == 0 and set(spent.votes) == set(spent.test_scores) == {None}
    # Those who decline go on voting, and what is accepted reaches them.
    voted = [r.votes[0] for r in ledger.rounds if r.round in (5, 8)]
    assert None not in voted
    assert len({encode(learner.mli_get_current_weights().weights) for learner in ledger_learners}) == 1
    assert Results.from_dict(json.loads(json.dumps(ledger.to_dict()))).rounds == ledger.rounds


def test_run__everybody_declines__ends_all_the_same() -> None:
    learners = [FrugalLearner(i, 1) for i in range(2)]
    for learner in learners:
        learner.mli_propose_weights()
    results = run(5, learners, backend=EmbeddedLedger())
    assert all(r.declined for r in results.rounds) and len(results.rounds) == 5
    assert results.final_sha256 == results.initial.weights_sha256


def test_prepare__a_proposal_with_privacy__its_note_tells_what_was_spent(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    learner = FrugalLearner(0, 2)
    genesis = store.put(encode(learner.mli_get_current_weights().weights))
    preparer = Preparer(learner, store, max_size=1 << 20)
    notes = []
    for round in (1, 2, 3):
        work = preparer.prepare(Propose(round, genesis.sha256))
        assert stored(tmp_path) == min(round, 2) + 1  # nothing is published for what was declined
        notes.append(json.loads(work.note) if isinstance(work, Trained) else work)
    target = pytest.approx(1.4781, abs=1e-4)
    assert notes[0] == {"samples": 200, "epsilon": 1.0126, "delta": 1e-5, "target": target}
    assert notes[1]["epsilon"] == 1.4782  # rounded up, never down
    assert isinstance(notes[2], Declined) and notes[2].round == 3
    assert Submitter(embedded(2, weights=genesis).sender(0)).submit(notes[2]) is None


def stored(folder: Path) -> int:
    return len(list(folder.iterdir()))


@pytest.mark.slow
def test_run__shuffled__everyone_proposes_once_a_cycle() -> None:
    results = run(6, linear_learners(3), 0.5, backend=EmbeddedLedger(shuffled=True))
    proposers = [r.proposer for r in results.rounds]
    assert sorted(proposers[:3]) == sorted(proposers[3:]) == [0, 1, 2]


def test_run__own_store__accepted_weights_can_be_read_from_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    results = run(3, linear_learners(3, 1), 0.5, backend=EmbeddedLedger(store=store))
    assert {r.cid for r in (results.initial, *results.rounds)} == {path.name for path in tmp_path.iterdir()}
    for r in results.rounds:
        assert hashlib.sha256((tmp_path / r.cid).read_bytes()).hexdigest() == r.weights_sha256


def test_run__results__name_the_contract_and_come_back_from_json() -> None:
    results = run(1, linear_learners(3, 1), 0.5, backend=EmbeddedLedger(secret=True))
    assert results.ledger is not None
    assert results.ledger["contract"].startswith("0x") and len(results.ledger["members"]) == 3
    assert (results.ledger["secret_votes"], results.ledger["shuffled"]) == (True, False)
    assert results.initial.gas is not None and results.initial.gas > 1_000_000
    assert Results.from_dict(json.loads(json.dumps(results.to_dict()))) == results


class Abstainer(LinearLearner):
    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        return dataclasses.replace(super().mli_test_weights(weights), vote=None)


@pytest.mark.slow
def test_run__one_abstains__counts_as_not_approving_in_both() -> None:
    def learners() -> list[LinearLearner]:
        return [*linear_learners(3, 1), Abstainer(3, seed=1)]

    assert decided(run(4, learners(), 0.5, backend=EmbeddedLedger())) == decided(run(4, learners(), 0.5))


class Unfit(LinearLearner):
    """Proposes what it was told to, in its second turn."""

    def __init__(self, index: int, bad: object) -> None:
        super().__init__(index, seed=1)
        self.bad = bad

    def mli_propose_weights(self) -> Weights:
        return Weights(self.bad) if self._round > 3 else super().mli_propose_weights()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "kind", "said"),
    [
        ({"w": np.full(4, np.nan)}, InvalidWeights, "learner 1 (Unfit) proposed weights that nobody can accept: "),
        pytest.param({"w": np.zeros(5)}, SchemaMismatch, "of shape (5,)", marks=pytest.mark.slow),
        ({"w": np.zeros(4, np.float32)}, SchemaMismatch, "learner 1 (Unfit) proposed"),
        pytest.param({"w": object()}, InvalidWeights, "builtins.object", marks=pytest.mark.slow),
    ],
)
def test_run__proposal_that_nobody_could_accept__same_error_of_its_learner_in_both(
    bad: object, kind: type[InvalidWeights], said: str
) -> None:
    told = []
    for backend in (None, EmbeddedLedger()):
        seen: list[RoundResult] = []
        learners = [Unfit(0, bad), *linear_learners(3, 1)[1:]]
        with pytest.raises(InvalidWeights) as caught:
            run(9, learners, 0.5, backend=backend, on_round=seen.append)
        assert type(caught.value) is kind
        assert said in str(caught.value)
        assert [r.round for r in seen] == [0, 1, 2, 3]
        told.append(str(caught.value))
    assert told[0] == told[1]


# ---------------------------------------------------------------------------------- a proposal of somebody else's


@dataclasses.dataclass
class Bench:
    """A collective of four, whose first member is hostile: it has a key, and no manners."""

    collective: Collective[EmbeddedChain]
    store: LocalStore
    honest: list[Member]

    def propose(self, data: bytes) -> None:
        self.collective.propose(self.store.put(data))

    def act(self, member: Member) -> Work:
        view = self.collective.contract.snapshot().view(member.me.address)
        work = member.preparer.prepare(decide(view, member.me))
        member.submitter.submit(work)
        return work


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    store = LocalStore(tmp_path / "weights")
    learners = linear_learners(4, 1)
    genesis = store.put(encode(learners[0].mli_get_current_weights().weights))
    collective = embedded(4, weights=genesis)
    honest = [
        Member(Preparer(learners[i], store, max_size=1 << 20), Submitter(collective.sender(i))) for i in (1, 2, 3)
    ]
    made = Bench(collective, store, honest)
    for member in honest:
        assert isinstance(made.act(member), Adopted)
    return made


GOOD = encode({"w": np.arange(4.0)})
NAN = GOOD[:-8] + np.array([np.nan]).tobytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (NAN, "NaN"),
        (GOOD[:-3], "bytes"),
        (GOOD + b"\0", "bytes"),
        (encode({"w": np.zeros(5)}), "bytes"),
        (encode({"v": np.zeros(4)}), "don't fit the collective's model"),
        (b"not weights at all".ljust(len(GOOD)), "header"),
        (pickle.dumps({"w": np.zeros(4)}), "bytes"),
    ],
    ids=["nan", "cut short", "trailing byte", "other shape", "other name", "no weights", "pickle"],
)
def test_hostile_proposal__invalid_bytes__voted_down_with_the_reason_and_nothing_adopted(
    bench: Bench, data: bytes, reason: str
) -> None:
    before = [encode(p.preparer.learner.mli_get_current_weights().weights) for p in bench.honest]
    bench.propose(data)
    verdicts = [bench.act(member) for member in bench.honest[:2]]
    for verdict in verdicts:
        assert isinstance(verdict, Verdict)
        assert verdict.approve is False and verdict.test is None
        assert reason in verdict.reason
    record = bench.collective.record(1)
    assert record.state is RoundState.REJECTED
    assert (record.approvals, record.rejections) == (0, 0b0110)
    assert bench.collective.view(1).accepted_round == 0
    assert [encode(p.preparer.learner.mli_get_current_weights().weights) for p in bench.honest] == before


def test_hostile_proposal__file_is_not_what_the_chain_says__voted_down(bench: Bench) -> None:
    bench.propose(GOOD)
    (path,) = (p for p in bench.store.folder.iterdir() if p.read_bytes() == GOOD)
    path.write_bytes(GOOD[:-8])
    verdict = bench.act(bench.honest[0])
    assert isinstance(verdict, Verdict)
    assert verdict.approve is False and "as on chain" not in verdict.reason and "bytes" in verdict.reason
    path.write_bytes(NAN)
    verdict = bench.act(bench.honest[1])
    assert isinstance(verdict, Verdict)
    assert verdict.approve is False and "sha256" in verdict.reason
    assert bench.collective.record(1).state is RoundState.REJECTED


def test_hostile_proposal__weights_withheld__no_vote_until_they_are_had(bench: Bench) -> None:
    bench.propose(GOOD)
    (path,) = (p for p in bench.store.folder.iterdir() if p.read_bytes() == GOOD)
    path.unlink()
    work = bench.act(bench.honest[0])
    assert isinstance(work, Nothing) and "can't be had yet" in work.reason
    assert bench.collective.record(1).rejections == 0
    path.write_bytes(GOOD)
    assert isinstance(bench.act(bench.honest[0]), Verdict)
    assert bench.collective.record(1).approvals | bench.collective.record(1).rejections == 0b0010


def test_hostile_proposal__fine_weights__are_tested_like_any_other(bench: Bench) -> None:
    truth = np.random.default_rng(1).normal(size=4)  # what the learners' data comes from
    bench.propose(encode({"w": truth}))
    for member in bench.honest[:2]:
        verdict = bench.act(member)
        assert isinstance(verdict, Verdict)
        assert verdict.approve is True and verdict.test is not None
    assert bench.collective.record(1).state is RoundState.ACCEPTED


@pytest.mark.parametrize("backend", [None, EmbeddedLedger()])
def test_run__a_learner_of_another_model__is_named_before_anything_runs(backend: EmbeddedLedger | None) -> None:
    odd = LinearLearner(1, features=7)
    before = odd.mli_get_current_weights().weights["w"].tobytes()
    with pytest.raises(InvalidWeights, match="learner 2"):
        run(1, [LinearLearner(0), odd], 0.5, backend=backend)
    assert odd.mli_get_current_weights().weights["w"].tobytes() == before


@pytest.mark.slow
def test_run__a_round__every_member_reads_each_state_once() -> None:
    chain = EmbeddedChain(3)
    asked: list[str] = []

    class Counting(Web3Middleware):
        def request_processor(self, method: Any, params: Any) -> Any:
            asked.append(str(method))
            return method, params

    chain.web3.middleware_onion.add(Counting)
    learners = linear_learners(3, 1)
    per_round: list[int] = []
    run(4, learners, backend=EmbeddedLedger(chain=chain), on_round=lambda _: per_round.append(asked.count("eth_call")))
    # A round's states are: opened, proposed, each vote; everybody looks at the opened one, the proposed one, and the
    # one after the votes, which is the next round's opened one. One more read is that of the round's record.
    spent = [later - earlier for earlier, later in pairwise(per_round)]
    assert max(spent[1:]) <= 3 + 3 + 1, spent


def test_run__interrupted__returns_the_rounds_that_were_decided() -> None:
    def stop_after_two(result: RoundResult) -> None:
        if result.round == 2:
            raise KeyboardInterrupt

    results = run(5, linear_learners(3), Fraction(1, 2), backend=EmbeddedLedger(), on_round=stop_after_two)
    assert results.interrupted and [r.round for r in results.rounds] == [1, 2]


def tells(vote: Vote) -> bool:
    return vote.choice in (Choice.APPROVED, Choice.REJECTED)


@pytest.mark.slow
@pytest.mark.parametrize("secret", [False, True])
def test_run__scores__are_in_the_history_as_its_columns_say(secret: bool) -> None:
    chain = EmbeddedChain(3)
    results = run(2, linear_learners(3, 1), 0.5, backend=EmbeddedLedger(secret=secret, chain=chain))
    assert results.ledger is not None
    contract = CollectiveContract(chain.web3, results.ledger["contract"], pin_by_number=True)
    history = read_history(contract.snapshot(), deployed_block=1)
    for told, result in zip(history.rounds[1:3], results.rounds, strict=True):
        voted = [vote for vote in told.votes if tells(vote)]
        assert voted, "somebody has voted"
        for vote in voted:
            ours = (result.current_scores[vote.seat], result.vote_scores[vote.seat])
            assert vote.scores == pytest.approx(ours, abs=1e-6)
    page = io.StringIO()
    write_csv(history.rounds, page)
    rows = list(csv.DictReader(io.StringIO(page.getvalue())))
    scores = [vote.scores for vote in history.rounds[1].votes if vote.scores is not None]
    for i, column in enumerate(("current_score", "proposed_score")):
        mean = sum(pair[i] for pair in scores) / len(scores)
        assert float(rows[1][column]) == pytest.approx(mean, abs=1e-6)
