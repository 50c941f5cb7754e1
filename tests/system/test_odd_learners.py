"""Whole nodes whose learners do what no node should be hurt by."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from ..kit.anvil import wait_until
from ..kit.nodes import node_collective
from ..kit.odd_learners import ODD_RESULTS
from ..node.test_worker_process import is_gone, started_by

pytestmark = pytest.mark.slow

ODD = "tests.kit.odd_learners"


def test_node__learner_that_shows_what_can_not_cross_or_has_no_score__proposes_and_votes_and_says_so_once(
    tmp_path: Path,
) -> None:
    with node_collective(tmp_path, 3) as made:
        nodes = [
            made.start(0, "--until-round", "3"),
            made.start(
                1,
                "--until-round",
                "3",
                learner__factory=f"{ODD}:make_shows",
                learner__options={"folder": str(tmp_path)},
            ),
            made.start(2, "--until-round", "3", learner__factory=f"{ODD}:make_unscored", learner__options={}),
        ]
        assert [node.wait() for node in nodes] == [0, 0, 0]
        shows, unscored = nodes[1], nodes[2]
        assert len(shows.events("propose")) == 1
        notes = [line["text"] for line in shows.events("learner") if "can't be shown" in line["text"]]
        assert len(notes) == len(set(notes)) and any("evaluation_results['lock']" in text for text in notes)
        assert not any(f"['{name}']" in text for name in ("fine", "numpy", "list") for text in notes), ODD_RESULTS
        [said] = unscored.events("score")
        assert said["level"] == "warning" and "not a number (nan)" in said["text"]


def test_node__worker_stopped_in_the_middle_of_adopting__is_replaced(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2) as made:
        (tmp_path / "stop-once").touch()
        options = {"folder": str(tmp_path)}
        changes = {"store__timeout": 1, "learner__hang": 1, "learner__factory": f"{ODD}:make_stops"}
        nodes = [made.start(0, "--until-round", "1", learner__options=options, **changes)]
        nodes.append(made.start(1, "--until-round", "1"))
        assert [node.wait() for node in nodes] == [0, 0]
        texts = [line["text"] for line in nodes[0].events("stale")]
        assert texts[0] == "adopting doesn't end: the worker is started anew"
        first, second = (line["pid"] for line in nodes[0].events("learner")[:2])
        assert is_gone(first) and first != second


def test_node__proposal_that_ends_the_learners_process__is_rejected(tmp_path: Path) -> None:
    with node_collective(tmp_path, 2) as made:
        nodes = [made.start(0, "--until-round", "1")]
        brittle = {"learner__factory": f"{ODD}:make_brittle", "learner__options": {}}
        nodes.append(made.start(1, "--until-round", "1", **brittle))
        assert [node.wait() for node in nodes] == [0, 0]
        assert len(nodes[1].events("worker_died")) == 2
        [vote] = nodes[1].events("vote")
        assert "voted to reject: the worker was ended by signal 11 while it tested them, again" in vote["text"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_node__ends__what_its_learner_has_started_ends_too(tmp_path: Path, how: signal.Signals) -> None:
    with node_collective(tmp_path, 2) as made:
        options = {"folder": str(tmp_path)}
        node = made.start(0, learner__factory=f"{ODD}:make_parent", learner__options=options)
        wait_until(lambda: bool(node.events("learner")), "the learner is made")
        children = started_by(tmp_path)
        assert len(children) == 3
        try:
            node.process.send_signal(how)
            assert node.wait() == (0 if how is signal.SIGTERM else -9)
            # A process in a session of its own is found by the node alone, while it can still look for it.
            near = [pid for pid, path in children.items() if how is signal.SIGTERM or path.name[-4:] != "away"]
            wait_until(lambda: all(map(is_gone, near)), "the learner's processes have ended")
        finally:
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
