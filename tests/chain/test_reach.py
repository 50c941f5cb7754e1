"""A chain's failures become this package's errors, and nothing else does."""

from __future__ import annotations

import pytest
import requests
from web3.exceptions import BlockNotFound, Web3RPCError

from colearn_ledger.chain.reach import reaching
from colearn_ledger.errors import ChainError, InvalidWeights, NotAMember, TransactionError, WrongChain


@pytest.mark.parametrize(
    "failure", [BlockNotFound("no block 7"), Web3RPCError("busy"), requests.ReadTimeout("slow"), ValueError("not JSON")]
)
def test_reaching__the_chain_fails__says_what_couldnt_be_done_and_why(failure: Exception) -> None:
    with pytest.raises(ChainError) as raised, reaching("read the view"):
        raise failure
    assert type(raised.value) is ChainError and raised.value.__cause__ is failure
    assert raised.value.what == f"could not read the view: {failure}" and "reachable" in raised.value.fix


def test_reaching__of_a_kind__is_raised_as_that_with_its_fix() -> None:
    with pytest.raises(TransactionError) as raised, reaching("send", fix="wait", kind=TransactionError):
        raise OSError("gone")
    assert raised.value.fix == "wait"


@pytest.mark.parametrize("own", [WrongChain("another"), InvalidWeights("NaN"), NotAMember("nobody", name="NotAMember")])
def test_reaching__an_error_of_this_package__passes_as_it_is(own: Exception) -> None:
    with pytest.raises(type(own)) as raised, reaching("read the view"):
        raise own
    assert raised.value is own


@pytest.mark.parametrize("unknown", [KeyError("result"), AssertionError(), TypeError("None"), KeyboardInterrupt()])
def test_reaching__what_no_chain_does__passes_as_it_is(unknown: BaseException) -> None:
    with pytest.raises(type(unknown)) as raised, reaching("read the view"):
        raise unknown
    assert raised.value is unknown
