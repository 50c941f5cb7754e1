"""Collective learning on a ledger: several owners of data train one model by voting, without a central authority.

What is reachable through ``__all__`` is the public surface. Names are loaded when they are first used (PEP 562), so
that ``import colearn_ledger`` is fast and loads no web3 and no machine-learning framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.check_learner import LearnerReport as LearnerReport
    from .core.check_learner import check_learner as check_learner
    from .core.driver import InProcess as InProcess
    from .core.driver import run as run
    from .core.driver import run_one_round as run_one_round
    from .core.driver import set_equal_weights as set_equal_weights
    from .core.learner import Learner as Learner
    from .core.learner import MachineLearningInterface as MachineLearningInterface
    from .core.learner import ProposedWeights as ProposedWeights
    from .core.learner import Weights as Weights
    from .core.results import Result as Result
    from .core.results import Results as Results
    from .core.results import RoundResult as RoundResult
    from .core.rounds import collective_learning_round as collective_learning_round
    from .core.rounds import individual_training_round as individual_training_round
    from .core.rounds import initial_result as initial_result
    from .core.summaries import ColearnModel as ColearnModel
    from .core.summaries import DiffPrivBudget as DiffPrivBudget
    from .core.summaries import DiffPrivConfig as DiffPrivConfig
    from .core.summaries import ErrorCodes as ErrorCodes
    from .core.summaries import ModelFormat as ModelFormat
    from .core.summaries import Prediction as Prediction
    from .core.summaries import PredictionRequest as PredictionRequest
    from .core.summaries import TrainingSummary as TrainingSummary
    from .core.summaries import VoteRecord as VoteRecord
    from .embedded.ledger import EmbeddedLedger as EmbeddedLedger
    from .errors import ColearnError as ColearnError
    from .errors import LearnerWarning as LearnerWarning
    from .report.live_plot import ColearnPlot as ColearnPlot
    from .report.plot import plot_results as plot_results
    from .report.table import print_results as print_results
    from .tasks.split import split_list_into_fractions as split_list_into_fractions

__version__ = "0.1.0"

_WHERE = {
    "ColearnError": "errors",
    "ColearnModel": "core.summaries",
    "ColearnPlot": "report.live_plot",
    "DiffPrivBudget": "core.summaries",
    "DiffPrivConfig": "core.summaries",
    "EmbeddedLedger": "embedded.ledger",
    "ErrorCodes": "core.summaries",
    "InProcess": "core.driver",
    "Learner": "core.learner",
    "LearnerReport": "core.check_learner",
    "LearnerWarning": "errors",
    "MachineLearningInterface": "core.learner",
    "ModelFormat": "core.summaries",
    "Prediction": "core.summaries",
    "PredictionRequest": "core.summaries",
    "ProposedWeights": "core.learner",
    "Result": "core.results",
    "Results": "core.results",
    "RoundResult": "core.results",
    "TrainingSummary": "core.summaries",
    "VoteRecord": "core.summaries",
    "Weights": "core.learner",
    "check_learner": "core.check_learner",
    "collective_learning_round": "core.rounds",
    "individual_training_round": "core.rounds",
    "initial_result": "core.rounds",
    "plot_results": "report.plot",
    "print_results": "report.table",
    "run": "core.driver",
    "run_one_round": "core.driver",
    "set_equal_weights": "core.driver",
    "split_list_into_fractions": "tasks.split",
}

__all__ = [
    "ColearnError",
    "ColearnModel",
    "ColearnPlot",
    "DiffPrivBudget",
    "DiffPrivConfig",
    "EmbeddedLedger",
    "ErrorCodes",
    "InProcess",
    "Learner",
    "LearnerReport",
    "LearnerWarning",
    "MachineLearningInterface",
    "ModelFormat",
    "Prediction",
    "PredictionRequest",
    "ProposedWeights",
    "Result",
    "Results",
    "RoundResult",
    "TrainingSummary",
    "VoteRecord",
    "Weights",
    "__version__",
    "check_learner",
    "collective_learning_round",
    "individual_training_round",
    "initial_result",
    "plot_results",
    "print_results",
    "run",
    "run_one_round",
    "set_equal_weights",
    "split_list_into_fractions",
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
