"""What can have come of a job, and what can't."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from colearn_node.worker.answers import answers

from colearn_ledger.core.decide import Adopt, Judge, Propose, Republish
from colearn_ledger.core.limits import MOST_NOTE
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.member.work import Adopted, Declined, Nothing, Published, Verdict

from ..kit.builders import proposal, ref
from ..kit.fakes import work_of

ADOPT, PROPOSE = Adopt(3, ref("accepted")), Propose(7, ref("accepted").sha256)
JUDGE, OTHER_JUDGE = Judge(7, proposal("one"), False), Judge(8, proposal("two"), False)
REPUBLISH = Republish(7, ref("accepted").sha256, ref("mine"))
MOST = ref("trained").size


def trained(**changes: Any) -> Any:
    return replace(work_of(PROPOSE), **changes)  # type: ignore[type-var]


def sized(size: int) -> WeightsRef:
    return replace(ref("trained"), size=size)


@pytest.mark.parametrize(
    "action, work",
    [
        *((action, Nothing("nobody has them")) for action in (ADOPT, PROPOSE, REPUBLISH, JUDGE)),
        *((action, work_of(action)) for action in (ADOPT, PROPOSE, REPUBLISH, JUDGE)),
        (JUDGE, Verdict(JUDGE, approve=False, test=None, reason="NaN")),
        (PROPOSE, Declined(7, "no budget")),
        (REPUBLISH, Declined(7, "other weights")),
        (PROPOSE, trained(note=b"n" * MOST_NOTE)),
        (PROPOSE, trained(weights=sized(1))),
    ],
)
def test_answers__what_a_learner_can_have_done__does(action: Any, work: Any) -> None:
    assert answers(action, work, MOST) is True


@pytest.mark.parametrize(
    "action, work",
    [
        (ADOPT, Adopted(ref("other"))),
        (ADOPT, work_of(PROPOSE)),
        (JUDGE, work_of(OTHER_JUDGE)),
        (JUDGE, work_of(ADOPT)),
        (PROPOSE, work_of(JUDGE)),
        (PROPOSE, Published(ref("trained"))),
        (REPUBLISH, Published(ref("other"))),
        (REPUBLISH, work_of(PROPOSE)),
        (REPUBLISH, Declined(8, "other weights")),
        (JUDGE, work_of(REPUBLISH)),
        (PROPOSE, Declined(8, "no budget")),
        (PROPOSE, trained(round=8)),
        (PROPOSE, trained(parent=ref("other").sha256)),
        (PROPOSE, trained(note=b"n" * (MOST_NOTE + 1))),
        (PROPOSE, trained(weights=sized(0))),
        (PROPOSE, trained(weights=sized(MOST + 1))),
        (PROPOSE, trained(weights=replace(ref("trained"), sha256=b"s" * 31))),
        (PROPOSE, trained(weights=replace(ref("trained"), cid_digest=b"c" * 33))),
    ],
)
def test_answers__of_another_job_or_out_of_bounds__does_not(action: Any, work: Any) -> None:
    assert answers(action, work, MOST) is False
