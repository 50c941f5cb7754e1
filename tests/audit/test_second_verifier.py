"""``scripts/verify_history.mjs`` shares no code with the audit, and agrees with it on random histories and on lies."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.audit.dump import facts_to_dict, write_facts
from colearn_ledger.audit.facts import Facts
from colearn_ledger.core.protocol import MotionKind

from ..kit.invented import invent
from .test_tampering import (
    Lie,
    examined,
    lies_about_the_present,
    lies_in_events,
    lies_in_records,
    lies_in_votes,
    swapped,
)

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


AGREED = (
    "agreed",
    "view opens_at",
    "view ended",
    "event AgreementChanged",
    "event RoundsMissed",
    "event RoundOpened.deadline",
)


def planted_in_time(facts: Facts, rng: random.Random) -> Lie:
    """A lie about what was agreed on, about a pause or an end; often a proposal in the one or after the other."""
    lies = [*lies_about_the_present(facts), *lies_in_events(facts)]
    # What says the same twice changes nothing: that it was said once alone the replay tells.
    other = [lie for lie in lies if lie.kind.startswith(AGREED) and lie.kind != "event AgreementChanged twice"]
    pointed = list(lies_about_times(facts))
    return replace(rng.choice(pointed if pointed and rng.random() < 0.5 else other), round=None)


def lies_about_times(facts: Facts) -> Iterator[Lie]:
    """Proposals that are told, and recorded, as made in the last second of a pause, or in the first after the end."""
    events, rules, decided, last = facts.events or (), facts.view.rules, None, 0
    for at, event in enumerate(events):
        said = event.arguments
        if event.name in ("CollectiveCreated", "RulesChanged"):
            rules, decided = said["rules"], None
        elif event.name == "MotionDecided":
            decided = None  # it may shorten the pause
        elif event.name == "RoundDecided":
            decided = None if said["byClock"] else event.time
        elif event.name == "AgreementChanged" and said["kind"] == MotionKind.SET_END:
            last = int.from_bytes(said["word"], "big") >> 32
        elif event.name == "WeightsProposed":
            if decided is not None and rules.pause:
                yield told_at(facts, at, decided + rules.pause - 1, rules.vote_window, "in the pause")
            if last:
                yield told_at(facts, at, last + 1, rules.vote_window, "after the end")


def told_at(facts: Facts, at: int, time: int, vote_window: int, kind: str) -> Lie:
    """The proposal of the event with this number, as if made at this time."""
    event = (facts.events or ())[at]
    number, deadline = event.arguments["round"], time + vote_window
    told = replace(event, time=time, arguments={**event.arguments, "deadline": deadline})
    record = replace(facts.records[number], deadline=deadline)
    changed = replace(
        facts, events=swapped(facts.events or (), at, told), records=swapped(facts.records, number, record)
    )
    return Lie(kind, number, ("WeightsProposed",), changed)


def compare(verified: Node, seeds: Iterable[int], plant: Callable[[Facts, random.Random], Lie] = planted) -> None:
    numbers = list(seeds)
    true = [invent(random.Random(seed), 60) for seed in numbers]
    false = [plant(facts, random.Random(seed)) for seed, facts in zip(numbers, true, strict=True)]
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
def test_verify_history__lies_about_agreements_pauses_and_ends__both_verifiers_see_them(verified: Node) -> None:
    compare(verified, range(100, 140), planted_in_time)


@pytest.mark.slow
def test_verify_history__a_proposal_in_a_pause_or_after_the_end__is_named(verified: Node) -> None:
    lies = [lie for seed in range(40) for lie in lies_about_times(invent(random.Random(seed), 60))]
    assert {lie.kind for lie in lies} == {"in the pause", "after the end"}
    for lie, found in zip(lies, verified(lie.facts for lie in lies), strict=True):
        said = [one["what"] for one in found if one["round"] == lie.round and one["field"] == "WeightsProposed"]
        assert any(lie.kind in what for what in said), (lie.kind, lie.round, found)


@pytest.mark.slow
def test_verify_history__a_thousand_histories__both_verifiers_agree(verified: Node) -> None:
    seed = int(os.environ["COLEARN_TEST_SEED"])
    compare(verified, range(seed, seed + 250))  # each once as it is, and once with a lie
    compare(verified, range(seed + 250, seed + 500), planted_in_time)


def test_verify_history__a_file__says_what_does_not_hold(program: Path, tmp_path: Path) -> None:
    facts = invent(random.Random(1), 60)
    lie = planted(facts, random.Random(1))
    for name, given, code in (("true", facts, 0), ("false", lie.facts, 21)):
        write_facts(given, tmp_path / name)
        done = subprocess.run([program, SCRIPT, tmp_path / name], capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done
        assert ("all holds" in done.stdout) is (code == 0)
