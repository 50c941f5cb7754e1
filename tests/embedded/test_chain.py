"""The chain in this process: what it says that a transaction takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from web3.exceptions import ContractCustomError

from colearn_ledger.embedded.chain import EmbeddedChain

from ..kit.builders import ref
from ..kit.collective import Collective, embedded

_CALLS: dict[str, tuple[int, Callable[[Collective[EmbeddedChain]], Any]]] = {
    "a proposal": (0, lambda c: _propose(c)),
    "a motion": (1, lambda c: c.contract.functions.moveRemoveMember(c.address(2))),
    "leaving": (2, lambda c: c.contract.functions.leave()),
}


def _propose(collective: Collective[EmbeddedChain]) -> Any:
    view, new = collective.view(), ref("new")
    return collective.contract.functions.propose(
        view.round, view.accepted.sha256, new.sha256, new.cid_digest, new.size, b"note"
    )


def _spend(collective: Collective[EmbeddedChain], index: int, function: Any) -> tuple[int, int]:
    """The estimate, and what a transaction with just so much gas uses."""
    web3, account = collective.chain.web3, collective.account(index)
    call = {"from": account.address, "to": collective.contract.address, "data": function._encode_transaction_data()}
    estimate = web3.eth.estimate_gas(call)
    signed = account.sign_transaction(
        {
            "to": collective.contract.address,
            "data": call["data"],
            "gas": estimate,
            "gasPrice": 2 * 10**9,
            "nonce": collective.nonce(index),
            "chainId": collective.contract.chain_id,
            "value": 0,
        }
    )
    receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))
    assert receipt["status"] == 1
    return estimate, receipt["gasUsed"]


@pytest.mark.parametrize("what", _CALLS)
def test_estimate_gas__of_a_transaction__is_enough_and_little_more(what: str) -> None:
    collective = embedded(3)
    index, function = _CALLS[what]
    estimate, used = _spend(collective, index, function(collective))
    assert used < estimate <= 1.25 * used + 2300  # of what is used a fifth may come back for storage that is cleared


def test_estimate_gas__vote_that_decides__is_enough() -> None:
    collective = embedded(3)
    collective.propose()
    for index in (1, 2):
        vote = collective.contract.functions.vote(collective.proposal, True)
        estimate, used = _spend(collective, index, vote)
        assert used < estimate
    assert collective.view().accepted_round == 1


def test_estimate_gas__what_the_contract_refuses__says_why_and_leaves_nothing_behind() -> None:
    collective = embedded(2)
    before = collective.view()
    call = {"from": collective.address(1), "to": collective.contract.address}
    with pytest.raises(ContractCustomError):
        collective.chain.web3.eth.estimate_gas({**call, "data": _propose(collective)._encode_transaction_data()})
    assert collective.view() == before
