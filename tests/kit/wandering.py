"""Histories in which members do what they may, at random: for whatever must hold of every history."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.protocol import Claim, MotionKind, MotionState, RoundState, View, seats
from colearn_ledger.errors import ContractError

from .anvil import Anvil
from .builders import ref
from .collective import JOINT_RULES, ORDER, RULES, Collective

__all__ = ["wander"]


def wander(chain: Anvil, rng: random.Random, steps: int, accounts: int = 7) -> Collective[Anvil]:
    """A collective of random kind on this chain, after so many random steps."""
    joint, count = rng.random() < 0.5, rng.randint(2, 5)
    story = Collective.found(
        chain,
        count,
        rules=JOINT_RULES if joint else RULES,
        secret=rng.random() < 0.4,
        shuffled=rng.random() < 0.5,
        merge_order=ORDER if joint else (),
    )
    for number in range(steps):
        # That it is refused, was done before, or is over by the clock meanwhile, is part of what members may try.
        with contextlib.suppress(ContractError, AssertionError, AttributeError):
            _step(story, rng, number, accounts)
    return story


def _step(story: Collective[Anvil], rng: random.Random, number: int, accounts: int) -> None:
    view = story.view()
    if rng.random() < 0.12:
        story.chain.pass_time(rng.choice((100, 400, 700, 1600, 5000)))
        return
    if view.overdue:
        story.sender(rng.randrange(accounts)).advance()
        return
    if rng.random() < 0.2:
        _govern(story, rng, accounts)
        return
    if view.ended:
        _govern(story, rng, accounts)
    elif view.state is RoundState.PROPOSING:
        _propose(story, rng, number, view, accounts)
    else:
        _vote(story, rng, view, accounts)


def _propose(story: Collective[Anvil], rng: random.Random, number: int, view: View, accounts: int) -> None:
    new, note = ref(f"weights {number}"), rng.randbytes(rng.randrange(4))
    training = view.training
    if training is None:
        story.send_proposal(new, note)
    elif view.at < training.until or rng.random() < 0.2:
        index = rng.randrange(accounts)
        story.sender(index).contribute(training.first_round, view.accepted.sha256, ref(f"{number} of {index}"), note)
    else:
        [turn] = (one for one in story.chain.accounts if one.address == view.proposer)
        seat = story.view(story.chain.accounts.index(turn)).seat
        merged = training.in_time if training.in_time and rng.random() < 0.8 else 1 << seat
        there = [(one, training.of(one)) for one in seats(merged)]
        digest = claim_digest([(one, found.weights) for one, found in there if found is not None])
        claim = Claim(merged, training.rules_left[0], digest)
        sender = story.sender(story.chain.accounts.index(turn))
        sender.propose_merge(view.round, view.accepted.sha256, new, claim, {}, note)


def _vote(story: Collective[Anvil], rng: random.Random, view: View, accounts: int) -> None:
    index = rng.randrange(accounts)
    approve = random.Random(index).random() < 0.6 if view.secret_votes else rng.random() < 0.6
    scores = (rng.randrange(-9, 9), rng.randrange(9)) if rng.random() < 0.3 else None
    if not view.secret_votes:
        story.sender(index).vote(story.proposal, approve, scores)
    elif view.state is RoundState.VOTING:
        story.commit(index, approve)
    else:
        story.reveal(index, approve, scores)


def _govern(story: Collective[Anvil], rng: random.Random, accounts: int) -> None:
    sender, subject = story.sender(rng.randrange(accounts)), story.address(rng.randrange(accounts))
    waiting = [m for m in story.motions() if m.state is MotionState.OPEN]
    if waiting and rng.random() < 0.7:
        sender.vote_motion(rng.choice(waiting).id, rng.random() < 0.8)
        return
    accepted = [r.round for r in story.contract.snapshot().rounds(0, 99) if r.state is RoundState.ACCEPTED]
    rules = story.view().rules.changed(pause=rng.choice((0, 0, 50, 400)))
    rules = rules.changed(vote_window=rng.randint(100, 900), propose_window=rng.randint(200, 2000))
    moves: list[Callable[[], Any]] = [
        lambda: sender.move_add_member(subject),
        lambda: sender.move_remove_member(subject),
        lambda: sender.move_rules(rules.changed(threshold_numerator=rng.randint(1, 3), threshold_denominator=4)),
        lambda: sender.move_revert_to(rng.choice(accepted)),
        lambda: sender.move_to_agree_on(MotionKind.SET_PLAN, rng.randbytes(32)),
        lambda: sender.move_to_agree_on(MotionKind.SET_END, _end(rng, story.view())),
        lambda: sender.move_to_agree_on(MotionKind.SET_SUCCESSOR, bytes(4) + rng.randbytes(28)),
        lambda: sender.name_myself(b"Clinic".ljust(32, b"\0")),
        lambda: sender.leave(),
        lambda: sender.replace_member(subject),
    ]
    rng.choice(moves)()


def _end(rng: random.Random, view: View) -> bytes:
    """Soon by round, by time, or none."""
    last, second = view.round + rng.randrange(3), view.at + rng.randrange(2000)
    return rng.choice((last, second << 32, 0, 0)).to_bytes(32, "big")
