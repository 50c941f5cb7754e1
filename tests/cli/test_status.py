"""``colearn-ledger status`` and ``info`` on Anvil."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from colearn_ledger.cli.main import main

from ..kit.anvil import Anvil, anvil
from ..kit.collective import JOINT_RULES, ORDER, RULES, Collective
from ..kit.spoken import said, spoken
from ..kit.story import Told, tell

pytestmark = pytest.mark.usefixtures("in_the_folder")


@pytest.fixture(scope="module")
def told(chain: Anvil, folder: Path) -> Told:
    story = tell(chain)
    story.sender(1).move_remove_member(story.address(3))
    story.save(folder)
    return story


def test_status__while_votes_come__who_has_voted_who_has_not_and_which_motion_waits(told: Told, capsys: Any) -> None:
    page = said(capsys, "status")
    assert "round         7, voting: 1 approvals so far, 3 needed of 4 voters" in page
    assert f"1 voted       {told.address(5)}, seat 4" in page
    assert f"waits for     {told.address(0)}, seat 0" in page
    assert f"remove {told.address(3)}" in page and f"{told.address(2)}, seat 2, hasn't voted on it" in page
    record = json.loads(said(capsys, "status", "--json"))
    assert (record["format"], record["round"], record["phase"], record["need"]) == ("colearn-status-1", 7, "voting", 3)
    assert [one["seat"] for one in record["awaited"]] == [0, 2, 3]
    assert [one["seat"] for one in record["motions"][0]["not_voted"]] == [0, 2, 4]
    assert record["accepted_round"] == 1 and 0 < record["seconds_left"] <= RULES.vote_window


@pytest.mark.slow
def test_status__follow__on_a_pipe_a_line_whenever_something_happened(chain: Anvil, tmp_path: Path) -> None:
    story = Collective.found(chain, 3)
    with spoken("status", "--follow", cwd=story.save(tmp_path)) as status:
        status.wait_for("round 1 proposing; turn of")
        story.propose("one")
        status.wait_for("round 1 voting; 0 voted, waits for")
        story.vote(1)
        story.vote(2)
        status.wait_for("round 2 proposing")
        assert status.interrupt() == 130
    lines = status.text.splitlines()
    assert len(lines) == len(set(lines)) <= 5 and lines[-1] == "interrupted"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["status", "history"])
def test_follow__on_a_terminal__one_live_line(chain: Anvil, tmp_path: Path, command: str) -> None:
    story = Collective.found(chain, 3)
    with spoken(command, "--follow", cwd=story.save(tmp_path), terminal=True) as shown:
        shown.wait_for("round 1 proposing; turn of")
        shown.wait_for("left)")
        story.propose("one")
        shown.wait_for("round 1 voting; 0 voted, waits for")
        story.vote(1)
        story.vote(2)
        shown.wait_for("round 2 proposing")
        if command == "history":
            shown.wait_for("accepted")
        assert shown.interrupt() == 130


def test_status__an_approved_motion_waits_and_the_clock_has_ended_the_round__anybodys_advance_is_waited_for(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    with anvil() as chain:
        story = Collective.found(chain, 3)
        monkeypatch.chdir(story.save(tmp_path))
        story.propose("one")
        story.sender(0).move_add_member(story.address(4))
        story.vote_motion(1)
        assert "approved: it takes effect" in said(capsys, "status")
        chain.pass_time(RULES.vote_window + 1)
        page = said(capsys, "status")
        assert "overdue: an approved motion waits until anybody calls `advance`" in page, page
        record = json.loads(said(capsys, "status", "--json"))
        assert (record["phase"], record["until"], record["awaited"]) == ("overdue", None, [])


def test_info__says_what_was_agreed_on(told: Told, capsys: Any) -> None:
    page = said(capsys, "info")
    for text in (
        told.contract.address,
        f"{told.address(5)}, seat 4",
        "more than 1/2 of the 4 others must approve: 3, so 1 may be away",
        "in turn, seat by seat",
        "solo: one member trains, the others vote",
        "those of round 1",
    ):
        assert text in page
    record = json.loads(said(capsys, "info", "--json"))
    code = told.chain.web3.eth.get_code(told.contract.address)
    assert record["code_hash"] == "0x" + keccak(code).hex()
    assert (record["threshold"], record["propose_window"], record["merge_order"]) == ("1/2", RULES.propose_window, [])
    assert record["deployed_block"] == told.deployment.block and len(record["members"]) == 5


def test_info__joint_rounds_shuffled_and_secret__are_said(
    chain: Anvil, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    story = Collective.found(chain, 3, rules=JOINT_RULES, merge_order=ORDER, secret=True, shuffled=True)
    monkeypatch.chdir(story.save(tmp_path))
    page = said(capsys, "info")
    assert "joint: all train" in page and "shuffled each cycle" in page and "secret until" in page
    record = json.loads(said(capsys, "info", "--json"))
    assert record["merge_order"] == ["mean", "clipped-mean", "median"]
    assert (record["train_window"], record["shuffled"], record["secret_votes"]) == (300, True, True)
    assert "training: all contribute" in said(capsys, "status")


@pytest.mark.parametrize("command", ["status", "info"])
def test_command__no_contract_there__one_message(told: Told, command: str, capsys: Any) -> None:
    assert main([command, "--rpc", told.chain.url, "--address", told.address(1)]) == 18
    out = capsys.readouterr()
    assert out.out == "" and out.err.startswith("error: there is no contract at")
