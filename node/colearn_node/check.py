"""What must be right before a node runs, one thing after the other: :mod:`.check_all` and :mod:`.start` look at it."""

from __future__ import annotations

import os
import shutil
import stat
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from eth_account.signers.local import LocalAccount

from colearn_ledger.chain.bytecode import check_code
from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.chain.endpoints import connect, persist
from colearn_ledger.chain.fees import in_ether
from colearn_ledger.chain.keys import KEY_FILE_VARIABLE, find_account
from colearn_ledger.chain.reach import reaching
from colearn_ledger.chain.snapshot import Snapshot
from colearn_ledger.core.protocol import ZERO_ADDRESS, MotionKind, MotionRecord, MotionState, View
from colearn_ledger.errors import (
    ArtifactError,
    ChainError,
    ColearnError,
    ConfigError,
    InsufficientFunds,
    NotAMember,
    StoreError,
)
from colearn_ledger.formats.addresses import parse_address
from colearn_ledger.formats.urls import shown_url
from colearn_ledger.founding.names import Names
from colearn_ledger.founding.record import DeploymentRecord, load_deployment
from colearn_ledger.history.names import NamesOnChain
from colearn_ledger.report.rules import decision_in_words, rounds_in_words, windows_in_words
from colearn_ledger.report.windows import Times, budget_in_words, short_windows, windows_fit_in_words
from colearn_ledger.stores.base import owner_of
from colearn_ledger.stores.spec import StoreSpec

from .funds import RoundFunds
from .settings import Config

if TYPE_CHECKING:
    from colearn_ledger.learners.loading.first_weights import MadeLearner
    from colearn_ledger.plan.document import Plan

__all__ = ["Findings", "Line"]

