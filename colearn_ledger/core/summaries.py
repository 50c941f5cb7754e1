"""What a learner may tell beside weights and votes: a training's privacy, how a vote came about, its model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = [
    "CHANGES_NOTHING",
    "ColearnModel",
    "DiffPrivBudget",
    "DiffPrivConfig",
    "ErrorCodes",
    "ModelFormat",
    "Prediction",
    "PredictionRequest",
    "TrainingSummary",
    "VoteRecord",
]


CHANGES_NOTHING = "changes nothing that this member can score"  # a VoteRecord's reason


class ErrorCodes(Enum):
    """Why a training stopped early."""

    DP_BUDGET_EXCEEDED = 1


@dataclass
class DiffPrivConfig:
    """How a learner trains with differential privacy: what may be spent, and how gradients are clipped and blurred.

    Attributes
    ----------
    target_epsilon, target_delta: what all trainings on the learner's data may cost together.
    max_grad_norm: each sample's gradient is clipped to this norm.
    noise_multiplier: the noise's standard deviation in units of ``max_grad_norm``; None computes it from ``proposals``.
    proposals: how many proposals the budget is to last for. Not needed where the noise is given.
    deterministic: draw samples and noise from the learner's seed, so that a run can be repeated, for tests and demos.
        Whoever knows or guesses the seed can take the noise off again.
    """

    target_epsilon: float
    target_delta: float
    max_grad_norm: float
    noise_multiplier: float | None = None
    proposals: int | None = None
    deterministic: bool = False


@dataclass
class DiffPrivBudget:
    """Differential privacy: what may be spent (``target``) and what was (``consumed``)."""

    target_epsilon: float
    target_delta: float
    consumed_epsilon: float
    consumed_delta: float


@dataclass
class TrainingSummary:
    """What a learner may tell about a training beside the weights."""

    dp_budget: DiffPrivBudget | None = None
    error_code: ErrorCodes | None = None
    samples: int | None = None


@dataclass(frozen=True)
class VoteRecord:
    """How a vote came about: what a learner may tell beside it. Scores are such that higher is better.

    Attributes
    ----------
    policy: name of the vote policy, with its value, such as ``not-worse`` or ``paired:0.05``.
    samples: size of the vote set.
    margin: by how much the score had to rise.
    current_score, proposed_score: of the two models on the vote set.
    p_value: of the policy's test; None if it makes none.
    reason: why not, where the policy by itself would have approved; empty otherwise.
    """

    policy: str
    samples: int
    margin: float
    current_score: float
    proposed_score: float
    p_value: float | None = None
    reason: str = ""


class ModelFormat(Enum):
    """How :class:`ColearnModel` holds a model; ``NATIVE`` is the framework's own object."""

    PICKLE_WEIGHTS_ONLY = 1
    ONNX = 2
    NATIVE = 3


@dataclass
class ColearnModel:
    """A learner's model, in the process of the learner or as a file; it never leaves the learner's machine."""

    model_format: ModelFormat
    model_file: str | None = None
    model: Any = None


@dataclass
class PredictionRequest:
    """Data to predict for. ``pred_dataloader_key`` says how the learner is to read it."""

    name: str
    input_data: Any
    pred_dataloader_key: Any = None


@dataclass
class Prediction:
    """A model's answer to a :class:`PredictionRequest` of the same name."""

    name: str
    prediction_data: Any
