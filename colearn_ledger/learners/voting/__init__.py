"""How learners vote: the policies by name, and one of your own."""

from .policy import (
    FEW_SAMPLES,
    Evaluation,
    PairedTest,
    SmallVoteSet,
    VotePolicy,
    VoteRule,
    policy_names,
    small_vote_set,
    small_vote_sets,
    vote_policy,
)

__all__ = [
    "FEW_SAMPLES",
    "Evaluation",
    "PairedTest",
    "SmallVoteSet",
    "VotePolicy",
    "VoteRule",
    "policy_names",
    "small_vote_set",
    "small_vote_sets",
    "vote_policy",
]
