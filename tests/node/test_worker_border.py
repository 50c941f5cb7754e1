"""What of a learner's own objects leaves its process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from colearn_node.worker.border import plain_work

from colearn_ledger.core.decide import Judge
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.member.work import Verdict

from ..kit.builders import proposal

JUDGE = Judge(7, proposal("one"), False)


def crossed(**changes: Any) -> tuple[ProposedWeights, tuple[str, ...]]:
    test = replace(ProposedWeights(Weights([1.0]), 0.5, 0.75, True), **changes)
    work, notes = plain_work(Verdict(JUDGE, approve=True, test=test, reason="tested"))
    assert isinstance(work, Verdict) and work.test is not None
    assert (work.action, work.approve, work.reason) == (JUDGE, True, "tested") and work.test.weights.weights is None
    return work.test, notes


def test_plain_work__numbers_alone__cross_as_they_are() -> None:
    test, notes = crossed()
    assert (test.vote_score, test.test_score, test.vote, notes) == (0.5, 0.75, True, ())
    assert test.evaluation_results is None and test.record is None


def test_plain_work__scores_by_name__those_that_are_numbers_cross() -> None:
    scores = {"auc": 0.5, "loss": 2, "odd": object()}
    test, notes = crossed(vote_score=scores, criterion="auc")
    assert test.vote_score == {"auc": 0.5, "loss": 2.0}
    [note] = notes
    assert note.startswith("vote_score['odd'] can't be shown: ")


def test_plain_work__results__plain_values_cross_and_the_others_are_told() -> None:
    plain = {"none": None, "yes": True, "least": -(1 << 63), "most": (1 << 63) - 1, "half": 0.5, "t": "x", "l": [1, {}]}
    odd = {"small": -(1 << 63) - 1, "large": 1 << 63, "object": object()}
    test, notes = crossed(evaluation_results={**plain, **odd})
    assert test.evaluation_results == plain
    assert [note.partition(" can't")[0] for note in notes] == [f"evaluation_results[{name!r}]" for name in odd]


@pytest.mark.parametrize("count, shown", [(10, 0), (12, 11)])
def test_plain_work__many_results_that_are_odd__are_told_of_no_more_than_some(count: int, shown: int) -> None:
    _, notes = crossed(evaluation_results={str(n): object() for n in range(count)})
    assert len(notes) == (count if not shown else shown + 1)
