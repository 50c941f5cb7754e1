"""Joint rounds as Python reads and sends them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from eth_utils.crypto import keccak

from colearn_ledger.chain.claims import check_view
from colearn_ledger.chain.commitments import compute_proposal_id
from colearn_ledger.chain.transactions import Outcome
from colearn_ledger.core.protocol import Claim, Contribution, RoundState, Training, WeightsRef, rules_in, rules_word
from colearn_ledger.errors import ChainError, ContractError

from ..kit.anvil import Anvil, anvil
from ..kit.builders import ref
from ..kit.collective import JOINT_RULES, ORDER, Collective, embedded, embedded_joint

LARGE = WeightsRef(b"s" * 32, b"c" * 32, 2 << 20)


def test_view__joint__has_the_training() -> None:
    three = embedded_joint()
    view = three.view()
    assert view.merge_order == ORDER and view.rules == JOINT_RULES
    assert view.training is not None and view.training.until == view.deadline - JOINT_RULES.propose_window + 1
    assert view.training == Training(1, view.training.until, 0b111, ORDER, ())
    assert view.training.of(0) is None and view.training.in_time == 0


def test_view__solo__has_none() -> None:
    three = embedded()
    assert three.view().training is None and three.view().merge_order == ()
    three.propose()
    assert three.view().proposal.claim is None and three.record(1).claim is None


def test_contribute__one_round__is_read_back() -> None:
    three = embedded_joint()
    three.contribute(2, LARGE)
    three.contribute(0)
    training = three.view().training
    assert training.contributions == (
        Contribution(0, ref("contribution of 0"), late=False),
        Contribution(2, LARGE, late=False),
    )
    assert training.of(2).weights == LARGE and training.in_time == 0b101
    three.contribute(1)
    closed = three.view().training
    assert closed.until < training.until
    id_ = three.merge("merged", digest=7)
    view = three.view()
    claim = Claim(0b111, 1, 7)
    assert view.proposal.claim == claim and view.state is RoundState.VOTING
    assert id_ == compute_proposal_id(1, ref("merged"), claim) != compute_proposal_id(1, ref("merged"))
    check_view(view)
    three.vote(1)
    three.vote(2)
    assert three.record(1).claim == claim and three.record(1).state is RoundState.ACCEPTED
    assert three.record(0).claim is None
    assert three.view().training.first_round == 2 and three.view().training.contributions == ()


def test_contribute__late__is_shown_as_that() -> None:
    three = embedded_joint()
    three.contribute(1)
    three.chain.pass_time(JOINT_RULES.train_window)
    three.contribute(0)
    training = three.view().training
    assert [one.late for one in training.contributions] == [True, False] and training.in_time == 0b10
    three.merge(seats=0b11)  # in its turn a member merges its own
    check_view(three.view())


def test_rejected__the_next_rule() -> None:
    three = embedded_joint()
    for index in range(3):
        three.contribute(index)
    three.merge()
    three.vote(1, approve=False)
    assert three.view().training.rules_left == (2, 3)
    three.merge("another")
    assert three.view().proposal.claim.rule == 2


def test_contribute__again__is_taken_as_done() -> None:
    three = embedded_joint()
    three.contribute(0)
    for what in ("contribution of 0", "something else"):
        receipt = three.sender(0).contribute(1, three.view().accepted.sha256, ref(what), b"")
        assert receipt.outcome is Outcome.ALREADY_DONE and receipt.gas == 0


@pytest.mark.parametrize(("training", "parent"), [(2, "genesis"), (1, "other")])
def test_contribute__to_another_training_or_parent__is_too_late(training: int, parent: str) -> None:
    three = embedded_joint()
    assert three.sender(0).contribute(training, ref(parent).sha256, ref("x"), b"").outcome is Outcome.TOO_LATE


def test_propose_merge__too_soon_or_by_another_rule__is_too_late() -> None:
    three = embedded_joint()
    three.contribute(0)
    parent = three.view().accepted.sha256
    sender = three.sender(0)
    assert sender.propose_merge(1, parent, ref("x"), Claim(1, 1, 0), {}, b"").outcome is Outcome.TOO_LATE
    three.chain.pass_time(JOINT_RULES.train_window)
    assert sender.propose_merge(1, parent, ref("x"), Claim(1, 2, 0), {}, b"").outcome is Outcome.TOO_LATE
    assert sender.propose_merge(1, parent, ref("x"), Claim(1, 1, 0), {1: 2}, b"").outcome is Outcome.SENT


def test_sending__what_nobody_should_ask_for__is_said_in_plain_words() -> None:
    three = embedded_joint()
    for index in range(3):
        three.contribute(index)
    parent = three.view().accepted.sha256
    with pytest.raises(ContractError, match="NotContributed") as caught:
        three.sender(0).propose_merge(1, parent, ref("x"), Claim(1 << 5, 1, 0), {}, b"")
    assert "contributed in time" in caught.value.fix
    with pytest.raises(ContractError, match="NoClaim"):
        three.send_proposal("x")
    solo = embedded()
    with pytest.raises(ContractError, match="JointRoundsOnly") as caught:
        solo.sender(0).contribute(1, parent, ref("x"), b"")
    assert "solo" in caught.value.fix


def test_deploy__order_without_a_window__is_refused() -> None:
    with pytest.raises(ContractError, match="BadRules"):
        embedded(merge_order=(1,))
    with pytest.raises(ContractError, match="BadRules"):
        embedded(rules=JOINT_RULES)
    with pytest.raises(ContractError, match="BadMergeOrder"):
        embedded_joint(merge_order=(1,) * 7)


def test_check_view__a_claim_that_the_id_does_not_bind__misleads() -> None:
    three = embedded_joint()
    for index in range(3):
        three.contribute(index)
    three.merge()
    view = three.view()
    false = dataclasses.replace(view.proposal, claim=dataclasses.replace(view.proposal.claim, digest=2))
    with pytest.raises(ChainError, match="under an id"):
        check_view(dataclasses.replace(view, proposal=false))


def test_claim__to_bytes_and_back__and_the_note_that_says_it() -> None:
    claim = Claim(1 << 63 | 5, 15, (1 << 188) - 3)
    word = claim.to_bytes()
    assert len(word) == 32 and Claim.of(word) == claim and Claim.of(bytes(32)) is None
    assert claim.note({0: 1, 2: 15, 63: 4}, b"hi") == word + b"\x40" + bytes(29) + b"\x0f\x01" + b"hi"
    assert rules_in(rules_word((1, 2, 3))) == (1, 2, 3) and rules_word((1, 2, 3)) == 0x321 and rules_in(0) == ()


def test_proposal_id__with_a_claim__is_the_contracts() -> None:
    three = embedded_joint()
    claim = Claim(7, 1, 9)
    bound = keccak(LARGE.cid_digest + claim.to_bytes())
    function = three.contract.functions.proposalId(5, LARGE.sha256, bound, LARGE.size)
    assert bytes(function.call()) == compute_proposal_id(5, LARGE, claim)


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


def test_joint_rounds__on_anvil__go_on_after_the_clock_has_rejected(chain: Anvil) -> None:
    three = Collective.found(chain, 3, rules=JOINT_RULES, merge_order=ORDER)
    three.contribute(1)
    chain.pass_time(JOINT_RULES.train_window)
    three.merge(seats=0b10)
    chain.pass_time(JOINT_RULES.vote_window + 5)
    view = three.view()
    assert view.round == 2 and view.training.first_round == 2 and view.training.expected == 0b10
    three.contribute(2)
    assert three.view().training.in_time == 0b100 and three.record(1).state is RoundState.REJECTED
