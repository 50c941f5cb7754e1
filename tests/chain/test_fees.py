"""What a transaction offers to pay, asked of a chain that is a fake."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from web3 import Web3
from web3.exceptions import Web3RPCError

from colearn_ledger.chain.fees import Fees, FeeSource, in_ether, in_gwei
from colearn_ledger.errors import TransactionError


class Eth:
    """A chain's prices; ``asked`` counts questions for the tip."""

    def __init__(self, base: int | None, tip: int | None = None, price: int = 0) -> None:
        self.base, self.tip, self.gas_price = base, tip, price
        self.asked = 0

    def get_block(self, which: str) -> dict[str, int]:
        return {} if self.base is None else {"baseFeePerGas": self.base}

    def request_blocking(self, method: str, params: list[object]) -> str:
        assert (method, params) == ("eth_maxPriorityFeePerGas", [])
        self.asked += 1
        if self.tip is None:
            raise Web3RPCError("no such method")
        return hex(self.tip)


def source(eth: Eth, cap: int | None = None) -> FeeSource:
    return FeeSource(cast(Web3, SimpleNamespace(eth=eth, manager=eth)), cap)


def test_fetch__base_fee__twice_that_and_the_tip_which_is_asked_for_once_in_a_while() -> None:
    eth = Eth(100, 7)
    fees = source(eth)
    assert fees.fetch() == Fees(207, 7)
    eth.base, eth.tip = 50, 9
    assert fees.fetch() == Fees(107, 7) and eth.asked == 1


GWEI = 10**9


@pytest.mark.parametrize(
    "base, said, tip",
    [
        (1, 10, 10),
        (1, 25_000, 10),
        (30, 31, 30),
        (30, 20, 20),
        (25_000, 25_000, 100),
    ],
)
def test_fetch__no_cap__a_tip_that_an_endpoint_names_has_a_ceiling(base: int, said: int, tip: int) -> None:
    fees = source(Eth(base * GWEI, said * GWEI)).fetch()
    assert fees == Fees((2 * base + tip) * GWEI, tip * GWEI)
    capped = source(Eth(base * GWEI, said * GWEI), 10**6 * GWEI).fetch()
    assert capped.tip == said * GWEI, "whoever sets a cap says what it may cost"


@pytest.mark.parametrize("price, tip", [(130, 30), (100, 0), (90, 0)])
def test_fetch__chain_that_knows_no_tip__what_its_price_is_above_the_base_fee(price: int, tip: int) -> None:
    assert source(Eth(100, None, price)).fetch() == Fees(200 + tip, tip)


def test_fetch__no_base_fee__is_the_gas_price() -> None:
    assert source(Eth(None, None, 40)).fetch() == Fees(40, None)
    assert source(Eth(None, None, 0)).fetch().fields() == {"gasPrice": 0}
    assert Fees(9, 2).fields() == {"type": 2, "maxFeePerGas": 9, "maxPriorityFeePerGas": 2}


@pytest.mark.parametrize(
    "base, tip, cap, fees",
    [
        (100, 7, 207, Fees(207, 7)),
        (100, 7, 206, Fees(206, 7)),
        (100, 7, 100, Fees(100, 7)),
        (100, 170, 110, Fees(110, 110)),
    ],
)
def test_fetch__cap__is_never_exceeded(base: int, tip: int, cap: int, fees: Fees) -> None:
    assert source(Eth(base, tip), cap).fetch() == fees


def test_fetch__no_base_fee_and_a_price_beyond_reason__is_paid_only_with_a_cap() -> None:
    eth = Eth(None, None, 25_000 * GWEI)
    with pytest.raises(TransactionError, match="gas costs 25000 gwei now, says the endpoint"):
        source(eth).fetch()
    assert source(eth, 30_000 * GWEI).fetch() == Fees(25_000 * GWEI, None)


@pytest.mark.parametrize("eth", [Eth(100, 7), Eth(None, None, 100)])
def test_fetch__chain_that_wants_more_than_the_cap__says_so(eth: Any) -> None:
    with pytest.raises(TransactionError, match=r"gas costs 0\.0000001 gwei now") as error:
        source(eth, 99).fetch()
    assert "at most 0.000000099 gwei" in error.value.expected
    if eth.base is None:
        assert source(eth, 100).fetch() == Fees(100, None)


@pytest.mark.parametrize(
    "old, now, cap, raised",
    [
        (Fees(80, 8), Fees(10, 1), None, Fees(91, 10)),
        (Fees(80, 8), Fees(200, 20), None, Fees(200, 20)),
        (Fees(80, None), Fees(10, None), None, Fees(91, None)),
        (Fees(80, 8), Fees(200, 20), 100, Fees(100, 20)),
        (Fees(80, 8), Fees(10, 1), 91, Fees(91, 10)),
        (Fees(80, 8), Fees(200, 150), 91, Fees(91, 91)),
        (Fees(80, 8), Fees(10, 1), 90, None),
        (Fees(0, None), Fees(0, None), None, None),
        (Fees(0, 0), Fees(5, 1), None, Fees(5, 1)),
        (Fees(5, 1), Fees(0, 0), None, Fees(6, 2)),
    ],
)
def test_raised__an_eighth_more_or_todays_and_never_above_the_cap(
    old: Fees, now: Fees, cap: int | None, raised: Fees | None
) -> None:
    assert old.raised(now, cap) == raised


@pytest.mark.parametrize("wei, text", [(10**9, "1"), (1, "0.000000001"), (1_500_000_000, "1.5"), (0, "0")])
def test_in_gwei__no_zeros_behind(wei: int, text: str) -> None:
    assert in_gwei(wei) == text


def test_in_ether__six_places_and_more_where_there_would_be_nothing_but_zeros() -> None:
    assert [in_ether(n) for n in (0, 1, 10**12, 10**18)] == ["0.000000", "0.000000000000000001", "0.000001", "1.000000"]
