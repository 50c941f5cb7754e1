"""What a member sends: with scores where it is to publish them, and with none that it doesn't know."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account

from colearn_ledger.chain.commitments import commitment_of, derive_salt
from colearn_ledger.chain.transactions import Outcome, Receipt
from colearn_ledger.core.decide import Advance, Judge, Reveal
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.errors import ChainError
from colearn_ledger.member.submit import Submitter, sent
from colearn_ledger.member.work import Adopted, Declined, Nothing, Trained, Verdict, Work

from ..kit.builders import proposal

KEY = "0x" + "42" * 32


class Recorder:
    """A sender that keeps what it is given."""

    def __init__(self) -> None:
        self.account = Account.from_key(KEY)
        self.contract = SimpleNamespace(chain_id=5, address="0x" + "11" * 20)
        self.sent: list[tuple[Any, ...]] = []

    def propose(self, *arguments: Any) -> Receipt:
        return self._send("propose", *arguments)

    def advance(self) -> Receipt:
        return self._send("advance")

    def vote(self, *arguments: Any) -> Receipt:
        return self._send("vote", *arguments)

    def commit(self, *arguments: Any) -> Receipt:
        return self._send("commit", *arguments)

    def reveal(self, *arguments: Any) -> Receipt:
        return self._send("reveal", *arguments)

    def _send(self, *what: Any) -> Receipt:
        self.sent.append(what)
        return Receipt(Outcome.SENT)


def verdict(
    current: float | None = 0.25, proposed: float = -1.5, *, secret: bool = False, id_: bytes = b"i"
) -> Verdict:
    test = ProposedWeights(Weights(None), proposed, 0.0, True, current_score=current)
    return Verdict(Judge(7, proposal(id=id_ * 32), secret), True, test, "")


def scores(submitter: Submitter) -> Any:
    return submitter.sender.sent[-1][-1]  # type: ignore[attr-defined]


def made(*, publish: bool = True) -> Submitter:
    return Submitter(Recorder(), publish_scores=publish)  # type: ignore[arg-type]


def reveal(submitter: Submitter, id_: bytes = b"i") -> None:
    commitments = [sent[2] for sent in submitter.sender.sent if sent[0] == "commit"]  # type: ignore[attr-defined]
    submitter.submit(Reveal(7, proposal(id=id_ * 32), commitments[-1]))


def test_vote__scores_to_be_published__are_in_millionths() -> None:
    submitter = made()
    submitter.submit(verdict())
    assert submitter.sender.sent == [("vote", b"i" * 32, True, (250_000, -1_500_000))]  # type: ignore[attr-defined]


def test_vote__by_default__has_no_scores() -> None:
    submitter = Submitter(Recorder())  # type: ignore[arg-type]
    submitter.submit(verdict())
    assert scores(submitter) is None


@pytest.mark.parametrize("current, proposed", [(None, 1.0), (float("nan"), 1.0), (0.0, float("inf")), (0.0, 1e30)])
def test_vote__scores_that_the_contract_can_not_take__are_left_out(current: float | None, proposed: float) -> None:
    submitter = made()
    submitter.submit(verdict(current, proposed))
    assert scores(submitter) is None


def test_vote__invalid_weights__has_no_scores() -> None:
    submitter = made()
    submitter.submit(Verdict(Judge(7, proposal(id=b"i" * 32), False), False, None, "not finite"))
    assert scores(submitter) is None


def test_secret_vote__scores__are_not_in_the_commitment_and_in_the_reveal() -> None:
    submitter = made()
    submitter.submit(verdict(secret=True))
    [(name, id_, commitment)] = submitter.sender.sent  # type: ignore[attr-defined]
    assert (name, id_, len(commitment)) == ("commit", b"i" * 32, 32)
    reveal(submitter)
    assert submitter.sender.sent[-1][0] == "reveal" and scores(submitter) == (250_000, -1_500_000)  # type: ignore[attr-defined]


def test_secret_vote__started_again_before_the_reveal__reveals_without_scores() -> None:
    before, after = made(), made()
    before.submit(verdict(secret=True))
    after.submit(Reveal(7, proposal(id=b"i" * 32), before.sender.sent[0][2]))  # type: ignore[attr-defined]
    assert after.sender.sent[-1][:3] == ("reveal", b"i" * 32, True) and scores(after) is None  # type: ignore[attr-defined]


def test_secret_vote__scores_of_another_proposal__are_not_taken_for_this_ones() -> None:
    submitter = made()
    submitter.submit(verdict(secret=True))
    commitment = submitter.sender.sent[0][2]  # type: ignore[attr-defined]
    submitter.submit(verdict(0.5, 0.75, secret=True, id_=b"j"))
    submitter.submit(Reveal(7, proposal(id=b"i" * 32), commitment))
    assert scores(submitter) is None


def test_secret_vote__not_to_be_published__reveals_without_scores() -> None:
    submitter = made(publish=False)
    submitter.submit(verdict(secret=True))
    reveal(submitter)
    assert scores(submitter) is None


def test_submit__each_work__is_its_call_and_its_receipt() -> None:
    submitter = made()
    own = ProposedWeights(Weights(None), 0.0, 0.0, True)
    trained = Trained(7, b"p" * 32, WeightsRef(b"s" * 32, b"c" * 32, 9), b"note", own)
    reject = Verdict(Judge(7, proposal(), False), False, None, "not finite")
    for work in (trained, reject, Advance(7)):
        assert sent(submitter.submit(work))
    assert submitter.sender.sent == [  # type: ignore[attr-defined]
        ("propose", 7, b"p" * 32, b"s" * 32, b"c" * 32, 9, b"note"),
        ("vote", proposal().id, False, None),
        ("advance",),
    ]


@pytest.mark.parametrize("work", [Nothing("nobody has them"), Declined(7, "spent"), Adopted(proposal().weights)])
def test_submit__nothing_to_send__is_none(work: Work) -> None:
    submitter = made()
    assert submitter.submit(work) is None and submitter.sender.sent == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("approve", [True, False])
def test_secret_vote__committed_and_revealed__is_the_same_vote(approve: bool) -> None:
    submitter = made(publish=False)
    submitter.submit(Verdict(Judge(7, proposal(), True), approve, None, ""))
    what, about, commitment = submitter.sender.sent[-1]  # type: ignore[attr-defined]
    where = {"chain_id": 5, "contract": "0x" + "11" * 20, "proposal_id": proposal().id}
    salt = derive_salt(bytes.fromhex("42" * 32), **where)
    voter = submitter.sender.account.address
    assert (what, about) == ("commit", proposal().id)
    assert commitment == commitment_of(**where, voter=voter, approve=approve, salt=salt)
    submitter.submit(Reveal(7, proposal(), commitment))
    assert submitter.sender.sent[-1][:4] == ("reveal", proposal().id, approve, salt)  # type: ignore[attr-defined]


def test_reveal__commitment_of_another_key__is_a_mistake_that_is_told() -> None:
    submitter = made()
    with pytest.raises(ChainError, match="was not made by this key"):
        submitter.submit(Reveal(7, proposal(), b"another".ljust(32, b".")))


def test_sent__receipt_of_what_was_mined__alone() -> None:
    assert sent(Receipt(Outcome.SENT)) is True
    assert [sent(Receipt(outcome)) for outcome in (Outcome.ALREADY_DONE, Outcome.TOO_LATE)] == [False, False]
    assert sent(None) is False
