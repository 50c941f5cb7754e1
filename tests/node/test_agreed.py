"""What the members agreed on, on a ledger that is given and with work that is done when it is told to."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import pytest
from colearn_node.agreed import NO_PLAN, Agreed, Compared, beside

from colearn_ledger.core.protocol import View
from colearn_ledger.core.schema import Schema
from colearn_ledger.errors import ChainError, ColearnError, ConfigError, StoreError
from colearn_ledger.founding.record import DeploymentRecord
from colearn_ledger.plan.comparing import Difference
from colearn_ledger.plan.document import Plan, Target
from colearn_ledger.plan.successor import Successor

from ..kit.anvil import wait_until
from ..kit.builders import ref, view
from ..kit.fakes import Clock

PLAN, OTHER = Plan(vote="strict", target=Target(0.9, "accuracy")), Plan(text="another one")
DIFFERS = Difference("base", "a", "b", "take it")
NEW = Successor(31337, "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512")
RECORD = DeploymentRecord(NEW.chain_id, NEW.address, 9, b"t" * 32, ref("genesis"), Schema.of({}))


class Bench:
    """Agreed, with what it asks and whom it tells."""

    def __init__(self, **options: Any) -> None:
        self.sha256, self.after = PLAN.sha256, None
        self.mean: float | None = None
        self.error: ColearnError | None = None
        self.found: dict[bytes, Compared | ColearnError] = {PLAN.sha256: Compared(PLAN, ())}
        self.said: list[tuple[Any, ...]] = []
        self.works: list[tuple[Callable[[], object], list[object]]] = []
        self.looks = 0
        self.clock = Clock()
        self.agreed = Agreed(
            self, self.compare, self.Told(self.said), lambda: None, start=self.start, clock=self.clock, **options
        )

    class Told:
        def __init__(self, said: list[tuple[Any, ...]]) -> None:
            self.said = said

        def plan(self, plan: Plan | None, found: tuple[Difference, ...]) -> None:
            self.said.append(("plan", plan, found))

        def plan_missing(self, error: ColearnError, times: int, pause: float) -> None:
            self.said.append(("missing", error.what, times))

        def successor(self, successor: Successor | None, why_not: str) -> None:
            self.said.append(("successor", successor, why_not))

    # ---- the ledger

    after: Successor | None

    def plan(self, view: View) -> bytes:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return self.sha256

    def successor(self, view: View) -> Successor | None:
        return self.after

    def published_mean(self, view: View) -> float | None:
        if self.error is not None:
            raise self.error
        return self.mean

    # ---- what is done beside the loop

    def compare(self, sha256: bytes) -> Compared:
        found = self.found.get(sha256, StoreError("nobody has it"))
        if isinstance(found, ColearnError):
            raise found
        return found

    def start(self, work: Callable[[], object], wake: Callable[[], None]) -> Callable[[], object]:
        results: list[object] = []
        self.works.append((work, results))

        def poll() -> object:
            if not results:
                return None
            if isinstance(results[0], BaseException):
                raise results[0]
            return results[0]

        return poll

    def done(self) -> None:
        """All that was begun comes to its end."""
        for work, results in self.works:
            if not results:
                try:
                    results.append(work())
                except ColearnError as e:
                    results.append(e)

    def step(self, policy: str = "", **changes: Any) -> Agreed:
        """Look; let what was begun be done; look again."""
        for _ in range(3):
            self.agreed.look(view(**changes), policy)
            self.done()
        self.agreed.look(view(**changes), policy)
        return self.agreed


def test_look__a_plan_as_mine__is_told_once_and_asked_for_once_a_round() -> None:
    bench = Bench()
    bench.step()
    bench.step()
    assert bench.said == [("plan", PLAN, ())] and bench.looks == 1
    bench.step(round=8)
    assert bench.said == [("plan", PLAN, ())] and bench.looks == 2 and len(bench.works) == 2  # compared, and scored


def test_look__the_loop_does_not_wait_for_it() -> None:
    bench = Bench()
    bench.agreed.look(view(), "")
    assert bench.said == [] and bench.agreed.waits_for == ""


@pytest.mark.parametrize("strict", [False, True])
def test_look__a_plan_from_which_i_differ__is_told_and_ends_only_a_strict_node(strict: bool) -> None:
    bench = Bench(strict=strict)
    bench.found[PLAN.sha256] = Compared(PLAN, (DIFFERS,))
    if strict:
        with pytest.raises(ConfigError, match="base is b, and the plan says a"):
            bench.step()
    else:
        bench.step()
    assert bench.said == [("plan", PLAN, (DIFFERS,))]


def test_look__strict__nothing_is_done_until_it_is_compared() -> None:
    bench = Bench(strict=True)
    bench.agreed.look(view(), "")
    assert "plan" in bench.agreed.waits_for
    assert bench.step().waits_for == ""
    none = Bench(strict=True)
    none.sha256 = NO_PLAN
    none.agreed.look(view(), "")
    assert none.agreed.waits_for == "" and none.said == []


@pytest.mark.parametrize("error", [StoreError("nobody has it"), ConfigError("it is no plan")])
def test_look__a_plan_that_cannot_be_had__is_told_and_tried_again(error: ColearnError) -> None:
    bench = Bench(strict=True)
    bench.found[PLAN.sha256] = error
    bench.step()
    assert bench.said == [("missing", error.what, 1)] and bench.agreed.waits_for
    bench.clock.now += 100
    bench.step()
    assert bench.said[1:] == [("missing", error.what, 2)]
    bench.found[PLAN.sha256] = Compared(PLAN, ())
    bench.clock.now += 100
    bench.step()
    assert bench.said[2:] == [("plan", PLAN, ())] and not bench.agreed.waits_for


def test_look__another_plan_by_a_motion__is_compared_with_the_next_round() -> None:
    bench = Bench()
    bench.step()
    bench.sha256, bench.found[OTHER.sha256] = OTHER.sha256, Compared(OTHER, (DIFFERS,))
    bench.step()
    assert len(bench.said) == 1
    bench.step(round=8)
    assert bench.said[1:] == [("plan", OTHER, (DIFFERS,))]
    bench.sha256 = NO_PLAN
    bench.step(round=9)
    assert bench.said[2:] == [("plan", None, ())]


def test_look__what_was_found_of_a_plan_that_holds_no_more__is_dropped() -> None:
    bench = Bench()
    bench.agreed.look(view(), "")
    bench.sha256, bench.found[OTHER.sha256] = OTHER.sha256, Compared(OTHER, ())
    bench.agreed.look(view(round=8), "")
    bench.done()
    bench.agreed.look(view(round=8), "")
    assert bench.said == [("plan", OTHER, ())]


def test_look__the_learner_votes_by_another_policy__is_told_when_it_is_there() -> None:
    bench = Bench()
    bench.step()
    bench.step(policy="strict")
    assert len(bench.said) == 1
    bench.step(policy="not-worse")
    [(_, plan, (difference,))] = bench.said[1:]
    assert plan == PLAN and (difference.field, difference.agreed, difference.mine) == (
        "vote.policy",
        "strict",
        "not-worse",
    )
    strict = Bench(strict=True)
    with pytest.raises(ConfigError, match=r"vote\.policy"):
        strict.step(policy="not-worse")


def test_look__the_chain_is_away__is_the_loops_affair() -> None:
    bench = Bench()
    bench.error = ChainError("away")
    with pytest.raises(ChainError):
        bench.agreed.look(view(), "")
    bench.error = None
    bench.step()
    assert bench.said == [("plan", PLAN, ())]


@pytest.mark.parametrize(("mean", "enough"), [(None, False), (0.8999, False), (0.9, True), (0.95, True)])
def test_why_enough__mean_of_published_scores__against_the_target(mean: float | None, enough: bool) -> None:
    bench = Bench()
    bench.mean = mean
    why = bench.step().why_enough()
    assert bool(why) is enough
    if enough:
        assert f"{mean:g} in round 3" in why and "accuracy 0.9" in why


def test_why_enough__other_weights_are_accepted__counts_theirs() -> None:
    bench = Bench()
    bench.mean = 0.95
    assert bench.step().why_enough()
    bench.mean = 0.5
    assert bench.step(round=8).why_enough(), "the same are accepted"
    bench.agreed.look(view(round=9, accepted=ref("of another chain")), "")
    assert not bench.agreed.why_enough(), "the chain went back, and another round has the number"
    bench.agreed.look(view(round=9, accepted_round=8), "")
    assert not bench.agreed.why_enough(), "not before they are known"
    assert not bench.step(round=9, accepted_round=8).why_enough()


def test_why_enough__scores_cannot_be_had_or_there_is_no_target__trains_on() -> None:
    bench = Bench()
    bench.mean = 0.95
    bench.step()
    bench.error = ChainError("pruned")
    bench.agreed.look(view(accepted_round=6), "")
    bench.done()
    bench.agreed.look(view(accepted_round=6), "")
    assert not bench.agreed.why_enough()
    none = Bench()
    none.mean, none.sha256, none.found[OTHER.sha256] = 0.95, OTHER.sha256, Compared(OTHER, ())
    assert not none.step().why_enough() and len(none.works) == 1


def test_why_enough__another_target_by_a_motion__counts_from_then_on() -> None:
    bench = Bench()
    bench.mean = 0.95
    assert bench.step().why_enough()
    higher = dataclasses.replace(PLAN, target=Target(0.99))
    bench.sha256, bench.found[higher.sha256] = higher.sha256, Compared(higher, ())
    assert not bench.step(round=8).why_enough()


def test_successor__agreed_on__is_followed_only_by_its_own_record() -> None:
    bench = Bench(follow=RECORD)
    assert bench.step().follows is None
    bench.after = NEW
    assert bench.step(round=8).follows == RECORD
    assert ("successor", NEW, "") in bench.said


@pytest.mark.parametrize(
    ("follow", "why"),
    [
        (None, "names no deployment file"),
        (dataclasses.replace(RECORD, chain_id=1), "names another collective"),
        (dataclasses.replace(RECORD, address="0x" + "11" * 20), "names another collective"),
    ],
)
def test_successor__that_this_node_cannot_follow__says_why_once(follow: DeploymentRecord | None, why: str) -> None:
    bench = Bench(follow=follow)
    bench.after = NEW
    bench.step()
    bench.step(round=8)
    [(_, successor, why_not)] = [one for one in bench.said if one[0] == "successor"]
    assert bench.agreed.follows is None and successor == NEW and why in why_not
    bench.after = None
    bench.step(round=9)
    assert bench.said[-1][:2] == ("successor", None)


def test_beside__work_in_a_thread__is_polled_and_wakes() -> None:
    gate, woken = threading.Event(), threading.Event()

    def work() -> str:
        gate.wait(10)
        return "done"

    def fails() -> str:
        raise StoreError("no")

    poll = beside(work, woken.set)
    assert poll() is None
    gate.set()
    assert woken.wait(10)
    assert poll() == "done" == poll()
    failing = beside(fails, woken.set)
    wait_until(lambda: _raises(failing), "what it raised is raised", deadline_s=10)


def _raises(poll: Callable[[], object]) -> bool:
    try:
        poll()
    except StoreError:
        return True
    return False
