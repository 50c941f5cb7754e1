"""Names of members, wherever members are shown; also those that somebody chose to do harm with."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.errors import UsageError
from colearn_ledger.founding.names import Names
from colearn_ledger.founding.record import load_deployment, save_deployment
from colearn_ledger.report.history_plot import plot_history

from ..kit.anvil import anvil
from ..kit.proxy import Refusal, proxy_of
from ..kit.story import Told, tell
from .test_plot import words_in

CALLED = ("Hospital of the North", "$\\frac{$", "_lab", "<b>病院</b>")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with anvil() as chain:
        story = tell(chain)
        folder = story.save(tmp_path_factory.mktemp("story"))
        record = load_deployment(folder / "deployment.json")
        names = Names({story.address(seat): name for seat, name in enumerate(CALLED)})
        save_deployment(dataclasses.replace(record, names=names), folder / "deployment.json")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            for name in ("COLEARN_RPC", "COLEARN_DEPLOYMENT"):
                patch.delenv(name, raising=False)
            patch.setenv("COLUMNS", "200")
            yield story


def said(capsys: Any, *words: str) -> str:
    assert main(words) == 0
    return str(capsys.readouterr().out)


@pytest.mark.parametrize(
    "words", [["show", "1"], ["show", "7"], ["members"], ["info"], ["status"], ["motion", "list", "--all"]]
)
def test_names__pages__beside_the_whole_address(told: Told, words: list[str], capsys: Any) -> None:
    page = said(capsys, *words)
    everybody = words[0] in ("members", "info", "show")
    assert "Hospital of the North" in page or not everybody
    for seat, name in enumerate(CALLED):
        lines = [line for line in page.splitlines() if name in line]
        assert all(told.address(seat) in line for line in lines) and (lines or not everybody)


def test_names__history__cut_beside_the_short_address(told: Told, capsys: Any) -> None:
    page = said(capsys, "history")
    address = told.address(0)
    assert f"Hospital of t… {address[:6]}…{address[-4:]}" in page and "Hospital of the North" not in page
    short = said(capsys, "history", "--rpc", told.chain.url, "--address", told.contract.address)
    assert "Hospital" not in short, "the chain doesn't know them"


def test_names__history_in_eighty_columns__still_fits(told: Told, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table = said(capsys, "history").split("\n\n")[1].splitlines()
    assert "proposer" in table[0] and "Hospital of t…" in table[2] and max(map(len, table)) <= 80


def test_names__json__by_address_and_null_for_who_has_none(told: Told, capsys: Any) -> None:
    called = {told.address(seat): name for seat, name in enumerate(CALLED)}
    assert json.loads(said(capsys, "history", "--json"))["names"] == called
    assert json.loads(said(capsys, "show", "1", "--json"))["names"] == called
    for words in (["members"], ["info"]):
        members = json.loads(said(capsys, *words, "--json"))["members"]
        assert [one["name"] for one in members] == [*CALLED, None]
    awaited = json.loads(said(capsys, "status", "--json"))["awaited"]
    assert {one["name"] for one in awaited} <= {*CALLED, None} and awaited


@pytest.mark.slow
def test_names__pictures__no_formula_and_none_hidden(told: Told, tmp_path: Path, capsys: Any) -> None:
    names = Names({told.address(seat): name for seat, name in enumerate(CALLED)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the last one has characters that the font lacks
        plot_history(told.history(receipts=True), tmp_path / "all.svg", names)
    words = words_in(tmp_path / "all.svg")
    for seat, name in enumerate(("Hospital of t…", "$\\frac{$", "_lab")):
        assert any(name in text and told.address(seat)[-4:] in text for text in words), name


def test_deploy__names_that_cannot_be__are_one_message(told: Told, tmp_path: Path, capsys: Any) -> None:
    members = [told.address(0), told.address(1)]
    for names, why in ((("a", "A"), "are alike"), (("x" * 33, "b"), "has 33 bytes"), (("a\x1b", "b"), "nobody sees")):
        words = [word for n, m in zip(names, members, strict=True) for word in ("--member", f"{n}={m}")]
        place = ["--rpc", told.chain.url, "--store-folder", str(tmp_path), "--learner", "a:b", "--dry-run"]
        assert main(["deploy", *words, *place]) == UsageError.exit_code
        told_err = capsys.readouterr().err
        assert why in told_err and "\x1b" not in told_err


SAID = "<i>Nord</i>"


@pytest.mark.slow
def test_names__said_on_chain__are_shown_wherever_members_are(told: Told, tmp_path: Path, capsys: Any) -> None:
    for member, name in ((0, SAID), (1, "a\x1b[31mb"), (2, "<b>病院</b>")):
        told.sender(member).name_myself(name.encode().ljust(32, b"\0"))
    for words in (["show", "1"], ["members"], ["info"], ["history", "--csv"], ["audit", "--records-only"]):
        page = said(capsys, *words)
        assert SAID in page and CALLED[0] not in page and CALLED[1] not in page and "\x1b" not in page, words
    address = told.address(0)
    assert f"{SAID} {address[:6]}…{address[-4:]}" in said(capsys, "history")
    assert CALLED[0][:10] in said(capsys, "history", "--no-logs"), "no events were asked for"
    names = {told.address(seat): name for seat, name in ((0, SAID), (2, "<b>病院</b>"), (3, "<b>病院</b>"))}
    for words in (["history", "--json"], ["show", "1", "--json"]):
        assert json.loads(said(capsys, *words))["names"] == names
    place = ["--rpc", told.chain.url, "--address", told.contract.address]
    assert json.loads(said(capsys, "history", "--json", *place))["names"] == dict(list(names.items())[:2])
    said(capsys, "audit", "--records-only", "--html", str(tmp_path / "dossier.html"))
    dossier = (tmp_path / "dossier.html").read_text(encoding="utf-8")
    assert "&lt;i&gt;Nord" in dossier and SAID not in dossier and "Hospital" not in dossier
    said(capsys, "plot", "-o", str(tmp_path / "picture.svg"))
    assert any("Nord" in text for text in words_in(tmp_path / "picture.svg"))
    listed = json.loads(said(capsys, "status", "--json"))["awaited"]
    assert {one["name"] for one in listed} <= {*names.values(), None}


@pytest.mark.slow
def test_names__endpoint_without_events__the_foundings_and_one_note(told: Told, capsys: Any) -> None:
    def pruned(*_: Any) -> Any:
        raise Refusal("pruned\x1b history")

    with proxy_of(told.chain.url) as proxy:
        proxy.answers["eth_getLogs"] = pruned
        for words in (["members"], ["info"], ["status"]):
            assert main([*words, "--rpc", proxy.url]) == 0
            out = capsys.readouterr()
            assert CALLED[0] in out.out or words == ["status"]
            assert out.err.startswith("note: names that members said") and len(out.err.splitlines()) == 1
            assert "pruned" in out.err and "\x1b" not in out.err
