"""The chain adapter against the real contract on the embedded chain: views, refusals, secret votes, deadlines."""

from __future__ import annotations

import pytest
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError

from colearn_ledger.chain.commitments import commitment_of, derive_salt, open_commitment
from colearn_ledger.chain.contract import CollectiveContract, revert_data
from colearn_ledger.chain.deploy import Genesis, deploy
from colearn_ledger.chain.transactions import Outcome
from colearn_ledger.core.protocol import RoundState, seats
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.errors import ChainError, ContractError, UsageError

from ..kit.builders import ref
from ..kit.collective import RULES, embedded


def test_deploy__duplicate_member__refused_before_anything_is_sent() -> None:
    chain = EmbeddedChain(2)
    block = chain.web3.eth.block_number
    member = chain.accounts[0].address
    with pytest.raises(UsageError, match="more than once"):
        deploy(chain.web3, chain.accounts[0], Genesis([member, member], ref("g")))
    assert chain.web3.eth.block_number == block


def test_deploy__one_member__the_contracts_refusal_is_named() -> None:
    chain = EmbeddedChain(1)
    with pytest.raises(ContractError) as raised:
        deploy(chain.web3, chain.accounts[0], Genesis([chain.accounts[0].address], ref("g")))
    assert raised.value.name == "BadMemberCount" and raised.value.arguments["count"] == 1


def test_view__fresh_deployment__says_what_was_deployed() -> None:
    c = embedded(3)
    view = c.view(1)
    assert (view.round, view.state, view.seat, view.member_count) == (1, RoundState.PROPOSING, 1, 3)
    assert view.proposer == c.address(0)
    assert view.accepted == ref("genesis") and view.accepted_round == 0
    assert view.rules == RULES and view.proposal is None and view.is_member and not view.overdue


def test_round__majority_approves__accepted_and_recorded_in_storage() -> None:
    c = embedded(4)
    proposal = c.propose("better")
    assert c.sender(1).vote(proposal, True).outcome is Outcome.SENT
    assert c.sender(2).vote(proposal, False).outcome is Outcome.SENT
    assert c.view().state is RoundState.VOTING
    assert c.sender(3).vote(proposal, True).outcome is Outcome.SENT
    view = c.view()
    assert (view.round, view.accepted, view.accepted_round) == (2, ref("better"), 1)
    snapshot = c.contract.snapshot()
    genesis, first, second = snapshot.rounds(0, 10)
    assert snapshot.current_round() == 2
    assert genesis.weights == ref("genesis") and genesis.state is RoundState.ACCEPTED
    assert first.state is RoundState.ACCEPTED and first.id == proposal and first.parent == ref("genesis").sha256
    assert (seats(first.approvals), seats(first.rejections), first.need) == ((1, 3), (2,), 2)
    assert second.state is RoundState.PROPOSING and second.weights is None
    assert snapshot.members(at_round=1) == tuple(c.address(i) for i in range(4))


def test_send__already_voted__is_success_and_sends_nothing() -> None:
    c = embedded(5)
    proposal = c.propose()
    c.sender(1).vote(proposal, True)
    block = c.contract.fetch_head().number
    assert c.sender(1).vote(proposal, True).outcome is Outcome.ALREADY_DONE
    assert c.contract.fetch_head().number == block


def test_send__round_decided_by_others__is_too_late() -> None:
    c = embedded(4)
    proposal = c.propose()
    c.sender(1).vote(proposal, True)
    c.sender(2).vote(proposal, True)
    assert c.sender(3).vote(proposal, True).outcome is Outcome.TOO_LATE


def test_send__stale_parent__is_too_late() -> None:
    c = embedded(3)
    new = ref("x")
    receipt = c.sender(0).propose(1, ref("other").sha256, new.sha256, new.cid_digest, new.size, b"")
    assert receipt.outcome is Outcome.TOO_LATE


def test_send__proposer_votes__is_loud() -> None:
    c = embedded(3)
    proposal = c.propose()
    with pytest.raises(ContractError, match="ProposerCannotVote"):
        c.sender(0).vote(proposal, True)


