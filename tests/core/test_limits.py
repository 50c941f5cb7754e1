"""What is said to be the contract's limits is what the contract enforces."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.transactions import Sender
from colearn_ledger.core.cid import CHUNK
from colearn_ledger.core.limits import (
    DEFAULT_MAX_SIZE,
    LEAST_MEMBERS,
    MOST_BYTES,
    MOST_MEMBERS,
    MOST_NOTE,
    MOST_PAGE,
    MOST_SECONDS,
    ONE_BLOCK,
    proposed_max_size,
)
from colearn_ledger.core.protocol import Rules, WeightsRef
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.errors import ContractError

from ..kit.collective import Collective

SHA, OTHER = hashlib.sha256(b"a").digest(), hashlib.sha256(b"b").digest()


@pytest.fixture(scope="module")
def chain() -> EmbeddedChain:
    return EmbeddedChain(3)


def founded(
    chain: EmbeddedChain, members: int = 3, size: int = 1, cid: bytes = SHA, max_size: int = MOST_BYTES, **rules: Any
) -> CollectiveContract:
    addresses = [a.address for a in chain.accounts][:members]
    addresses += [f"0x{i:040x}" for i in range(1, members - len(addresses) + 1)]
    weights = WeightsRef(SHA, cid, size)
    return Collective.found(chain, addresses, weights=weights, rules=Rules(**rules), max_size=max_size).contract


@pytest.mark.parametrize("members", [LEAST_MEMBERS - 1, MOST_MEMBERS + 1])
def test_members__one_too_few_or_many__refused_with_the_same_limits(chain: EmbeddedChain, members: int) -> None:
    with pytest.raises(ContractError) as raised:
        founded(chain, members)
    assert raised.value.name == "BadMemberCount"
    assert raised.value.arguments == {"count": members, "least": LEAST_MEMBERS, "most": MOST_MEMBERS}


@pytest.mark.parametrize("members", [LEAST_MEMBERS, MOST_MEMBERS])
def test_members__as_few_or_many_as_there_may_be__taken(chain: EmbeddedChain, members: int) -> None:
    assert len(founded(chain, members).snapshot().members()) == members


def test_size__the_most__taken_and_one_more_refused(chain: EmbeddedChain) -> None:
    contract = founded(chain, size=MOST_BYTES, cid=OTHER)
    assert contract.snapshot().view(contract.address).max_size == MOST_BYTES
    with pytest.raises(ContractError) as raised:
        founded(chain, max_size=MOST_BYTES + 1)
    assert raised.value.name == "BadMaxSize"


def test_one_block__up_to_it__the_cid_is_the_hash(chain: EmbeddedChain) -> None:
    with pytest.raises(ContractError) as raised:
        founded(chain, size=ONE_BLOCK, cid=OTHER)
    assert raised.value.name == "CidMismatch"
    founded(chain, size=ONE_BLOCK + 1, cid=OTHER)
    assert ONE_BLOCK == CHUNK


def test_note__the_most__taken_and_one_more_refused(chain: EmbeddedChain) -> None:
    sender = Sender(founded(chain), chain.accounts[0])
    with pytest.raises(ContractError) as raised:
        sender.propose(1, SHA, OTHER, OTHER, 1, bytes(MOST_NOTE + 1))
    assert raised.value.arguments == {"length": MOST_NOTE + 1, "most": MOST_NOTE}
    assert sender.propose(1, SHA, OTHER, OTHER, 1, bytes(MOST_NOTE)).gas > 0


def test_windows__the_most__is_what_the_contract_keeps(chain: EmbeddedChain) -> None:
    windows = dict.fromkeys(("propose_window", "vote_window", "reveal_window", "motion_window"), MOST_SECONDS)
    contract = founded(chain, **windows)
    assert contract.snapshot().view(contract.address).rules == Rules(**windows)
    for name in windows:
        with pytest.raises(ContractError) as raised:
            founded(chain, **{**windows, name: MOST_SECONDS + 1})
        assert raised.value.name == "WindowTooLong" and raised.value.arguments["most"] == MOST_SECONDS
        assert f"at most {MOST_SECONDS} seconds" in raised.value.fix


@pytest.mark.slow
def test_page__the_most__is_what_the_contract_gives(chain: EmbeddedChain) -> None:
    snapshot = founded(chain).snapshot()
    later = dataclasses.replace(snapshot, clock=snapshot.clock + 3600 * (2 * MOST_PAGE + 5))
    functions = later.contract.functions
    page = later.contract.call(functions.rounds(0, 10**6, later.clock), later.head, "read the rounds", list)
    assert len(page) == MOST_PAGE
    # Who reads more gets it, page by page.
    assert [r.round for r in later.rounds(3, 10**6)] == list(range(3, 2 * MOST_PAGE + 7))
    assert len(later.rounds(3, MOST_PAGE + 1)) == MOST_PAGE + 1


def test_limits__numbers__are_the_documented_ones() -> None:
    assert (LEAST_MEMBERS, MOST_MEMBERS, MOST_NOTE) == (2, 64, 256)
    assert (MOST_BYTES, MOST_SECONDS) == (68_719_476_735, 33_554_431)
    assert (ONE_BLOCK, DEFAULT_MAX_SIZE) == (1_048_576, 1_073_741_824)


@pytest.mark.parametrize(
    "size, grows, cap",
    [
        (376, False, 1 << 20),
        (1 << 20, False, 4 << 20),
        (1 << 35, False, MOST_BYTES),
        (376, True, 64 << 20),
        (5 << 20, True, 320 << 20),
    ],
)
def test_proposed_max_size__by_the_first_weights(size: int, grows: bool, cap: int) -> None:
    assert proposed_max_size(size, grows=grows) == cap
