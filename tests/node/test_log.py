"""The node's log: lines for people and for machines."""

from __future__ import annotations

import calendar
import io
import json
import re
import threading
import time
from pathlib import Path

import pytest
from colearn_node.log import Log, columns_of, wrapped


class Deaf(io.StringIO):
    """Whoever read has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_log__text__time_round_phase_and_a_mark_for_what_is_amiss() -> None:
    to = io.StringIO()
    log = Log(to=to)
    log.info("start", "begun")
    log.round, log.phase = 7, "voting"
    log.warning("stale", "too late")
    log.error("failed", "no luck")
    lines = [re.sub(r"^\d\d:\d\d:\d\d  ", "", line) for line in to.getvalue().splitlines()]
    assert lines == [
        "-         start      begun",
        "round 7   voting     WARNING: too late",
        "round 7   voting     ERROR: no luck",
    ]


def test_log__member_is_known__is_named_in_every_line() -> None:
    to = io.StringIO()
    log = Log(to=to)
    log.who = "clinic"
    log.info("start", "begun")
    assert to.getvalue()[10:] == "clinic  -         start      begun\n"
    as_json = Log(as_json=True, to=to)
    as_json.who = "clinic"
    as_json.info("start", "begun")
    assert json.loads(to.getvalue().splitlines()[-1])["who"] == "clinic"


def test_log__terminal_of_eighty_columns__goes_on_below_and_loses_no_word() -> None:
    to = io.StringIO()
    log = Log(to=to, columns=lambda: 80)
    text = "voted to approve: scores 0.9417, now 0.9322 on 1,000 samples (not-worse) (0x1c0e66a2…, 31,020 gas)"
    log.info("vote", text)
    first, *rest = to.getvalue().splitlines()
    assert all(len(line) <= 80 for line in (first, *rest)) and all(line.startswith(" " * 10) for line in rest)
    assert " ".join([first, *rest]).split()[3:] == text.split()
    log.error("trace", "Traceback\n" + "x" * 100)
    assert to.getvalue().endswith("ERROR: Traceback\n" + "x" * 100 + "\n"), "what has several lines stays as it is"


@pytest.mark.parametrize("columns", [None, 0, 39, 40, 41, 200])
def test_wrapped__any_width__all_words_in_their_order(columns: int | None) -> None:
    line = " ".join(map(str, range(60)))
    assert wrapped(line, columns).split() == line.split()
    assert max(map(len, wrapped(line, columns).splitlines())) <= (len(line) if columns is None else max(columns, 40))


def test_columns_of__no_terminal__is_none() -> None:
    assert columns_of(io.StringIO()) is None and columns_of(None) is None


def test_log__json__one_object_a_line_with_its_facts() -> None:
    to = io.StringIO()
    log = Log(as_json=True, to=to)
    log.round, log.phase = 7, "voting"
    log.info("vote", "voted", sha256=b"\x01\xff", folder=Path("w"), gas=5)
    record = json.loads(to.getvalue())
    stamp = record.pop("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp)
    assert abs(time.time() - calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))) < 60
    assert record == {
        "level": "info",
        "round": 7,
        "phase": "voting",
        "event": "vote",
        "text": "voted",
        "sha256": "0x01ff",
        "folder": "w",
        "gas": 5,
    }


@pytest.mark.parametrize("level, written", [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_log__least_level__what_is_below_is_not_written_but_the_listener_hears_all(level: str, written: int) -> None:
    to = io.StringIO()
    log = Log(level=level, to=to)
    heard: list[tuple[str, str]] = []
    log.listener = lambda level, event: heard.append((level, event))
    for number, say in enumerate((log.debug, log.info, log.warning, log.error)):
        say(f"event {number}", "said")
    assert len(to.getvalue().splitlines()) == written
    assert heard == [("debug", "event 0"), ("info", "event 1"), ("warning", "event 2"), ("error", "event 3")]


def test_log__nothing_said__is_text_of_level_info_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    log.debug("look", "nothing new")
    log.info("wait", "waiting")
    said = capsys.readouterr()
    assert said.out == "" and said.err.endswith("  -         start      waiting\n") and "nothing" not in said.err


def test_log__nobody_reads_any_more__goes_on() -> None:
    closed = io.StringIO()
    closed.close()
    for to in (closed, Deaf()):
        Log(to=to).error("failed", "nobody hears")


def test_log__several_threads__lines_stay_whole() -> None:
    to = io.StringIO()
    log = Log(to=to)
    threads = [threading.Thread(target=lambda: [log.info("x", "y" * 50) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = to.getvalue().splitlines()
    assert len(lines) == 200 and all(line.endswith("  " + "y" * 50) for line in lines)
