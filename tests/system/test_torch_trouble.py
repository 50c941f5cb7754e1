"""What a PyTorch learner can't do on a real node: one message each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from ..kit.nodes import node_collective
from .test_memory import assert_said_once_and_votes_on

pytestmark = pytest.mark.slow


def test_node__too_little_memory_on_a_device__said_once_with_the_batch_size_to_try_and_the_node_votes_on(
    tmp_path: Path,
) -> None:
    says = "a training with batches of 64 found too little memory on cpu: CUDA out of memory"
    assert_said_once_and_votes_on(tmp_path, "tests.kit.torch_node_learners:make_greedy", says)


@pytest.mark.parametrize(
    "factory, options, says",
    [
        ("make_line", {"device": "cuda:9"}, "there is no device 'cuda:9' here"),
        ("make_endless", {}, "the train set, a Endless, has no length"),
    ],
)
def test_node__no_such_device_or_no_length__ends_with_one_message(
    tmp_path: Path, factory: str, options: dict[str, Any], says: str
) -> None:
    with node_collective(tmp_path, 2) as made:
        learner = {"factory": f"tests.kit.torch_node_learners:{factory}", "options": {"index": 0, **options}}
        node = made.start(0, **{f"learner__{name}": value for name, value in learner.items()})
        assert node.wait() != 0
        assert node.text.count(says) == 1 and "Traceback" not in node.text, node.text
