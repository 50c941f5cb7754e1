"""The commands that read the chain, ``history``, ``show`` and ``members``, on Anvil; they say what a run did."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.cli.main import main
from colearn_ledger.core.driver import run
from colearn_ledger.core.protocol import RoundState
from colearn_ledger.embedded import ledger as embedded
from colearn_ledger.embedded.chain import EmbeddedChain
from colearn_ledger.embedded.ledger import EmbeddedLedger
from colearn_ledger.history import Choice, Round, Vote, read_history
from colearn_ledger.history.export import CSV_COLUMNS, history_to_dict, parse_note, utc, write_csv
from colearn_ledger.report.rounds import RoundsTable
from colearn_ledger.report.terminal import printer

from ..kit.anvil import Anvil
from ..kit.builders import record, ref
from ..kit.collective import Collective
from ..kit.learners import linear_learners
from ..kit.proxy import Refusal, proxy_of
from ..kit.spoken import said, spoken
from ..kit.story import Told, tell

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("in_the_folder")


@pytest.fixture(scope="module")
def told(chain: Anvil, folder: Path) -> Told:
    story = tell(chain)
    story.save(folder)
    return story


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The code and message of a command that doesn't."""
    code = main(words)
    out = capsys.readouterr()
    assert out.out == "" and out.err.startswith("error: ") and out.err.count("error: ") == 1
    return code, out.err


# --------------------------------------------------------------------------------------------------- history


def test_history__table__has_a_line_for_each_round_and_one_for_missed_ones(told: Told, capsys: Any) -> None:
    lines = said(capsys, "history").splitlines()
    assert lines[0] == f"collective {told.contract.address} on chain 31337"
    rows = [line.split() for line in lines[3:10]]
    assert rows[0][:5] == ["round", "proposer", "votes", "decision", "by"]
    assert rows[1][:2] == ["0", "genesis"] and f"{told.deployment.gas:,}" in rows[1]
    short = "0xf39F…2266"
    assert rows[2][:7] == ["1", short, "P+-+", "accepted", "votes", ref("one").sha256.hex()[:8], str(ref("one").size)]
    assert rows[3][2:5] == ["-P-.", "rejected", "votes"]
    assert rows[4][2:5] == ["+_P__", "rejected", "clock"]
    assert rows[5] == ["4-6", "3", "rounds", "missed"]
    assert rows[6][2:4] == [".P..+", "voting"]
    assert lines[11] == "6 rounds over: 1 accepted, 2 rejected, 3 missed"
    assert f"  sha256  {ref('one').sha256.hex()}" in lines


