"""The state of a chain is edited behind the contract's back: what was edited is found, by its round and field."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from eth_utils.crypto import keccak

from colearn_ledger.audit.examine import examine
from colearn_ledger.audit.findings import Examination
from colearn_ledger.audit.read import read_facts

from ..kit.anvil import Anvil, anvil
from ..kit.story import Told, tell

# Where State.sol keeps them.
HEAD, RULES, SEAT, HOLDER, EPOCH, SHA, CID, TALLY, MOTION, CONTENT = 0, 1, 3, 4, 6, 7, 8, 9, 10, 11
ROUND_1 = 1


def of(mapping: int, key: int | bytes) -> int:
    """The slot of an entry of a mapping."""
    word = key if isinstance(key, bytes) else key.to_bytes(32, "big")
    return int.from_bytes(keccak(word.rjust(32, b"\0") + mapping.to_bytes(32, "big")), "big")


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture(scope="module")
def told(chain: Anvil) -> Told:
    return tell(chain)


@pytest.fixture
def story(chain: Anvil, told: Told) -> Iterator[Told]:
    before = chain.rpc("evm_snapshot")
    yield told
    assert chain.rpc("evm_revert", before)


def tally(story: Told, number: int) -> int:
    record = story.record(number)
    assert record.id is not None
    key = int.from_bytes(record.id, "big") >> 36 << 36
    return of(TALLY, key.to_bytes(32, "big"))


def flip(story: Told, slot: int, *bits: int) -> None:
    """Turn these bits of a word."""
    address = story.contract.address
    word = int(story.chain.rpc("eth_getStorageAt", address, hex(slot), "latest"), 16)
    assert word, "there is nothing at this slot"
    for bit in bits:
        word ^= 1 << bit
    story.chain.rpc("anvil_setStorageAt", address, hex(slot), "0x" + word.to_bytes(32, "big").hex())
    story.chain.mine()


def found(story: Told) -> set[tuple[int | None, str]]:
    exam = Examination()
    examine(read_facts(story.contract.snapshot()), exam)
    return {(one.round, one.field) for one in exam.findings}


def test_examine__nothing_was_edited__finds_nothing(story: Told) -> None:
    assert found(story) == set()


@pytest.mark.parametrize(
    ("what", "at", "number", "bits", "field"),
    [
        ("an approval more", tally, 1, (64 + 2, 2), "approvals"),
        ("an approval less", tally, 1, (1,), "approvals"),
        ("a rejection of nobody", tally, 1, (64 + 9,), "rejections"),
        ("an approval of the proposer", tally, 1, (0,), "approvals"),
        ("hidden votes where votes are open", tally, 1, (64 + 1,), "hidden"),
        ("another deadline", tally, 1, (128,), "deadline"),
        ("another size", tally, 1, (164,), "size"),
        ("another proposer", tally, 1, (201,), "proposer_seat"),
        ("other approvals needed", tally, 1, (206,), "need"),
        ("rejected, and not accepted", tally, 1, (219, 220, 221), "state"),
        ("accepted, and not rejected", tally, 2, (219, 220, 221), "state"),
        ("another parent", tally, 2, (222,), "parent_round"),
    ],
)
def test_examine__a_proposal_was_edited__names_round_and_field(
    story: Told, what: str, at: Callable[[Told, int], int], number: int, bits: tuple[int, ...], field: str
) -> None:
    flip(story, at(story, number), *bits)
    assert (number, field) in found(story), what


@pytest.mark.parametrize(
    ("what", "slot", "bits", "round_", "field"),
    [
        ("the accepted round", HEAD, (68,), 7, "accepted_round"),
        ("the vote window", RULES, (89,), 7, "rules"),
        ("the threshold", RULES, (0, 1), 1, "need"),
        ("a founder's seat", of(HOLDER, 2), (5,), 1, "members"),
        ("the epoch's first turn", of(EPOCH, 1), (39,), 4, "proposer_seat"),
        ("how many members there were", of(EPOCH, 0), (32,), 1, "member_count"),
        ("who has a motion's approvals", of(MOTION, 0), (3,), None, "motion 0.approvals"),
        ("a motion's state", of(MOTION, 0), (189,), None, "motion 0.state"),
        ("whom a motion is about", of(CONTENT, 0), (0,), None, "motion 0.id"),
    ],
)
def test_examine__the_state_was_edited__names_what(
    story: Told, what: str, slot: int, bits: tuple[int, ...], round_: int | None, field: str
) -> None:
    flip(story, slot, *bits)
    assert (round_, field) in found(story), what


def test_examine__a_hash_was_edited__names_the_round(story: Told) -> None:
    # The tally is found by the hash: so with the hash the whole proposal is another one, without votes.
    flip(story, of(SHA, 2), 0)
    names = found(story)
    assert {(2, "sha256"), (2, "size"), (2, "approvals")} & names and (2, "state") in names


def test_examine__the_genesis_was_edited__names_it(story: Told) -> None:
    flip(story, of(SHA, 0), 0)
    assert any(number == 0 for number, _ in found(story))


def test_examine__code_with_one_byte_changed__is_not_the_shipped_one(story: Told) -> None:
    code = bytearray(story.chain.web3.eth.get_code(story.contract.address))
    code[-1] ^= 1
    story.chain.rpc("anvil_setCode", story.contract.address, "0x" + code.hex())
    assert (None, "code") in found(story)
