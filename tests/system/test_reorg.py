"""Re-orgs of a real chain (Anvil): a signed vote or proposal never lands on a history that its signer didn't see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractCustomError
from web3.types import RPCEndpoint

from colearn_ledger.chain.commitments import commitment_of
from colearn_ledger.chain.contract import CollectiveContract, revert_data
from colearn_ledger.core.protocol import RoundState, WeightsRef, seats
from colearn_ledger.errors import ChainError

from ..kit.anvil import Anvil, anvil
from ..kit.builders import ref
from ..kit.collective import Collective


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@dataclass
class Signing(Collective[Anvil]):
    """One whose members sign now and may send later."""

    def proposal_id(self, round_number: int, weights: WeightsRef) -> bytes:
        return self.contract.functions.proposalId(round_number, weights.sha256, weights.cid_digest, weights.size).call()

    def sign(self, seat: int, call: Any, nonce: int | None = None) -> bytes:
        """Raw bytes, with the gas given: nobody simulates it before it is mined. ``nonce``: the next, unless given."""
        fields = call.build_transaction(
            {
                "from": self.address(seat),
                "nonce": self.nonce(seat) if nonce is None else nonce,
                "gas": 500_000,
                "maxFeePerGas": 10**11,
                "maxPriorityFeePerGas": 10**9,
                "chainId": self.contract.chain_id,
            }
        )
        return bytes(self.account(seat).sign_transaction(fields).raw_transaction)

    def sign_proposal(self, seat: int, round_number: int, parent: bytes, weights: WeightsRef) -> bytes:
        call = self.contract.functions.propose(
            round_number, parent, weights.sha256, weights.cid_digest, weights.size, b""
        )
        return self.sign(seat, call)

    def sign_vote(self, seat: int, id_: bytes, approve: bool = True, nonce: int | None = None) -> bytes:
        return self.sign(seat, self.contract.functions.vote(id_, approve), nonce)

    def send(self, raw: bytes) -> str:
        """Mine it; empty when it succeeded, else the name of the contract's error that reverted it."""
        receipt = self.chain.web3.eth.wait_for_transaction_receipt(
            self.chain.web3.eth.send_raw_transaction(raw), timeout=90, poll_latency=0.02
        )
        if receipt["status"] == 1:
            return ""
        mined = self.chain.web3.eth.get_transaction(receipt["transactionHash"])
        call = {"from": mined["from"], "to": mined["to"], "data": mined["input"]}
        with pytest.raises(ContractCustomError) as raised:
            self.chain.web3.eth.call(call, receipt["blockNumber"])
        return self.contract.reverts.decode(revert_data(raised.value), "play").name

    def reorg(self, depth: int, raw: list[bytes]) -> None:
        """Replace the newest ``depth`` blocks by others; the first of them holds the transactions ``raw``."""
        before = self.chain.web3.eth.get_block("latest")
        self.chain.rpc("anvil_reorg", depth, [["0x" + r.hex(), 0] for r in raw])
        after = self.chain.web3.eth.get_block("latest")
        assert after["number"] == before["number"] and after["hash"] != before["hash"], "the chain wasn't re-organised"


@pytest.fixture
def collective(chain: Anvil, request: pytest.FixtureRequest) -> Signing:
    return Signing(**vars(Collective.found(chain, 4, secret=getattr(request, "param", False))))


def test_vote__proposal_swapped_by_a_reorg__reverts_and_counts_for_neither(collective: Signing) -> None:
    c, x, y = collective, ref("x"), ref("other weights y")
    propose_x = c.sign_proposal(0, 1, ref("genesis").sha256, x)
    propose_y = c.sign_proposal(0, 1, ref("genesis").sha256, y)
    assert c.send(propose_x) == ""
    votes = [c.sign_vote(seat, c.proposal_id(1, x)) for seat in (1, 2, 3)]
    c.reorg(1, [propose_y])
    assert c.view().proposal.id == c.proposal_id(1, y)
    assert [c.send(vote) for vote in votes] == ["NoSuchProposal"] * 3
    view = c.view()
    assert (view.round, view.state, view.accepted_round) == (1, RoundState.VOTING, 0)
    assert view.proposal.approvals == view.proposal.rejections == 0


