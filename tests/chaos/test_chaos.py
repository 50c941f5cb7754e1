"""A short run of the fault injector; and the injector itself: it sees what is broken, and goes on where it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from colearn_ledger.chain.transactions import Outcome as Sent
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.history import History, Round

from ..conftest import SEED
from ..kit.network import need
from . import invariants, joint
from .driver import Limits, Outcome, Run, campaign, fitting, forget_broken, options_of, read_record
from .registry import FAULTS, draw
from .table import BY_HAND, page, write_page
from .world import RULES, Options, world

SHORT = 18
SECONDS = 100  # no new fault after that


@pytest.mark.slow
@pytest.mark.long
def test_nodes__a_fault_after_the_other__every_invariant_holds(tmp_path: Path) -> None:
    need("anvil", "kubo")
    outcomes = campaign(
        tmp_path / "record.jsonl",
        seed=int(os.environ[SEED]),
        faults=SHORT,
        until=time.monotonic() + SECONDS,
        names=FAULTS,
    )
    assert len(outcomes) >= 3
    broken = [f"{o.name} (seed {o.seed}, fault {o.index}: {o.what}): {o.broken}\n{o.log}" for o in outcomes if o.broken]
    assert not broken, "\n".join(broken)


@pytest.mark.slow
def test_invariants__each_one_is_hurt__says_so(tmp_path: Path) -> None:
    with world(tmp_path, Options()) as w:
        run = Run(w, Limits())
        assert run.begin() == []
        stray = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], cwd=w.folder)
        try:
            assert [p.pid for p in w.processes() if p.pid == stray.pid]
            [said] = invariants.no_orphans(w, 1)
            assert str(stray.pid) in said
        finally:
            stray.kill()
            stray.wait()
        assert invariants.no_orphans(w) == []

        liar = 1
        w.end_member(liar)

        told = -1

        def has_lied() -> bool:
            nonlocal told
            view = w.view(liar)  # its node may have voted on the one of now before it was ended
            told = view.round
            if view.proposer == w.address(liar):
                w.chain.pass_time(RULES.propose_window + 1)  # its own turn, which it is not there to take
                return False
            if view.proposal is None or view.voted:
                return False
            return w.sender(liar).vote(view.proposal.id, False).outcome is Sent.SENT  # or the others were faster

        assert w.until(has_lied, 60)
        assert w.until(lambda: w.view().round > told, 60)
        bit = 1 << liar
        lie = w.record(told)
        assert lie.rejections & bit and w.bytes_of_both(lie) is not None
        turned = replace(lie, approvals=lie.approvals | bit, rejections=lie.rejections & ~bit)
        # One of the two is what its learner says.
        assert bool(invariants.votes_are_of_that_content(w, [lie])) != bool(
            invariants.votes_are_of_that_content(w, [turned])
        )
        w.hostile_votes.add(liar)
        assert invariants.votes_are_of_that_content(w, [lie, turned]) == []
        changed = [replace(r, approvals=0) for r in w.records()]
        assert invariants.decided_rounds_stay(w.records(), changed)
        assert invariants.lineage_is_a_chain(w, [replace(r, parent=bytes(32)) for r in w.records()])

        w.run_member(liar)
        assert w.until(lambda: w.ready(liar), 60)
        w.live[liar].process.kill()
        w.live[liar].process.wait()
        [said] = w.bring_back()
        assert f"node {liar} has ended with -9" in said


@pytest.mark.slow
def test_joint_invariants__contributions_or_merges_are_others_than_they_are_to_be__say_so(tmp_path: Path) -> None:
    with world(tmp_path, Options(joint=True)) as w:
        assert Run(w, Limits()).begin() == []
        assert w.until(lambda: w.view().round > 4, 60)
        history = w.history(first=1, last=4)
        check = joint.contributions_and_merges_are_made_again
        assert check(w, history) == [] and all(len(r.contributions) == 3 for r in history.rounds)

        def changed(round_: Round, **changes: object) -> History:
            return replace(history, rounds=(replace(round_, **changes), *history.rounds[1:]))

        one = history.rounds[0]
        record, claim = one.record, one.record.claim
        assert claim is not None and record.weights is not None
        other = replace(one.contributions[0], weights=replace(record.weights, size=record.weights.size))
        [said] = check(w, changed(one, contributions=(other, *one.contributions[1:])))
        assert "what its learner did not train" in said
        swapped = replace(record, weights=one.contributions[1].weights)
        [said] = check(w, changed(one, record=swapped))
        assert "is not the merge that it claims to be" in said
        [said] = check(w, changed(one, record=replace(record, claim=replace(claim, digest=claim.digest ^ 1))))
        assert "claims other contributions" in said
        said = "".join(check(w, changed(one, record=replace(record, claim=replace(claim, rule=3)))))
        assert "in the turn of" in said
        w.hostile_contributions.add(one.contributions[0].weights.sha256)
        assert check(w, history) == []  # taken from the store, where it is, and else passed over

        cheated = [replace(r, approvals=0) if r.state is RoundState.ACCEPTED else r for r in w.records()]
        assert invariants.votes_alone_decide(w.records()) == [] and invariants.votes_alone_decide(cheated)


def test_campaign__all_of_its_faults_are_in_the_record__does_nothing(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    done = [Outcome(5, i, "reorg", "", went_on_s=1.0) for i in range(3)]
    record.write_text("".join(json.dumps(asdict(o)) + "\n" for o in done))
    assert campaign(record, seed=5, faults=3, until=time.monotonic() + 60, names=FAULTS) == done == read_record(record)


def test_record__broken_ones_are_forgotten__these_alone_are_missing(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    done = [Outcome(5, i, "reorg", "", broken=["x"] if i == 1 else []) for i in range(3)]
    record.write_text("".join(json.dumps(asdict(o)) + "\n" for o in done))
    forget_broken(record)
    assert [o.index for o in read_record(record)] == [0, 2]
    # No fault of that name fits where nothing is drawn from, so what is missing is passed over.
    assert [o.index for o in campaign(record, seed=5, faults=3, until=time.monotonic() + 60, names=[])] == [0, 2]


def test_options__of_a_seed_and_turn__are_the_same_again_and_every_fault_is_drawn() -> None:
    drawn = [options_of(9, turn) for turn in range(80)]
    assert drawn == [options_of(9, turn) for turn in range(80)] and len(set(drawn)) == 16
    assert {name for options in drawn for name in fitting(FAULTS, options)} == set(FAULTS)


def test_draw__any_seven_hundred__are_of_the_groups_that_the_goals_name() -> None:
    names: set[str] = set()
    for seed in range(3):
        drawn = [draw(seed, index, FAULTS) for index in range(700)]
        assert drawn == [draw(seed, index, FAULTS) for index in range(700)]
        assert Counter(fault.group for fault in drawn) == {"kill": 300, "chain": 100, "other": 300}
        names |= {fault.name for fault in drawn}
    assert names == set(FAULTS)
    assert draw(1, 0, ["reorg"]).name == draw(1, 1, ["reorg"]).name == "reorg"


def test_page__broken_and_whole_ones__counts_by_fault_and_says_what_broke() -> None:
    outcomes = [
        Outcome(9, 0, "reorg", "", "3 blocks", 0.0, 0.1, 0.5),
        Outcome(9, 1, "reorg", "", "4 blocks", 0.0, 0.3, 1.5, broken=["nobody acted for 5 s"]),
        Outcome(9, 2, "kill_node", "", "node 1", 2.0, 0.1, 0.2),
    ]
    text = page(outcomes, "run it")
    assert "3 faults (1 kills, 2 re-orgs and roll-backs, 0 others), 1 of them with a broken invariant" in text
    assert "In 3 of 3 somebody acted within two polling intervals (0.4 s)" in text
    assert "| reorg | 2 | 0.0 / 0.0 | 0.2 / 0.3 | 1.0 / 1.5 | 1 |" in text
    assert "- reorg (seed 9, fault 1: 4 blocks): nobody acted for 5 s" in text


def test_write_page__written_before__leaves_what_people_have_written_below(tmp_path: Path) -> None:
    path, outcomes = tmp_path / "faults.md", [Outcome(9, 0, "reorg", "", "3 blocks", 0.0, 0.1, 0.5)]
    write_page(path, outcomes, "run it")
    assert path.read_text() == page(outcomes, "run it")
    path.write_text(path.read_text() + "\n" + BY_HAND + "\n## Many rounds\n")
    for _ in range(2):
        write_page(path, outcomes * 2, "run it")
        assert path.read_text() == page(outcomes * 2, "run it") + "\n" + BY_HAND + "\n## Many rounds\n"
