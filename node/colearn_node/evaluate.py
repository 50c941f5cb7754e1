"""``colearn-node evaluate``: the score of accepted weights on the member's own data."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from dataclasses import asdict, dataclass

from colearn_ledger.chain.endpoints import PATIENCE_S
from colearn_ledger.cli.weights import adopting, pulled
from colearn_ledger.core.asking import ask_test
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.weights import decode
from colearn_ledger.history.accepted import read_accepted

from .check import Findings
from .settings import Config

__all__ = ["Evaluated", "evaluate"]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What accepted weights reach on the learner's own vote and test sets; higher is better.

    ``is_current``: whether they are the accepted ones now. ``criterion``: what the scores are called; empty if the
    learner doesn't say. ``samples``: of the vote set, None if it doesn't say.
    """

    round: int
    is_current: bool
    sha256: str
    vote_score: float
    test_score: float
    criterion: str = ""
    samples: int | None = None

    def to_json(self) -> str:
        """One line of JSON; a score that is not finite becomes null."""
        plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()}
        return json.dumps({"format": "colearn-evaluation-1", **plain})

    def lines(self) -> tuple[str, ...]:
        """For people."""
        now = ", which are accepted now" if self.is_current else ""
        on = "" if self.samples is None else f" on {self.samples:,} samples"
        called = f" ({self.criterion})" if self.criterion else ""
        return (
            f"weights of round {self.round}{now}, sha256 {self.sha256}",
            f"vote score  {self.vote_score:.4f}{called}{on}",
            f"test score  {self.test_score:.4f}{called}",
        )


def evaluate(config: Config, number: int | None) -> Evaluated:
    """Have a new learner test the weights of round ``number``, or those that are accepted now. Nothing is sent or kept.

    No key is needed. Raises UsageError for a round that wasn't accepted, and what can go wrong with chain, store and
    learner.
    """
    findings = Findings(config, dry_run=True, patience_s=PATIENCE_S)
    findings.compare_code()
    which = "current" if number is None else number
    found = read_accepted(findings.snapshot, which, deployed_block=findings.deployment.block, logs=False)  # type: ignore[arg-type]
    record = found.rounds[0].record
    assert record.weights is not None, "accepted rounds have weights"
    schema = findings.deployment.schema
    data = pulled(record.weights, schema, config.store, config.store_timeout)
    with contextlib.redirect_stdout(sys.stderr):  # what the learner prints is no part of the answer
        learner = adopting(config.learner, decode(data, schema))
        test = ask_test(learner, Weights(decode(data, schema, verified=True)), str(config.learner_factory))
    samples = getattr(learner, "vote_samples", None)
    return Evaluated(
        round=record.round,
        is_current=findings.view.accepted_round == record.round,
        sha256=record.weights.sha256.hex(),
        vote_score=test.vote_value,
        test_score=test.test_value,
        criterion=test.criterion or "",
        samples=samples if isinstance(samples, int) else None,
    )
