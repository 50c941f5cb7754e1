"""Which actions are the same piece of work."""

from __future__ import annotations

import dataclasses

from colearn_node.worker.keys import key_of, name_of

from colearn_ledger.core.decide import Adopt, Advance, Judge, Propose

from ..kit.builders import proposal, ref

ADOPT, PROPOSE = Adopt(3, ref("accepted")), Propose(7, ref("accepted").sha256)
JUDGE, OTHER_JUDGE = Judge(7, proposal("one"), False), Judge(8, proposal("two"), False)


def test_key_of__others_votes__are_the_same_piece_of_work() -> None:
    more = Judge(7, dataclasses.replace(proposal("one"), approvals=0b110, hidden=1), False)
    assert key_of(JUDGE) == key_of(more) != key_of(OTHER_JUDGE)
    assert key_of(PROPOSE) != key_of(Propose(8, PROPOSE.parent)) and key_of(ADOPT) == key_of(Adopt(4, ADOPT.weights))
    assert key_of(Advance(7)) == (Advance,) and name_of(Advance(7)) == "advance"
