"""A collective on Anvil and what happened in it, for tests that read histories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from web3 import Web3

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.deploy import Deployment, Genesis, deploy
from colearn_ledger.chain.endpoints import connect
from colearn_ledger.chain.keys import write_keystore
from colearn_ledger.chain.transactions import Outcome, Receipt, Sender
from colearn_ledger.core.protocol import Rules, View
from colearn_ledger.core.schema import Schema
from colearn_ledger.founding.record import DeploymentRecord, save_deployment
from colearn_ledger.history import History, read_history

from .anvil import Anvil
from .builders import ref

__all__ = ["PASSWORD", "RULES", "Story", "Told", "tell"]

PASSWORD = "only for tests"
RULES = Rules(1, 2, propose_window=1000, vote_window=500, reveal_window=500, motion_window=100_000)


@dataclass
class Story:
    """A collective and what happened in it."""

    chain: Anvil
    web3: Web3
    deployment: Deployment
    contract: CollectiveContract

    @classmethod
    def begin(cls, chain: Anvil, members: int, *, secret: bool = False) -> Story:
        web3 = connect([chain.url])
        addresses = [chain.account(i).address for i in range(members)]
        deployment = deploy(web3, chain.account(9), Genesis(addresses, ref("genesis"), RULES, secret_votes=secret))
        return cls(chain, web3, deployment, CollectiveContract(web3, deployment.address))

    def save(self, folder: Path, keys: int = 0) -> Path:
        """Write what a user has: deployment.json, and keystores ``key-0.json`` … with their password."""
        d = self.deployment
        record = DeploymentRecord(
            d.chain_id, d.address, d.block, d.transaction, ref("genesis"), Schema.of(np.zeros(2)), (self.chain.url,)
        )
        save_deployment(record, folder / "deployment.json")
        (folder / "password").write_text(PASSWORD + "\n")
        for index in range(keys):
            write_keystore(self.chain.account(index), folder / f"key-{index}.json", PASSWORD, iterations=2)
        return folder

    def sender(self, index: int) -> Sender:
        return Sender(self.contract, self.chain.account(index))

    def address(self, index: int) -> str:
        return self.chain.account(index).address

    def view(self) -> View:
        return self.contract.snapshot().view(self.address(0))

    def propose(self, text: str, note: bytes = b"") -> tuple[bytes, Receipt]:
        view, new = self.view(), ref(text)
        index = next(i for i in range(10) if self.address(i) == view.proposer)
        receipt = self.sender(index).propose(
            view.round, view.accepted.sha256, new.sha256, new.cid_digest, new.size, note
        )
        assert receipt.outcome is Outcome.SENT
        return self.view().proposal.id, receipt

    def vote(self, index: int, proposal: bytes, approve: bool, scores: tuple[int, int] | None = None) -> Receipt:
        receipt = self.sender(index).vote(proposal, approve, scores)
        assert receipt.outcome is Outcome.SENT
        return receipt

    def pass_time(self, seconds: int) -> None:
        self.chain.rpc("evm_increaseTime", seconds)
        self.chain.mine()

    def read(self, **options: Any) -> History:
        return read_history(self.contract.snapshot(), **{"deployed_block": self.deployment.block, **options})


@dataclass
class Told(Story):
    receipts: dict[str, Receipt]


def tell(chain: Anvil) -> Told:
    """Round 1 accepted, 2 rejected, 3 left to the clock, 4 to 6 missed, 7 open with a proposal; a member joined."""
    story = Story.begin(chain, 4)
    sent: dict[str, Receipt] = {}
    first, sent["propose 1"] = story.propose("one", b'{"samples":200}')
    sent["vote 1.1"] = story.vote(1, first, True, (-1_500_000, 250_000))
    sent["vote 1.2"] = story.vote(2, first, False)
    sent["vote 1.3"] = story.vote(3, first, True)
    second, sent["propose 2"] = story.propose("two")
    sent["vote 2.0"] = story.vote(0, second, False)
    story.sender(0).move_add_member(story.address(5))
    motion = story.contract.snapshot().motions(0, 1)[0].id
    for index in (1, 2):
        story.sender(index).vote_motion(motion, True)
    sent["vote 2.2"] = story.vote(2, second, False)  # decides, and the fifth member has joined
    third, sent["propose 3"] = story.propose("three")
    sent["vote 3.0"] = story.vote(0, third, True)
    story.pass_time(RULES.vote_window + 3 * RULES.propose_window + 10)
    seventh, sent["propose 7"] = story.propose("seven", b"\xff\x00\x1b[31m")
    sent["vote 7.5"] = story.vote(5, seventh, True)
    return Told(story.chain, story.web3, story.deployment, story.contract, sent)
