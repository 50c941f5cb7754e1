"""What a dashboard knows of a collective, look by look."""

from __future__ import annotations

from typing import Any

import pytest

from colearn_ledger.chain.snapshot import Snapshot
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.dashboard.watch import Seen, Watch
from colearn_ledger.errors import ChainError
from colearn_ledger.plan.document import Plan

from ..kit.anvil import anvil
from ..kit.collective import RULES, Collective, embedded


def watching(collective: Collective, **options: int) -> Watch:
    return Watch(collective.contract.snapshot, deployed_block=collective.deployment.block, **options)


def looked(watch: Watch) -> Seen:
    watch.look()
    assert watch.seen is not None
    return watch.seen


def gathered(watch: Watch) -> Seen:
    """Look, and read events until there are no more."""
    watch.look()
    while watch.gather():
        pass
    assert watch.seen is not None
    return watch.seen


def test_look__rounds_go_on__all_records_and_a_new_version_each_time() -> None:
    c = embedded()
    watch = watching(c)
    first = looked(watch)
    assert (len(first.records), first.settled, first.standing.phase) == (2, 1, "proposing")
    assert looked(watch).version == first.version, "nothing has happened"
    c.propose("one")
    second = looked(watch)
    assert (second.version, second.standing.phase) == (first.version + 1, "voting")
    c.vote(1)
    third = looked(watch)
    assert third.version == second.version + 1 and third.records[1].approvals == 0b10
    c.vote(2)
    over = looked(watch)
    assert (over.settled, over.records[1].state, len(over.records)) == (2, RoundState.ACCEPTED, 3)
    assert over.records == c.contract.snapshot().rounds(0, 100)


def test_look__nothing_but_the_clock_goes_on__the_same_version_until_a_deadline_passes() -> None:
    with anvil() as chain:
        c = Collective.found(chain, 3)
        watch = watching(c)
        first = looked(watch)
        chain.rpc("evm_increaseTime", 10)
        second = looked(watch)
        assert (second.version, second.standing.view.at > first.standing.view.at) == (first.version, True)
        chain.rpc("evm_increaseTime", RULES.propose_window)  # no block: what is over by the clock alone isn't settled
        third = looked(watch)
        assert (third.version, third.standing.view.round, third.settled) == (first.version + 1, 2, 1)
        assert third.records[1].state is RoundState.MISSED
        chain.mine()
        assert looked(watch).settled == 2


def test_look__what_was_agreed_on__is_read_once_a_round() -> None:
    agreed, asked = Plan(text="agreed"), list[bytes]()

    def find(sha256: bytes) -> Plan:
        asked.append(sha256)
        return agreed

    with anvil() as chain:
        c = Collective.found(chain, 3, plan=agreed.sha256)
        watch = Watch(c.contract.snapshot, find_plan=find)
        first = looked(watch).standing.agreed
        c.propose("one")
        assert looked(watch).standing.agreed is first and first is not None and first.plan == agreed
        c.vote(1)
        c.vote(2)
        assert looked(watch).standing.agreed == first and asked == [agreed.sha256] * 2
        assert looked(Watch(c.contract.snapshot)).standing.agreed is None


@pytest.mark.slow
def test_gather__the_newest_first_then_all_others__each_round_once() -> None:
    c = embedded()
    for _ in range(3):
        c.accept_round()
    watch = watching(c, recent=2)
    assert watch.gather() is False, "nothing was seen yet"
    watch.look()
    told = []
    while watch.gather():
        assert watch.seen is not None
        told.append((watch.seen.told_from, watch.seen.told_to))
    assert told == [(2, 4), (0, 4)]
    seen = gathered(watch)
    assert sorted(seen.told) == list(range(4)) and all((one.gas or 0) > 50_000 for one in seen.told.values())
    version = seen.version
    assert watch.gather() is False and gathered(watch).version == version
    c.accept_round()
    assert sorted(gathered(watch).told) == list(range(5))


