"""``colearn-ledger motion`` on Anvil, as members use it: from the proposal to its effect, and every refusal."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.chain.contract import Head
from colearn_ledger.cli.main import main
from colearn_ledger.cli.motion import find_motion
from colearn_ledger.core.protocol import MotionKind, MotionRecord, MotionState, Rules
from colearn_ledger.errors import ContractError, UsageError
from colearn_ledger.founding.record import load_deployment, save_deployment
from colearn_ledger.history.motions import Motion, Motions
from colearn_ledger.plan.document import Plan

from ..kit.anvil import Anvil, anvil
from ..kit.builders import ref
from ..kit.collective import JOINT_RULES, ORDER, Collective


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@dataclass
class Members:
    """A collective whose members use the command line."""

    story: Collective[Anvil]
    capsys: Any

    def run(self, *words: str, code: int = 0) -> str:
        """What the command says: on standard output if it works, else on standard error."""
        assert main(["motion", *words]) == code, self.capsys.readouterr()
        out = self.capsys.readouterr()
        if code:
            assert out.err.startswith("error: ") and out.err.count("error: ") == 1
            return str(out.err)
        assert out.err == ""
        return str(out.out)

    def by(self, index: int, *words: str, code: int = 0) -> str:
        return self.run(*words, "--keystore", f"key-{index}.json", "--password-file", "password.txt", code=code)

    def motions(self, *words: str) -> list[dict[str, Any]]:
        record = json.loads(self.run("list", "--json", *words))
        assert record["format"] == "colearn-motions-1"
        return list(record["motions"])

    def members(self) -> list[tuple[str, int]]:
        assert main(["members", "--json"]) == 0
        record = json.loads(self.capsys.readouterr().out)
        return [(m["address"], m["since_round"]) for m in record["members"]]


@pytest.fixture
def three(chain: Anvil, tmp_path: Path, monkeypatch: Any, capsys: Any) -> Members:
    """Three members, accounts 0 to 2; keys of 0 to 4 are there."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLEARN_RPC", "COLEARN_DEPLOYMENT", "COLEARN_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    story = Collective.found(chain)
    story.save(tmp_path, keys=5)
    return Members(story, capsys)


def address(index: int) -> str:
    return Anvil.account(index).address


# ------------------------------------------------------------------------------------------------ from end to end


@pytest.mark.slow
def test_motion__member_added_and_removed__takes_effect_between_rounds(three: Members) -> None:
    said = three.by(0, "propose", "add", address(3))
    assert f"add {address(3)}" in said and "needs     2 of 3 members" in said and "needs 1 more approval" in said
    [motion] = three.motions()
    assert (motion["kind"], motion["subject"], motion["mover"]) == ("add_member", address(3), address(0))
    assert (motion["state"], motion["approving_seats"], motion["need"]) == ("open", [0], 2)
    proposal = three.story.propose()
    assert "approved: it takes effect from round 2" in three.by(1, "vote", motion["id"][:8], "approve")
    assert [m for m, _ in three.members()] == [address(i) for i in range(3)]
    three.story.vote(1)
    three.story.vote(2)
    assert three.story.view().proposal is None and proposal
    assert three.members() == [(address(0), 1), (address(1), 1), (address(2), 1), (address(3), 2)]
    assert three.run("list").splitlines()[2:] == ["no motion waits", "1 is over: --all shows them"]
    assert "enacted: it holds since round 2" in three.run("list", "--all")
    assert three.motions() == [] and three.motions("--all")[0]["first_round"] == 2

    # The newcomer moves to remove the first member, whose seat the newcomer itself takes over.
    said = three.by(3, "propose", "remove", address(0))
    assert f"3 members remain, and seat 0 goes to {address(3)}" in said and "needs     2 of 3 members" in said
    # Nothing is proposed in round 2: the approval ends it.
    assert "is enacted" in three.by(2, "vote", three.motions()[0]["id"], "approve")
    assert three.members() == [(address(3), 2), (address(1), 1), (address(2), 1)]
    assert [m for m, _ in _members_of(three, 2)] == [address(i) for i in range(4)]

    # Back again: its present membership counts.
    three.by(1, "propose", "add", address(0))
    three.by(2, "vote", three.motions()[0]["id"], "approve")
    assert three.members() == [(address(3), 2), (address(1), 1), (address(2), 1), (address(0), 4)]


