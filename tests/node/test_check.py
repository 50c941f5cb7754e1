"""What must be right before a node runs; one by one where no chain is needed, else in tests/system/test_mistakes.py."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from colearn_node.check import Findings, Line
from colearn_node.settings import Config
from eth_account import Account

from colearn_ledger.chain.contract import CollectiveContract, Head
from colearn_ledger.chain.keys import write_keystore
from colearn_ledger.chain.snapshot import Snapshot
from colearn_ledger.core.protocol import ZERO_ADDRESS, MotionKind, MotionRecord, MotionState, Rules, WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import (
    ArtifactError,
    ChainError,
    ColearnError,
    NoContract,
    NotAMember,
    StoreError,
)
from colearn_ledger.founding.names import NO_NAMES, Names
from colearn_ledger.history.names import NamesOnChain
from colearn_ledger.learners.loading.first_weights import MadeLearner
from colearn_ledger.learners.loading.trial import Trial
from colearn_ledger.plan.document import Plan, plan_beside
from colearn_ledger.stores.local import LocalStore

from ..kit.builders import ME, OTHER, ref, view

HEAD = Head(5, b"5" * 32, 1000)


def findings(
    folder: Path,
    *,
    ahead: float = 0.0,
    seen: Any = None,
    account: bool = False,
    motions: Sequence[MotionRecord] = (),
    syncing: Any = False,
    names: Names = NO_NAMES,
    **changes: Any,
) -> Findings:
    """What is found where the chain's time is ``ahead`` and the member's view is ``seen``."""
    contract = SimpleNamespace(
        address="0x" + "44" * 20,
        fetch_clock=lambda head: time.time() + ahead,
        web3=SimpleNamespace(eth=SimpleNamespace(syncing=syncing)),
    )
    collective = cast(CollectiveContract, contract)
    snapshot = SimpleNamespace(
        contract=collective,
        head=HEAD,
        clock=1000,
        pin=None,
        view=lambda member: seen or view(),
        motions=lambda first, count: tuple(motions[first : first + count]),
    )
    looked = Findings(Config(folder=folder, **changes))
    looked.contract, looked.snapshot = collective, cast(Snapshot, snapshot)
    looked.deployment = cast(Any, SimpleNamespace(names=names, block=0))
    if account:
        looked.account = cast(Any, SimpleNamespace(address=ME))
    return looked


def weights(size: int) -> WeightsRef:
    return WeightsRef(ref("x").sha256, ref("x").cid_digest, size)


def test_member__the_keys_then_the_named_then_nobodys(tmp_path: Path) -> None:
    named = "0x" + "5e" * 20
    assert findings(tmp_path, account=True, member=named).member == ME
    assert findings(tmp_path, member=named).member.lower() == named
    assert findings(tmp_path).member == ZERO_ADDRESS


def test_find_member__no_member__is_wrong_with_a_key_and_follows_without_one_or_in_a_dry_run(tmp_path: Path) -> None:
    stranger = view(is_member=False)
    with pytest.raises(NotAMember, match="is not a member"):
        findings(tmp_path, seen=stranger, account=True).find_member()
    assert "follows, and does nothing" in findings(tmp_path, seen=stranger).find_member()
    dry = findings(tmp_path, seen=stranger, account=True)
    dry.dry_run = True
    assert "follows, and does nothing" in dry.find_member()
    assert findings(tmp_path, seen=view(seat=3), account=True).find_member() == "on seat 3 of 4, round 7"
    named = findings(tmp_path, seen=view(seat=3), account=True, names=Names({ME: "clinic"}))
    assert named.find_member() == "clinic, on seat 3 of 4, round 7" and named.who == "clinic"


@pytest.mark.parametrize("problem", ["", "pruned"])
def test_read_names__said_on_chain__is_called_so_and_what_is_missing_is_a_note(tmp_path: Path, problem: str) -> None:
    looked = findings(tmp_path, seen=view(seat=3), account=True, names=Names({ME: "clinic"}))
    read = SimpleNamespace(read=lambda snapshot: Names({ME: "Nord"}), problem=problem)
    looked.names_on_chain = cast(NamesOnChain, read)
    told = looked.read_names()
    assert looked.find_member() == "Nord, on seat 3 of 4, round 7"
    assert (told is not None and told.note and "pruned" in told.text) if problem else told is None


def motion(state: MotionState, subject: str = ME, kind: MotionKind = MotionKind.ADD_MEMBER) -> MotionRecord:
    return MotionRecord(b"m" * 32, kind, state, OTHER, subject, None, 2000, 1, 0, 2)


@pytest.mark.parametrize("kind", [MotionKind.ADD_MEMBER, MotionKind.REPLACE_MEMBER])
@pytest.mark.parametrize("state, says", [(MotionState.OPEN, "is open"), (MotionState.APPROVED, "is approved")])
def test_find_member__a_motion_may_yet_make_it_one__follows_until_then(
    tmp_path: Path, state: MotionState, says: str, kind: MotionKind
) -> None:
    others = [motion(MotionState.OPEN, OTHER)] * 70
    looked = findings(tmp_path, seen=view(is_member=False), account=True, motions=[*others, motion(state, kind=kind)])
    seen = looked.find_member()
    assert isinstance(seen, Line) and seen.note and says in seen.text and f"0x{'6d' * 32}" in seen.text


@pytest.mark.parametrize(
    "moved",
    [
        *(motion(state) for state in (MotionState.ENACTED, MotionState.REJECTED, MotionState.LAPSED, MotionState.VOID)),
        motion(MotionState.OPEN, OTHER),
        motion(MotionState.OPEN, kind=MotionKind.REMOVE_MEMBER),
    ],
)
def test_find_member__no_motion_makes_it_one__is_wrong(tmp_path: Path, moved: MotionRecord) -> None:
    with pytest.raises(NotAMember):
        findings(tmp_path, seen=view(is_member=False), account=True, motions=[moved]).find_member()


def test_find_member__endpoint_still_syncs__is_no_verdict(tmp_path: Path) -> None:
    syncing = findings(tmp_path, seen=view(is_member=False), account=True, syncing={"currentBlock": 5})
    with pytest.raises(ChainError, match="still syncing, at block 5"):
        syncing.find_member()


@pytest.mark.parametrize("mode, noted", [(0o600, False), (0o640, True), (0o604, True)])
def test_open_key__file_that_others_can_read__is_noted(tmp_path: Path, mode: int, noted: bool) -> None:
    key, password = tmp_path / "key.json", tmp_path / "password.txt"
    write_keystore(Account.create(), key, "p", iterations=2)
    password.touch(mode=0o600)
    password.write_text("p\n")
    for file in (key, password):
        file.chmod(mode)
        told = findings(tmp_path, keystore=key, password_file=password).open_key()
        assert isinstance(told, Line) is noted
        assert not isinstance(told, Line) or (told.note and f"others can read {file} (chmod 600)" in told.text)
        file.chmod(0o600)


@pytest.mark.parametrize("code, error", [(b"", NoContract), (b"\0", ArtifactError)])
def test_compare_code__nothing_is_there_or_another_contract__is_wrong_of_an_endpoint_that_is_synced(
    tmp_path: Path, code: bytes, error: type[ArtifactError]
) -> None:
    for deployed, syncing, raises in ((5, False, error), (6, False, ChainError), (5, {"currentBlock": 5}, ChainError)):
        looked = findings(tmp_path)
        contract: Any = looked.contract
        contract.web3 = SimpleNamespace(eth=SimpleNamespace(get_code=lambda address, block: code, syncing=syncing))
        contract.chain_id = 5
        looked.deployment = cast(Any, SimpleNamespace(block=deployed))
        with pytest.raises(ColearnError) as raised:
            looked.compare_code()
        assert type(raised.value) is raises


def test_count_funds__nothing_is_sent__none_are_needed(tmp_path: Path) -> None:
    dry = findings(tmp_path, account=True)
    dry.dry_run = True
    assert findings(tmp_path).count_funds() == dry.count_funds() == Line("funds", "not needed")


@pytest.mark.parametrize(
    "ahead, text, note",
    [
        (0.0, "block time is this machine's", False),
        (60, "block time is 60 s ahead of this machine's", False),
        (-60, "block time is 60 s behind this machine's", False),
        (-400, "block time is 400 s behind this machine's", True),
    ],
)
def test_compare_clocks__chain_whose_time_is_another__says_so(
    tmp_path: Path, ahead: float, text: str, note: bool
) -> None:
    assert findings(tmp_path, ahead=ahead).compare_clocks() == Line("clock", text, note=note)


def test_compare_clocks__chain_far_ahead__is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="400 s ahead of this machine's"):
        findings(tmp_path, ahead=400).compare_clocks()


def test_try_store__folder__says_whether_it_has_the_accepted_weights_and_leaves_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "w")
    without = findings(tmp_path, store_folder=store.folder).try_store()
    assert without == Line("store", f"{store.folder}, without the accepted weights", note=True)
    assert not [path for path in store.folder.rglob("*") if path.is_file()]
    kept = store.put(b"weights")
    files = sorted(store.folder.rglob("*"))
    there = findings(tmp_path, store_folder=store.folder, seen=view(accepted=kept)).try_store()
    assert there == Line("store", f"{store.folder}, with the accepted weights")
    assert sorted(store.folder.rglob("*")) == files


def test_count_disk__four_times_the_weights_must_fit(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    few, many = weights(int(free / 4.5)), weights(int(free / 3.5))
    told = findings(tmp_path, store_folder=tmp_path / "not" / "yet", seen=view(accepted=few)).count_disk()
    assert told.endswith(f"GiB left at {tmp_path}; up to 10 GiB of it for accepted weights (store.limit)")
    with pytest.raises(StoreError, match="MiB left"):
        findings(tmp_path, seen=view(accepted=many)).count_disk()


def tried(looked: Findings, **trial: Any) -> Findings:
    tree = {"w": np.zeros(3)}
    looked.deployment = cast(Any, SimpleNamespace(schema=Schema.of(tree)))
    looked.made = MadeLearner(encode(tree), Schema.of(tree), trial=Trial(**{"notes": (), "tested_s": 1.0, **trial}))
    return looked


def test_compare_windows__what_was_measured__is_noted_where_a_window_is_short(tmp_path: Path) -> None:
    rules = Rules(propose_window=600, vote_window=600)
    line = tried(findings(tmp_path, seen=view(rules=rules))).compare_windows()
    assert not line.note and "no training was measured: `check --time` does that" in line.text
    line = tried(findings(tmp_path, seen=view(rules=rules)), trained_s=400.0).compare_windows()
    assert line.note and "motion propose rules --propose-window 14m" in line.text and "no training" not in line.text
    line = tried(
        findings(tmp_path, seen=view(rules=rules)), untrained="a training would cost privacy"
    ).compare_windows()
    assert not line.note and "no training was measured: a training would cost privacy" in line.text
    joint = view(rules=rules.changed(train_window=60), merge_order=(1, 2, 3), training=None)
    line = tried(findings(tmp_path, seen=joint), trained_s=400.0).compare_windows()
    assert line.note and "1m to train is short" in line.text and "a merge of 4 contributions" in line.text


def test_count_privacy__a_budget_or_none__says_how_many_rounds_it_lasts(tmp_path: Path) -> None:
    assert tried(findings(tmp_path)).count_privacy() is None
    line = tried(findings(tmp_path, seen=view(merge_order=(1, 2))), trainings_left=3).count_privacy()
    assert line is not None and not line.note and "3 to 6 rounds" in line.text
    line = tried(findings(tmp_path), trainings_left=0).count_privacy()
    assert line is not None and line.note and "is spent" in line.text


def test_compare_plan__a_data_contract__the_line_says_that_people_have_to(tmp_path: Path) -> None:
    def line(plan: Plan) -> Line:
        plan_beside(tmp_path / "deployment.json").write_bytes(plan.to_bytes())
        looked = findings(
            tmp_path,
            deployment=tmp_path / "deployment.json",
            store_folder=tmp_path / "store",
            learner_factory="a:b",
        )
        looked.snapshot = cast(Snapshot, SimpleNamespace(agreement=lambda kind: plan.sha256))
        looked.deployment = cast(Any, SimpleNamespace(schema=SimpleNamespace(base="")))
        return looked.compare_plan()

    shown = line(Plan(learner="a:b", data={"classes": ["x"]}))
    assert shown.text.endswith("nothing differs from it; its data contract is for people to read: nothing compares it")
    assert not shown.note and "data contract" not in line(Plan(learner="a:b")).text
    differs = line(Plan(learner="a:c", data="as agreed"))
    assert differs.note and "learner.factory is a:b" in differs.text and "data contract" in differs.text
