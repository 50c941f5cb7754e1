"""``colearn-ledger audit`` on Anvil: what it says of a true history, its exit codes, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colearn_ledger.cli.main import main

from ..kit.anvil import Anvil
from ..kit.proxy import proxy_of
from ..kit.story import Told, tell


@pytest.fixture(scope="module")
def story(chain: Anvil) -> Told:
    return tell(chain)


@pytest.fixture
def folder(story: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(story.save(tmp_path))
    return tmp_path


def test_audit__a_true_history__holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--records-only", "--html", "dossier.html"]) == 0
    assert "all holds" in (folder / "dossier.html").read_text()
    said = capsys.readouterr().out
    assert "outcome     all holds" in said
    assert "WRONG" not in said


def test_audit__as_json__counts_what_was_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--records-only", "--json", "--facts", "facts.json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["holds"] and said["complete"] and said["findings"] == [] and said["checked"]["code"] == 1
    facts = json.loads((folder / "facts.json").read_text())
    assert len(facts["records"]) == said["current_round"] + 1


def test_audit__no_store_is_named__says_what_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 2
    assert "--records-only" in capsys.readouterr().err


def test_audit__events_are_missing__is_incomplete(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--records-only", "--no-logs"]) == 22
    said = capsys.readouterr()
    assert "all that could be checked holds" in said.err and "not had, and so not checked:" in said.out
    assert main(["audit", "--records-only", "--no-logs", "--missing-ok"]) == 0


def test_audit__an_endpoint_drops_votes__fails_and_names_the_round(
    folder: Path, chain: Anvil, capsys: pytest.CaptureFixture[str]
) -> None:
    with proxy_of(chain.url) as proxy:
        proxy.answers["eth_getLogs"] = lambda params, ask: [log for log in ask(params) if len(log["data"]) > 66]
        assert main(["audit", "--records-only", "--rpc", proxy.url, "--json"]) == 21
    said = capsys.readouterr()
    assert "things do not hold" in said.err
    found = {(one["round"], one["field"]) for one in json.loads(said.out)["findings"]}
    assert {(1, "approvals"), (1, "rejections")} <= found


def test_audit__two_endpoints_agree__says_so(folder: Path, chain: Anvil, capsys: pytest.CaptureFixture[str]) -> None:
    with proxy_of(chain.url) as proxy:
        assert main(["audit", "--records-only", "--json", "--rpc", chain.url, "--rpc", proxy.url]) == 0
    assert json.loads(capsys.readouterr().out)["checked"]["endpoints"] > 50


def test_audit__the_second_endpoint_lies_of_a_block__is_found(
    folder: Path, chain: Anvil, capsys: pytest.CaptureFixture[str]
) -> None:
    with proxy_of(chain.url) as proxy:
        proxy.answers["eth_getBlockByNumber"] = lambda params, ask: {**ask(params), "hash": "0x" + "11" * 32}
        words = ["audit", "--records-only", "--json", "--rpc", chain.url, "--rpc", proxy.url]
        assert main(words) in (21, 22)
    said = json.loads(capsys.readouterr().out)
    told = [*said["findings"], *said["missing"]]
    assert [one["topic"] for one in told] == ["endpoints"]


def test_audit__the_second_endpoint_leaves_out_a_vote__names_round_and_event(
    folder: Path, chain: Anvil, capsys: pytest.CaptureFixture[str]
) -> None:
    with proxy_of(chain.url) as proxy:
        proxy.answers["eth_getLogs"] = lambda params, ask: ask(params)[:-1]
        assert main(["audit", "--records-only", "--json", "--rpc", chain.url, "--rpc", proxy.url]) == 21
    [finding] = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["topic"], finding["field"], finding["found"]) == ("endpoints", "VoteCast", "nothing")


def test_audit__the_second_endpoint_is_down__is_incomplete(
    folder: Path, chain: Anvil, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "--records-only", "--rpc", chain.url, "--rpc", "http://127.0.0.1:9"]) == 22
    assert "127.0.0.1:9" in capsys.readouterr().out