def _members_of(three: Members, number: int) -> list[tuple[str, int]]:
    assert main(["members", "--json", "--round", str(number)]) == 0
    record = json.loads(three.capsys.readouterr().out)
    return [(m["address"], m["since_round"]) for m in record["members"]]


def test_motion__rules__what_is_not_named_stays(three: Members) -> None:
    before = three.story.view().rules
    said = three.by(0, "propose", "rules", "--threshold", "2/3", "--vote-window", "10m")
    assert "8m20s to vote becomes 10m" in said
    assert "accepted by 2 of 2 voters (more than 2/3), until now by 2 (more than 1/2)" in said
    [motion] = three.motions()
    assert motion["rules"] == {
        "threshold": "2/3",
        "propose_window": before.propose_window,
        "vote_window": 600,
        "reveal_window": before.reveal_window,
        "motion_window": before.motion_window,
        "pause": 0,
    }
    three.story.propose()
    three.by(2, "vote", motion["id"], "approve")
    assert three.story.view().rules == before
    three.story.vote(1)
    three.story.vote(2)
    assert three.story.view().rules == Rules(2, 3, before.propose_window, 600, before.reveal_window, 100_000)


@pytest.mark.slow
def test_motion__leave__needs_nobodys_vote(three: Members) -> None:
    said = three.by(1, "propose", "leave")
    assert "needs     nobody's vote" in said and "approved: it takes effect from round 2" in said
    assert "TooManyMotions" in three.by(1, "propose", "leave", code=10)
    assert three.motions()[0]["kind"] == "leave"
    three.story.accept_round()
    assert [m for m, _ in three.members()] == [address(0), address(2)]
    assert "2 to 64 members" in three.by(0, "propose", "leave", code=10)  # somebody has to stay
    assert "not a member" in three.by(1, "propose", "leave", code=17)


@pytest.mark.slow
def test_motion__back_to_an_earlier_round__its_weights_are_the_accepted_ones_again(
    three: Members, tmp_path: Path
) -> None:
    for _ in range(2):
        three.story.accept_round()
    said = three.by(0, "propose", "--revert-to", "1")
    assert "motion    back to the weights of round 1" in said and "needs     2 of 3 members" in said
    assert f"sha256 {ref('round 1').sha256.hex()}" in said and "still has them wasn't asked" in said
    [motion] = three.motions()
    assert (motion["kind"], motion["to_round"], motion["subject"], motion["rules"]) == ("revert_to", 1, None, None)
    assert three.story.view().rounds_to_keep == (1,)
    assert "back to the weights of round 1" in three.run("list")
    assert "is enacted: it holds since round 4" in three.by(1, "vote", motion["id"], "approve")
    view = three.story.view()
    assert (view.accepted_round, view.accepted, view.rounds_to_keep) == (1, ref("round 1"), ())
    three.story.send_proposal("on round 1")

    # Lineage is shown, with events and from storage alone.
    for words in ([], ["--no-logs"]):
        assert main(["history", *words]) == 0
        said = three.capsys.readouterr().out
        assert "back to the weights of round 1, by a motion" in said
        assert "weights of round 1, accepted again since round 4: 1,000 bytes" in said
        assert main(["history", "--json", *words]) == 0
        rounds = json.loads(three.capsys.readouterr().out)["rounds"]
        assert [r["reverted_to"] for r in rounds] == [None, None, None, None, 1]
        assert [r["parent_round"] for r in rounds] == [None, 0, 1, None, 1]
    assert main(["show", "4"]) == 0
    assert "before it   members went back to the weights of round 1" in three.capsys.readouterr().out
    assert main(["history", "--csv"]) == 0
    rows = list(csv.DictReader(three.capsys.readouterr().out.splitlines()))
    assert [row["reverted_to"] for row in rows[3:]] == ["", "1"]

    # The way back is no one-way street; and a store that doesn't have the weights any more is told of.
    folder = tmp_path / "store"
    folder.mkdir()
    assert main(["motion", "propose", "revert-to", "2", "--store-folder", str(folder), *_key(0)]) == 0
    out = three.capsys.readouterr()
    assert f"warning: the folder {folder} doesn't have them" in out.err and "is open" in out.out


