"""A round that is over by the clock while a motion waits: one member goes on for all, whoever is away."""

from __future__ import annotations

from pathlib import Path

import pytest

from colearn_ledger.core.decide import STEP_S
from colearn_ledger.core.protocol import Rules

from ..kit.anvil import wait_until
from ..kit.nodes import NodeCollective, node_collective

RULES = Rules(propose_window=1000)


def wish(made: NodeCollective) -> None:
    """The last member's wish waits for the round's end: unlike a motion's approval, it ends nobody's turn."""
    made.sender(3).replace_member(made.address(5))


def end_the_round(made: NodeCollective, late: int) -> None:
    """Go on to ``late`` seconds after the first second in which it is over by the clock."""
    made.chain.mine_at(made.view().deadline + 1 + late)


def sent(made: NodeCollective) -> list[bool]:
    """Every ``advance`` on the chain: whether it succeeded."""
    web3 = made.contract.web3
    data = bytes.fromhex(made.contract.functions.advance()._encode_transaction_data()[2:])
    found = []
    for number in range(web3.eth.block_number + 1):
        for transaction in web3.eth.get_block(number, full_transactions=True)["transactions"]:
            if bytes(transaction["input"]) == data:
                found.append(web3.eth.get_transaction_receipt(transaction["hash"])["status"] == 1)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="mines on demand"),
        pytest.param(("--block-time", "2"), id="a block in two seconds"),
    ],
)
@pytest.mark.parametrize("late", [0, 100 * STEP_S])
def test_advance__everybody_is_there__one_sends_it(tmp_path: Path, options: tuple[str, ...], late: int) -> None:
    with node_collective(tmp_path, 4, rules=RULES, chain_options=options) as made:
        wish(made)
        nodes = [made.start(i, "--dry-run") if i == 0 else made.start(i) for i in range(4)]
        wait_until(lambda: all(n.events("wait") or n.events("dry_run") for n in nodes), "all have seen the first round")
        end_the_round(made, late)
        wait_until(lambda: any(n.events("propose") for n in nodes), "the second round has a proposal")
        assert sent(made) == [True]
        assert sum(len(n.events("advance")) for n in nodes) == 1


@pytest.mark.slow
def test_advance__the_first_is_away__the_next_one_sends_it_a_step_later(tmp_path: Path) -> None:
    with node_collective(tmp_path, 4, rules=RULES) as made:
        wish(made)
        nodes = [made.start(i) for i in (1, 2)]
        wait_until(lambda: all(n.events("wait") for n in nodes), "both have seen the first round")
        end_the_round(made, 0)  # it is seat 3's step, then seat 0's, then seat 1's: (1 + seat - step) % 4
        wait_until(
            lambda: all("first to advance" in n.events("wait")[-1]["text"] for n in nodes), "both let it go first"
        )
        assert sent(made) == []
        made.chain.rpc("evm_increaseTime", 2 * STEP_S)
        wait_until(lambda: bool(nodes[0].events("advance")), "it is the first node's step")
        assert sent(made) == [True] and not nodes[1].events("advance")
