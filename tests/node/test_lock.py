"""One node per key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from colearn_node.lock import hold

from colearn_ledger.errors import KeyFileError, KeyInUse


def test_hold__key_that_another_node_holds__is_refused_with_its_process_by_whatever_name(tmp_path: Path) -> None:
    key, link = tmp_path / "key.json", tmp_path / "link.json"
    key.touch()
    link.symlink_to(key)
    with hold(key):
        for name in (key, link):
            with pytest.raises(KeyInUse, match=rf"{key} is in use by another node \(process {os.getpid()}\)"):
                hold(name)
    hold(link).close()


def test_hold__keys_of_two_members__can_be_held_at_once(tmp_path: Path) -> None:
    with hold(tmp_path / "key-1.json"), hold(tmp_path / "key-2.json"):
        assert len(list(tmp_path.iterdir())) == 2


def test_hold__folder_that_is_not_there__says_that_the_lock_can_not_be_made(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"key\.json\.lock can't be made: No such file"):
        hold(tmp_path / "nowhere" / "key.json")
