"""Whether code is a contract's: equal everywhere but in the values that were filled in at deployment."""

from __future__ import annotations

import pytest

from colearn_ledger.chain.bytecode import matches

ZEROS, VALUE = bytes(32), bytes(range(1, 33))
# PUSH1 1; PUSH32 0, an immutable's place; PUSH2; PUSH32 of a constant; STOP; and at the end a PUSH1 and the next place.
TEMPLATE = (
    b"\x60\x01"
    + b"\x7f"
    + ZEROS
    + b"\x61\x00\x7f"
    + b"\x7f"
    + VALUE
    + b"\x00"
    + b"\x60\x7f"
    + b"\x7f"
    + ZEROS
    + b"\x5b"
)
FIRST, LAST = 3, len(TEMPLATE) - 33


def filled(*changes: tuple[int, bytes]) -> bytes:
    code = bytearray(TEMPLATE)
    for at, value in changes:
        code[at : at + len(value)] = value
    return bytes(code)


def test_matches__values_where_the_template_leaves_room__is_the_contract() -> None:
    assert matches(TEMPLATE, TEMPLATE) is True
    assert matches(filled((FIRST, VALUE), (LAST, b"\xff" * 32)), TEMPLATE) is True


@pytest.mark.parametrize(
    "at", [at for at in range(len(TEMPLATE)) if not 0 <= at - FIRST < 32 and not 0 <= at - LAST < 32]
)
def test_matches__any_other_byte_is_another__is_not(at: int) -> None:
    assert matches(filled((at, bytes([TEMPLATE[at] ^ 1]))), TEMPLATE) is False


def test_matches__longer_or_shorter__is_not() -> None:
    assert matches(TEMPLATE + b"\x00", TEMPLATE) is False
    assert matches(TEMPLATE[:-1], TEMPLATE) is False
    assert matches(b"", b"") is True


def test_matches__zeros_that_another_opcode_pushes__are_no_place() -> None:
    # The operand of a PUSH32 looks like another PUSH32 with zeros behind it, and a PUSH31 is no PUSH32.
    for template in (b"\x7f" + b"\x7f" + bytes(31) + bytes(32), b"\x7e" + bytes(33), b"\x80" + bytes(32)):
        changed = bytearray(template)
        changed[-1] = 1
        assert matches(template, template) is True and matches(bytes(changed), template) is False
