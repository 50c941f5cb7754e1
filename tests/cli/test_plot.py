"""``colearn-ledger plot`` on Anvil, and what its picture shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.history import History
from colearn_ledger.report.history_plot import plot_history, published_scores

from ..kit.anvil import Anvil
from ..kit.story import Told, tell


@pytest.fixture(scope="module")
def told(chain: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Told:
    story = tell(chain)
    story.save(tmp_path_factory.mktemp("story"))
    return story


def words_in(path: Path) -> set[str]:
    """What an SVG says: matplotlib keeps each text as a comment beside its outlines."""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    root = ElementTree.parse(path, parser).getroot()
    return {(node.text or "").strip() for node in root.iter() if node.tag is ElementTree.Comment}


@pytest.mark.slow
def test_plot__from_the_chain_alone__has_a_panel_for_all_that_is_known(
    told: Told, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    where = ["--rpc", told.chain.url, "--address", told.contract.address]
    assert main(["plot", *where, "-o", "all.svg"]) == 0
    assert capsys.readouterr().out == "written: all.svg\n"
    words = words_in(tmp_path / "all.svg")
    assert {"of the proposal", "approvals", "votes (★ accepted)", "seconds", "gas", "rejected", "mean"} <= words
    assert any("rounds 0 to 7: 1 of 6 accepted" in text for text in words)
    assert main(["plot", *where, "--last", "2", "--no-logs", "-o", "few.svg"]) == 0
    words = words_in(tmp_path / "few.svg")
    assert "approvals" in words and not {"seconds", "gas", "mean"} & words
    assert main(["plot", *where]) == 0 and (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "words, code", [(["-o", "history.doc"], 2), (["-o", "no/folder/h.png"], 40), (["--rounds", "5:2"], 2)]
)
def test_plot__what_cannot_be__is_one_message(
    told: Told, tmp_path: Path, monkeypatch: Any, capsys: Any, words: list[str], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plot", "--rpc", told.chain.url, "--address", told.contract.address, *words]) == code
    assert capsys.readouterr().err.count("error: ") == 1 and list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_plot_history__64_members_and_many_rounds__is_drawn(told: Told, tmp_path: Path) -> None:
    history = told.history(receipts=True)
    plot_history(grown(history, 500), tmp_path / "many.svg")
    assert any("rounds 0 to 499" in text for text in words_in(tmp_path / "many.svg"))


def test_plot_history__members_went_back__a_line_says_so(told: Told, tmp_path: Path) -> None:
    history = told.history()
    rounds = (*history.rounds[:3], dataclasses.replace(history.rounds[3], reverted_to=1), *history.rounds[4:])
    plot_history(dataclasses.replace(history, rounds=rounds), tmp_path / "back.svg")
    assert "round (dashed: back to earlier weights)" in words_in(tmp_path / "back.svg")
    assert "#7b3294" in (tmp_path / "back.svg").read_text(), "the line's colour"


def test_published_scores__of_what_was_rejected__are_apart(told: Told) -> None:
    history = told.history()
    one = history.rounds[1]
    rejected = dataclasses.replace(one, record=dataclasses.replace(one.record, state=RoundState.REJECTED))
    both = published_scores(dataclasses.replace(history, rounds=(one, rejected)))
    kept, refused = both[told.address(1)]
    assert list(both) == [told.address(1)] and (kept[0], refused[1]) == (0.25, 0.25)
    assert kept[1] != kept[1] and refused[0] != refused[0]  # no number


def grown(history: History, rounds: int) -> History:
    """A history of so many rounds of 64 members, after the pattern of round 1."""
    one = history.rounds[1]
    members = tuple(f"0x{seat:040x}" for seat in range(64))
    votes = tuple(dataclasses.replace(one.votes[0], seat=seat, member=members[seat]) for seat in range(1, 64))
    made = [
        dataclasses.replace(
            one, record=dataclasses.replace(one.record, round=number, member_count=64), members=members, votes=votes
        )
        for number in range(1, rounds)
    ]
    return dataclasses.replace(history, rounds=(history.rounds[0], *made))