def test_gather__published_scores__of_every_voter() -> None:
    c = embedded()
    c.propose("one")
    c.vote(1, scores=(100_000, 200_000))
    c.vote(2, scores=(300_000, 500_000))
    [told] = [gathered(watching(c)).told[1]]
    assert told.scores == ((c.address(1), 0.1, 0.2), (c.address(2), 0.3, 0.5)) and told.by_clock is False


@pytest.mark.slow
def test_look__the_chain_goes_back__all_is_read_again_and_it_is_said_from_where_on() -> None:
    with anvil() as chain:
        c = Collective.found(chain, 3)
        watch = watching(c)
        c.accept_round()
        gathered(watch)  # up to the end of round 1, whose blocks stay
        c.propose("two")
        c.vote(0)
        looked(watch)
        c.vote(2)
        before = gathered(watch)
        assert before.reorg is None and before.records[2].state is RoundState.ACCEPTED and before.settled == 3
        chain.rpc("anvil_reorg", 1, [])
        after = looked(watch)
        assert after.reorg is not None and (after.reorg.block, after.reorg.round) == (before.head.number, 2)
        assert after.records == c.contract.snapshot().rounds(0, 100) and after.standing.phase == "voting"
        assert (dict(after.told), after.version > before.version) == ({}, True)
        assert sorted(gathered(watch).told) == [0, 1]
        assert looked(watch).reorg == after.reorg, "it stays said"


def test_gather__the_chain_goes_back_meanwhile__what_was_read_is_dropped_and_read_again() -> None:
    with anvil() as chain:
        c = Collective.found(chain, 3)
        c.accept_round()
        turns = 0

        def look() -> Snapshot:
            nonlocal turns
            turns += 1
            found = c.contract.snapshot()
            if turns == 2:  # for the events: what follows is another thread's, before these are read
                chain.mine()
                watch.look()
                chain.rpc("anvil_reorg", 1, [])
                watch.look()
            return found

        watch = Watch(look)
        watch.look()
        assert watch.gather() is True
        assert watch.seen is not None and watch.seen.reorg is not None and dict(watch.seen.told) == {}
        assert sorted(gathered(watch).told) == [0, 1]


def test_trouble__the_chain_can_not_be_read__what_was_seen_stays_with_a_word_about_it() -> None:
    c = embedded()
    watch = watching(c)
    watch.note_trouble(ChainError("nobody there"))
    assert watch.seen is None
    before = looked(watch)
    watch.note_trouble(ChainError("nobody there"))
    assert watch.seen is not None
    assert (watch.seen.trouble, watch.seen.records) == ("nobody there", before.records)
    after = looked(watch)
    assert (after.trouble, after.version) == ("", before.version + 2)


@pytest.mark.slow
def test_problem__events_can_not_be_read_for_a_while__said_until_they_can() -> None:
    c = embedded()
    c.accept_round()
    watch = watching(c)
    looked(watch)
    watch.note_problem(ChainError("too many requests"))
    seen = looked(watch)
    assert (seen.problem, seen.trouble) == ("too many requests", ""), "a look doesn't end it"
    seen = gathered(watch)
    assert seen.problem == "" and sorted(seen.told) == [0, 1]


@pytest.mark.slow
def test_problem__the_endpoint_has_no_old_events__said_for_good_and_rounds_are_there_without() -> None:
    c = embedded()
    for _ in range(2):
        c.accept_round()
    since = c.contract.web3.eth.block_number + 1
    c.accept_round()
    ask = c.contract.web3.manager.request_blocking

    def pruned(method: Any, params: Any, *rest: Any) -> Any:
        if method == "eth_getLogs" and int(params[0]["fromBlock"], 16) < since:
            raise ValueError("history has been pruned")
        return ask(method, params, *rest)

    c.contract.web3.manager.request_blocking = pruned  # type: ignore[method-assign]
    seen = gathered(watching(c, recent=1))
    assert "pruned" in seen.problem and sorted(seen.told) == [0, 1, 2, 3]
    assert (seen.told[1].gas, (seen.told[3].gas or 0) > 0) == (None, True)
    c.propose("four")
    assert "pruned" in gathered(watching(c, recent=1)).problem
