"""The loop and what members agreed on: a target, a plan, a successor."""

from __future__ import annotations

from colearn_node.agreed import Agreed
from colearn_node.worker.messages import Ready

from colearn_ledger.core.decide import Adopt
from colearn_ledger.core.protocol import View
from colearn_ledger.core.schema import Schema
from colearn_ledger.founding.record import DeploymentRecord
from colearn_ledger.member.work import Trained, Verdict

from ..kit.builders import ME, OTHER, ref, view
from ..kit.fakes import FakeLedger
from ..kit.node_bench import VOTING, Bench, training


class FakeAgreed(Agreed):
    """What was agreed on, as it is told."""

    def __init__(self, *, waits: str = "", enough: str = "") -> None:
        self.waits, self.enough = waits, enough
        self.follows = None
        self.policies: list[str] = []

    def look(self, view: View, policy: str) -> None:
        self.policies.append(policy)

    @property
    def waits_for(self) -> str:
        return self.waits

    def why_enough(self) -> str:
        return self.enough


def test_step__the_target_is_reached__declines_to_train_says_so_once_and_votes() -> None:
    agreed = FakeAgreed(enough="the plan's target is reached")
    for mine in ({"proposer": ME}, training()):
        bench = Bench(FakeLedger(view(**mine)), agreed=agreed).adopts()
        for _ in range(3):
            bench.works()
        assert bench.ledger.mined == [] and [type(job.action) for job in bench.worker.jobs] == [Adopt]
        [said] = bench.log.events("declined")
        assert "the plan's target is reached" in said and "declines to" in said
    bench = Bench(FakeLedger(view(**VOTING)), agreed=agreed).adopts()
    bench.works()
    assert isinstance(bench.ledger.mined[0], Verdict)
    agreed.enough = ""
    bench = Bench(FakeLedger(view(proposer=ME)), agreed=agreed).adopts()
    bench.works()
    assert isinstance(bench.ledger.mined[0], Trained)


def test_step__the_plan_was_not_compared_yet_where_it_has_to_be__adopts_and_does_nothing_else() -> None:
    agreed = FakeAgreed(waits="waiting for the plan")
    bench = Bench(FakeLedger(view(**VOTING)), agreed=agreed).adopts()
    for _ in range(3):
        bench.works()
    assert bench.ledger.mined == [] and bench.log.events("wait") == ["waiting for the plan"]
    assert bench.health.why_not_ready() == "waiting for the plan"
    agreed.waits = ""
    bench.works()
    assert isinstance(bench.ledger.mined[0], Verdict)


def test_step__a_successor_is_to_be_followed__leaves() -> None:
    agreed = FakeAgreed()
    bench = Bench(FakeLedger(view()), agreed=agreed).adopts()
    bench.node.step()
    assert not bench.node.stopping
    agreed.follows = DeploymentRecord(1, OTHER, 9, b"t" * 32, ref("genesis"), Schema.of({}))
    bench.node.step()
    assert bench.node.stopping


def test_step__how_the_learner_votes__is_known_once_it_is_ready() -> None:
    agreed = FakeAgreed()
    bench = Bench(agreed=agreed)
    bench.node.step()
    bench.worker.says(Ready(5, "paired:0.05"))
    bench.node.step()
    assert agreed.policies == ["", "paired:0.05"]
