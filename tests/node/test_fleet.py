"""Several node processes at once: what is shown of them, and that none outlives the fleet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from colearn_node.fleet import Fleet, line_of

from colearn_ledger.errors import NetworkError
from colearn_ledger.formats.toml import toml_text

from ..kit.anvil import wait_until

# A node whose configuration is what it does; `log` writes a line as a node's log does.
STAND_IN = """
import json, os, signal, sys
def log(event, text, level="info", round=2):
    line = {"event": event, "text": text, "level": level, "round": round, "phase": "voting"}
    print(json.dumps(line), file=sys.stderr, flush=True)
words = sys.argv[1:]
exec(open(words[words.index("--config") + 1]).read())
"""
PROGRAM = (sys.executable, "-c", STAND_IN)
STAYS = 'open(words[1] + ".here", "w")\nwhile True: signal.pause()\n'
RECORD = {"event": "vote", "round": 2, "phase": "voting", "level": "info", "text": "voted"}


def configs(folder: Path, *what: str) -> dict[str, Path]:
    """``member-1`` does the first, and so on."""
    made = {}
    for number, text in enumerate(what, 1):
        made[f"member-{number}"] = folder / f"node-{number}.py"
        made[f"member-{number}"].write_text(text)
    return made


def run(made: dict[str, Path], flags: Sequence[str] = ()) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
    """What is shown and recorded of nodes until all have left."""
    shown: list[str] = []
    kept: list[tuple[str, dict[str, Any]]] = []
    record = lambda name, record: kept.append((name, record))  # noqa: E731
    with Fleet(made, flags, shown.append, record=record, program=PROGRAM) as fleet:
        fleet.wait()
    return shown, kept


def running(what: object) -> bool:
    """Whether a process has this in its command line."""
    found = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return str(what) in found


def test_line_of__outcomes_are_told_once_and_waiting_never() -> None:
    record = {**RECORD, "event": "outcome", "text": "round 1 is accepted"}
    assert line_of("a", record, tell_outcomes=False) is None
    assert line_of("a", record, tell_outcomes=True) == f"{'':<14}  round 2   voting     round 1 is accepted"
    for event in ("wait", "library", "learner_output"):
        assert line_of("a", {**record, "event": event}, tell_outcomes=True) is None


def test_line_of__any_other__who_says_it_and_a_mark_for_what_is_amiss() -> None:
    for tell_outcomes in (True, False):
        assert line_of("a", RECORD, tell_outcomes=tell_outcomes) == "a               round 2   voting     voted"
    amiss = {**RECORD, "level": "warning", "round": None}
    assert line_of("a", amiss, tell_outcomes=True) == "a                         voting     WARNING: voted"


def test_wait__several_nodes__shows_all_and_outcomes_once_and_returns_when_they_have_left(tmp_path: Path) -> None:
    says = 'log("vote", "voted"); log("outcome", "round 1 is accepted"); log("wait", "idle")'
    shown, kept = run(configs(tmp_path, says, says, says))
    who = [line.split()[0] for line in shown]
    assert sorted(who) == ["member-1", "member-2", "member-3", "round"], "the outcome has nobody's name"
    assert len(kept) == 9
    assert [record["event"] for name, record in kept if name == "member-2"] == ["vote", "outcome", "wait"]


def test_wait__nodes__are_started_as_told_and_read_without_delay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    says = 'log("vote", " ".join(words)); log("vote", os.environ.get("PYTHONUNBUFFERED", "no"))'
    _, kept = run(configs(tmp_path, says), ["--until-round", "3"])
    words = f"--config {tmp_path / 'node-1.py'} --log-format json --until-round 3"
    assert [record["text"] for _, record in kept] == [words, "1"]


def test_wait__a_node_leaves_with_an_error__is_raised_with_its_last_words_and_all_are_ended(tmp_path: Path) -> None:
    fails = 'log("start", "here"); print("error: odd\\n  to fix: look", file=sys.stderr); sys.exit(7)'
    with pytest.raises(NetworkError, match="the node of member-2 has ended with code 7: error: odd\n  to fix: look"):
        run(configs(tmp_path, STAYS, fails))
    assert not running(tmp_path)


def test_wait__a_real_node_that_can_not_start__says_why(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(toml_text({"rpc": ["http://127.0.0.1:1"], "store": {"folder": "w"}, "learner": {"factory": "a:b"}}))
    with (
        pytest.raises(NetworkError, match="node of somebody has ended with code 3"),
        Fleet({"somebody": path}, [], lambda text: None) as fleet,
    ):
        fleet.wait()
    assert "deployment is missing" in fleet.last_words["somebody"]


def test_stop__nodes_that_leave_when_asked__may_do_so_in_good_order(tmp_path: Path) -> None:
    # It has something to put in order first.
    leaves = (
        "signal.signal(signal.SIGTERM, lambda *_: (sum(range(2**20)), open(words[1] + '.left', 'w'), sys.exit(0)))\n"
    )
    made = configs(tmp_path, leaves + STAYS, leaves + STAYS)
    with Fleet(made, [], lambda text: None, program=PROGRAM) as fleet:
        assert fleet.pids.keys() == made.keys() and running(made["member-1"])
        wait_until(lambda: len(list(tmp_path.glob("*.here"))) == 2, "both are there")
    assert len(list(tmp_path.glob("*.left"))) == 2 and not running(tmp_path)


def test_stop__a_node_that_does_not_leave__is_ended(tmp_path: Path) -> None:
    stays = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAYS
    fleet = Fleet(configs(tmp_path, stays), [], lambda text: None, program=PROGRAM, leave_s=0.2)
    wait_until(lambda: any(tmp_path.glob("*.here")), "it is there")
    fleet.stop()
    assert not running(tmp_path)


def test_fleet__one_can_not_be_started__those_before_it_are_ended(tmp_path: Path) -> None:
    made = configs(tmp_path, STAYS) | {"nobody": Path("no\0path")}
    with pytest.raises(ValueError, match="null byte"):
        Fleet(made, [], lambda text: None, program=PROGRAM)
    assert not running(tmp_path)