def _key(index: int) -> list[str]:
    return ["--keystore", f"key-{index}.json", "--password-file", "password.txt"]


@pytest.mark.slow
def test_motion__replace_key__the_same_seat_from_the_next_round_on(three: Members) -> None:
    said = three.by(1, "propose", "replace-key", address(3))
    assert f"replace: {address(1)} hands its seat to {address(3)}" in said and "needs     nobody's vote" in said
    assert f"start a node with the key of {address(3)}" in said and "approved: it takes effect from round 2" in said
    assert "TooManyMotions" in three.by(1, "propose", "replace-key", address(4), code=10)
    [motion] = three.motions()
    assert (motion["kind"], motion["mover"], motion["subject"]) == ("replace_member", address(1), address(3))
    three.story.accept_round()
    assert three.members() == [(address(0), 1), (address(3), 2), (address(2), 1)]
    assert three.motions("--all")[0]["mover"] == address(1)
    assert "not a member" in three.by(1, "propose", "leave", code=17)
    assert main(["members"]) == 0
    table = three.capsys.readouterr().out.splitlines()
    assert table[1].split()[-1] == "replaced" and table[3].endswith(address(1))
    assert _replaced(three) == [None, address(1), None]
    # And back: its present membership counts, for it was a member before.
    three.by(3, "propose", "replace-key", address(1))
    assert three.story.accept_round() == 2
    assert three.members() == [(address(0), 1), (address(1), 3), (address(2), 1)]
    assert _replaced(three) == [None, address(3), None]
    assert [m for m, _ in _members_of(three, 2)] == [address(0), address(3), address(2)]


def _replaced(three: Members) -> list[str | None]:
    assert main(["members", "--json"]) == 0
    return [m["replaced"] for m in json.loads(three.capsys.readouterr().out)["members"]]


def test_motion__rejected__says_so_and_counts(three: Members) -> None:
    three.by(0, "propose", "add", address(3))
    [motion] = three.motions()
    assert "0 against; needs 1 more approval" in three.run("list")
    assert "1 for, 1 against; needs 1 more approval" in three.by(1, "vote", motion["id"], "reject")
    assert "rejected; 1 for, 2 against, 2 needed" in three.by(2, "vote", motion["id"], "reject")
    assert three.motions("--all")[0]["rejecting_seats"] == [1, 2]
    assert "rejected" in three.by(1, "vote", motion["id"], "approve", code=10)


def test_motion__nobody_decides__lapses_by_the_clock(three: Members) -> None:
    three.by(0, "propose", "add", address(3))
    [motion] = three.motions()
    three.story.chain.rpc("evm_increaseTime", 100_010)  # no block: the chain stands still, and its clock doesn't
    assert three.motions() == [] and three.motions("--all")[0]["state"] == "lapsed"
    assert "lapsed" in three.by(1, "vote", motion["id"], "approve", code=10)


@pytest.mark.slow
def test_motion__two_approved__one_boundary_each(three: Members) -> None:
    three.by(0, "propose", "add", address(3))
    three.by(1, "propose", "add", address(4))
    first, second = (m["id"] for m in three.motions())
    three.story.propose()
    three.by(2, "vote", second, "approve")
    said = three.by(2, "vote", first, "approve")
    assert "approved: it takes effect from one of the rounds 2 to 3" in said
    three.story.vote(1)
    three.story.vote(2)
    assert three.members()[3:] == [(address(4), 2)]
    three.story.accept_round()
    assert three.members()[3:] == [(address(4), 2), (address(3), 3)]


