"""``colearn-node try``: a training, a test and the store's way, as in a round, and nothing is sent."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from colearn_ledger.chain.endpoints import PATIENCE_S
from colearn_ledger.cli.weights import adopting, pulled
from colearn_ledger.core.asking import ask_proposal, ask_test, why_declined
from colearn_ledger.core.blocks import Buffer
from colearn_ledger.core.held import Held
from colearn_ledger.core.learner import Learner, ProposedWeights, Weights
from colearn_ledger.core.protocol import View
from colearn_ledger.core.weights import decode, weights_ref
from colearn_ledger.errors import ColearnError, StoreError
from colearn_ledger.formats.hashes import shown_hash
from colearn_ledger.member.pulling import pull
from colearn_ledger.report.windows import Times, short_windows, windows_fit_in_words
from colearn_ledger.stores.base import patience_s
from colearn_ledger.stores.spec import StoreSpec

from .check import Findings
from .settings import Config

__all__ = ["Judged", "Tried", "try_out"]

_OWNER = "colearn/try"  # under which nothing stays in the store


@dataclass(frozen=True, slots=True)
class Judged:
    """A test of weights: its scores, the vote that it comes to (None: no vote), and the seconds that it took."""

    vote_score: float
    test_score: float
    vote: bool | None
    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s: vote score {self.vote_score:.4f}, test score {self.test_score:.4f}"


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it. Seconds are wall time on this machine, sizes bytes.

    Attributes
    ----------
    round: whose training it was, the one that is open; built on the accepted weights of ``accepted_round``.
    pull_s: to have the accepted weights from the store, which may have held them already.
    current: the accepted weights, tested.
    train_s, size, sha256: the training, and the weights that it made; None where there were none.
    untrained: why there are none; empty else.
    proposed: these weights, tested as a voter does.
    put_s, get_s: to publish weights into the member's own store, and to have them back.
    merge_s: checking and merging everybody's contributions; None of solo rounds.
    criterion: what the scores are called; empty if the learner doesn't say. ``samples``: of the vote set, if it does.
    windows: whether they are long enough, in words; ``short`` names those that are not.
    """

    round: int
    accepted_round: int
    pull_s: float
    current: Judged
    train_s: float | None
    size: int | None
    sha256: str | None
    untrained: str
    proposed: Judged | None
    put_s: float
    get_s: float
    merge_s: float | None
    criterion: str
    samples: int | None
    windows: str
    short: tuple[str, ...]

    def to_json(self) -> str:
        """One line of JSON; a score that is not finite becomes null."""
        return json.dumps({"format": "colearn-try-1", **_finite(asdict(self))})

    def lines(self) -> Iterator[str]:
        """For people, each with its subject first."""
        on = "" if self.samples is None else f" on {self.samples:,} samples"
        called = f" ({self.criterion})" if self.criterion else ""
        yield f"accepted    weights of round {self.accepted_round}, pulled in {self.pull_s:.2f} s"
        yield f"  tested    {self.current}{called}{on}"
        if self.untrained:
            yield f"training    none: {self.untrained}"
        if self.train_s is not None and self.sha256 is not None:
            sha256 = shown_hash(bytes.fromhex(self.sha256))
            yield f"training    {self.train_s:.2f} s: {self.size:,} bytes, sha256 {sha256}"
        if self.proposed is not None:
            vote = {True: "approved", False: "rejected", None: "abstained from"}[self.proposed.vote]
            yield f"  tested    {self.proposed}; {vote} by this learner, were it another's"
        yield f"store       published in {self.put_s:.2f} s, had back in {self.get_s:.2f} s, the same bytes; not kept"
        yield f"windows     {self.windows}"
        yield "nothing was sent, and the learner that was tried is gone"


