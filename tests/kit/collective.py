"""A collective for tests: its contract on a chain of the test's own, and members who do what they are told to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from eth_account.signers.local import LocalAccount

from colearn_ledger.chain.commitments import commitment_of, derive_salt
from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.deploy import Deployment, Genesis, deploy
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.keys import write_keystore
from colearn_ledger.chain.transactions import Outcome, Receipt, Sender
from colearn_ledger.core.protocol import Claim, MotionRecord, RoundRecord, Rules, View, WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.founding.record import DeploymentRecord, save_deployment
from colearn_ledger.history import History, read_history

from .anvil import Anvil
from .builders import ref

__all__ = ["JOINT_RULES", "ORDER", "PASSWORD", "RULES", "Collective", "embedded", "embedded_joint"]

PASSWORD = "only for tests"
RULES = Rules(1, 2, propose_window=1000, vote_window=500, reveal_window=500, motion_window=100_000)
JOINT_RULES = RULES.changed(train_window=300)
ORDER = (1, 2, 3)

Chain = TypeVar("Chain", Anvil, EmbeddedChain)


@dataclass
class Collective(Generic[Chain]):
    """A deployed contract. Member ``i`` has the chain's account ``i``, also when its seat becomes another one.

    What acts for a member raises unless the chain takes it: tests of what is refused have :meth:`sender`.
    """

    chain: Chain
    contract: CollectiveContract
    deployment: Deployment
    genesis: Genesis

    @classmethod
    def found(
        cls,
        chain: Chain,
        members: int | Sequence[str] = 3,
        *,
        weights: WeightsRef | None = None,
        rules: Rules = RULES,
        secret: bool = False,
        **options: Any,
    ) -> Collective[Chain]:
        """Deploy one from the chain's last account; ``members``: that many accounts, or addresses."""
        if isinstance(members, int):
            members = [account.address for account in chain.accounts[:members]]
        genesis = Genesis(members, weights or ref("genesis"), rules, secret_votes=secret, **options)
        deployment = deploy(chain.web3, chain.accounts[-1], genesis)
        contract = CollectiveContract(chain.web3, deployment.address, pin_by_number=isinstance(chain, EmbeddedChain))
        return Collective(chain, contract, deployment, genesis)

    def through(self, url: str, *others: str) -> Collective[Chain]:
        """The same one by other endpoints."""
        return dataclasses.replace(self, contract=CollectiveContract(connect([url, *others]), self.contract.address))

    def save(self, folder: Path, keys: int = 0, schema: Schema | None = None) -> Path:
        """Write what a user has: deployment.json, and keystores ``key-0.json`` … with their password."""
        d = self.deployment
        urls = (self.chain.url,) if isinstance(self.chain, Anvil) else ()
        record = DeploymentRecord(
            d.chain_id, d.address, d.block, d.transaction, self.genesis.weights, schema or Schema.of(np.zeros(2)), urls
        )
        save_deployment(record, folder / "deployment.json")
        (folder / "password.txt").touch(mode=0o600)
        (folder / "password.txt").write_text(PASSWORD + "\n")
        for index in range(keys):
            write_keystore(self.account(index), folder / f"key-{index}.json", PASSWORD, iterations=2)
        return folder

    # ------------------------------------------------------------------------------------------------ who

    @property
    def count(self) -> int:
        """How many founded it."""
        return len(self.genesis.members)

    def account(self, index: int) -> LocalAccount:
        return self.chain.accounts[index]

    def address(self, index: int) -> str:
        return self.account(index).address

    def sender(self, index: int, **options: Any) -> Sender:
        return Sender(self.contract, self.account(index), **options)

    def nonce(self, index: int) -> int:
        """How many transactions the member has sent."""
        return self.chain.web3.eth.get_transaction_count(self.address(index))

    # ------------------------------------------------------------------------------------------------ what is so

    def view(self, index: int = 0) -> View:
        """What a member sees."""
        return self.contract.snapshot().view(self.address(index))

    def records(self) -> list[RoundRecord]:
        """All rounds but the genesis, the current one last."""
        return list(self.contract.snapshot().rounds(1, 1000))

    def record(self, number: int) -> RoundRecord:
        [record] = self.contract.snapshot().rounds(number, 1)
        return record

    def motions(self) -> list[MotionRecord]:
        return list(self.contract.snapshot().motions(0, 100))

    def history(self, **options: Any) -> History:
        return read_history(self.contract.snapshot(), **{"deployed_block": self.deployment.block, **options})

    # ------------------------------------------------------------------------------------------------ what they do

    def contribute(self, index: int, what: str | WeightsRef = "contribution", note: bytes = b"") -> Receipt:
        """Contribute to the training that goes on; what is a text is each member's own."""
        view, new = self.view(), ref(f"{what} of {index}") if isinstance(what, str) else what
        training = view.training
        assert training is not None
        return _sent(self.sender(index).contribute(training.first_round, view.accepted.sha256, new, note))

    def merge(
        self,
        what: str | WeightsRef = "merge",
        seats: int | None = None,
        digest: int = 1,
        left_out: Mapping[int, int] | None = None,
        note: bytes = b"",
    ) -> bytes:
        """Propose, for the member whose turn it is, a merge of all that was contributed in time, or of these seats."""
        view, new = self.view(), ref(what) if isinstance(what, str) else what
        assert view.training is not None
        claim = Claim(view.training.in_time if seats is None else seats, view.training.rules_left[0], digest)
        [account] = (account for account in self.chain.accounts if account.address == view.proposer)
        sender = Sender(self.contract, account)
        _sent(sender.propose_merge(view.round, view.accepted.sha256, new, claim, left_out or {}, note))
        return self.proposal

    def send_proposal(self, what: str | WeightsRef = "weights", note: bytes = b"") -> Receipt:
        """Propose for the member whose turn it is, whatever becomes of it."""
        view, new = self.view(), ref(what) if isinstance(what, str) else what
        [account] = (account for account in self.chain.accounts if account.address == view.proposer)
        return Sender(self.contract, account).propose(
            view.round, view.accepted.sha256, new.sha256, new.cid_digest, new.size, note
        )

    def propose(self, what: str | WeightsRef = "weights", note: bytes = b"") -> bytes:
        """The same, taken; the proposal's id."""
        _sent(self.send_proposal(what, note))
        return self.proposal

    @property
    def proposal(self) -> bytes:
        """The id of what is proposed now."""
        return self.view().proposal.id

    def vote(self, index: int, approve: bool = True, scores: tuple[int, int] | None = None) -> Receipt:
        """Vote on what is proposed now."""
        return _sent(self.sender(index).vote(self.proposal, approve, scores))

    def commit(self, index: int, approve: bool = True) -> Receipt:
        """The same in secret; :meth:`reveal` opens it."""
        ballot = self.ballot(self.proposal)
        commitment = commitment_of(**ballot, voter=self.address(index), approve=approve, salt=self._salt(index))
        return _sent(self.sender(index).commit(self.proposal, commitment))

    def reveal(self, index: int, approve: bool = True, scores: tuple[int, int] | None = None) -> Receipt:
        return _sent(self.sender(index).reveal(self.proposal, approve, self._salt(index), scores))

    def ballot(self, proposal: bytes) -> dict[str, Any]:
        """What salts and commitments of votes on a proposal are bound to."""
        return {
            "chain_id": self.contract.chain_id,
            "contract": self.contract.address,
            "proposal_id": proposal,
        }

    def _salt(self, index: int) -> bytes:
        return derive_salt(bytes(self.account(index).key), **self.ballot(self.proposal))

    def accept_round(self, meanwhile: Callable[[], object] = lambda: None) -> int:
        """Propose, and let others approve until the round is accepted; its number.

        ``meanwhile``: what is done while the proposal is under decision, such as what would else end the round.
        """
        round_ = self.view().round
        self.propose(f"round {round_}")
        meanwhile()
        for index in range(len(self.chain.accounts)):
            view = self.view(index)
            if view.is_member and view.round == round_ and view.proposer != self.address(index):
                self.vote(index)
        assert self.view().accepted_round == round_
        return round_

    def vote_motion(self, *indices: int, approve: bool = True) -> None:
        """These members vote on the newest motion."""
        for index in indices:
            _sent(self.sender(index).vote_motion(self.motions()[-1].id, approve))


def _sent(receipt: Receipt) -> Receipt:
    assert receipt.outcome is Outcome.SENT, receipt
    return receipt


def embedded(members: int = 3, **options: Any) -> Collective[EmbeddedChain]:
    """One on a chain in this process, with these options of :meth:`Collective.found`."""
    return Collective.found(EmbeddedChain(members), members, **options)


def embedded_joint(members: int = 3, **options: Any) -> Collective[EmbeddedChain]:
    """The same with joint rounds."""
    return embedded(members, **{"rules": JOINT_RULES, "merge_order": ORDER, **options})