_CLOCK_S = 300
_FEW_ROUNDS = 50
_PAGE = 64  # motions
_MAKES_MEMBERS = (MotionKind.ADD_MEMBER, MotionKind.REPLACE_MEMBER)
_STANDS = {MotionState.OPEN: "is open", MotionState.APPROVED: "is approved, and takes effect with the next round"}
_LEAST_FREE = 256 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at. ``error`` is what is wrong; ``note`` says that somebody should look at it."""

    name: str
    text: str
    error: ColearnError | None = None
    note: bool = False


@dataclass
class Findings:
    """What the checks go by. Each thing is read once, when it is first needed, after those that it needs itself."""

    config: Config
    dry_run: bool = False
    patience_s: float = 0.0  # for passing failures of the endpoints
    account: LocalAccount | None = None
    train: bool = False  # also once, to see how long it takes
    made: MadeLearner | None = None  # by trying it out

    @cached_property
    def deployment(self) -> DeploymentRecord:
        assert self.config.deployment is not None, "it is a setting that is needed"
        return load_deployment(self.config.deployment)

    @cached_property
    def names(self) -> Names:
        """What members are called: as the file has it, until :meth:`read_names`."""
        return self.deployment.names

    @cached_property
    def names_on_chain(self) -> NamesOnChain:
        return NamesOnChain(self.deployment.names, self.deployment.block)

    @cached_property
    def contract(self) -> CollectiveContract:
        web3 = connect(self.config.rpc, expected_chain_id=self.deployment.chain_id, patience_s=self.patience_s)
        return CollectiveContract(web3, self.deployment.address)

    @cached_property
    def snapshot(self) -> Snapshot:
        contract = self.contract
        return persist(contract.web3, contract.snapshot) if self.patience_s else contract.snapshot()

    @cached_property
    def view(self) -> View:
        return self.snapshot.view(self.member)

    @property
    def member(self) -> str:
        """Whose view it is: the key's, or the one that is named, or nobody's."""
        if self.account is not None:
            return self.account.address
        named = self.config.member
        if named is None:
            return ZERO_ADDRESS
        return parse_address(named, "member", error=ConfigError)

    @property
    def who(self) -> str:
        """The member in a few letters: its name, or its address."""
        return self.names.brief(self.member)

    @property
    def store(self) -> StoreSpec:
        """The member's store, where nothing that it keeps for this collective is taken for anybody else's."""
        if self.config.store_folder is not None and (self.account is None or self.dry_run):
            return self.config.store  # a dry run leaves no mark in a folder
        owner = owner_of(self.contract.chain_id, self.contract.address, self.member)
        return replace(self.config.store, owner=owner)

    # -------------------------------------------------------------------------------------------- one by one

    def read_deployment(self) -> str:
        return f"{self.deployment.address} on chain {self.deployment.chain_id}"

    def open_key(self) -> str | Line:
        self.account = find_account(self.config.keystore, self.config.password_file, prompt=True)
        if self.account is None:
            return f"none: dry run as {self.member}"
        readable = self.readable_by_others()
        if readable:
            return Line("key", f"{self.account.address}; {readable}", note=True)
        return self.account.address

    def readable_by_others(self) -> str | None:
        """Which of the files with the key or its password others than their owner can read, in words."""
        named = os.environ.get(KEY_FILE_VARIABLE) if self.config.keystore is None else None
        files = [self.config.keystore, self.config.password_file, None if named is None else Path(named)]
        others = stat.S_IRGRP | stat.S_IROTH
        found = [str(file) for file in files if file is not None and file.stat().st_mode & others]
        return f"others can read {' and '.join(found)} (chmod 600)" if found and os.name == "posix" else None

    def reach_chain(self) -> str:
        return f"chain {self.contract.chain_id}, block {self.snapshot.head.number}"

    def look_anew(self) -> None:
        """Forget the state of the chain that was read."""
        for name in ("snapshot", "view"):
            vars(self).pop(name, None)

    def compare_code(self) -> str:
        number = self.snapshot.head.number
        try:
            check_code(self.snapshot)
        except ArtifactError as e:
            if number < self.deployment.block:
                raise ChainError(
                    f"the endpoint shows block {number}, and the contract was deployed in {self.deployment.block}",
                    expected="an endpoint that is synced",
                    fix="wait until it is; a chain that was begun anew has lost the contract: deploy again",
                ) from e
            self._raise_if_syncing(e)
            raise
        return "this version's contract"

    def read_names(self) -> Line | None:
        """What members say that they are called; a line only where that isn't known."""
        self.names = self.names_on_chain.read(self.snapshot)
        problem = self.names_on_chain.problem
        return Line("names", f"some that members said may be missing: {problem}", note=True) if problem else None

    def find_member(self) -> str | Line:
        if self.view.is_member:
            name = self.names.of(self.member)
            seat = f"on seat {self.view.seat} of {self.view.member_count}, round {self.view.round}"
            return f"{name}, {seat}" if name else seat
        if self.account is None or self.dry_run:
            return f"{self.member} is no member: follows, and does nothing"
        motion = self._motion_for_me()
        if motion is not None:
            stands = f"motion 0x{motion.id.hex()}, which makes it one, {_STANDS[motion.state]}"
            return Line("member", f"{self.member} is no member yet: {stands}; follows until then", note=True)
        self._raise_if_syncing(None)
        raise NotAMember(
            f"{self.member} is not a member of the collective at {self.contract.address}",
            name="NotAMember",
            expected="the key of a member",
            fix="use a member's key, or have a member move to add this address (colearn-ledger motion propose)",
        )

    def _motion_for_me(self) -> MotionRecord | None:
        """The motion by which this account may yet become a member."""
        first = 0
        while page := self.snapshot.motions(first, _PAGE):
            for motion in page:
                adds = motion.kind in _MAKES_MEMBERS and motion.subject == self.member
                if adds and motion.state in _STANDS:
                    return motion
            first += len(page)
        return None

    def _raise_if_syncing(self, error: Exception | None) -> None:
        with reaching("ask whether the endpoint is synced"):
            syncing = self.contract.web3.eth.syncing
        if syncing:
            raise ChainError(
                f"the endpoint is still syncing, at block {self.snapshot.head.number}",
                expected="an endpoint that is synced",
                fix="wait until it is",
            ) from error

    def find_plan(self, sha256: bytes) -> Plan:
        """The plan that the members agreed on. Raises as :func:`.plans.members_plan`."""
        from .plans import members_plan

        return members_plan(self.config, sha256, keep=self.account is not None and not self.dry_run)

    def compare_plan(self) -> Line:
        """The plan, and what this member has otherwise; how the learner votes only if it was tried out."""
        from colearn_ledger.plan.comparing import differences

        sha256 = self.snapshot.agreement(MotionKind.SET_PLAN)
        if not any(sha256):
            return Line("plan", "none was agreed on")
        plan = self.find_plan(sha256)
        policy = "" if self.made is None else self.made.policy
        found = differences(plan, self.config.learner, self.deployment.schema.base, policy)
        text = "; ".join([f"sha256 {sha256.hex()}", *map(str, found)])
        text += "" if found else ", and nothing differs from it"
        text += "; its data contract is for people to read: nothing compares it" if plan.data else ""
        if found and self.config.plan == "refuse":
            raise ConfigError(
                f"this member differs from the members' plan: {'; '.join(map(str, found))}",
                expected='what the plan says, since plan is "refuse"',
                fix="do that, or have the plan changed by a motion",
            )
        return Line("plan", text, note=bool(found))

    def read_rules(self) -> str:
        """What the members agreed to; and that it began with the weights that the deployment file names."""
        [first] = self.snapshot.rounds(0, 1)
        if first.weights != self.deployment.genesis:
            raise ConfigError(
                f"{self.config.deployment} names other first weights than the contract",
                expected="the file as `colearn-ledger deploy` wrote it",
                fix="get the file again from whoever deployed the collective",
            )
        view = self.view
        votes = f"{'secret' if view.secret_votes else 'open'} votes"
        times = windows_in_words(view.rules, secret=view.secret_votes)
        joint = f"{rounds_in_words(view.merge_order)}; " if view.merge_order else ""
        return f"{joint}{decision_in_words(view.rules, view.member_count)}; {votes}; {times}"

    def count_funds(self) -> Line:
        if self.account is None or self.dry_run:
            return Line("funds", "not needed")
        funds = RoundFunds(self.contract, self.account.address, self.deployment.block).fetch()
        if funds.rounds is None:
            return Line("funds", "gas is free")
        text = f"{in_ether(funds.balance)} ether, about {funds.rounds:,} rounds at today's price"
        text += "" if self.config.fee_cap is not None else "; without fee_cap the endpoint says what gas may cost"
        if funds.rounds < 1:
            raise InsufficientFunds(
                f"the account {self.account.address} has {in_ether(funds.balance)} ether, not enough for one round",
                expected="funds for the transactions of a round",
                fix=f"send some to {self.account.address}",
            )
        return Line("funds", text, note=funds.rounds < _FEW_ROUNDS)

    def compare_clocks(self) -> Line:
        ahead = self.contract.fetch_clock(self.snapshot.head) - time.time()
        text = f"block time is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
        if ahead > _CLOCK_S:
            raise ChainError(
                text,
                expected=f"at most {_CLOCK_S} s",
                fix="set this machine's clock; on a test chain whose time was moved on, nothing needs to be done",
            )
        return Line("clock", text if abs(ahead) > 2 else "block time is this machine's", note=ahead < -_CLOCK_S)

    def try_news(self) -> str:
        from .heads import try_subscription

        if self.config.ws is None:
            return f"none: looks every {self.config.poll_interval:g} s"
        try_subscription(self.config.ws)
        return shown_url(self.config.ws)

    def try_store(self) -> Line:
        if self.config.store_folder is not None:
            from colearn_ledger.stores.local import LocalStore

            local = LocalStore(self.config.store_folder)
            probe = local.put(f"colearn-node check of {self.member}".encode())  # others may check at the same time
            local.get(probe)
            local.discard(probe)
            there = local.has(self.view.accepted)
            return Line(
                "store",
                f"{local.folder}, {'with' if there else 'without'} the accepted weights",
                note=not there,
            )
        from colearn_ledger.stores.ipfs import IpfsStore

        store = self.store.open()
        assert isinstance(store, IpfsStore)
        try:
            version, peers = store.check(), len(store.peers())
            there = store.has(self.view.accepted)
        finally:
            store.close()
        if peers == 0 and not there:
            raise StoreError(
                f"the IPFS daemon at {store.api} is connected to no other daemon",
                expected="the other members' daemons",
                fix="check the swarm key, the peers' addresses (`ipfs swarm peers`) and the firewall",
            )
        have = "holds the accepted weights" if there else "will pull the accepted weights"
        return Line("store", f"Kubo {version}, {peers} peers, {have}", note=peers == 0)

    def count_disk(self) -> str:
        folder = self.config.store_folder or self.config.folder
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        needed = max(_LEAST_FREE, 4 * self.view.accepted.size)
        if free < needed:
            raise StoreError(
                f"the disk of {folder} has {free >> 20} MiB left",
                expected=f"{needed >> 20} MiB or more, a few times the size of the weights",
                fix="make room",
            )
        kept = f"; up to {self.config.store_limit} of it for accepted weights (store.limit)"
        return f"{free >> 30} GiB left at {folder}{kept if self.config.store_keep == 'accepted' else ''}"

    def try_learner(self) -> Line:
        from colearn_ledger.core.weights import decode
        from colearn_ledger.learners.loading.first_weights import try_learner

        # In a process of its own: whatever it does is said in this line.
        made = self.made = try_learner(self.config.learner, train=self.train)
        assert made.trial is not None, "it was tried out"
        schema = self.deployment.schema
        schema.fit(decode(made.weights))
        notes = [*made.trial.notes]
        if [path for path, _ in made.schema.roles] != [path for path, _ in schema.roles]:
            notes.append("it declares other leaves as local or bounded than the deployment does, whose rule applies")
        based = f", on the agreed base {schema.base[:12]}…" if schema.base else ""
        text = "; ".join([f"{self.config.learner_factory} makes weights that fit{based}", *notes])
        return Line("learner", text, note=bool(notes))

    def compare_windows(self) -> Line:
        """What this machine was seen to need, and the windows that the members agreed to."""
        from colearn_ledger.core.merge.rehearsal import seconds_to_merge

        assert self.made is not None and self.made.trial is not None, "it was tried out"
        trial, view, merge_s = self.made.trial, self.view, None
        if view.merge_order:
            schema, first = self.deployment.schema, self.made.weights
            merge_s = seconds_to_merge(schema, first, view.member_count, view.merge_order)
        times = Times(trial.trained_s, trial.tested_s, merge_s)
        text = windows_fit_in_words(view.rules, times, view.member_count, "colearn-ledger motion propose rules")
        if trial.trained_s is None:
            text += f"; no training was measured: {trial.untrained or '`check --time` does that'}"
        return Line("windows", text, note=bool(short_windows(view.rules, times)))

    def count_privacy(self) -> Line | None:
        """How long the learner's privacy budget lasts, if it has one."""
        assert self.made is not None and self.made.trial is not None, "it was tried out"
        left = self.made.trial.trainings_left
        if left is None:
            return None
        text = budget_in_words(left, self.view.member_count, self.view.merge_order)
        return Line("privacy", text, note=left == 0)
