"""True histories of the real contract give no finding, whatever members do; what an endpoint leaves out is said."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from colearn_ledger.audit.examine import examine
from colearn_ledger.audit.facts import Facts
from colearn_ledger.audit.findings import Examination
from colearn_ledger.audit.read import read_facts
from colearn_ledger.core.protocol import Rules

from ..kit.anvil import Anvil, anvil
from ..kit.story import Told, tell
from ..kit.wandering import wander


def examined(facts: Facts) -> Examination:
    exam = Examination()
    examine(facts, exam)
    return exam


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture(scope="module")
def story(chain: Anvil) -> Told:
    return tell(chain)


def test_examine__a_true_history__gives_no_finding_and_lacks_nothing(story: Told) -> None:
    exam = examined(read_facts(story.contract.snapshot()))
    assert exam.findings == []
    assert exam.complete
    topics = (
        "code",
        "rounds",
        "ids",
        "lineage",
        "votes",
        "need",
        "decisions",
        "turns",
        "members",
        "motions",
        "senders",
    )
    assert all(exam.checked[topic] > 0 for topic in topics)


def test_examine__storage_alone__holds_and_says_what_was_not_checked(story: Told) -> None:
    exam = examined(read_facts(story.contract.snapshot(), logs=False))
    assert exam.findings == []
    assert [one.topic for one in exam.missing if not one.allowed] == ["events"]


def test_read_facts__a_member_joined__finds_the_round(story: Told) -> None:
    facts = read_facts(story.contract.snapshot())
    assert [(span.first_round, len(span.members)) for span in facts.spans] == [(1, 4), (3, 5)]
    assert facts.members_in(2) == story.contract.snapshot().members(2)
    created = (facts.events or ())[0]
    assert isinstance(created.arguments["rules"], Rules)


@pytest.mark.slow
def test_examine__whatever_members_do__a_true_history_gives_no_finding(chain: Anvil) -> None:
    seed = int(os.environ["COLEARN_TEST_SEED"])
    for number in range(seed, seed + 20):
        facts = read_facts(wander(chain, random.Random(number), 120).contract.snapshot())
        exam = examined(facts)
        assert exam.findings == [], f"seed {number}"
        assert exam.complete, f"seed {number}: {exam.missing}"
