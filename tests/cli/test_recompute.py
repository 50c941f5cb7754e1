"""``colearn-ledger recompute`` on Anvil and a folder: a proposal is the merge that it claims, or it is said why not."""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.core.merge.claim import LeftOut, claim_digest
from colearn_ledger.core.merge.contributions import Basis
from colearn_ledger.core.merge.merging import merge
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.founding.names import Names
from colearn_ledger.founding.record import load_deployment, save_deployment
from colearn_ledger.stores.local import LocalStore

from ..kit.anvil import Anvil
from ..kit.collective import JOINT_RULES, ORDER, Collective

SCHEMA = Schema.of({"w": np.zeros(4), "steps": np.zeros(1)}, {"/steps": "local"})
GENESIS = encode({"w": np.arange(4.0), "steps": np.zeros(1)})


def trained(step: float) -> bytes:
    return encode({"w": np.arange(4.0) + step, "steps": np.zeros(1)})


@dataclass
class Story:
    """Round 1: a mean of two, seat 2 left out as invalid. 2: a clipped mean of all, of other bytes. 3: by the median a
    merge of one that nobody has; accepted. 4: a digest of something else, a right mean. 5 is open, without a proposal.
    """

    folder: Path
    collective: Collective[Anvil]
    refs: list[WeightsRef]

    def recompute(self, *words: str) -> int:
        return main(["recompute", "--store", str(self.folder / "weights"), *words])


