"""What real nodes leave in a store that isn't theirs alone, whatever strangers propose."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from colearn_ledger.core.protocol import Rules, WeightsRef
from colearn_ledger.core.weights import weights_ref
from colearn_ledger.errors import ContractError
from colearn_ledger.stores.base import owner_of
from colearn_ledger.stores.local import LocalStore

from ..kit.anvil import wait_until
from ..kit.nodes import NodeCollective, NodeProcess, node_collective


def kept(made: NodeCollective, index: int) -> frozenset[str]:
    """What a member's node keeps for the collective."""
    owner = owner_of(made.contract.chain_id, made.contract.address, made.address(index))
    return LocalStore(made.folder / "weights", owner=owner).kept()


def archived(made: NodeCollective, index: int) -> frozenset[str]:
    """What it keeps for good."""
    owner = owner_of(made.contract.chain_id, made.contract.address, made.address(index))
    return LocalStore(made.folder / "weights", owner=owner).archived()


def pass_rounds(made: NodeCollective, node: NodeProcess, count: int) -> None:
    """Let member 1's node propose and member 0 approve in each of its rounds, and stay away in its own."""
    until = made.view().round + count
    while made.view().round < until:
        if made.view().proposer == made.address(1):
            wait_until(lambda: made.view().proposal is not None, f"the node proposes\n{node.text}")
            made.vote(0)
        else:
            made.chain.pass_time(Rules().propose_window + 1)


@pytest.mark.slow
def test_node__hostile_proposals_were_rejected__what_others_have_and_what_is_accepted_stays(tmp_path: Path) -> None:
    """Content of others, and the accepted weights under another size: all are somebody's, by CID."""
    with node_collective(tmp_path, 2) as made:
        data = b"of another program"
        foreign = weights_ref(data)
        (made.store.folder / foreign.cid).write_bytes(data)
        node = made.start(1, store__keep="current")
        wait_until(lambda: made.view().accepted.cid in kept(made, 1), f"it has adopted\n{node.text}")
        for ref in (foreign, replace(made.view().accepted, size=made.view().accepted.size + 1)):
            while made.view().proposer != made.address(0):
                pass_rounds(made, node, 1)
            number = made.view().round
            with contextlib.suppress(ContractError):  # what the contract refuses is as good
                made.send_proposal(ref)
                wait_until(lambda number=number: made.view().round > number, "it votes to reject")  # type: ignore[misc]
        pass_rounds(made, node, 12)
        view = made.view()
        wait_until(
            lambda: view.accepted.cid in kept(made, 1) and len(kept(made, 1)) <= 8, f"it has tidied up\n{node.text}"
        )
        accepted = [record.weights for record in made.records() if record.state.name == "ACCEPTED"]
        assert len(accepted) >= 6 and accepted[0] is not None
        assert accepted[0].cid not in kept(made, 1) and not made.store.has(accepted[0]), "the old ones are gone"
        assert (made.store.folder / foreign.cid).read_bytes() == data and foreign.cid not in kept(made, 1)
        assert made.store.has(view.accepted)


@pytest.mark.slow
def test_node__by_default__keeps_what_was_accepted_up_to_the_limit(tmp_path: Path) -> None:
    """Also what isn't the parent of anything any more; with a lower limit the oldest go, and nothing in use."""
    with node_collective(tmp_path, 2) as made:

        def accepted() -> list[WeightsRef]:
            return [r.weights for r in made.records() if r.state.name == "ACCEPTED" and r.weights is not None]

        node = made.start(1)
        pass_rounds(made, node, 14)
        wait_until(lambda: made.view().accepted.cid in archived(made, 1), f"it has tidied up\n{node.text}")
        assert len(accepted()) >= 7 and {ref.cid for ref in accepted()} <= archived(made, 1)
        node.process.terminate()
        assert node.wait() == 0
        size = made.view().accepted.size
        node = made.start(1, store__limit=str(4 * size))
        wait_until(lambda: len(archived(made, 1)) == 3, f"the oldest have gone\n{node.text}")
        assert archived(made, 1) == {ref.cid for ref in accepted()[-3:]}
        assert not made.store.has(accepted()[0]) and made.store.has(made.view().accepted)


@pytest.mark.slow
def test_node__store_loses_the_accepted_weights__puts_them_back_in_the_next_round(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2) as made:
        node = made.start(1)
        wait_until(lambda: made.view().accepted.cid in kept(made, 1), "it has adopted")
        pass_rounds(made, node, 2)
        lost = made.view().accepted
        wait_until(lambda: lost.cid in kept(made, 1), "it keeps them")
        path = made.store.folder / lost.cid
        data = path.read_bytes()
        path.unlink()
        made.chain.pass_time(Rules().propose_window + 1)
        wait_until(lambda: path.exists() and path.read_bytes() == data, f"they are back\n{node.text}")
        wait_until(lambda: bool(node.events("store")), "it says so")
        newcomer = made.start(0)
        wait_until(lambda: bool(newcomer.events("adopt")), f"another one can adopt\n{newcomer.text}")
