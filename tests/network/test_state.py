"""Who started a local network, as its folder tells it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from colearn_ledger.network.state import Running, is_own, write_description


@pytest.mark.parametrize("session, own", [(os.getsid(0), True), (os.getsid(0) + 1, False), (None, False)])
def test_is_own__session_that_started_it__only_this_one(session: int | None, own: bool, tmp_path: Path) -> None:
    write_description(tmp_path, {"session": session})
    assert is_own(Running(tmp_path, 1)) is own


def test_is_own__network_that_is_only_coming_up__nobody_says_so(tmp_path: Path) -> None:
    assert not is_own(Running(tmp_path, 1))
