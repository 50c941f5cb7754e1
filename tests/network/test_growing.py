"""What is asked of a network that runs: done, failed, or done by nobody."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from colearn_ledger.errors import NetworkError
from colearn_ledger.formats.locks import take_lock
from colearn_ledger.network.growing import ask_for_stakeholder, serve_requests

from ..kit.anvil import wait_until


def asking(folder: Path, *, done_s: float = 30.0) -> tuple[threading.Thread, list[str]]:
    """Ask in a thread; its end, or the error, is in the list."""
    came: list[str] = []

    def ask() -> None:
        try:
            ask_for_stakeholder(folder, done_s=done_s)
            came.append("done")
        except NetworkError as e:
            came.append(e.what)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, came


def test_ask_for_stakeholder__network_serves_it__returns_when_it_is_done(tmp_path: Path) -> None:
    with take_lock(tmp_path / "lock"):
        thread, came = asking(tmp_path)
        done: list[int] = []
        wait_until(lambda: serve_requests(tmp_path, lambda: done.append(1)), "it is asked")
        thread.join(30)
    assert (came, done) == (["done"], [1]) and not serve_requests(tmp_path, lambda: done.append(2))


def test_ask_for_stakeholder__it_cannot_be_added__is_told_why_and_the_network_goes_on(tmp_path: Path) -> None:
    def fails() -> None:
        raise NetworkError("no port is free")

    with take_lock(tmp_path / "lock"):
        thread, came = asking(tmp_path)
        wait_until(lambda: serve_requests(tmp_path, fails), "it is asked")
        thread.join(30)
        assert came == ["the stakeholder couldn't be added: no port is free"]
        thread, came = asking(tmp_path)
        wait_until(lambda: serve_requests(tmp_path, lambda: None), "it is asked")
        thread.join(30)
    assert came == ["done"], "an earlier failure is no answer to this"


def test_ask_for_stakeholder__network_ends_or_does_nothing__is_told_and_takes_the_request_back(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="has ended"):
        ask_for_stakeholder(tmp_path)
    with take_lock(tmp_path / "lock"), pytest.raises(NetworkError, match="didn't add a stakeholder"):
        ask_for_stakeholder(tmp_path, done_s=0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_ask_for_stakeholder__another_asks_just_now__is_told(tmp_path: Path) -> None:
    with take_lock(tmp_path / "lock"):
        thread, came = asking(tmp_path)
        wait_until((tmp_path / "add").exists, "it is asked")
        with pytest.raises(NetworkError, match="just being added"):
            ask_for_stakeholder(tmp_path)
        assert serve_requests(tmp_path, lambda: None)
        thread.join(30)
    assert came == ["done"]
