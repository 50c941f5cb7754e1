"""The training options: checked once, for whoever gives them; and the same for both demos and a node."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pytest
from colearn_node import demo as network_demo
from colearn_node.task_learner import task_learner

from colearn_ledger.cli.main import main
from colearn_ledger.cli.training import add_training_options, training_given
from colearn_ledger.core.summaries import DiffPrivConfig
from colearn_ledger.errors import ConfigError, UsageError
from colearn_ledger.learners.voting.policy import VoteRule
from colearn_ledger.tasks import get_task
from colearn_ledger.tasks.training import JOINT_VOTE, JOINT_VOTE_BY_RANKS, Training, filter_counts, training_options

NAN, INF = float("nan"), float("inf")
WRONG: list[tuple[str, Any]] = [
    *(("train_ratio", value) for value in (0.0, 1.0, NAN, -1, "0.5", True)),
    *(("learning_rate", value) for value in (0.0, -0.1, NAN, INF, "0.1")),
    *(("batch_size", value) for value in (0, -1, 1.5, "8", True)),
    *((name, value) for name in ("epochs", "steps") for value in (0, -1, 1.5, "8", True)),
    *(("filters", value) for value in ("", "0", "8,", "8,-1", "8;16", "eight", "8,4097", "1,2,3,4,5,6", "٣", 8)),
    *(("alpha", value) for value in (0.0, NAN, INF)),
    *(("vote_policy", value) for value in ("kind", "margin", "paired:2", 5)),
    *(("epsilon", value) for value in (0.0, NAN, INF)),
]
BELONG: list[tuple[str, Any]] = [
    *(("delta", value) for value in (0.0, 1.0, NAN)),
    *(("clip", value) for value in (0.0, NAN, INF)),
    *(("proposals", value) for value in (0, 1.5)),
    *(("noise_multiplier", value) for value in (0.0, NAN, INF)),
]


def flags(*words: str, joint: bool = False, task: str = "IRIS") -> Training:
    parser = argparse.ArgumentParser()
    add_training_options(parser)
    return training_given(parser.parse_args(words), get_task(task), rounds=7, learners=3, joint=joint)


@pytest.mark.parametrize("name, value", [*WRONG, *BELONG])
def test_training__a_value_that_cannot_be__is_named(name: str, value: Any) -> None:
    others = {"epsilon": 1.0} if (name, value) in BELONG else {}
    with pytest.raises(UsageError) as error:
        Training(**{**others, name: value})
    assert error.value.expected and error.value.fix
    if name != "vote_policy":  # whose values have errors of their own
        assert error.value.what == f"{name} is {value}"


def test_training__every_option__has_a_wrong_value_above() -> None:
    assert {name for name, _ in [*WRONG, *BELONG]} == {option.name for option in training_options()}


@pytest.mark.parametrize(
    "options",
    [
        {"train_ratio": 0.5, "learning_rate": 1, "batch_size": 1, "alpha": 1e-9},
        {"train_ratio": np.float32(0.5), "batch_size": np.int64(8)},
        {"epochs": 1, "filters": "8"},
        {"steps": np.int64(7), "filters": "64, 128"},
        {"vote_policy": "margin:0.1"},
        {"vote_policy": VoteRule(strict=True)},
        {"epsilon": 1, "delta": 1e-9, "clip": 2, "proposals": 1, "noise_multiplier": 0.5},
    ],
)
def test_training__values_that_can_be__are_kept(options: dict[str, Any]) -> None:
    training = Training.of(options)
    assert training.given() == options
    assert Training.of(training.given()) == training


@pytest.mark.parametrize("name, value", [("delta", 1e-5), ("clip", 1.0), ("proposals", 2), ("noise_multiplier", 1.0)])
def test_training__what_belongs_to_epsilon_without_it__is_refused(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{name} without epsilon"):
        Training(**{name: value})  # type: ignore[arg-type]


def test_training__epochs_and_steps__are_one_too_many() -> None:
    with pytest.raises(UsageError, match="both epochs and steps"):
        Training(epochs=1, steps=60)


@pytest.mark.parametrize("text, counts", [("64,128", (64, 128)), (" 8 , 16", (8, 16)), ("1", (1,)), ("8,x", ())])
def test_filter_counts__text__is_a_number_for_each_layer(text: str, counts: tuple[int, ...]) -> None:
    assert filter_counts(text) == counts


def test_training__privacy__has_its_defaults() -> None:
    assert Training().privacy is None
    assert Training(epsilon=4.0).privacy == DiffPrivConfig(4.0, 1e-5, 1.0)
    all_of_it = Training(epsilon=4.0, delta=0.1, clip=2.0, proposals=7, noise_multiplier=3.0, deterministic=True)
    assert all_of_it.privacy == DiffPrivConfig(4.0, 0.1, 2.0, 3.0, 7, deterministic=True)


def test_training__an_unknown_option__names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="alfa") as error:
        Training.of({"alfa": 1.0})
    assert "alpha?" in error.value.fix
    with pytest.raises(ConfigError):
        Training.of({"deterministic": True})  # nobody's to say but a program's


def test_flags__none__are_all_defaults() -> None:
    assert flags() == Training()


def test_flags__all__are_the_fields() -> None:
    words = "-r 0.5 -l 0.25 -b 4 --epochs 3 --filters 8,16 -a 2 --vote-policy strict --epsilon 8 --delta 0.001 --clip 2"
    given = flags(*words.split(), "--proposals", "5")
    assert given == Training(0.5, 0.25, 4, 3, None, "8,16", 2.0, "strict", 8.0, 0.001, 2.0, 5)
    assert flags("--steps", "9") == Training(steps=9)


def test_flags__a_budget_alone__lasts_for_the_learners_turns() -> None:
    assert flags("--epsilon", "8").proposals == 3
    assert flags("--epsilon", "8", joint=True).proposals == 7


def test_flags__joint_rounds__vote_by_what_learns_most_in_them_unless_told() -> None:
    assert flags(joint=True) == Training(vote_policy=JOINT_VOTE)
    assert flags(joint=True, task="FRAUD").vote_policy == JOINT_VOTE_BY_RANKS, "a paired test of an AUC says nothing"
    assert flags("--vote-policy", "strict", joint=True).vote_policy == "strict"


@pytest.mark.parametrize(
    "words",
    [
        ["-l", "0"],
        ["--epochs", "0"],
        ["--epochs", "1", "--steps", "2"],
        ["--filters", "8,"],
        ["-r", "1"],
        ["-b", "0"],
        ["-a", "nan"],
        ["--clip", "1"],
    ],
)
def test_programs__both_demos__refuse_the_same_with_the_same_words(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", *words]) == 2
    said = capsys.readouterr()
    assert network_demo.main(words) == 2
    assert capsys.readouterr() == said and said.err.startswith("error: ")


def test_task_learner__an_option_that_is_wrong_or_unknown__is_refused() -> None:
    with pytest.raises(UsageError, match="learning_rate is 0"):
        task_learner(index=0, of=2, task="IRIS", learning_rate=0)
    with pytest.raises(ConfigError, match="alfa"):
        task_learner(index=0, of=2, task="IRIS", alfa=1.0)
