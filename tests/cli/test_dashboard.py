"""``colearn-ledger dashboard`` as a program, on Anvil."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.cli.main import main

from ..kit.anvil import Anvil, wait_until
from ..kit.collective import Collective
from ..kit.dashboard import need_page
from ..kit.ports import refusing_port
from ..kit.spoken import spoken


def get(url: str) -> tuple[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read()


@pytest.mark.slow
def test_dashboard__until_interrupted__serves_the_page_and_what_happens(chain: Anvil, tmp_path: Path) -> None:
    need_page()
    c = Collective.found(chain, 3)
    with spoken("dashboard", "--port", "0", cwd=c.save(tmp_path)) as said:
        said.wait_for("(Ctrl-C ends it)")
        found = re.search(r"http://127\.0\.0\.1:\d+/", said.text)
        assert found is not None, said.text
        kind, page = get(found[0])
        assert kind.startswith("text/html") and b'src="/app.js"' in page

        def phase() -> str:
            try:
                return str(json.loads(get(f"{found[0]}api/state")[1])["phase"])
            except urllib.error.HTTPError:  # it hasn't looked yet
                return ""

        wait_until(lambda: phase() == "proposing", "the dashboard has looked")
        c.propose("one")
        wait_until(lambda: phase() == "voting", "the dashboard shows the proposal")
        assert said.interrupt() == 130
    assert said.text.splitlines()[1:] == ["interrupted"]


def test_dashboard__a_taken_port__one_message_and_the_code_of_taken_ports(
    chain: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    need_page()
    monkeypatch.chdir(Collective.found(chain, 3).save(tmp_path))
    with refusing_port() as port:
        assert main(["dashboard", "--port", str(port)]) == 3
    out = capsys.readouterr()
    assert out.out == "" and f"error: --port is {port}" in out.err and "Traceback" not in out.err


@pytest.mark.parametrize("words", [["--port", "65536"], ["--port", "-1"], ["--node", "nowhere"]])
def test_dashboard__options_that_can_not_be__are_refused_before_anything_is_read(words: list[str], capsys: Any) -> None:
    assert main(["dashboard", *words]) == 2
    assert f"error: {words[0]}" in capsys.readouterr().err
