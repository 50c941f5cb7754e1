"""A link between two collectives holds only if both ends say the same, and the weights are the old one's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from colearn_ledger.core import agreements
from colearn_ledger.plan.document import Predecessor
from colearn_ledger.plan.succession import Link
from colearn_ledger.plan.successor import Successor

OLD = Successor(31337, "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512")
NEW = Successor(5, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
FIRST, SEVENTH = b"\x01" * 32, b"\x07" * 32
CLAIMED = Predecessor(OLD.chain_id, OLD.address, 7, SEVENTH)
LINK = Link(OLD, NEW, CLAIMED, SEVENTH, {0: FIRST, 7: SEVENTH}, NEW)


@pytest.mark.parametrize("link", [LINK, replace(LINK, named=None), replace(LINK, claimed=None)])
def test_link__both_ends_agree_or_one_says_nothing__holds(link: Link) -> None:
    assert link.broken() == [] and link.round == 7


@pytest.mark.parametrize(
    ("link", "fields"),
    [
        (replace(LINK, genesis=b"\x09" * 32), ["genesis", "plan.succeeds.sha256"]),
        (replace(LINK, claimed=None, genesis=b"\x09" * 32), ["genesis"]),
        (replace(LINK, claimed=replace(CLAIMED, chain_id=1)), ["plan.succeeds"]),
        (replace(LINK, claimed=replace(CLAIMED, address=NEW.address)), ["plan.succeeds"]),
        (replace(LINK, claimed=replace(CLAIMED, sha256=FIRST)), ["plan.succeeds.sha256"]),
        (replace(LINK, claimed=replace(CLAIMED, round=6)), ["plan.succeeds.round"]),
        (replace(LINK, claimed=replace(CLAIMED, round=0)), ["plan.succeeds.round"]),
        (replace(LINK, named=OLD), ["successor"]),
        (replace(LINK, named=replace(NEW, chain_id=31337)), ["successor"]),
    ],
)
def test_link__one_thing_is_otherwise__is_named(link: Link, fields: list[str]) -> None:
    found = link.broken()
    assert [one.field for one in found] == fields
    assert all(one.what and one.found and one.expected != one.found for one in found)


@pytest.mark.parametrize("successor", [OLD, NEW, Successor((1 << 64) - 1, "0x" + "00" * 19 + "01")])
def test_successor__of_the_contracts_word__has_its_checksum(successor: Successor) -> None:
    word = agreements.Successor(bytes.fromhex(successor.address[2:]), successor.chain_id).to_bytes()
    assert Successor.of(word) == successor


def test_successor__zeros__is_none() -> None:
    assert Successor.of(bytes(32)) is None
