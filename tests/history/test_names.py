"""Names that members say on chain: whose, until when, and what an endpoint or a re-org takes away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from colearn_ledger.chain.snapshot import Snapshot
from colearn_ledger.errors import ChainError
from colearn_ledger.founding.names import Names
from colearn_ledger.history.names import NamesOnChain

from ..kit.anvil import Anvil, anvil
from ..kit.collective import Collective, embedded
from ..kit.proxy import Refusal, proxy_of


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


def say(story: Collective[Any], member: int, name: bytes) -> None:
    story.sender(member).name_myself(name.ljust(32, b"\0"))


def reader(story: Collective[Any]) -> NamesOnChain:
    return NamesOnChain(Names({story.address(0): "Founder", story.address(1): "Lab"}), story.deployment.block)


def called(story: Collective[Any], read: NamesOnChain) -> list[str]:
    names = read.read(story.contract.snapshot())
    return [names.of(story.address(seat)) for seat in range(3)]


def test_names__said_on_chain__take_the_place_of_the_foundings() -> None:
    story = embedded()
    read = reader(story)
    assert called(story, read) == ["Founder", "Lab", ""]
    say(story, 0, "Hôpital".encode())
    say(story, 2, b"lab")
    assert called(story, read) == ["Hôpital", "Lab", "lab"] and read.problem == ""
    say(story, 0, b"")
    say(story, 2, b"Third")
    assert called(story, read) == ["", "Lab", "Third"] == called(story, reader(story))


@pytest.mark.parametrize(
    "word",
    [b"\xff\xfe", "a\u202eb".encode(), b"a\x1b[31m", b"a\nb", b"\0a", b"0xabc", b" a", "é".encode()[:1], b"a\0b"],
)
def test_names__that_are_none__leave_the_address_alone(word: bytes) -> None:
    names = Names({"0x1": "Founder"}).but_for({"0x1": word.ljust(32, b"\0"), "0x2": b"b" * 32})
    assert names.by_address == {"0x2": "b" * 32}


def test_names__two_alike__are_both_there_and_distinct_has_neither() -> None:
    names = Names({"0x1": "Lab"}).but_for({"0x2": b"lab", "0x3": b"Clinic"})
    assert (names.of("0x1"), names.of("0x2")) == ("Lab", "lab") and names.full("0x2") == "0x2 (lab)"
    assert names.distinct().by_address == {"0x3": "Clinic"}
    with pytest.raises(ValueError, match="are alike"):
        Names.of_founders(names.by_address)


def test_names__nothing_new_was_mined__asks_for_nothing() -> None:
    story = embedded()
    read, snapshot = reader(story), story.contract.snapshot()
    first = read.read(snapshot)
    nowhere: Any = replace(snapshot, contract=None)  # type: ignore[arg-type]
    assert read.read(nowhere) is first


def test_names__reorg_while_reading__are_read_again() -> None:
    story = embedded()
    snapshot: Snapshot = story.contract.snapshot()
    moved = replace(snapshot, head=replace(snapshot.head, hash=bytes(32)))
    with pytest.raises(ChainError, match="reorganised"):
        reader(story).read(moved)


@pytest.mark.slow
def test_names__reorg__takes_a_name_back(chain: Anvil) -> None:
    story = Collective.found(chain)
    read = reader(story)
    say(story, 1, b"Kept")
    before = chain.rpc("evm_snapshot")
    say(story, 0, b"Lost")
    assert called(story, read) == ["Lost", "Kept", ""]
    chain.rpc("evm_revert", before)
    say(story, 2, b"Other")  # at the height of the one that is gone
    chain.mine()
    assert called(story, read) == ["Founder", "Kept", "Other"]


@pytest.mark.slow
def test_names__endpoint_without_old_events__the_foundings_and_what_is_known_since(chain: Anvil) -> None:
    story = Collective.found(chain)
    say(story, 0, b"Old")
    kept_from = story.contract.snapshot().head.number + 1
    say(story, 1, b"New")

    def pruned(params: list[Any], ask: Any) -> Any:
        if int(params[0]["fromBlock"], 16) < kept_from:
            raise Refusal("pruned history")
        return ask(params)

    with proxy_of(chain.url) as proxy:
        proxy.answers["eth_getLogs"] = pruned
        seen = story.through(proxy.url)
        read = reader(story)
        assert called(seen, read) == ["Founder", "New", ""] and "pruned history" in read.problem
        proxy.answers["eth_getLogs"] = lambda params, ask: []
        read = reader(story)
        assert called(seen, read) == ["Founder", "Lab", ""] and "left out events" in read.problem
        asked = []

        def in_small_pieces(params: list[Any], ask: Any) -> Any:
            first, last = (int(params[0][key], 16) for key in ("fromBlock", "toBlock"))
            asked.append(first)
            if first < last:
                raise Refusal("too many blocks")
            return []

        chain.rpc("anvil_mine", hex(600))
        proxy.answers["eth_getLogs"] = in_small_pieces
        read = reader(story)
        assert called(seen, read) == ["Founder", "Lab", ""] and len(asked) < 500
        assert "weren't asked for" in read.problem
