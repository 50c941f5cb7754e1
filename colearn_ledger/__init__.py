"""Collective learning on a ledger: several owners of data train one model by voting, without a central authority.

What is reachable through ``__all__`` is the public surface. Names are loaded when they are first used (PEP 562), so
that ``import colearn_ledger`` is fast and loads no web3 and no machine-learning framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.driver import InProcess as InProcess
    from .core.driver import run as run
    from .core.driver import run_one_round as run_one_round
    from .core.driver import set_equal_weights as set_equal_weights
    from .core.learner import DiffPrivBudget as DiffPrivBudget
    from .core.learner import ErrorCodes as ErrorCodes
    from .core.learner import Learner as Learner
    from .core.learner import MachineLearningInterface as MachineLearningInterface
    from .core.learner import ProposedWeights as ProposedWeights
    from .core.learner import TrainingSummary as TrainingSummary
    from .core.learner import VoteRecord as VoteRecord
    from .core.learner import Weights as Weights
    from .core.learner import check_learner as check_learner
    from .core.results import Results as Results
    from .core.results import RoundResult as RoundResult
    from .errors import ColearnError as ColearnError
    from .ledger.embedded import EmbeddedLedger as EmbeddedLedger
    from .report.plot import plot_results as plot_results

__version__ = "0.1.0"

_WHERE = {
    "ColearnError": "errors",
    "DiffPrivBudget": "core.learner",
    "EmbeddedLedger": "ledger.embedded",
    "ErrorCodes": "core.learner",
    "InProcess": "core.driver",
    "Learner": "core.learner",
    "MachineLearningInterface": "core.learner",
    "ProposedWeights": "core.learner",
    "Results": "core.results",
    "RoundResult": "core.results",
    "TrainingSummary": "core.learner",
    "VoteRecord": "core.learner",
    "Weights": "core.learner",
    "check_learner": "core.learner",
    "plot_results": "report.plot",
    "run": "core.driver",
    "run_one_round": "core.driver",
    "set_equal_weights": "core.driver",
}

__all__ = [
    "ColearnError",
    "DiffPrivBudget",
    "EmbeddedLedger",
    "ErrorCodes",
    "InProcess",
    "Learner",
    "MachineLearningInterface",
    "ProposedWeights",
    "Results",
    "RoundResult",
    "TrainingSummary",
    "VoteRecord",
    "Weights",
    "__version__",
    "check_learner",
    "plot_results",
    "run",
    "run_one_round",
    "set_equal_weights",
]


def __getattr__(name: str) -> Any:
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{where}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