def test_clock__proposer_stays_away__the_next_ones_turn_with_no_transaction() -> None:
    c = embedded(3)
    c.chain.pass_time(RULES.propose_window + 1)
    view = c.view()
    assert (view.round, view.proposer) == (2, c.address(1))
    c.propose()
    [missed] = c.contract.snapshot().rounds(1, 1)
    assert missed.state is RoundState.MISSED and missed.proposer == c.address(0)


def test_clock__voters_stay_away__rejected_and_anyone_advances() -> None:
    c = embedded(3)
    c.propose()
    c.chain.pass_time(RULES.vote_window + 1)
    view = c.view()
    assert view.round == 2 and view.accepted == ref("genesis")
    assert c.sender(2).advance().outcome is Outcome.SENT
    assert c.sender(1).advance().outcome is Outcome.ALREADY_DONE
    assert c.contract.snapshot().rounds(1, 1)[0].state is RoundState.REJECTED


def test_commitment__computed_here__equals_the_contracts() -> None:
    c = embedded(3, secret=True)
    voter, proposal, salt = c.address(1), b"p" * 32, b"s" * 32
    ours = commitment_of(**c.ballot(proposal), voter=voter, approve=True, salt=salt)
    assert ours == bytes(c.contract.functions.commitmentOf(proposal, voter, True, salt).call())


def test_salt__every_part_changes_it() -> None:
    base = {"key": b"k" * 32, "chain_id": 1, "contract": "0x" + "11" * 20, "proposal_id": b"p" * 32}
    others = [
        {"key": b"l" * 32},
        {"chain_id": 2},
        {"contract": "0x" + "22" * 20},
        {"proposal_id": b"q" * 32},
    ]
    salts = [derive_salt(**{**base, **change}) for change in [{}, *others]]  # type: ignore[arg-type]
    assert len(set(salts)) == len(salts) and derive_salt(**base) == salts[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("approve", [True, False])
def test_secret_vote__restarted_node__still_opens_its_commitment(approve: bool) -> None:
    c = embedded(3, secret=True)
    proposal = c.propose()
    account = c.account(1)
    where = c.ballot(proposal)
    salt = derive_salt(bytes(account.key), **where)
    commitment = commitment_of(**where, voter=account.address, approve=approve, salt=salt)
    c.sender(1).commit(proposal, commitment)
    stored = c.view(1).commitment
    assert stored is not None and stored != commitment
    assert open_commitment(stored, key=bytes(account.key), **where, voter=account.address) == (approve, salt)
    other = c.account(2)
    assert open_commitment(stored, key=bytes(other.key), **where, voter=other.address) is None


def test_view__no_contract_at_the_address__says_so() -> None:
    chain = EmbeddedChain(2)
    contract = CollectiveContract(chain.web3, chain.accounts[1].address, pin_by_number=True)
    with pytest.raises(ChainError, match="doesn't answer as this contract"):
        contract.snapshot().view(chain.accounts[0].address)


def test_call__what_is_said_cannot_be__is_a_chain_error() -> None:
    c = embedded(2)
    head, function = c.contract.fetch_head(), c.contract.functions.members()

    def read(raw: object) -> None:
        raise ValueError("never")

    with pytest.raises(ChainError, match="doesn't answer as this contract"):
        c.contract.call(function, head, "read the members", read)
    assert c.contract.call(function, head, "read the members", list) == [c.address(0), c.address(1)]


@pytest.mark.parametrize(
    "error, data",
    [
        (Web3RPCError("no", rpc_response={"error": {"data": "0x01ff"}}), b""),  # not where web3 puts it
        (ContractCustomError("0x01ff", data="0x01ff"), b"\x01\xff"),
        (ContractLogicError("execution reverted", data={"data": "0x02"}), b"\x02"),  # type: ignore[arg-type]
        (ContractLogicError("0x reverted, in words", data=b"\x03"), b"\x03"),  # type: ignore[arg-type]
        (ContractLogicError("0x reverted, in words"), b""),
        (ContractLogicError("execution reverted"), b""),
    ],
)
def test_revert_data__whatever_web3_wrapped_around_it__is_found(error: Exception, data: bytes) -> None:
    assert revert_data(error) == data