@pytest.fixture(scope="module")
def story(chain: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    store = LocalStore(folder / "weights")
    told = Collective.found(chain, 3, weights=store.put(GENESIS), rules=JOINT_RULES, merge_order=ORDER)
    told.save(folder, schema=SCHEMA)
    basis, steps = Basis.of(SCHEMA, GENESIS), (1.0, 2.0, 6.0)
    refs = [store.put(trained(steps[0])), store.put(trained(steps[1])), weights_ref(trained(steps[2]))]

    def merged(rule: Rule, *seats: int) -> tuple[WeightsRef, int]:
        given = [basis.check(seat, refs[seat], trained(steps[seat])) for seat in seats]
        return store.put(merge(basis, rule, given)), claim_digest((seat, refs[seat]) for seat in seats)

    for seat, ref in enumerate(refs):
        told.contribute(seat, ref)
    ref, digest = merged(Rule.MEAN, 0, 1)
    told.merge(ref, 0b011, digest, left_out={2: LeftOut.INVALID})
    told.vote(1, approve=False)
    ref, digest = merged(Rule.CLIPPED_MEAN, 0, 1)
    told.merge(store.put(trained(99.0)), 0b011, digest)
    told.vote(0, approve=False)
    ref, digest = merged(Rule.MEDIAN, 0, 1, 2)
    told.merge(ref, 0b111, digest)
    told.vote(0)
    told.vote(1)
    for seat in range(3):
        told.contribute(seat, store.put(trained(10.0 + seat % 2)))  # seat 2's is seat 0's
    given = [Basis.of(SCHEMA, trained(2.0)).check(s, weights_ref(trained(10.0 + s)), trained(10.0 + s)) for s in (0, 1)]
    told.merge(store.put(merge(Basis.of(SCHEMA, trained(2.0)), Rule.MEAN, given)), 0b111, digest=5)
    told.vote(1, approve=False)
    return Story(folder, told, refs)


@pytest.fixture(autouse=True)
def _elsewhere(story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(story.folder / "deployment.json", tmp_path)
    for name in ("COLEARN_RPC", "COLEARN_DEPLOYMENT"):
        monkeypatch.delenv(name, raising=False)


def test_recompute__a_true_merge__says_so_and_leaves_the_store_as_it_was(story: Story, capsys: Any) -> None:
    before = sorted(path.name for path in (story.folder / "weights").rglob("*"))
    assert story.recompute("1") == 0
    said = capsys.readouterr().out
    assert "2 contributions by mean" in said and said.count(": had\n") == 2
    assert "not merged: invalid" in said and said.endswith("byte for byte\n")
    assert sorted(path.name for path in (story.folder / "weights").rglob("*")) == before


def test_recompute__members_with_names__beside_their_addresses(story: Story, capsys: Any) -> None:
    path = Path("deployment.json")
    proposer, left_out = story.collective.address(0), story.collective.address(2)
    names = Names({proposer: "Lab", left_out: "Clinic"})
    save_deployment(dataclasses.replace(load_deployment(path), names=names), path)
    assert story.recompute("1") == 0
    said = capsys.readouterr().out
    assert f"proposed by {proposer} (Lab)" in said and f"{left_out} (Clinic), sha256" in said
    assert story.recompute("1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["names"] == dict(names.by_address)


def test_recompute__as_json__says_the_same_and_by_its_exit_code(story: Story, capsys: Any) -> None:
    def told(word: str) -> Any:
        return json.loads(capsys.readouterr().out) if (code := story.recompute(word, "--json")) in (0, 6, 40) else code

    first = told("1")
    assert first["format"] == "colearn-recompute-1" and first["is_the_merge"] is True and first["why"] == ""
    assert (first["round"], first["state"], first["rule"], first["parent"]["round"]) == (1, "rejected", "mean", 0)
    assert first["merge"] == first["proposal"] == {k: first["merge"][k] for k in ("weights_sha256", "cid", "size")}
    assert [(one["seat"], one["use"], one["found"]) for one in first["contributions"]] == [
        (0, "merged", "had"),
        (1, "merged", "had"),
        (2, "invalid", None),
    ]
    assert first["contributions"][1]["cid"] == story.refs[1].cid
    second = told("2")
    assert second["is_the_merge"] is False and second["merge"] != second["proposal"]
    assert "other bytes" in second["why"]
    third = told("3")
    assert third["is_the_merge"] is None and "doesn't have what seat 2 contributed" in third["why"]
    assert third["contributions"][2]["found"] == "can't be had" and third["contributions"][2]["why"]


def test_recompute__other_bytes__are_not_the_merge(story: Story, capsys: Any) -> None:
    assert story.recompute("2") == 6
    out = capsys.readouterr()
    assert "round 2 is not the merge that it claims to be: the merge has other bytes" in out.err
    assert "byte for byte" not in out.out


def test_recompute__a_contribution_that_cannot_be_had__is_named(story: Story, capsys: Any) -> None:
    assert story.recompute("3") == 40
    out = capsys.readouterr()
    assert "doesn't have what seat 2 contributed" in out.err and "seat 2" in out.out and "can't be had" in out.out
    put = LocalStore(story.folder / "weights")
    added = put.put(trained(6.0))
    try:
        assert story.recompute("3") == 0
    finally:
        put.discard(added)


def test_recompute__a_digest_of_something_else_and_one_counted_twice__are_said(story: Story, capsys: Any) -> None:
    assert story.recompute("4") == 6
    said = capsys.readouterr().err
    assert "seat 2 contributed is equal to another" in said and "has the digest" in said and "other bytes" not in said


def test_recompute__the_parent_cannot_be_had__is_said(story: Story, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["recompute", "1", "--store", "empty"]) == 40
    assert "the parent, the weights of round 0" in capsys.readouterr().err


@pytest.mark.parametrize(("word", "why"), [("5", "has no proposal"), ("0", "is not joint"), ("x", "the round is 'x'")])
def test_recompute__nothing_to_recompute__is_a_usage_error(story: Story, capsys: Any, word: str, why: str) -> None:
    assert story.recompute(word) == 2
    assert why in capsys.readouterr().err


def test_recompute__without_the_schema_or_a_folder__is_a_usage_error(story: Story, capsys: Any) -> None:
    url, address = story.collective.chain.url, story.collective.contract.address
    assert story.recompute("1", "--rpc", url, "--address", address) == 2
    assert "doesn't say what the weights look like" in capsys.readouterr().err
    assert main(["recompute", "1", "--store", "nowhere"]) == 2
    assert "no folder nowhere" in capsys.readouterr().err and not Path("nowhere").exists()
    assert main(["recompute", "1"]) == 2
    assert "no store is named" in capsys.readouterr().err
