"""What ``colearn-node check`` says about a learner's weights."""

from __future__ import annotations

import numpy as np
import pytest
from colearn_node.check import Findings, Line
from colearn_node.settings import Config

from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.errors import SchemaMismatch
from colearn_ledger.founding.record import DeploymentRecord


class Holder:
    """Has weights, and is asked for nothing else."""

    def __init__(self, weights: object) -> None:
        self.weights = weights

    def mli_get_current_weights(self) -> Weights:
        return Weights(self.weights)

    def mli_propose_weights(self) -> Weights:
        raise AssertionError

    def mli_test_weights(self, weights: Weights) -> ProposedWeights:
        return ProposedWeights(weights, vote_score=0.5, test_score=0.5, vote=True)

    def mli_accept_weights(self, weights: Weights) -> None:
        raise AssertionError


def make_forest() -> Holder:
    return Holder({"forest": b"[]", "trees": np.int64(0)})


def make_arrays() -> Holder:
    return Holder([np.float64(1.0)])


def tried(factory: str, genesis: object) -> Line:
    record = DeploymentRecord(1, "0x" + "00" * 20, 0, bytes(32), weights_ref(encode(genesis)), Schema.of(genesis))
    findings = Findings(Config(learner_factory=f"{__name__}:{factory}"))
    findings.deployment = record
    line = findings.try_learner()
    assert isinstance(line, Line)
    return line


@pytest.mark.slow
def test_check__opaque_bytes__noted_with_what_they_mean() -> None:
    line = tried("make_forest", {"forest": b"", "trees": 0})
    assert line.note
    assert "makes weights that fit; the weights have opaque bytes (at '/forest')" in line.text
    assert "can run code" in line.text


@pytest.mark.slow
def test_check__numbers_in_another_form__fit_and_nothing_to_note() -> None:
    assert not tried("make_arrays", [0.0]).note


@pytest.mark.slow
def test_check__another_model__said_what_differs() -> None:
    with pytest.raises(SchemaMismatch):
        tried("make_arrays", [b""])
