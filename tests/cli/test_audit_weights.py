"""``colearn-ledger audit`` with a folder of weights: what is missing, altered or no merge is named."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.core.merge.claim import claim_digest
from colearn_ledger.core.merge.contributions import Basis
from colearn_ledger.core.merge.merging import merge
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.stores.local import LocalStore

from ..kit.anvil import Anvil
from ..kit.collective import JOINT_RULES, ORDER, Collective

GENESIS = encode({"w": np.zeros(4)})
SCHEMA = Schema.of({"w": np.zeros(4)})


def trained(step: float) -> bytes:
    return encode({"w": np.full(4, step)})


@dataclass
class Story:
    """Round 1: a mean of three, accepted. Round 2: what isn't the mean that it claims to be, accepted, too."""

    folder: Path
    collective: Collective[Anvil]
    refs: dict[str, WeightsRef]

    def weights(self, name: str) -> Path:
        return self.folder / "weights" / self.refs[name].cid

    def audit(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
        code = main(["audit", "--deployment", str(self.folder / "deployment.json"), "--json", *words])
        return code, json.loads(capsys.readouterr().out)

    def weighed(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
        return self.audit(capsys, "--store", str(self.folder / "weights"), *words)


@pytest.fixture(scope="module")
def told(chain: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    store = LocalStore(folder / "weights")
    refs = {"genesis": store.put(GENESIS)}
    collective = Collective.found(chain, 3, weights=refs["genesis"], rules=JOINT_RULES, merge_order=ORDER)
    collective.save(folder, schema=SCHEMA)
    parent = GENESIS
    for number, wrong in ((1, False), (2, True)):
        offered = []
        for seat in range(3):
            data = trained(number * 10.0 + seat)
            refs[f"contribution {number}.{seat}"] = store.put(data)
            collective.contribute(seat, weights_ref(data))
            offered.append((seat, data))
        basis = Basis.of(SCHEMA, parent)
        merged = merge(basis, Rule.MEAN, [basis.check(seat, weights_ref(data), data) for seat, data in offered])
        parent = trained(99.0) if wrong else merged
        refs[f"merge {number}"] = store.put(parent)
        digest = claim_digest([(seat, weights_ref(data)) for seat, data in offered])
        collective.merge(weights_ref(parent), digest=digest)
        for seat in range(3):
            if collective.view().proposer != collective.address(seat) and collective.view().round == number:
                collective.vote(seat)
    return Story(folder, collective, refs)


@pytest.fixture
def story(told: Story, tmp_path: Path) -> Story:
    """With a folder of its own, to be tampered with."""
    shutil.copytree(told.folder, tmp_path / "copy")
    return Story(tmp_path / "copy", told.collective, told.refs)


def named(said: dict[str, Any]) -> set[tuple[int, str]]:
    return {(one["round"], one["field"]) for one in said["findings"]}


def test_audit__weights_of_joint_rounds__are_verified_and_merges_recomputed(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = story.weighed(capsys)
    assert code == 21  # for round 2
    assert said["checked"]["weights"] == 3 and said["checked"]["merges"] == 2
    assert [(one["topic"], one["round"], one["field"]) for one in said["findings"]] == [("merges", 2, "sha256")]
    assert said["complete"]


def test_audit__a_blob_is_altered__is_named(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(story.weights("merge 1").read_bytes())
    data[-1] ^= 1
    story.weights("merge 1").write_bytes(data)
    code, said = story.weighed(capsys)
    assert code == 21 and (1, "weights.sha256") in named(said)


def test_audit__a_blob_is_cut_short__is_named(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    path = story.weights("genesis")
    path.write_bytes(path.read_bytes()[:-8])
    code, said = story.weighed(capsys)
    assert code == 21 and (0, "weights.size") in named(said)


def test_audit__accepted_weights_are_missing__is_said_and_incomplete(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    story.weights("merge 2").unlink()
    code, said = story.weighed(capsys)
    lacking = [one for one in said["missing"] if not one["allowed"]]
    assert [(one["topic"], one["round"]) for one in lacking] == [("weights", 2)]
    assert not said["complete"] and code == 21


def test_audit__contributions_are_missing__need_not_be_had(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    story.weights("contribution 2.1").unlink()
    code, said = story.weighed(capsys)
    assert code == 0 and said["complete"]  # so nobody can tell any more that round 2 isn't a mean
    assert [(one["round"], one["allowed"]) for one in said["missing"]] == [(2, True)]
    assert "seat 1" in said["missing"][0]["what"]


def test_audit__a_contribution_is_altered__is_no_good_contribution(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    path = story.weights("contribution 1.2")
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    _, said = story.weighed(capsys)
    assert (1, "claim.seats") in named(said)


def test_audit__another_schema__names_the_first_weights_that_do_not_fit(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    story.collective.save(story.folder, schema=Schema.of({"other": np.zeros(4)}))
    code, said = story.weighed(capsys)
    assert code == 21 and (0, "weights.schema") in named(said)


def test_audit__goes_on_where_it_was__asks_for_nothing_that_was_verified(
    story: Story, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    story.weighed(capsys, "--state", str(state))
    story.weights("genesis").unlink()
    story.weights("contribution 1.0").unlink()
    _, said = story.weighed(capsys, "--state", str(state))
    assert said["complete"] and said["checked"]["weights"] == 3 and said["checked"]["merges"] == 2
    broken = json.loads(state.read_text())
    state.write_text(json.dumps({**broken, "address": "0x" + "00" * 20}))
    words = ["audit", "--deployment", str(story.folder / "deployment.json"), "--state", str(state)]
    assert main([*words, "--store", str(story.folder / "weights")]) == 3


def test_audit__the_folder__is_left_as_it_was(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in (story.folder / "weights").rglob("*") if path.is_file()}
    story.weighed(capsys)
    assert {path: path.read_bytes() for path in (story.folder / "weights").rglob("*") if path.is_file()} == before


def test_audit__with_a_learner__scores_each_accepted_step(
    story: Story, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "from colearn_ledger import MachineLearningInterface, ProposedWeights, Weights\n"
        "class Learner(MachineLearningInterface):\n"
        "    now = {'w': np.zeros(4)}\n"
        "    def mli_propose_weights(self): return Weights(self.now)\n"
        "    def mli_test_weights(self, weights):\n"
        "        score = float(weights.weights['w'].mean())\n"
        "        return ProposedWeights(weights=weights, vote_score=score, test_score=-score, vote=True)\n"
        "    def mli_accept_weights(self, weights): self.now = weights.weights\n"
        "    def mli_get_current_weights(self): return Weights(self.now)\n"
        "def make(): return Learner()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    _, said = story.weighed(capsys, "--learner", "mine:make")
    assert [(one["round"], one["vote_score"], one["test_score"]) for one in said["scores"]] == [
        (0, 0.0, -0.0),
        (1, 11.0, -11.0),
        (2, 99.0, -99.0),
    ]