def try_out(config: Config, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> Tried:
    """What a round takes here: the accepted weights pulled and tested, a training, its test, the way into the store.

    No key is needed, nothing is sent, and nothing stays in the store. ``say`` is told what is being done.

    Raises what can go wrong with configuration, chain, store and learner.
    """
    findings = Findings(config, dry_run=True, patience_s=PATIENCE_S)
    findings.compare_code()
    view, schema = findings.view, findings.deployment.schema
    began = clock()
    say(f"pulling the accepted weights, of round {view.accepted_round}")
    data = pulled(view.accepted, schema, config.store, config.store_timeout)
    pull_s = clock() - began
    with contextlib.redirect_stdout(sys.stderr):  # what the learner prints is no part of the answer
        learner = adopting(config.learner, decode(data, schema))
        name, held = str(config.learner_factory), Held(schema, data)
        say("testing them")
        current, test = _judged(learner, data, held, name, clock)
        say("training")
        train_s, made, untrained = _trained(learner, view, held, name, clock)
        proposed = None
        if made is not None:
            say("testing what came of it")
            proposed, _ = _judged(learner, made, held, name, clock)
    say("trying the store")
    put_s, get_s = _carried(config.store, data if made is None else made, config.store_timeout, clock)
    merge_s = None
    if view.merge_order:
        from colearn_ledger.core.merge.rehearsal import seconds_to_merge

        merge_s = seconds_to_merge(schema, data, view.member_count, view.merge_order)
    tests = [one.seconds for one in (current, proposed) if one is not None]
    times = Times(train_s, max(tests), merge_s, max(pull_s, put_s, get_s))
    samples = getattr(learner, "vote_samples", None)
    return Tried(
        round=view.round,
        accepted_round=view.accepted_round,
        pull_s=pull_s,
        current=current,
        train_s=train_s,
        size=None if made is None else len(made),
        sha256=None if made is None else weights_ref(made).sha256.hex(),
        untrained=untrained,
        proposed=proposed,
        put_s=put_s,
        get_s=get_s,
        merge_s=merge_s,
        criterion=test.criterion or "",
        samples=samples if isinstance(samples, int) else None,
        windows=windows_fit_in_words(view.rules, times, view.member_count, "colearn-ledger motion propose rules"),
        short=tuple(window.name for window, _ in short_windows(view.rules, times)),
    )


def _judged(
    learner: Learner, data: Buffer, held: Held, name: str, clock: Callable[[], float]
) -> tuple[Judged, ProposedWeights]:
    began = clock()
    test = ask_test(learner, Weights(decode(data, held.schema, verified=True)), name, held=held)
    return Judged(test.vote_value, test.test_value, test.vote, clock() - began), test


def _trained(
    learner: Learner, view: View, held: Held, name: str, clock: Callable[[], float]
) -> tuple[float | None, Buffer | None, str]:
    """Seconds, weights, and why there are none. The training is the one that its next turn would begin with."""
    if getattr(learner, "trainings_left", None) is not None:
        return None, None, "it would cost privacy"
    number = view.round if view.training is None else view.training.first_round
    began = clock()
    try:
        proposed, data = ask_proposal(learner, number, held.schema, name, held=held)
    except ColearnError:
        raise
    except Exception as e:  # the learner's own code: whatever it raises is something to be told
        from colearn_ledger.core.failures import told

        raise told(e, f"the learner {name}") from e
    seconds = clock() - began
    declined = why_declined(proposed, data, held)
    return seconds, None if declined else data, declined


def _carried(store: StoreSpec, data: Buffer, timeout_s: float, clock: Callable[[], float]) -> tuple[float, float]:
    """Seconds to publish, and to have back."""
    opened = replace(store, owner=_OWNER).open()
    began = clock()
    ref = opened.put(data)
    published = clock()
    try:
        if weights_ref(pull(opened, ref, deadline_s=patience_s(timeout_s, ref.size))) != ref:
            raise StoreError("the store gives other bytes back", fix="look at the store's log and its disk")
        return published - began, clock() - published
    finally:
        opened.discard(ref)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
