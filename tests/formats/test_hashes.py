"""How much of a hash people see."""

from __future__ import annotations

from colearn_ledger.formats.hashes import SHOWN_DIGITS, shown_hash


def test_shown_hash__is_the_first_digits_that_sha256sum_prints() -> None:
    assert shown_hash(bytes.fromhex("03a064cbff" + "00" * 27)) == "03a064cb"
    assert len(shown_hash(bytes(32))) == SHOWN_DIGITS
