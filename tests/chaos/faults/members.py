"""Members that are absent, or hostile, or change."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from colearn_ledger.chain.transactions import Sender
from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.protocol import MotionRecord, MotionState, RoundState, Training, View, WeightsRef
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.errors import ColearnError
from colearn_ledger.stores.ipfs import IpfsStore

from ...kit.builders import ref
from ..registry import fault
from ..world import World
from .processes import some


@fault("other", time_passes=True, weight=2)
def member_absent(w: World, rng: random.Random) -> str:
    """One stays away while the windows pass: the others go on."""
    index = some(w, rng)
    w.end_member(index)
    before = w.view().round
    for _ in range(4):
        time.sleep(rng.uniform(0.2, 1))
        w.chain.pass_time(700)
    went = w.until(lambda: (view := w.look()) is not None and view.round > before, 30)
    if not went:
        w.ended.append(f"rounds stood still while member {index} was away, although the clock went on")
    w.run_member(index)
    return f"member {index} for 4 windows"


def _put(w: World, data: bytes) -> WeightsRef:
    if w.network is None:
        return w.store.put(data)
    with contextlib.closing(IpfsStore(w.network.stakeholders[0].ipfs_api)) as store:
        return store.put(data)


def _not_a_number() -> bytes:
    """Weights with a NaN, which the codec would not write."""
    value = 0.123456789
    return encode({"w": np.full(4, value)}).replace(np.float64(value).tobytes(), np.float64("nan").tobytes(), 1)


def _hostile(w: World, rng: random.Random) -> tuple[str, Callable[[], WeightsRef]]:
    accepted = w.view().accepted
    return rng.choice(
        [
            ("the accepted weights by another size", lambda: replace(accepted, size=accepted.size + 1)),
            ("weights that nobody has", lambda: ref(f"nobody has these {rng.random()}")),
            ("bytes that are no weights", lambda: _put(w, rng.randbytes(300))),
            ("no number", lambda: _put(w, _not_a_number())),
            ("numbers that overflow", lambda: _put(w, encode({"w": np.full(4, 1e300)}))),
            ("another shape", lambda: _put(w, encode({"w": np.zeros(5)}))),
            ("bad weights", lambda: _put(w, encode({"w": np.full(4, 1e3 + rng.random())}))),
            ("a hash of other bytes", lambda: replace(weights_ref(b"x" * 50), sha256=rng.randbytes(32))),
        ]
    )


@fault("other", time_passes=True, weight=6)
def hostile_proposal(w: World, rng: random.Random) -> str:
    """A member proposes what nobody may adopt."""
    index = some(w, rng)
    w.end_member(index)
    for _ in range(6):  # without it rounds end by a rejection, or by the clock
        if w.until(lambda: (v := w.look()) is not None and v.proposer == w.address(index) and _may_propose(v), 2):
            break
        w.chain.pass_time(700)
    view = w.view()
    what = "nothing: its turn did not come"
    if view.proposer == w.address(index) and view.state is RoundState.PROPOSING:
        what, make = _hostile(w, rng)
        bad = make()
        w.hostile_rounds.add(view.round)
        try:
            if view.training is None:
                w.send_proposal(bad)
            else:
                what += _claim(w, rng, view.training, bad)
        except ColearnError:
            what += ", refused by the contract"
        else:
            if "nobody has" in what or "other bytes" in what:  # the voters wait for them until the window's end
                time.sleep(1)
                w.chain.pass_time(700)
            w.until(lambda: w.view().round > view.round, 30)
            if w.records()[view.round - 1].state is RoundState.ACCEPTED:
                w.ended.append(f"hostile weights were accepted: {what}")
    w.run_member(index)
    return f"member {index}: {what}"


def _may_propose(view: View) -> bool:
    """In joint rounds: once there is something to merge, and nobody trains for it any more."""
    return view.training is None or (view.at >= view.training.until and view.training.in_time > 0)


def _claim(w: World, rng: random.Random, training: Training, bad: WeightsRef) -> str:
    """Propose them as the merge of all that was contributed, with the digest of it, or of something else."""
    there = [(one.seat, one.weights) for one in training.contributions if not one.late]
    true = rng.random() < 0.7
    w.merge(bad, training.in_time, claim_digest(there) if true else 1 + rng.getrandbits(100))
    return f", as a merge with {'the right' if true else 'another'} digest"


@fault("other", needs="joint", time_passes=True, weight=3)
def hostile_contribution(w: World, rng: random.Random) -> str:
    """A member contributes what nobody may adopt: it is left out, or what is merged of it is judged as any merge."""
    index = some(w, rng)
    w.end_member(index)
    view = w.view(index)
    for _ in range(4):  # its node may have been faster: then to the next training
        view = w.view(index)
        if view.training is not None and view.training.of(view.seat) is None:
            break
        first = 0 if view.training is None else view.training.first_round
        if not w.until(lambda n=first: (v := w.look()) is None or v.training is None or v.training.first_round > n, 3):  # type: ignore[misc]
            w.chain.pass_time(700)
    what, make = _hostile(w, rng)
    bad = make()
    w.hostile_contributions.add(bad.sha256)
    try:
        w.contribute(index, bad)
    except ColearnError:
        what += ", refused by the contract"
    before = view.accepted.sha256
    w.until(lambda: (v := w.look()) is not None and (v.accepted.sha256 != before or v.proposal is not None), 20)
    if w.view().accepted.sha256 == bad.sha256 != before:
        w.ended.append(f"a hostile contribution was accepted as it is: {what}")
    w.run_member(index)
    return f"member {index}: {what}"


@fault("other", weight=2)
def hostile_vote(w: World, rng: random.Random) -> str:
    """A member votes at random, for its own interest or nobody's; then its node runs again."""
    index = some(w, rng)
    w.end_member(index)
    sent = 0
    if not w.options.secret and w.until(lambda: (v := w.look()) is not None and v.state is RoundState.VOTING, 10):
        view = w.view()
        with contextlib.suppress(ColearnError):
            if view.proposal is not None:  # it may be decided by now
                w.sender(index).vote(view.proposal.id, False)
                sent = 1
    w.hostile_votes.add(index)
    w.run_member(index)
    return f"member {index}, {sent} votes"