# ------------------------------------------------------------------------------------------------ refusals


def nonces(three: Members) -> list[int]:
    return [three.story.nonce(i) for i in range(5)]


@pytest.mark.slow
def test_motion__mistakes__one_message_and_code_each_and_nothing_sent(three: Members) -> None:
    three.by(0, "propose", "add", address(3))
    [motion] = three.motions()
    before = nonces(three)
    for code, index, words in (
        (2, 0, ["propose", "add", address(1)]),  # is one
        (2, 0, ["propose", "add", "0x12"]),
        (2, 0, ["propose", "add", address(3)[:-1] + "5"]),  # a slip, which its checksum shows
        (2, 0, ["propose", "add", "0x" + "0" * 40]),
        (2, 1, ["propose", "remove", address(3)]),  # isn't one
        (2, 1, ["propose", "remove", address(1)]),  # itself
        (10, 1, ["propose", "add", three.story.contract.address]),
        (10, 0, ["propose", "add", address(4)]),  # its first one is open
        (2, 1, ["propose", "rules"]),
        (2, 1, ["propose", "rules", "--threshold", "1"]),
        (2, 1, ["propose", "rules", "--threshold", "0.5"]),  # it is that
        (2, 1, ["propose", "rules", "--vote-window", "0s"]),
        (2, 1, ["propose", "rules", "--vote-window", "5000000000"]),
        (2, 1, ["propose", "nothing"]),
        (2, 1, ["propose", "rules", "--vote-window", "389d"]),  # milliseconds, perhaps
        (2, 1, ["propose", "--revert-to", "7"]),  # is none yet
        (2, 1, ["propose", "--revert-to", "-1"]),
        (2, 1, ["propose", "--revert-to", "1"]),  # is open
        (2, 1, ["propose", "revert-to", "0"]),  # it is that
        (2, 1, ["propose", "replace-key", address(2)]),  # is one
        (2, 1, ["propose", "replace-key", "0x" + "0" * 40]),
        (10, 1, ["propose", "replace-key", three.story.contract.address]),
        (17, 4, ["propose", "add", address(4)]),
        (17, 4, ["vote", motion["id"], "approve"]),
        (10, 0, ["vote", motion["id"], "reject"]),  # it approved by moving it
        (2, 1, ["vote", "0x" + "0" * 64, "approve"]),
        (2, 1, ["vote", "0xq", "approve"]),
        (2, 1, ["vote", "", "approve"]),
        (2, 1, ["vote", motion["id"], "perhaps"]),
        (2, 1, ["vote", motion["id"], "approve", "--fee-cap", "0"]),
        (12, 7, ["vote", motion["id"], "approve"]),  # there is no such keystore
    ):
        assert three.by(index, *words, code=code), words
    three.run("vote", motion["id"], "approve", code=12)  # no key at all
    assert nonces(three) == before and len(three.motions()) == 1


def test_motion_vote__given_already__the_same_is_no_error_and_nothing_is_sent(three: Members) -> None:
    three.by(0, "propose", "add", address(3))
    [motion] = three.motions()
    before = nonces(three)
    assert "given already: nothing was sent" in three.by(0, "vote", motion["id"], "approve")
    assert "voted on the motion" in three.by(0, "vote", motion["id"], "reject", code=10)
    assert nonces(three) == before


def test_motion_vote__member_who_is_to_go__has_none(three: Members) -> None:
    three.by(0, "propose", "remove", address(1))
    assert "no vote on it" in three.by(1, "vote", three.motions()[0]["id"], "reject", code=10)


