"""The driver: injects faults one after the other, checks what has to hold after each, and records what came of it."""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import requests

from colearn_ledger.core.protocol import RoundRecord, RoundState
from colearn_ledger.errors import ColearnError

from . import faults as _faults  # noqa: F401 - registers them
from . import invariants, joint
from .registry import FAULTS, Fault, draw
from .world import POLL_S, Options, World, world

__all__ = ["Limits", "Outcome", "campaign", "forget_broken", "options_of", "read_record"]

FAULTS_A_WORLD = 25  # a collective has so many, then a new one is founded


@dataclass(frozen=True)
class Limits:
    """Seconds that things may take on this machine.

    Attributes
    ----------
    start: until all learners are there again.
    go_on: until anybody acts, and again until a round is decided: what takes longer is taken to stand still.
    slack: beside two polling intervals, until somebody acts; more as the machine is loaded. A node's own pauses are in
        it: the two seconds for which an endpoint that shows less than its own transaction is taken to lag, and those
        between two attempts at a store, a daemon, or a worker.
    """

    start: float = 120
    go_on: float = 60
    slack: float = 5


@dataclass
class Outcome:
    """A fault, and what came of it.

    Attributes
    ----------
    index: which of the run; with ``seed`` it gives the fault and its random numbers again.
    what: what exactly was done.
    ready_s: from the fault's end until all learners were there.
    acted_s: from then to the next thing that anybody did on chain.
    went_on_s: from then to the next round that was decided by votes.
    took_s: all of it, with the checks.
    load: the machine's, per core, when it was over.
    broken: the invariants that did not hold.
    """

    seed: int
    index: int
    name: str
    options: str
    what: str = ""
    ready_s: float = 0.0
    acted_s: float = 0.0
    went_on_s: float = 0.0
    took_s: float = 0.0
    load: float = 0.0
    broken: list[str] = field(default_factory=list)
    log: str = ""


def options_of(seed: int, turn: int) -> Options:
    """The collective that faults of this turn meet."""
    rng = random.Random(f"{seed} world {turn}")
    return Options(
        secret=rng.random() < 0.5,
        kubo=rng.random() < 0.4,
        websocket=rng.random() < 0.4,
        joint=rng.random() < 0.4,
    )


def fitting(names: Iterable[str], options: Options) -> list[str]:
    """Those that such a collective can have."""
    has = {
        "": True,
        "kubo": options.kubo,
        "folder": not options.kubo,
        "secret": options.secret,
        "websocket": options.websocket,
        "joint": options.joint,
    }
    return [name for name in names if has[FAULTS[name].needs]]


def read_record(path: Path) -> list[Outcome]:
    if not path.exists():
        return []
    return [Outcome(**json.loads(line)) for line in path.read_text().splitlines() if line.strip()]


def forget_broken(path: Path) -> None:
    """Take the faults that broke something out of the record, so that they are injected anew."""
    good = [o for o in read_record(path) if not o.broken]
    path.write_text("".join(json.dumps(asdict(o)) + "\n" for o in good))


def campaign(
    path: Path,
    *,
    seed: int,
    faults: int,
    until: float,
    names: Iterable[str],
    say: Callable[[str], None] = print,
    kubo: bool = True,
    joint: bool | None = None,
    limits: Limits | None = None,
) -> list[Outcome]:
    """Inject faults until so many of this seed are in the record, or the time is over; go on where it was left.

    Parameters
    ----------
    path: the record, a JSON line a fault.
    until: of ``time.monotonic()``; no new fault begins after it.
    names: of the faults to draw from.
    kubo: False to leave out collectives with daemons.
    joint: whether rounds are joint; None draws it, too.
    """
    limits, names = limits or Limits(), sorted(names)
    done = [o for o in read_record(path) if o.seed == seed]
    missing = sorted(set(range(faults)) - {o.index for o in done})
    path.parent.mkdir(parents=True, exist_ok=True)
    while missing and time.monotonic() < until:
        turn = missing[0] // FAULTS_A_WORLD
        options = options_of(seed, turn)
        options = options if kubo else replace(options, kubo=False)
        options = options if joint is None else replace(options, joint=joint)
        fitting_names = fitting(names, options)
        if not fitting_names:
            missing.pop(0)
            continue
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder, world(Path(folder), options) as w:
            run = Run(w, limits)
            problem = run.begin()
            assert not problem, f"the collective did not begin: {problem}"
            while missing and missing[0] // FAULTS_A_WORLD == turn and time.monotonic() < until:
                index = missing.pop(0)
                rng = random.Random(f"{seed} fault {index}")
                outcome = Outcome(seed, index, "", str(options))
                run.inject(draw(seed, index, fitting_names), rng, outcome)
                with path.open("a") as record:
                    record.write(json.dumps(asdict(outcome)) + "\n")
                done.append(outcome)
                say(told(outcome))
                if outcome.broken:
                    break  # what comes after a broken invariant says nothing: a new collective
    return done


def told(o: Outcome) -> str:
    line = f"{o.index:4d} {o.name}: {o.what}; ready {o.ready_s:.1f}, acted {o.acted_s:.1f}, decided {o.went_on_s:.1f} s"
    return line + "".join(f"\n     BROKEN: {b}" for b in o.broken)