def test_vote__same_bytes_with_another_size_after_a_reorg__reverts(collective: Signing) -> None:
    """Were a false size accepted, nobody could adopt the weights: what is had would never be what the chain says."""
    c, x = collective, ref("x")
    false_size = WeightsRef(x.sha256, x.cid_digest, x.size + 1)
    propose_x = c.sign_proposal(0, 1, ref("genesis").sha256, x)
    propose_false = c.sign_proposal(0, 1, ref("genesis").sha256, false_size)
    assert c.send(propose_x) == ""
    votes = [c.sign_vote(seat, c.proposal_id(1, x)) for seat in (1, 2, 3)]
    c.reorg(1, [propose_false])
    assert c.view().proposal.weights == false_size
    assert [c.send(vote) for vote in votes] == ["NoSuchProposal"] * 3
    assert c.view().proposal.approvals == 0


def test_vote__same_weights_in_another_round_after_a_reorg__reverts(collective: Signing) -> None:
    c, x, y = collective, ref("x"), ref("other weights y")
    propose_x = c.sign_proposal(0, 1, ref("genesis").sha256, x)
    swapped = [c.sign_proposal(0, 1, ref("genesis").sha256, y)]
    swapped += [c.sign_vote(seat, c.proposal_id(1, y), approve=False) for seat in (2, 3)]
    swapped += [c.sign_proposal(1, 2, ref("genesis").sha256, x)]
    assert c.send(propose_x) == ""
    vote_x = c.sign_vote(3, c.proposal_id(1, x), nonce=c.nonce(3) + 1)
    c.reorg(1, swapped)
    view = c.view()
    assert (view.round, view.proposal.weights) == (2, x)
    assert c.send(vote_x) == "NoSuchProposal"
    assert c.view().proposal.approvals == 0


def test_vote__reorg_keeps_the_proposal__the_same_votes_land(collective: Signing) -> None:
    c, x = collective, ref("x")
    propose_x = c.sign_proposal(0, 1, ref("genesis").sha256, x)
    assert c.send(propose_x) == ""
    votes = [c.sign_vote(seat, c.proposal_id(1, x)) for seat in (1, 2)]
    c.reorg(1, [propose_x])
    assert [c.send(vote) for vote in votes] == ["", ""]
    view = c.view()
    assert (view.round, view.accepted_round, view.accepted) == (2, 1, x)


def test_vote__cast_votes_dropped_by_a_reorg__arent_counted_for_the_swapped_proposal(collective: Signing) -> None:
    c, x, y = collective, ref("x"), ref("other weights y")
    propose_x = c.sign_proposal(0, 1, ref("genesis").sha256, x)
    propose_y = c.sign_proposal(0, 1, ref("genesis").sha256, y)
    vote_y = c.sign_vote(3, c.proposal_id(1, y))
    assert c.send(propose_x) == ""
    vote_x = c.sign_vote(1, c.proposal_id(1, x))
    assert c.send(vote_x) == ""
    assert seats(c.view().proposal.approvals) == (1,)
    c.reorg(2, [propose_y])
    assert c.view().proposal.approvals == 0
    assert c.send(vote_x) == "NoSuchProposal"
    assert c.send(vote_y) == ""
    assert seats(c.view().proposal.approvals) == (3,)


def test_propose__its_parent_undone__reverts_as_stale(collective: Signing) -> None:
    c, x, z = collective, ref("x"), ref("z, trained from x")
    assert c.send(c.sign_proposal(0, 1, ref("genesis").sha256, x)) == ""
    id_ = c.proposal_id(1, x)
    assert c.send(c.sign_vote(1, id_)) == ""
    before = c.chain.rpc("evm_snapshot")
    approve, reject = c.sign_vote(2, id_, True), c.sign_vote(2, id_, False)
    also_reject = c.sign_vote(3, id_, False)
    assert c.send(approve) == ""
    assert c.view().accepted == x
    propose_z = c.sign_proposal(1, 2, x.sha256, z)  # signed while x was the accepted weights

    assert c.chain.rpc("evm_revert", before)
    before = c.chain.rpc("evm_snapshot")
    assert [c.send(reject), c.send(also_reject)] == ["", ""]
    assert (c.view().round, c.view().accepted) == (2, ref("genesis"))
    assert c.send(propose_z) == "StaleParent"
    assert c.view().state is RoundState.PROPOSING

    # The control: where x is accepted again, the very same transaction lands.
    assert c.chain.rpc("evm_revert", before)
    assert [c.send(approve), c.send(propose_z)] == ["", ""]
    assert c.view().proposal.weights == z


