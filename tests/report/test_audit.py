"""What an audit found, in words and as values; what is found is tested in tests/audit."""

from __future__ import annotations

import random

from colearn_ledger.audit.examine import examine
from colearn_ledger.audit.findings import Examination
from colearn_ledger.founding.names import Names
from colearn_ledger.report.audit import audit_page, audit_to_dict

from ..kit.invented import invent


def test_audit_page__members_with_names__are_listed_beside_their_addresses() -> None:
    facts, exam = invent(random.Random(5), 40), Examination()
    examine(facts, exam)
    first, second = facts.spans[0].members[:2]
    names = Names({first: "Lab", second: "[b]Clinic[/b]"})
    page = list(audit_page(facts, exam, names=names))
    assert f"member {first} (Lab)" in page and f"member {second} ([b]Clinic[/b])" in page
    assert not [line for line in audit_page(facts, exam) if line.startswith("member ")]
    assert audit_to_dict(facts, exam, names=names)["names"] == {first: "Lab", second: "[b]Clinic[/b]"}
    assert audit_to_dict(facts, exam)["names"] == {}