@pytest.mark.parametrize("width", [80, 100, 120])
def test_history__table__fits_the_width(told: Told, width: int, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = said(capsys, "history").splitlines()
    assert max(map(len, lines)) <= width
    assert "decided (UTC)" in lines[3] and "gas" in lines[3] and ("size" in lines[3]) == (width > 80)


def test_history__json__is_storage_and_events(told: Told, capsys: Any) -> None:
    record = json.loads(said(capsys, "history", "--json"))
    assert record["format"] == "colearn-history-1" and record["address"] == told.contract.address
    assert (record["current_round"], record["logs_from"], record["logs_problem"]) == (7, told.deployment.block, "")
    genesis, one, two, three, four, *_, seven = record["rounds"]
    assert (genesis["proposer"], genesis["parent_sha256"], genesis["gas"]) == (None, None, told.deployment.gas)
    assert (one["state"], one["by_clock"], one["approvals"], one["need"]) == ("accepted", False, 2, 2)
    assert one["weights_sha256"] == ref("one").sha256.hex() and one["parent_sha256"] == ref("genesis").sha256.hex()
    assert one["cid"].startswith("bafk") and one["note"] == {"samples": 200}
    assert one["votes"][0] == {
        "seat": 1,
        "member": told.address(1),
        "vote": "approved",
        "current_score": -1.5,
        "proposed_score": 0.25,
        "transaction": "0x" + told.receipts["vote 1.1"].transaction.hex(),
    }
    assert one["gas"] == sum(told.receipts[n].gas for n in told.receipts if n.endswith((" 1", " 1.1", " 1.2", " 1.3")))
    assert one["transactions"][0]["sender"] == told.address(0) and one["fee_wei"] > 0
    proposed = told.chain.web3.eth.get_block(one["proposed_block"])["timestamp"]
    assert one["proposed_time"] == utc(proposed) and one["proposed_time"].endswith("Z")
    assert (two["absent"], two["rejections"], three["by_clock"]) == (1, 2, True)
    assert four["state"] == "missed" and four["weights_sha256"] is None and four["votes"] == []
    assert (seven["state"], seven["decided_block"], seven["note"]) == ("voting", None, "\\xff\x00\x1b[31m")


def test_history__csv__has_a_row_a_round(told: Told, capsys: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(said(capsys, "history", "--csv"))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["round"] for row in rows] == [str(n) for n in range(8)]
    assert [row["votes"] for row in rows] == ["", "Para", "rPr.", "a.P..", "", "", "", ".P..a"]
    assert (rows[1]["by_clock"], rows[3]["by_clock"], rows[7]["by_clock"]) == ("false", "true", "")
    assert (rows[1]["current_score"], rows[1]["proposed_score"], rows[2]["current_score"]) == ("-1.5", "0.25", "")
    assert rows[1]["note"] == '{"samples": 200}' and rows[7]["note"].startswith('"\\\\xff')
    assert rows[1]["transactions"] == "4" and rows[4]["transactions"] == ""


def test_history__csv__no_cell_is_a_formula() -> None:
    """A stranger's note must not run in whoever's spreadsheet, and votes must not look like sums."""
    open_ = record(1, RoundState.VOTING, ref("x"), approvals=1)
    round_ = Round(open_, ("0xA", "0xB"), (Vote(0, "0xA", Choice.APPROVED),), True, b'=HYPERLINK("http://x")')
    file = io.StringIO()
    write_csv([round_], file)
    [row] = csv.DictReader(io.StringIO(file.getvalue()))
    assert not [cell for cell in row.values() if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


@pytest.mark.parametrize(
    "note, shown",
    [
        (None, None),
        (b"", ""),
        (b'{"samples": 3, "privacy": {"epsilon": 1.5}}', {"samples": 3, "privacy": {"epsilon": 1.5}}),
        (b"[1]", "[1]"),
        (b'{"x": 1e999}', '{"x": 1e999}'),
        (b'{"x": NaN}', '{"x": NaN}'),
        (b'{"a":' * 12 + b"1" + b"}" * 12, '{"a":' * 12 + "1" + "}" * 12),
        (b"\xff=1", "\\xff=1"),
    ],
)
def test_note__whatever_it_is__fits_into_json(note: bytes | None, shown: object) -> None:
    assert parse_note(note) == shown
    json.dumps(parse_note(note), allow_nan=False)


@pytest.mark.parametrize(
    "words, numbers",
    [
        (["--rounds", "2:3"], [2, 3]),
        (["--rounds", ":1"], [0, 1]),
        (["--rounds", "6:"], [6, 7]),
        (["--rounds", "7:99"], [7]),
        (["--last", "2"], [6, 7]),
        (["--last", "99"], list(range(8))),
    ],
)
def test_history__part__only_these_rounds(told: Told, words: list[str], numbers: list[int], capsys: Any) -> None:
    record = json.loads(said(capsys, "history", "--json", "--no-gas", *words))
    assert [r["round"] for r in record["rounds"]] == numbers
    assert record["rounds"][-1]["gas"] is None and record["rounds"][-1]["transactions"]


@pytest.mark.parametrize(
    "words", [["--rounds", w] for w in ("3", "3:2", "a:b", "1:2:3", "-1:", "²:3")] + [["--last", "0"], ["--last", "x"]]
)
def test_history__bad_part__is_a_usage_error(told: Told, words: list[str], capsys: Any) -> None:
    assert refused(capsys, "history", *words)[0] == 2


def test_history__no_such_round__says_what_there_is(told: Told, capsys: Any) -> None:
    for words in (["history", "--rounds", "8:"], ["show", "8"], ["members", "--round", "8"]):
        code, text = refused(capsys, *words)
        assert code == 2 and "no round 8" in text and "0 to 7" in text


def test_history__no_logs__storage_alone_without_a_note(told: Told, capsys: Any) -> None:
    record = json.loads(said(capsys, "history", "--json", "--no-logs"))
    one = record["rounds"][1]
    assert record["logs_from"] is None and one["transactions"] == [] and one["by_clock"] is None
    assert [vote["vote"] for vote in one["votes"]] == ["approved", "rejected", "approved"]
    assert said(capsys, "history", "--no-logs").splitlines()[3].split() == [
        *("round", "proposer", "votes", "decision", "weights", "size")
    ]


def test_history__endpoint_without_events__says_so_in_one_line(told: Told, capsys: Any) -> None:
    def pruned(*_: Any) -> Any:
        raise Refusal("pruned\x1b[31m history\nunavailable")

    with proxy_of(told.chain.url) as proxy:
        proxy.answers["eth_getLogs"] = pruned
        _says_what_is_missing(["--rpc", proxy.url], capsys)


def _says_what_is_missing(endpoint: list[str], capsys: Any) -> None:
    assert main(["history", *endpoint]) == 0
    out = capsys.readouterr()
    assert len(out.err.splitlines()) == 1 and out.err.startswith("note: ") and "pruned" in out.err
    assert "\x1b" not in out.err and "P+-+" in out.out
    assert main(["show", "1", *endpoint]) == 0
    out = capsys.readouterr()
    assert len(out.err.splitlines()) == 1 and "accepted: 2 of 3 voters approved, 2 needed" in out.out


@pytest.mark.slow
def test_history__reader_that_closes_the_pipe__is_no_error(told: Told) -> None:
    words = [sys.executable, "-m", "colearn_ledger.cli.main", "history", "--csv"]
    process = subprocess.Popen(words, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    with process.stderr as stream:
        assert stream.read() == b""
    assert process.wait(90) == 141


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.slow
def test_history__follow__shows_each_round_when_it_is_over(chain: Anvil, tmp_path: Path) -> None:
    story = Collective.found(chain)
    story.save(tmp_path)
    with spoken("history", "--follow", cwd=tmp_path) as history:
        history.wait_for("genesis")
        story.propose("followed")
        for index in (1, 2):
            story.vote(index)
        history.wait_for("accepted")
        assert history.interrupt() == 130
    assert [line.split()[0] for line in history.text.splitlines() if "P++" in line] == ["1"]


@pytest.mark.slow
def test_history__follow__a_member_that_is_called_otherwise_meanwhile__by_its_name_from_then_on(
    chain: Anvil, tmp_path: Path
) -> None:
    story = Collective.found(chain)
    story.save(tmp_path)

    with spoken("history", "--follow", cwd=tmp_path) as history:
        history.wait_for("genesis")
        for voters, awaited in (((1, 2), "accepted"), ((0, 2), "Clinic")):
            story.propose(awaited)
            for index in voters:
                story.vote(index)
            history.wait_for(awaited)
            story.sender(1).name_myself(b"Clinic".ljust(32, b"\0"))
        assert history.interrupt() == 130
    [named] = [line for line in history.text.splitlines() if "Clinic" in line]
    assert named.split()[0] == "2" and story.address(1)[:6] in named


@pytest.mark.slow
@pytest.mark.parametrize("secret, shuffled, seed", [(False, False, 1), (True, True, 2)])
def test_history__of_an_embedded_run__says_what_its_results_say(
    secret: bool, shuffled: bool, seed: int, monkeypatch: Any
) -> None:
    chains: list[EmbeddedChain] = []

    class Kept(EmbeddedChain):
        def __init__(self, accounts: int) -> None:
            super().__init__(accounts)
            chains.append(self)

    monkeypatch.setattr(embedded, "EmbeddedChain", Kept)
    results = run(5, linear_learners(4, seed), 0.5, backend=EmbeddedLedger(secret=secret, shuffled=shuffled))
    assert results.ledger is not None
    contract = CollectiveContract(chains[0].web3, results.ledger["contract"], pin_by_number=True)
    history = read_history(contract.snapshot(), receipts=True)
    genesis, *rounds = json.loads(json.dumps(history_to_dict(history)))["rounds"][:-1]
    assert history.current == 6 and history.logs_problem == ""
    assert {r["state"] for r in rounds} == {"accepted", "rejected"}  # both happen with these seeds
    for name in ("weights_sha256", "cid", "size", "gas"):
        assert genesis[name] == getattr(results.initial, name)
    for read, done in zip(rounds, results.rounds, strict=True):
        for name in ("round", "weights_sha256", "cid", "size", "gas", "need"):
            assert read[name] == getattr(done, name), name
        assert read["proposer_seat"] == done.proposer
        assert read["proposer"] == results.ledger["members"][done.proposer]
        assert (read["state"] == "accepted") == done.accepted
        by_seat = {vote["seat"]: vote["vote"] for vote in read["votes"]}
        seen = {"approved": True, "rejected": False}
        for seat, vote in enumerate(done.votes):
            # A vote that came when the others had decided isn't on the chain; nor is a secret one nobody had to reveal.
            assert seat == done.proposer or by_seat[seat] in ("absent", "hidden") or seen[by_seat[seat]] is vote
    assert next(r for r in reversed(rounds) if r["state"] == "accepted")["weights_sha256"] == results.final_sha256


def test_table__many_members__votes_are_counted_and_it_still_fits() -> None:
    members = tuple(f"0x{i:040x}" for i in range(64))
    voted = {"approvals": 7, "rejections": 8 + 16, "hidden": 32, "need": 32}
    rejected = record(12, RoundState.REJECTED, ref("x"), member_count=64, proposer_seat=0, **voted)
    kinds = [Choice.APPROVED] * 3 + [Choice.REJECTED] * 2 + [Choice.HIDDEN] + [Choice.ABSENT] * 57
    votes = tuple(Vote(seat, members[seat], kind) for seat, kind in enumerate(kinds, 1))
    round_ = Round(rejected, members, votes, True, by_clock=True)
    table = RoundsTable([round_], 80)
    [line] = table.lines([round_])
    assert "+3 -2 ?1 _57" in line and len(line) <= 80 and len(table.header) <= 80


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_history__colours__on_a_terminal_alone(monkeypatch: Any) -> None:
    shown = {}
    for kind in (_Terminal, io.StringIO):
        monkeypatch.setattr(sys, "stdout", file := kind())
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
        printer()("    1  accepted")
        shown[kind] = file.getvalue()
    assert "\x1b[32maccepted\x1b[0m" in shown[_Terminal] and shown[io.StringIO] == "    1  accepted\n"


# --------------------------------------------------------------------------------------------------- show


def test_show__decided_round__has_votes_weights_outcome_and_transactions(told: Told, capsys: Any) -> None:
    text = said(capsys, "show", "1")
    assert text.startswith("round 1: accepted by the votes: 2 of 3 voters approved, 2 needed\n")
    for part in (
        f"proposer    {told.address(0)}, seat 0",
        f"sha256 {ref('genesis').sha256.hex()}",
        f"sha256 {ref('one').sha256.hex()}",
        "CID    bafk",
        "note        samples: 200",
        f"   1  {told.address(1)}  approved    -1.5000     0.2500",
        f"   2  {told.address(2)}  rejected\n",
        f"   0  {told.address(0)}  proposer\n",
        f"  0x{told.receipts['vote 1.3'].transaction.hex()}\n    voted, decided, opened: block",
        f"    by {told.address(3)}: {told.receipts['vote 1.3'].gas:,} gas, 0.0",
    ):
        assert part in text, part
    assert max(map(len, text.splitlines())) <= 120


def test_show__outcomes__are_told_apart(told: Told, capsys: Any) -> None:
    assert "rejected by the clock, when the deadline had passed: 1 of 4" in said(capsys, "show", "3")
    assert said(capsys, "show", "4").startswith("round 4: missed: 0x")
    assert said(capsys, "show", "0").startswith("round 0: genesis")
    last = said(capsys, "show", "current")
    assert last.startswith("round 7: voting: 1 of 4 voters approved, 3 needed; until ") and "none yet" in last
    assert "note        \\xff\\x00\\x1b[31m\n" in last and "decided, proposed: block" in last


def test_show__json__is_the_historys(told: Told, capsys: Any) -> None:
    whole = json.loads(said(capsys, "history", "--json"))
    for number in (0, 3, 7):
        part = json.loads(said(capsys, "show", str(number), "--json"))
        assert part["rounds"] == [whole["rounds"][number]] and part["format"] == whole["format"]


@pytest.mark.parametrize("word", ["x", "-1", "1.5", "²", "9" * 30])
def test_show__no_number__is_a_usage_error(word: str, capsys: Any) -> None:
    assert refused(capsys, "show", word)[0] == 2


def test_show__secret_votes__hidden_until_revealed(chain: Anvil, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    story = Collective.found(chain, secret=True)
    monkeypatch.chdir(story.save(tmp_path))
    story.propose("secret")
    for index in (1, 2):
        story.commit(index)
    text = said(capsys, "show", "1")
    assert text.count("  hidden") == 2 and "approved\n" not in text and "revealing" in text
    assert "P??" in said(capsys, "history")
    story.reveal(1)
    assert [v["vote"] for v in json.loads(said(capsys, "show", "1", "--json"))["rounds"][0]["votes"]] == [
        "approved",
        "hidden",
    ]


# --------------------------------------------------------------------------------------------------- members


def test_members__now_and_then(told: Told, capsys: Any) -> None:
    record = json.loads(said(capsys, "members", "--json"))
    assert record["format"] == "colearn-members-1" and record["round"] == 7
    assert [m["address"] for m in record["members"]] == [told.address(i) for i in (0, 1, 2, 3, 5)]
    assert [m["since_round"] for m in record["members"]] == [1, 1, 1, 1, 3]
    assert [m["seat"] for m in record["members"]] == list(range(5))
    assert record["members"][4]["balance_wei"] == told.chain.web3.eth.get_balance(told.address(5))
    for number, count in ((0, 4), (2, 4), (3, 5)):
        earlier = json.loads(said(capsys, "members", "--json", "--round", str(number)))
        assert len(earlier["members"]) == count
    lines = said(capsys, "members").splitlines()
    assert lines[0] == "5 members in round 7" and lines[6].split()[:3] == ["4", told.address(5), "3"]


# --------------------------------------------------------------------------------------------------- where it is


def test_where__rpc_and_address__need_no_file(told: Told, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    by_options = said(capsys, "history", "--rpc", told.chain.url, "--address", told.contract.address.lower())
    monkeypatch.setenv("COLEARN_RPC", told.chain.url)
    assert said(capsys, "history", "--address", told.contract.address).splitlines()[3:] == by_options.splitlines()[3:]


@pytest.mark.slow
def test_where__environment_and_flags__later_beats_earlier(
    told: Told, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    file = (Path.cwd() / "deployment.json").rename(tmp_path / "other.json")
    try:
        assert refused(capsys, "history")[0] == 3
        monkeypatch.setenv("COLEARN_DEPLOYMENT", str(file))
        assert "P+-+" in said(capsys, "history")
        monkeypatch.setenv("COLEARN_RPC", "http://127.0.0.1:1")
        assert refused(capsys, "history")[0] == 41
        assert "P+-+" in said(capsys, "history", "--rpc", told.chain.url)
        # The first is down: the next one answers.
        assert "P+-+" in said(capsys, "history", "--rpc", "http://127.0.0.1:1", "--rpc", told.chain.url)
    finally:
        file.rename(Path.cwd() / "deployment.json")


@pytest.mark.slow
def test_where__mistakes__one_message_and_code_each(told: Told, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    rpc, address = ["--rpc", told.chain.url], ["--address", told.contract.address]
    nothing, other = "0x" + "12" * 20, "0x" + "34" * 20
    told.chain.rpc("anvil_setCode", other, "0x6001")
    wrong = json.loads(Path("deployment.json").read_text()) | {"chain_id": 1}
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    (tmp_path / "none.json").write_text("{}")
    for code, words in (
        (41, ["--rpc", "http://127.0.0.1:1"]),
        (9, ["--deployment", str(tmp_path / "wrong.json")]),
        (18, [*rpc, "--address", nothing]),
        (13, [*rpc, "--address", other]),
        (3, ["--deployment", str(tmp_path / "missing.json")]),
        (3, ["--deployment", str(tmp_path / "none.json")]),
        (2, address),
        (2, [*rpc, *address, "--deployment", "deployment.json"]),
        (2, [*rpc, "--address", "0x12"]),
        (2, ["--rpc", "ws://127.0.0.1:1"]),
    ):
        for command_words in (["history"], ["show", "1"], ["members"]):
            assert refused(capsys, *command_words, *words)[0] == code, words


def test_commands__read_nothing_but_the_chain(told: Told, capsys: Any, monkeypatch: Any) -> None:
    """No key is looked for."""
    monkeypatch.setenv("COLEARN_KEY_FILE", "/does/not/exist")
    for words in (["history"], ["show", "1"], ["members"]):
        assert said(capsys, *words)


# --------------------------------------------------------------------------------------------------- the page about it


def test_page__columns_and_fields__each_is_explained(told: Told, capsys: Any) -> None:
    page = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))
    record = json.loads(said(capsys, "history", "--json"))
    one = record["rounds"][1]
    assert {*CSV_COLUMNS, *record, *one, *one["votes"][0], *one["transactions"][0]} <= named
    rows = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in page.splitlines() if line.startswith("| `")]
    listed = [name for row in rows for name in row if name in CSV_COLUMNS]
    assert listed == list(CSV_COLUMNS)  # in this order


def test_page__example__runs(told: Told, capsys: Any) -> None:
    page = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
    exec(page.partition("<!-- example -->\n```python\n")[2].partition("```")[0], {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("1 ACCEPTED 2 of 3 ") and lines[7].startswith("7 VOTING 1 of 4 ")
