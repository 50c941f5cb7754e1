"""``scripts/verify_history.mjs`` shares no code with the audit, and agrees with it on random histories and on lies."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.audit.dump import facts_to_dict, write_facts
from colearn_ledger.audit.facts import Facts

from ..kit.invented import invent
from .test_tampering import Lie, examined, lies_in_records, lies_in_votes

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "verify_history.mjs"

Node = Callable[[Iterable[Facts]], list[list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def program(require_tool: Callable[..., Path]) -> Path:
    return require_tool("node", "node_modules/js-sha3")


@pytest.fixture(scope="module")
def verified(program: Path) -> Node:
    """What the script finds in each of these facts."""

    def run(several: Iterable[Facts]) -> list[list[dict[str, Any]]]:
        given = "".join(json.dumps(facts_to_dict(facts)) + "\n" for facts in several)
        done = subprocess.run([program, SCRIPT, "--lines"], input=given, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def planted(facts: Facts, rng: random.Random) -> Lie:
    """One lie that both look for: when an open turn ends only the replay of all events tells."""
    lies = [*lies_in_records(facts), *lies_in_votes(facts)]
    unseen = ("record PROPOSING deadline", "record ACCEPTED deadline")
    return rng.choice([lie for lie in lies if lie.kind not in unseen or (lie.round and "ACCEPTED" in lie.kind)])


def compare(verified: Node, seeds: Iterable[int]) -> None:
    numbers = list(seeds)
    true = [invent(random.Random(seed), 60) for seed in numbers]
    false = [planted(facts, random.Random(seed)) for seed, facts in zip(numbers, true, strict=True)]
    for seed, facts, found in zip(numbers, true, verified(true), strict=True):
        assert examined(facts).findings == [] and found == [], f"seed {seed}"
    for seed, lie, found in zip(numbers, false, verified(lie.facts for lie in false), strict=True):
        mine = examined(lie.facts).findings
        named = [one["round"] for one in found]
        assert mine and found, f"seed {seed}: {lie.kind} in round {lie.round}"
        assert lie.round is None or lie.round in named, f"seed {seed}: {lie.kind} in round {lie.round}, not {named}"


@pytest.mark.slow
def test_verify_history__some_histories__both_verifiers_agree(verified: Node) -> None:
    compare(verified, range(40))


@pytest.mark.slow
def test_verify_history__a_thousand_histories__both_verifiers_agree(verified: Node) -> None:
    seed = int(os.environ["COLEARN_TEST_SEED"])
    compare(verified, range(seed, seed + 500))  # each once as it is, and once with a lie


def test_verify_history__a_file__says_what_does_not_hold(program: Path, tmp_path: Path) -> None:
    facts = invent(random.Random(1), 60)
    lie = planted(facts, random.Random(1))
    for name, given, code in (("true", facts, 0), ("false", lie.facts, 21)):
        write_facts(given, tmp_path / name)
        done = subprocess.run([program, SCRIPT, tmp_path / name], capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done
        assert ("all holds" in done.stdout) is (code == 0)
