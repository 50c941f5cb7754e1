"""Whether code is a contract's: equal everywhere but in the values that were filled in at deployment."""

from __future__ import annotations

import pytest

from colearn_ledger.chain.bytecode import check_code, matches
from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.errors import ArtifactError, NoContract

from ..kit.collective import embedded

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
        assert matches(template, template) is True
        for at in range(1, len(template)):
            changed = bytearray(template)
            changed[at] ^= 0x80  # a PUSH32 becomes something else
            assert matches(bytes(changed), template) is False, at


def test_check_code__nothing_at_the_address__another_contract__and_ours() -> None:
    c = embedded(2)
    check_code(c.contract.snapshot())
    nothing = CollectiveContract(c.chain.web3, c.address(0), pin_by_number=True)
    with pytest.raises(NoContract, match=f"there is no contract at {c.address(0)} on chain {c.contract.chain_id}"):
        check_code(nothing.snapshot())
    # Creation code that returns one byte of runtime code, STOP.
    creation = bytes.fromhex("600160005360016000f3")
    sent = c.chain.web3.eth.send_transaction({"from": c.chain.web3.eth.accounts[0], "data": creation})
    address = c.chain.web3.eth.get_transaction_receipt(sent)["contractAddress"]
    assert address is not None
    other = CollectiveContract(c.chain.web3, address, pin_by_number=True)
    with pytest.raises(ArtifactError, match="is another contract's") as raised:
        check_code(other.snapshot())
    assert not isinstance(raised.value, NoContract)