def test_propose__another_accepted_in_the_reorganised_round__reverts_as_stale(collective: Signing) -> None:
    c, x, y, z = collective, ref("x"), ref("other weights y"), ref("z, trained from x")
    propose_x = c.sign_proposal(0, 1, ref("genesis").sha256, x)
    swapped = [c.sign_proposal(0, 1, ref("genesis").sha256, y)]
    swapped += [c.sign_vote(seat, c.proposal_id(1, y)) for seat in (1, 2)]
    assert c.send(propose_x) == ""
    assert [c.send(c.sign_vote(seat, c.proposal_id(1, x))) for seat in (1, 2)] == ["", ""]
    propose_z = c.sign_proposal(1, 2, x.sha256, z)
    c.reorg(3, swapped)
    assert (c.view().round, c.view().accepted) == (2, y)
    assert c.send(propose_z) == "StaleParent"
    # What the proposer signs once it has seen the new history lands.
    assert c.send(c.sign_proposal(1, 2, y.sha256, z)) == ""


@pytest.mark.parametrize("collective", [True], indirect=True, ids=["secret"])
def test_commit_and_reveal__proposal_swapped__neither_lands(collective: Signing) -> None:
    c, x, y = collective, ref("x"), ref("other weights y")
    propose_x = c.sign_proposal(0, 1, ref("genesis").sha256, x)
    propose_y = c.sign_proposal(0, 1, ref("genesis").sha256, y)
    salt = bytes(31) + b"\x07"

    def commitment(seat: int, id_: bytes) -> bytes:
        return commitment_of(**c.ballot(id_), voter=c.address(seat), approve=True, salt=salt)

    assert c.send(propose_x) == ""
    id_x, id_y = c.proposal_id(1, x), c.proposal_id(1, y)
    commits = [c.sign(seat, c.contract.functions.commit(id_x, commitment(seat, id_x))) for seat in (1, 2, 3)]
    c.reorg(1, [propose_y])
    assert c.send(commits[0]) == "NoSuchProposal"
    # Commitments made for x and sent again under y's name can't be opened as votes on y; one made for y can.
    for seat, made_for in ((1, id_x), (2, id_x), (3, id_y)):
        assert c.send(c.sign(seat, c.contract.functions.commit(id_y, commitment(seat, made_for)))) == ""
    assert c.view().state is RoundState.REVEALING
    assert c.send(c.sign(1, c.contract.functions.reveal(id_y, True, salt))) == "CommitmentMismatch"
    assert c.send(c.sign(1, c.contract.functions.reveal(id_x, True, salt))) == "NoSuchProposal"
    assert c.send(c.sign(3, c.contract.functions.reveal(id_y, True, salt))) == ""
    assert seats(c.view().proposal.approvals) == (3,)


def test_read__at_a_block_that_is_undone__never_of_the_one_in_its_place(collective: Signing) -> None:
    c, x, y = collective, ref("x"), ref("other weights y")
    propose_y = c.sign_proposal(0, 1, ref("genesis").sha256, y)
    assert c.send(c.sign_proposal(0, 1, ref("genesis").sha256, x)) == ""
    asked: list[str] = []

    class Reorganised(HTTPProvider):
        """The re-org comes just before the read, after whatever else is asked for it."""

        def make_request(self, method: RPCEndpoint, params: Any) -> Any:
            asked.append(method)
            if method == "eth_call":
                c.reorg(1, [propose_y])
            return super().make_request(method, params)

    web3 = Web3(Reorganised(c.chain.url))
    web3.middleware_onion.remove("validation")  # as connect() does
    contract = CollectiveContract(web3, c.contract.address)
    snapshot = contract.snapshot()
    asked.clear()
    with pytest.raises(ChainError, match="could not read the view"):
        snapshot.view(c.address(0))
    assert asked == ["eth_call"]
    assert c.view().proposal.id == c.proposal_id(1, y)
