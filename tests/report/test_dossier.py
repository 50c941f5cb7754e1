"""The dossier is one file that shows all of an audit, runs and fetches nothing, and takes all that it shows as text."""

from __future__ import annotations

import random
from dataclasses import replace
from html.parser import HTMLParser

from colearn_ledger.audit.examine import examine
from colearn_ledger.audit.facts import Facts
from colearn_ledger.audit.findings import Examination
from colearn_ledger.core.agreements import NONE
from colearn_ledger.core.protocol import MotionKind
from colearn_ledger.founding.names import Names
from colearn_ledger.plan.document import Plan
from colearn_ledger.report.audit import Scored
from colearn_ledger.report.audited_plans import read_plans
from colearn_ledger.report.dossier import dossier

from ..kit.invented import invent

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m"


class Read(HTMLParser):
    """The elements, their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def examined(facts: Facts) -> Examination:
    exam = Examination()
    examine(facts, exam)
    return exam


def test_dossier__a_true_history__shows_every_round_member_and_motion() -> None:
    facts = invent(random.Random(5), 120, joint=True)
    page = Read("\n".join(dossier(facts, examined(facts), [Scored(0, 0, 0.5, 0.25)], version="1.0")))
    assert "all holds" in page.text and "0.2500" in page.text
    for record in facts.records:
        assert record.weights is None or record.weights.sha256.hex() in page.text
    assert all(who in page.text for span in facts.spans for who in span.members)
    assert page.elements.count("table") == 9


def test_dossier__members_with_names__wherever_they_stand_and_as_text() -> None:
    facts = invent(random.Random(5), 120)
    who = facts.spans[0].members[0]
    names = Names({who: "<b>Lab</b>"})
    page = Read("\n".join(dossier(facts, examined(facts), names=names)))
    proposed = sum(record.proposer == who for record in facts.records if record.round)
    moved = sum(who in (motion.mover, motion.subject) for motion in facts.motions)
    spans = sum(who in span.members for span in facts.spans)
    assert proposed and moved and "b" not in page.elements
    assert page.text.count(f"{who} (<b>Lab</b>)") >= proposed + moved + spans


def test_dossier__what_somebody_wrote__is_text_and_runs_nothing() -> None:
    facts = invent(random.Random(5), 40)
    exam = examined(facts)
    exam.wrong("rounds", 1, EVIL, EVIL, EVIL, EVIL)
    exam.lacks("weights", 2, EVIL, EVIL)
    text = "\n".join(dossier(replace(facts, spans=(replace(facts.spans[0], members=(EVIL, EVIL)),)), exam))
    page = Read(text)
    assert not {"script", "img", "link", "iframe", "a"} & set(page.elements)
    assert not {name for name in page.attributes if name.startswith("on")} | {"src", "href"} & page.attributes
    assert page.text.count("<script>alert(1)</script>") == 8 and "\x1b" not in text
    assert "default-src 'none'" in text
    assert "1 thing does not hold" in page.text


def test_dossier__plans_that_changed__each_with_its_round_and_words_and_as_text() -> None:
    histories = (invent(random.Random(seed), 120) for seed in range(100))
    facts = next(facts for facts in histories if len(enacted_plans(facts)) > 1)
    exam = examined(facts)
    plans = read_plans(facts, lambda sha256: Plan(text=EVIL, data={EVIL: EVIL}), exam)
    words = enacted_plans(facts)
    assert [one.sha256 for one in plans if one.motion is not None] == words
    assert [one.sha256 for one in plans if one.in_force] == [facts.agreements[MotionKind.SET_PLAN]] == words[-1:]
    page = Read("\n".join(dossier(facts, exam, plans=plans)))
    assert {"script", "img"} & set(page.elements) == set() and "\x1b" not in page.text
    for one in plans:
        assert one.sha256 == NONE or one.sha256.hex() in page.text
        assert one.sha256 == NONE or f"What the plan {one.sha256.hex()[:8]} says" in page.text
    assert f"plan: the file with sha256 {plans[-1].sha256.hex()}" in page.text, "the motion, in words"


def enacted_plans(facts: Facts) -> list[bytes]:
    """What motions made the plan, in their order."""
    told = [event.arguments for event in facts.events or () if event.name == "AgreementChanged"]
    return [one["word"] for one in told if one["kind"] == MotionKind.SET_PLAN]
