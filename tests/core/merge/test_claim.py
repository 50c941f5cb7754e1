"""What a merge claims, in bits."""

from __future__ import annotations

from colearn_ledger.core.merge import claim_digest, seats_mask
from colearn_ledger.core.protocol import WeightsRef
from tests.kit.merging import digest

REFS = [WeightsRef(bytes([i]) * 32, bytes(32), 1000 + i) for i in range(3)]


def test_claim_digest__any_order__is_that_of_the_second_implementation() -> None:
    told = [(7, REFS[0]), (0, REFS[1]), (63, REFS[2])]
    found = claim_digest(told)
    assert found == claim_digest(reversed(told)) < 1 << 188
    assert f"{found:047x}" == digest([(seat, ref.sha256.hex(), ref.size) for seat, ref in told])


def test_claim_digest__another_seat_hash_or_size__is_another() -> None:
    one = (1, REFS[0])
    others = [(2, REFS[0]), (1, REFS[1]), (1, WeightsRef(REFS[0].sha256, bytes(32), 999))]
    assert len({claim_digest([change]) for change in [one, *others]} | {claim_digest([])}) == 5


def test_seats_mask__seats__are_bits_from_the_lowest() -> None:
    assert seats_mask([0, 3, 63]) == 1 | 8 | 1 << 63
