"""What follows from the parts of a round."""

from __future__ import annotations

from colearn_ledger.core.protocol import RoundState
from colearn_ledger.history.types import Round, Transaction

from ..kit.builders import record


def sent(number: int, gas: int | None, fee: int | None) -> Transaction:
    return Transaction(bytes([number]) * 32, 1, None, number, ("voted",), gas=gas, fee=fee)


def test_gas_and_fee__of_the_transactions_that_were_sent_for_the_round() -> None:
    round_ = Round(
        record(7, RoundState.ACCEPTED), transactions=(sent(6, 100, 1000), sent(7, 10, 200), sent(7, 20, 300))
    )
    assert (round_.gas, round_.fee) == (30, 500)


def test_gas_and_fee__not_all_are_known_or_there_are_none__none() -> None:
    some = Round(record(7, RoundState.ACCEPTED), transactions=(sent(7, 10, 200), sent(7, None, None)))
    others = Round(record(7, RoundState.ACCEPTED), transactions=(sent(6, 10, 200),))
    assert [(r.gas, r.fee) for r in (some, others)] == [(None, None)] * 2
