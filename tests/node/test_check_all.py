"""The whole list of what must be right, where one thing after the other isn't."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from colearn_node.check import Line
from colearn_node.check_all import check_everything
from colearn_node.settings import Config

from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.errors import ChainError, LearnerError
from colearn_ledger.founding.record import DeploymentRecord, save_deployment


def make_floats() -> Any:
    def never(*_: object) -> Any:
        raise AssertionError

    return SimpleNamespace(
        mli_get_current_weights=lambda: Weights([1.0]),
        mli_propose_weights=never,
        mli_test_weights=lambda weights: ProposedWeights(weights, 1.0, 1.0, vote=True),
        mli_accept_weights=never,
    )


def leave() -> Any:
    sys.exit(0)


def break_down() -> Any:
    raise RuntimeError("no data today")


def deployment(folder: Path, tree: object) -> Path:
    record = DeploymentRecord(1, "0x" + "00" * 20, 0, bytes(32), weights_ref(encode(tree)), Schema.of(tree))
    save_deployment(record, folder / "deployment.json")
    return folder / "deployment.json"


@pytest.mark.slow
@pytest.mark.parametrize(
    "factory, wrong",
    [
        ("make_floats", None),
        ("break_down", "failed: RuntimeError: no data today"),
        ("leave", "ended the process (code 0)"),
    ],
)
def test_check_everything__no_chain__what_needs_none_is_looked_at_and_the_first_mistake_is_returned(
    tmp_path: Path, factory: str, wrong: str | None
) -> None:
    config = Config(
        rpc=("http://127.0.0.1:1",),
        deployment=deployment(tmp_path, [0.0]),
        keystore=tmp_path / "nowhere.json",
        store_folder=tmp_path / "w",
        learner_factory=f"{__name__}:{factory}",
        folder=tmp_path,
    )
    lines: list[Line] = []
    first = check_everything(config, lines.append)
    said = {line.name: line for line in lines}
    assert first is said["key"].error and first is not None and "no keystore" in first.what
    assert isinstance(said["rpc"].error, ChainError)
    for name in ("contract", "member", "funds", "rules", "clock", "store", "disk"):
        assert said[name].note and said[name].text.startswith("not looked at: "), name
    assert said["clock"].text == "not looked at: rpc is wrong"
    if wrong is None:
        assert said["learner"].error is None and not said["learner"].note
    else:
        assert isinstance(said["learner"].error, LearnerError) and wrong in said["learner"].text
    assert not (tmp_path / "w").exists()


def test_check_everything__whoever_is_told_has_left__is_no_finding(tmp_path: Path) -> None:
    told: list[Line] = []

    def tell(line: Line) -> None:
        told.append(line)
        if len(told) == 1:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        check_everything(Config(deployment=deployment(tmp_path, [0.0])), tell)
    assert len(told) == 1
