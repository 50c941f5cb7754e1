"""``colearn-ledger export`` on Anvil and a folder: what was accepted comes home whole and checked, or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from colearn_ledger import load_weights
from colearn_ledger.cli.main import main
from colearn_ledger.core.learner import Weights
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode
from colearn_ledger.errors import LearnerWarning
from colearn_ledger.founding.names import Names
from colearn_ledger.founding.record import load_deployment, save_deployment
from colearn_ledger.stores.local import LocalStore
from tests.kit.saving import classifier

from ..kit.anvil import Anvil
from ..kit.collective import RULES, Collective

ROOT = Path(__file__).resolve().parents[2]
LEARNER = ["--learner", "tests.kit.saving:classifier"]


@dataclass
class Story:
    """Rounds 1 and 3 accepted, 2 rejected, 4 missed, 5 open; ``refs`` of genesis and the proposals."""

    folder: Path
    refs: list[WeightsRef]
    url: str
    address: str


@pytest.fixture(scope="module")
def story(chain: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    store = LocalStore(folder / "weights")
    learner, refs = classifier(), []
    for _ in range(4):
        refs.append(store.put(encode(learner.mli_get_current_weights().weights)))
        learner.mli_accept_weights(Weights(learner.mli_propose_weights().weights))
    told = Collective.found(chain, 3, weights=refs[0])
    note = b'{"samples":40,"epsilon":1.5,"delta":1e-05,"target":8.0,"<b>":"|x|"}'
    told.propose(refs[1], note)
    told.vote(1, scores=(500_000, 900_000))
    told.vote(2, scores=(500_000, 700_000))
    told.propose(refs[2])
    told.vote(0, False)  # decides: both of two would have to approve
    told.propose(refs[3])
    told.vote(0, scores=(800_000, 600_000))
    told.vote(1)
    chain.pass_time(RULES.propose_window + 10)
    told.save(folder, schema=Schema.of(classifier().mli_get_current_weights().weights))
    return Story(folder, refs, chain.url, told.contract.address)


@pytest.fixture(autouse=True)
def _elsewhere(story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(story.folder / "deployment.json", tmp_path)
    for name in ("COLEARN_RPC", "COLEARN_DEPLOYMENT"):
        monkeypatch.delenv(name, raising=False)


def export(story: Story, *words: str) -> int:
    return main(["export", "--store", str(story.folder / "weights"), *words])


def refused(capsys: Any, code: int, *words: str) -> str:
    """The message of an export that leaves nothing behind."""
    before = sorted(os.listdir())
    capsys.readouterr()
    assert main(["export", *words]) == code
    said = capsys.readouterr()
    assert said.err.count("error: ") == 1 and said.out == "" and sorted(os.listdir()) == before
    return said.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, number", [([], 3), (["--current"], 3), (["--best"], 1), (["--round", "1"], 1), (["--round", "0"], 0)]
)
def test_export__which_round__its_weights_as_on_chain(story: Story, words: list[str], number: int) -> None:
    assert export(story, *words) == 0
    folder = Path(f"colearn-model-{number}")
    ref = story.refs[number]
    assert hashlib.sha256((folder / "weights.safetensors").read_bytes()).digest() == ref.sha256
    card = json.loads((folder / "model-card.json").read_text())
    assert (card["round"], card["weights"]["cid"], card["is_current"]) == (number, ref.cid, number == 3)
    named = safetensors.numpy.load_file(folder / "model.safetensors")
    tree = load_weights(folder / "weights.safetensors")
    assert sorted(named) == sorted(tree) == ["coef_", "intercept_", "t_"]
    np.testing.assert_array_equal(named["coef_"], tree["coef_"])
    assert sorted(os.listdir(story.folder / "weights")) == sorted(r.cid for r in story.refs)  # no marks, nothing new


def test_export__with_the_learner__the_line_that_is_printed_opens_the_model(story: Story, capsys: Any) -> None:
    assert export(story, "--round", "1", "--out", "taken/home", *LEARNER) == 0
    line = capsys.readouterr().out.splitlines()[-1].removeprefix("open it in Python: ")
    names: dict[str, Any] = {}
    exec(line, names)
    learner = classifier()
    learner.load("taken/home/weights.safetensors")
    x = learner.test_set[0]
    np.testing.assert_array_equal(names["model"].predict(x), learner.predict(x))
    assert sorted(os.listdir("taken")) == ["home"]


def test_export__the_card__says_where_it_comes_from_who_agreed_and_how_to_open_it(story: Story) -> None:
    assert export(story, "--best", *LEARNER) == 0
    folder = Path("colearn-model-1")
    card = json.loads((folder / "model-card.json").read_text())
    assert card["collective"] == {"chain_id": 31337, "address": story.address}
    assert card["privacy"] == {"epsilon": 1.5, "delta": 1e-05, "target": 8.0}
    assert card["scores"] == pytest.approx({"before": 0.5, "of_these": 0.8})
    assert [vote["vote"] for vote in card["record"]["votes"]] == ["approved", "approved"]
    assert len(card["members"]) == 3 and "scikit-learn" in card["versions"]
    assert {file["name"] for file in card["files"]} | {"model-card.json", "MODEL_CARD.md"} == set(os.listdir(folder))
    for file in card["files"]:
        assert hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest() == file["sha256"]
    page = (folder / "MODEL_CARD.md").read_text()
    for part in (story.address, story.refs[1].cid, "0.8000", "epsilon 1.5", *card["members"], "skops.io.load"):
        assert part in page
    assert "<b>" not in page  # what a member wrote of its own


def test_export__members_with_names__stand_in_the_card_and_are_no_markdown(story: Story) -> None:
    record = load_deployment(Path("deployment.json"))
    card = json.loads(_exported(story, "named"))
    first, second = card["members"][:2]
    names = Names({first: "Lab | <b>one</b>", second: "_two_"})
    save_deployment(dataclasses.replace(record, names=names), Path("deployment.json"))
    assert card["names"] == {} and json.loads(_exported(story, "again"))["names"] == dict(names.by_address)
    page = Path("again/MODEL_CARD.md").read_text()
    assert f"| {first} (Lab \\| \\<b\\>one\\<\\/b\\>) |" in page and f"{second} (\\_two\\_)" in page


def _exported(story: Story, folder: str) -> str:
    assert export(story, "--out", folder) == 0
    return (Path(folder) / "model-card.json").read_text()


def test_export__by_a_nodes_configuration__gives_chain_store_and_learner(story: Story) -> None:
    (story.folder / "node.toml").write_text(
        'deployment = "deployment.json"\nlearner = "tests.kit.saving:classifier"\n[store]\nfolder = "weights"\n'
    )
    Path("deployment.json").unlink()
    assert main(["export", "--config", str(story.folder / "node.toml")]) == 0
    assert Path("colearn-model-3/model.skops").is_file()


def test_export__what_is_no_accepted_round__is_one_message(story: Story, capsys: Any) -> None:
    store = ["--store", str(story.folder / "weights")]
    assert "there is no round 9" in refused(capsys, 2, *store, "--round", "9")
    assert "round 2 was rejected" in refused(capsys, 2, *store, "--round", "2")
    assert "round 4 was missed" in refused(capsys, 2, *store, "--round", "4")
    assert "round 5 is not over yet" in refused(capsys, 2, *store, "--round", "5")
    assert "--round is -1" in refused(capsys, 2, *store, "--round", "-1")


def test_export__nobody_published_a_score__best_says_so(chain: Anvil, story: Story, capsys: Any) -> None:
    quiet = Collective.found(chain, 3, weights=story.refs[0])
    quiet.accept_round()
    words = ["--rpc", chain.url, "--address", quiet.contract.address, "--store", str(story.folder / "weights")]
    assert "no voter published a score" in refused(capsys, 2, *words, "--best")


def test_export__store__missing_or_wrong__is_one_message(story: Story, capsys: Any, tmp_path: Path) -> None:
    assert "no store is named" in refused(capsys, 2)
    assert "there is no folder" in refused(capsys, 2, "--store", "nowhere")
    (tmp_path / "empty").mkdir()
    assert "aren't in the store" in refused(capsys, 40, "--store", "empty")
    assert refused(capsys, 40, "--ipfs", "/ip4/127.0.0.1/tcp/1")
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    good = (story.folder / "weights" / story.refs[3].cid).read_bytes()
    (wrong / story.refs[3].cid).write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert "as on chain" in refused(capsys, 6, "--store", "wrong")
    (wrong / story.refs[3].cid).write_bytes(good[:-8])
    assert "as on chain" in refused(capsys, 6, "--store", "wrong")


def test_export__another_schema__is_refused_before_it_is_read(story: Story, capsys: Any) -> None:
    record = json.loads(Path("deployment.json").read_text())
    record["schema"]["tree"] = {"coef_": ["array", "F64", [3, 5]]}
    Path("deployment.json").write_text(json.dumps(record))
    assert "those of the collective's model" in refused(capsys, 6, "--store", str(story.folder / "weights"))


def test_export__learner__that_does_not_fit_or_fails__is_one_message(story: Story, capsys: Any) -> None:
    store = ["--store", str(story.folder / "weights")]
    said = refused(capsys, 6, *store, *LEARNER, "--options", "features=3")
    assert "don't fit the collective's model: '/coef_'" in said.replace("/coef_ is", "'/coef_' is")
    assert "no licence for this data" in refused(capsys, 5, *store, "--learner", "tests.kit.saving:failing")
    assert "there is no module" in refused(capsys, 3, *store, "--learner", "nowhere:make")
    assert "--options without --learner" in refused(capsys, 2, *store, "--options", "a=1")


def test_export__onnx__of_what_has_none_is_one_message(story: Story, capsys: Any) -> None:
    store = ["--store", str(story.folder / "weights")]
    assert "--onnx without a learner" in refused(capsys, 2, *store, "--onnx")
    assert "a SklearnLearner has no ONNX form" in refused(capsys, 2, *store, "--onnx", *LEARNER)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_export__onnx__stands_first_on_the_card_and_the_line_that_is_printed_opens_it(
    chain: Anvil, tmp_path: Path, capsys: Any
) -> None:
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    from tests.kit.saving import network

    store, learner = LocalStore(tmp_path / "weights"), network()
    first = store.put(encode(learner.mli_get_current_weights().weights))
    new = learner.mli_propose_weights()
    told = Collective.found(chain, 3, weights=first)
    told.propose(store.put(encode(new.weights)))
    told.vote(1)
    told.vote(2)
    told.save(tmp_path, schema=Schema.of(new.weights))
    words = ["--store", "weights", "--learner", "tests.kit.saving:network", "--onnx", "--out", "taken"]
    assert main(["export", *words]) == 0
    names: dict[str, Any] = {}
    exec(capsys.readouterr().out.splitlines()[-1].removeprefix("open it in Python: "), names)
    learner.mli_accept_weights(new)
    x = learner.test_set[0]
    (found,) = names["model"].run(None, {names["model"].get_inputs()[0].name: x})
    np.testing.assert_allclose(found, learner.predict(x), rtol=1e-5, atol=1e-6)
    card = json.loads(Path("taken/model-card.json").read_text())
    assert [file["name"] for file in card["files"]][:2] == ["model.onnx", "model.keras"]


def test_export__model_that_its_framework_cannot_write__arrays_by_name_and_a_warning(story: Story) -> None:
    with pytest.warns(LearnerWarning, match="no get_config"):
        assert export(story, "--out", "taken", "--learner", "tests.kit.saving:unspeakable") == 0
    assert sorted(os.listdir("taken")) == [
        "MODEL_CARD.md",
        "model-card.json",
        "model.safetensors",
        "weights.safetensors",
    ]


def test_export__folder_that_is_there__stays_unless_forced(story: Story, capsys: Any, tmp_path: Path) -> None:
    words = ["--store", str(story.folder / "weights"), "--out", "taken"]
    assert export(story, "--out", "taken") == 0
    assert "taken is there already" in refused(capsys, 2, *words)
    before = (tmp_path / "taken" / "model-card.json").read_bytes()
    assert "was rejected" in refused(capsys, 2, *words, "--force", "--round", "2")
    assert (tmp_path / "taken" / "model-card.json").read_bytes() == before
    assert export(story, "--out", "taken", "--force", "--round", "0") == 0
    assert json.loads((tmp_path / "taken" / "model-card.json").read_text())["round"] == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    assert "was not made by an export" in refused(capsys, 2, *words[:-1], "mine", "--force")


@pytest.mark.slow
def test_export__disk_that_is_full_in_the_midst__one_message_and_nothing_left(story: Story, tmp_path: Path) -> None:
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))  # a file of more bytes can't be written

    before = sorted(os.listdir())
    found = subprocess.run(
        [sys.executable, "-m", "colearn_ledger.cli.main", "export", "--store", str(story.folder / "weights")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=small,
    )
    assert found.returncode == 20, found.stderr
    assert found.stderr.startswith("error: the model can't be written") and found.stderr.count("\n") == 3
    assert sorted(os.listdir()) == before
