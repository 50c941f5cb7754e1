"""What accepted weights reach on the data of whoever audits them."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from ..report.audit import Scored
from .weights import adopting

if TYPE_CHECKING:
    from ..core.learner import Learner
    from ..core.protocol import RoundRecord
    from ..learners.loading.factory import LearnerSpec

__all__ = ["Scores"]


class Scores:
    """Has one learner test the accepted weights, round after round."""

    def __init__(self, spec: LearnerSpec) -> None:
        self._spec, self._learner = spec, None
        self.scored: list[Scored] = []

    def add(self, record: RoundRecord, tree: Any) -> None:
        """Test the weights of one round, which become the learner's own."""
        from ..core.asking import ask_test
        from ..core.learner import Weights

        with contextlib.redirect_stdout(sys.stderr):  # what the learner prints is no part of the answer
            learner: Learner = self._learner or adopting(self._spec, tree)
            test = ask_test(learner, Weights(tree), str(self._spec.factory))
        self._learner = learner  # type: ignore[assignment]
        self.scored.append(Scored(record.round, record.parent_round, test.vote_value, test.test_value))
