"""What a round takes of gas, by the newest rounds' receipts."""

from __future__ import annotations

import pytest

from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.history.gas import fetch_round_gas

from ..kit.collective import RULES, Collective


@pytest.mark.slow
def test_fetch_round_gas__newest_rounds__their_mean_without_what_was_missed() -> None:
    told = Collective.found(EmbeddedChain(3), 3)
    assert fetch_round_gas(told.contract.snapshot()) is None
    for _ in range(2):
        told.accept_round()
    told.chain.pass_time(RULES.propose_window + 10)
    told.sender(0).advance()
    used = [r.gas for r in told.history(first=1, last=3, receipts=True).rounds]
    assert None not in used[:2]
    mean = fetch_round_gas(told.contract.snapshot(), deployed_block=told.deployment.block)
    assert mean == (used[0] + used[1]) // 2  # type: ignore[operator]
    for _ in range(3):
        told.chain.pass_time(RULES.propose_window + 10)
        told.sender(0).advance()
    assert fetch_round_gas(told.contract.snapshot()) is None