def test_motion_vote__beginning_of_an_id__is_enough_if_no_other_begins_so() -> None:
    def motion(id: str) -> Motion:
        record = MotionRecord(
            bytes.fromhex(id), MotionKind.ADD_MEMBER, MotionState.OPEN, address(0), address(3), None, 9, 1, 0, 2
        )
        return Motion(record)

    ids = ["ab12" + "0" * 60, "ab34" + "0" * 60, "cd" + "0" * 62]
    read = Motions(1, address(9), Head(1, bytes(32), 1), 1, 1, tuple(map(motion, ids)))
    assert [find_motion(read, wanted).record.id.hex() for wanted in ("c", "ab1", ids[1])] == [ids[2], ids[0], ids[1]]
    for wanted, text in (("ab", "2 motions' ids begin"), ("e", "no motion's id begins")):
        with pytest.raises(UsageError, match=text):
            find_motion(read, wanted)


def test_motion__dry_run__says_all_and_sends_nothing(three: Members) -> None:
    before = nonces(three)
    for words in (
        ["add", address(3)],
        ["remove", address(1)],
        ["rules", "--threshold", "2/3"],
        ["leave"],
        ["replace-key", address(3)],
    ):
        said = three.by(0, "propose", *words, "--dry-run")
        assert said.endswith("dry run: nothing was sent\n") and "needs" in said
    assert nonces(three) == before and three.motions() == []
    three.by(0, "propose", "add", address(3))
    three.by(1, "vote", three.motions()[0]["id"], "approve", "--dry-run")
    assert three.motions()[0]["approving_seats"] == [0]


def test_motion__account_without_funds__says_so(three: Members) -> None:
    chain = three.story.chain
    balance = chain.rpc("eth_getBalance", address(2), "latest")
    try:
        chain.rpc("anvil_setBalance", address(2), "0x1")
        assert address(2) in three.by(2, "propose", "add", address(3), code=43)
    finally:
        chain.rpc("anvil_setBalance", address(2), balance)


# ------------------------------------------------------------------------------------------------ joint rounds


