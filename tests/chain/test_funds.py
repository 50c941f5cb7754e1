"""How many rounds an account's funds pay for: by what rounds took, or by what the chain says that a proposal takes."""

from __future__ import annotations

import dataclasses

import pytest

from colearn_ledger.chain.funds import fetch_funds
from colearn_ledger.core.limits import ONE_BLOCK
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.embedded.chain import EmbeddedChain

from ..kit.builders import ref
from ..kit.collective import Collective


def test_fetch_funds__rounds_were_measured__each_member_pays_its_part() -> None:
    told = Collective.found(EmbeddedChain(3), 3)
    funds = fetch_funds(told.contract, told.address(1), told.view(), round_gas=300_001)
    assert funds.balance == told.chain.web3.eth.get_balance(told.address(1))
    assert funds.gas_price > 0 and funds.rounds == funds.balance // (100_001 * funds.gas_price)


def named(size: int) -> list[tuple[str, str]]:
    """Of what hash and root digest are: one for both where the weights are one block."""
    return [(name, name if size <= ONE_BLOCK else f"root of {name}") for name in ("genesis", "new")]


@pytest.mark.parametrize("size", [100, 2 << 20], ids=["small weights", "large weights"])
def test_fetch_funds__nothing_was_measured__the_chain_says_what_a_proposal_takes(size: int) -> None:
    first, new = (WeightsRef(ref(name).sha256, ref(cid).sha256, size) for name, cid in named(size))
    told = Collective.found(EmbeddedChain(3), 3, weights=first)
    funds = fetch_funds(told.contract, told.address(1), told.view())
    took = told.sender(0).propose(1, first.sha256, new.sha256, new.cid_digest, size, b"").gas
    assert funds.rounds is not None
    said = (funds.balance // (funds.rounds * funds.gas_price) - 40_000) * 3
    assert took <= said <= took + 10_000


def test_fetch_funds__nobody_can_propose_now__an_estimate() -> None:
    told = Collective.found(EmbeddedChain(3), 3)
    told.propose()
    funds = fetch_funds(told.contract, told.address(1), told.view())
    assert funds.rounds == funds.balance // ((40_000 + 140_000 // 3) * funds.gas_price)
    late = dataclasses.replace(told.view(), state=told.record(1).state, proposal=None)
    assert fetch_funds(told.contract, told.address(1), late).rounds == funds.rounds
    joint = dataclasses.replace(told.view(), merge_order=(1,))
    assert fetch_funds(told.contract, told.address(1), joint).rounds == funds.balance // (
        (125_000 + 140_000 // 3) * funds.gas_price
    )