class Run:
    """Faults of one collective, one after the other."""

    def __init__(self, w: World, limits: Limits) -> None:
        self.w, self.limits = w, limits

    def begin(self) -> list[str]:
        """Wait until it decides rounds."""
        outcome = Outcome(0, 0, "begin", "")
        self._await_next_round(outcome, time.monotonic())
        return outcome.broken

    def inject(self, fault: Fault, rng: random.Random, outcome: Outcome) -> None:
        """Inject it, wait until rounds go on, and check everything."""
        w, outcome.name, begun = self.w, fault.name, time.monotonic()
        before, block = w.records(), w.chain.web3.eth.block_number
        try:
            outcome.what = fault.inject(w, rng)
        except (ColearnError, AssertionError, requests.RequestException) as e:
            outcome.broken.append(f"the fault could not be injected: {type(e).__name__}: {str(e)[:300]}")
            for index in set(w.members) - set(w.live):  # whom it had ended
                w.run_member(index)
        end = time.monotonic()
        if self._await_next_round(outcome, end):
            self._check(fault, outcome, before, block)
        outcome.broken += w.bring_back()
        w.hostile_votes.clear()
        outcome.load, outcome.took_s = _load(), time.monotonic() - begun
        if outcome.broken:
            outcome.log = "\n".join(f"--- node {i}\n{''.join(n.raw[-15:])}" for i, n in w.live.items())[-12_000:]

    def _await_next_round(self, outcome: Outcome, end: float) -> bool:
        """Wait until all learners are there, somebody acts, and a round is decided; False if that doesn't come."""
        w, limits = self.w, self.limits
        outcome.broken += w.bring_back()
        if not w.until(lambda: all(w.ready(index) for index in w.members) or _gone(w), limits.start) or _gone(w):
            outcome.broken += w.bring_back() or ["a learner was not there in time"]
            return False
        began = time.monotonic()
        outcome.ready_s = began - end
        seen = w.look()
        first = seen.round if seen is not None else 0
        state = _state(w)
        if not w.until(lambda: _state(w) != state, limits.go_on):
            return self._only_by_the_clock(outcome, "nobody acted")
        outcome.acted_s = time.monotonic() - began
        if outcome.acted_s > 2 * POLL_S + limits.slack * max(1.0, _load()):
            outcome.broken.append(f"the first to act again took {outcome.acted_s:.1f} s")
        if not w.until(lambda: _decided_since(w, first), limits.go_on):
            return self._only_by_the_clock(outcome, "no round was decided")
        outcome.went_on_s = time.monotonic() - began
        return True

    def _only_by_the_clock(self, outcome: Outcome, what: str) -> bool:
        """It stands still: is that for good, or does the round's deadline help?"""
        w, limits = self.w, self.limits
        first = w.view().round
        rules = w.genesis.rules
        w.chain.pass_time(max(rules.vote_window, rules.propose_window, rules.train_window) + 1)
        helped = w.until(lambda: w.view().round > first, limits.go_on)
        until = "until the round's deadline passed" if helped else "and after the round's deadline neither"
        outcome.broken.append(f"{what} for {limits.go_on:.0f} s, {until}")
        return False

    def _check(self, fault: Fault, outcome: Outcome, before: list[RoundRecord], block: int) -> None:
        w, broken = self.w, outcome.broken
        now = w.records()
        since = before[-1].round - (10 if fault.rewinds else 0)
        recent = [r for r in now if r.round >= since]
        if not fault.rewinds:
            broken += invariants.decided_rounds_stay(before, now)
        missed = [r.round for r in recent if r.state is RoundState.MISSED]
        if missed and not fault.time_passes and not any(r.round in missed for r in before):
            broken.append(f"rounds {missed} were missed, though no time had passed")
        broken += invariants.lineage_is_a_chain(w, now)
        broken += invariants.votes_alone_decide(recent)
        broken += invariants.nobody_acted_twice(w, block - (12 if fault.rewinds else 0))
        broken += invariants.votes_are_of_that_content(w, recent)
        if w.options.joint:
            broken += joint.contributions_and_merges_are_made_again(w, w.history(first=max(since, 1)))
        if not fault.time_passes:
            broken += invariants.secret_votes_are_revealed(r for r in recent if r not in before)
        broken += invariants.everybody_holds_the_accepted_bytes(w)
        broken += invariants.no_orphans(w)
        broken += invariants.nothing_grows(w)


def _gone(w: World) -> bool:
    return any(node.process.poll() is not None for node in w.live.values())


def _state(w: World) -> object:
    view = w.look()
    if view is None:
        return None
    contributed = 0 if view.training is None else len(view.training.contributions)
    return view.round, view.state, view.proposal, contributed


def _decided_since(w: World, first: int) -> bool:
    view = w.look()
    if view is None or view.round <= first:
        return False
    return any(r.state in (RoundState.ACCEPTED, RoundState.REJECTED) for r in w.records() if r.round >= first)


def _load() -> float:
    return os.getloadavg()[0] / (os.cpu_count() or 1)