def test_motion__rules_of_joint_rounds__change_the_window_to_train_too(
    chain: Anvil, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    story = Collective.found(chain, rules=JOINT_RULES, merge_order=ORDER)
    story.save(tmp_path, keys=2)
    three = Members(story, capsys)
    said = three.by(0, "propose", "rules", "--train-window", "10m", "--propose-window", "2m")
    assert "5m to train becomes 10m" in said and "16m40s to merge becomes 2m" in said
    assert "threshold 1/2, 10m to train, 2m to merge, 8m20s to vote" in three.run("list")
    three.by(1, "vote", three.motions()[0]["id"], "approve")
    assert (story.view().rules.train_window, story.view().rules.propose_window) == (600, 120)


def test_motion__window_to_train_in_solo_rounds__is_refused(three: Members) -> None:
    nonce = three.story.nonce(0)
    said = three.by(0, "propose", "rules", "--train-window", "10m", code=2)
    assert "rounds are solo" in said and "deploy --joint" in said and three.story.nonce(0) == nonce


def test_motion__with_a_nodes_configuration__needs_nothing_else(
    three: Members, tmp_path: Path, monkeypatch: Any
) -> None:
    folder = tmp_path / "node"
    folder.mkdir()
    lines = ['keystore = "../key-1.json"', 'password_file = "../password.txt"', 'deployment = "../deployment.json"']
    (folder / "node.toml").write_text("\n".join(lines) + "\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = ["--config", "../node/node.toml"]
    three.run("propose", "add", address(3), *config)
    [motion] = three.motions(*config)
    assert motion["mover"] == address(1)
    three.run(
        "vote", motion["id"], "approve", *config, "--keystore", "../key-2.json", "--password-file", "../password.txt"
    )
    assert three.motions(*config) == []
    (folder / "node.toml").write_text("keystore = 3\n")
    assert "no node's configuration" in three.run("list", *config, code=3)


# ------------------------------------------------------------------------------------------------ agreements


def _command(three: Members, *words: str) -> str:
    assert main([*words]) == 0
    return str(three.capsys.readouterr().out)


def _agree(three: Members, *words: str) -> str:
    said = three.by(0, "propose", *words)
    assert "is enacted" in three.by(1, "vote", three.motions()[0]["id"], "approve")
    return said


def test_motion__plan__is_the_hash_of_its_canonical_form(three: Members) -> None:
    plan = Plan(text="what we agree on")
    Path("plan.toml").write_text(plan.to_toml())
    digest = plan.sha256.hex()
    assert f"plan: the file with sha256 {digest}" in _agree(three, "plan", "plan.toml")
    assert f"plan        sha256 {digest}" in _command(three, "info")
    assert json.loads(_command(three, "info", "--json"))["plan_sha256"] == digest
    assert three.motions("--all")[0]["word"] == f"0x{digest}"
    Path("deployment.plan.json").write_bytes(plan.to_bytes())
    assert "text: what we agree on" in _command(three, "info")
    assert "agreed on already" in three.by(2, "propose", "plan", "deployment.plan.json", code=2)
    assert "no file missing.json" in three.by(2, "propose", "plan", "missing.json", code=3)
    Path("none.json").write_bytes(b"what we agree on")
    assert "isn't TOML" in three.by(2, "propose", "plan", "none.json", code=3)
    assert "plan: none" in _agree(three, "plan")
    assert "plan  " not in _command(three, "info")


@pytest.mark.slow
def test_motion__end__nothing_is_proposed_after_it(three: Members) -> None:
    said = _agree(three, "end", "--last-round", "2", "--last-second", "2100-01-01T00:00:00Z")
    assert "nothing is proposed after round 2 or 2100-01-01 00:00:00 UTC" in said
    assert "proposing" in _command(three, "status")
    proposal = three.story.propose()
    three.story.vote(0)
    three.story.vote(2)
    assert three.story.view().proposal is None and proposal
    assert "ended: nothing is proposed any more" in _command(three, "status")
    told = json.loads(_command(three, "status", "--json"))
    assert (told["phase"], told["until"], told["awaited"]) == ("ended", None, [])
    with pytest.raises(ContractError, match="Ended"):
        three.story.propose("again")
    assert "end: none" in _agree(three, "end")
    assert "proposing" in _command(three, "status")
    assert "no end" in three.by(0, "propose", "end", "--last-round", str(1 << 32), code=2)
    assert "isoformat" in three.by(0, "propose", "end", "--last-second", "soon", code=2)


@pytest.mark.slow
def test_motion__successor__is_on_this_chain_unless_another_is_named(three: Members) -> None:
    chain_id = three.story.contract.chain_id
    assert f"on chain {chain_id}" in _agree(three, "successor", address(5))
    assert f"successor: {address(5)} on chain 10" in _agree(three, "successor", address(5), "--chain-id", "10")
    assert f"successor   {address(5)} on chain 10" in _command(three, "info")
    record = load_deployment(Path("deployment.json"))
    save_deployment(dataclasses.replace(record, address=address(6), chain_id=12), Path("new.json"))
    assert f"successor: {address(6)} on chain 12" in _agree(three, "successor", "new.json")
    assert "is of chain 12" in three.by(2, "propose", "successor", "new.json", "--chain-id", "10", code=2)
    assert "no file either" in three.by(2, "propose", "successor", "missing.json", code=2)


@pytest.mark.slow
def test_motion__pause__rests_after_a_decision(three: Members) -> None:
    said = _agree(three, "rules", "--pause", "10m")
    assert "10m to rest" in said and "0s to rest becomes 10m" in said
    three.story.propose()
    three.story.vote(0)
    three.story.vote(2)
    assert "resting: after a decision" in _command(three, "status")
    told = json.loads(_command(three, "status", "--json"))
    assert told["phase"] == "resting" and 500 < told["seconds_left"] <= 600
    with pytest.raises(ContractError, match="Resting"):
        three.story.propose("at once")
    assert "10m to rest" in _command(three, "info")
    assert "10m to rest becomes 0s" in _agree(three, "rules", "--pause", "0")
    assert "proposing" in _command(three, "status")