def _carry(w: World, move: Callable[[Sender], object]) -> None:
    """One member moves it and the others vote, by their keys, while their nodes use these, too."""
    before = len(w.motions())

    def attempt(index: int, what: Callable[[Sender], object]) -> None:
        with contextlib.suppress(ColearnError):  # decided already, or the node was faster: then once more
            what(w.sender(index))

    w.until(lambda: attempt(0, move) or len(w.motions()) > before, 20)
    motion = w.motions()[-1]
    for index in w.members[1:]:
        w.until(lambda index=index: attempt(index, lambda s: s.vote_motion(motion.id, True)) or _is_over(w, motion), 2)  # type: ignore[misc]
        if _is_over(w, motion):
            break


def _is_over(w: World, motion: MotionRecord) -> bool:
    return w.motions()[-1].id != motion.id or w.motions()[-1].state is not MotionState.OPEN


@fault("other", time_passes=True, weight=3)
def member_joins_and_goes(w: World, rng: random.Random) -> str:
    """A fourth one is voted in, takes part, and leaves or is removed, its node running or not, in the middle of rounds.

    What an approved motion ends, a round without a proposal, is missed by nobody's fault.
    """
    how, rounds, running = rng.choice(["leaves", "is removed"]), rng.randint(0, 5), rng.random() < 0.7
    _carry(w, lambda sender: sender.move_add_member(w.address(w.guest)))
    if not w.until(lambda: w.view(w.guest).is_member, 30):
        w.ended.append("a member was voted in and got no seat")
    w.run_member(w.guest)
    w.until(lambda: w.ready(w.guest), 60)
    first = w.view().round
    if not w.until(lambda: w.view().round >= first + rounds, 60):
        w.ended.append("rounds stand still with a new member")
    if not running:
        w.end_member(w.guest)
    if how == "leaves":
        w.until(lambda: _left(w), 20)
    else:
        _carry(w, lambda sender: sender.move_remove_member(w.address(w.guest)))
    if not w.until(lambda: not w.view(w.guest).is_member, 5):
        w.chain.pass_time(700)  # it may be its turn, or its vote that is missing
        if not w.until(lambda: not w.view(w.guest).is_member, 30):
            w.ended.append(f"a member {how} and still has its seat")
    if running:
        time.sleep(0.3)
        w.end_member(w.guest, signal.SIGTERM)
    return f"for {rounds} rounds, then it {how}{'' if running else ' while it is away'}"


def _left(w: World) -> bool:
    with contextlib.suppress(ColearnError):
        w.sender(w.guest).leave()
        return True
    return False
