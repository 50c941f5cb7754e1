"""What docs/history.md has people do by hand, done as it is written there."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.cid import cid_text
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.network.tools import find_kubo

from ..kit.collective import embedded
from ..kit.network import need

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECTION = (DOCS / "history.md").read_text(encoding="utf-8").partition("## Auditing a round by hand\n")[2]
BLOCKS = [
    (language, re.sub(r"^ {3}", "", text, flags=re.MULTILINE))
    for language, text in re.findall(r"^ {3}```(\w+)\n(.*?)^ {3}```$", SECTION, re.MULTILINE | re.DOTALL)
]
WEIGHTS = encode({"w": np.arange(1000.0)})


def block(language: str, word: str) -> str:
    [found] = [text for kind, text in BLOCKS if kind == language and word in text]
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(WEIGHTS)
    return tmp_path


def large() -> WeightsRef:
    return WeightsRef(hashlib.sha256(b"a").digest(), hashlib.sha256(b"b").digest(), 5 << 20)


@pytest.mark.parametrize("new", [weights_ref(WEIGHTS), large()], ids=["of one block", "of several"])
def test_by_hand__the_name_of_a_vote__is_the_contracts(new: WeightsRef) -> None:
    story = embedded(2, max_size=1 << 24)
    story.propose(new)
    names: dict[str, Any] = {}
    exec(block("python", "def proposal_id"), names)
    assert names["proposal_id"](1, new.sha256.hex(), new.cid_digest.hex(), new.size) == "0x" + story.proposal.hex()


def test_by_hand__size_and_hash__are_those_on_chain(folder: Path) -> None:
    lines = block("sh", "sha256sum").splitlines()[1:]  # the first one fetches them
    done = subprocess.run(["sh", "-ec", "\n".join(lines)], capture_output=True, text=True, check=True)
    size, hashed = done.stdout.split()[:2]
    ref = weights_ref(WEIGHTS)
    assert (int(size), hashed) == (ref.size, ref.sha256.hex())


def test_by_hand__the_cid_by_python__is_the_one_on_chain(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(block("python", "weights_ref"), {})
    ref = weights_ref(WEIGHTS)
    assert capsys.readouterr().out.strip() == cid_text(ref.cid_digest, ref.size)


@pytest.mark.slow
def test_by_hand__the_cid_by_ipfs__is_the_one_on_chain(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("kubo")
    ipfs = find_kubo()
    monkeypatch.setenv("PATH", str(ipfs.parent), prepend=os.pathsep)
    monkeypatch.setenv("IPFS_PATH", str(folder / "ipfs"))
    subprocess.run([ipfs, "init", "--profile=test"], check=True, capture_output=True)
    done = subprocess.run(["sh", "-ec", block("sh", "--only-hash")], capture_output=True, text=True, check=True)
    ref = weights_ref(WEIGHTS)
    assert done.stdout.strip() == cid_text(ref.cid_digest, ref.size)
