"""The demo command: bad options change nothing; a real run leaves its record."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colearn_ledger import load_weights
from colearn_ledger.cli.main import main
from colearn_ledger.core.tensors import arrays_of
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.report import record, table
from colearn_ledger.tasks import Prepared, Training, get_task


@pytest.mark.parametrize(
    "words",
    [["-v", v] for v in ("0", "1", "1.5", "nan", "abc")]
    + [["-n", "1"], ["-n", "65"], ["-p", "0"], ["-p", "x"], ["-d", "missing"], ["-t", "KERAS_MNITS"]]
    + [["-t", "XRAY"], ["-t", "IRIS", "-d", "."]]
    + [["-a", a] for a in ("0", "nan", "x")]
    + [["--vote-policy", p] for p in ("kind", "margin", "paired:2")]
    + [["--delta", "1e-5"], ["--clip", "1"], ["--proposals", "2"], ["--epsilon", "0"], ["--epsilon", "nan"]]
    + [["--epsilon", "1", *more] for more in (["--delta", "1"], ["--clip", "0"], ["--proposals", "0"])]
    + [["--epsilon", "1", "-t", "SKLEARN_DIGITS"]]
    + [["--malicious", "5"], ["--malicious", "-1"], ["--attack", "bribery"]]
    + [["--attack", "sign-flip"], ["-o", ""], ["-d", ""]]
    + [["--epochs", "1", "--steps", "1"], ["--filters", "0"], ["--steps", "0"]]
    + [["--compare", *more] for more in (["--joint"], ["--secret"], ["--shuffled"], ["--malicious", "1"])]
    + [["--compare", "--wire", "float16"], ["--wire", "float8"]]
    + [["--compare", *more] for more in (["--attack", "sign-flip"], ["--epsilon", "8"], ["--merge-order", "krum"])]
    + [["--merge-order", "mean"], ["--joint", "--no-ledger", "--merge_order", "krum"]],
)
def test_a_bad_option_changes_nothing(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    assert main(["demo", *words]) in (2, 44)
    assert "error: " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert not {"tensorflow", "sklearn"} & (set(sys.modules) - before)


@pytest.mark.parametrize(
    "words, hint", [(["demmo"], "mean demo?"), (["demo", "-t", "KERAS_MNITS"], "mean KERAS_MNIST?")]
)
def test_a_misspelt_name_gets_the_nearest(words, hint, capsys):
    assert main(words) == 2
    assert hint in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_leaves_its_record(tmp_path, capsys):
    words = ["-t", "SKLEARN_DIGITS", "-n", "3", "-p", "2", "--no-ledger", "-o", str(tmp_path)]
    assert main(["demo", *words]) == 0
    about = json.loads((tmp_path / "results.json").read_text())["run"]
    given = about["options"]
    assert (given["task"], given["n_learners"], given["seed"], given["no_ledger"]) == ("SKLEARN_DIGITS", 3, 0, True)
    assert {"scikit-learn", "numpy", "python", "colearn-ledger"} <= set(about["versions"])
    results = record.read(tmp_path / "results.json")
    assert [r.round for r in results.rounds] == [1, 2]
    told = capsys.readouterr()
    assert results.final_sha256 in told.out
    assert all(told.out.count(line) == 1 for line in table.render(results).splitlines())
    assert told.err.splitlines()[:2] == ["importing scikit-learn ...", "loading the digits ..."]


@pytest.mark.slow
def test_a_joint_run_says_what_was_merged_and_leaves_it_in_its_record(tmp_path, capsys):
    words = ["-t", "SKLEARN_DIGITS", "-n", "3", "-p", "4", "--no-ledger", "--joint", "-a", "0.3", "-o", str(tmp_path)]
    assert main(["demo", *words, "--merge-order", "trimmed-mean,median"]) == 0
    results = record.read(tmp_path / "results.json")
    first = results.rounds[0].merge
    assert (first.rule, first.merged) == ("trimmed-mean", (0, 1, 2))
    assert {one.policy for r in results.rounds for one in r.vote_records if one is not None} == {"paired:0.05"}
    told = capsys.readouterr().out
    assert " merged  rule " in told and "learner 1      3  trimmed-mean  P" in told
    assert all(told.count(line) == 1 for line in table.render(results).splitlines())


def test_a_comparison_leaves_its_table_and_picture_in_a_folder_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["demo", "--compare", "-t", "IRIS", "-n", "2", "-p", "2", "--epochs", "1"]
    assert main(words) == 0
    (folder,) = Path("colearn-demo").iterdir()
    assert folder.name.endswith("-iris-compare")
    assert {p.name for p in folder.iterdir()} == {"comparison.json", "comparison.csv", "comparison.png"}
    comparison = json.loads((folder / "comparison.json").read_text())
    assert comparison["lines"][0]["name"] == "each alone" and len(comparison["lines"]) == 4
    assert comparison["run"]["options"]["alpha"] == 0.3 and "skewed by Dirichlet(0.3)" in comparison["run"]["data"]
    told = capsys.readouterr().out
    assert "after 2 rounds; a training is 3 steps" in told
    for name in ("comparison.json", "comparison.csv", "comparison.png"):
        assert f"{folder / name}\n" in told
    for kind in (["--compare"], []):
        assert main(["demo", *kind, "-t", "IRIS", "-o", str(folder)]) == 2
        assert "results of another run" in capsys.readouterr().err


def test_a_comparison_of_what_cannot_be_merged_is_refused_with_what_to_do(tmp_path, monkeypatch, capsys):
    def forests(options):
        data = (np.arange(60.0).reshape(30, 2), np.arange(30) % 2)
        forest = ExtraTreesClassifier(max_leaf_nodes=4)
        return Prepared([ForestLearner(forest, data, data, data) for _ in range(options.n_learners)], "numbers")

    from sklearn.ensemble import ExtraTreesClassifier

    from colearn_ledger.learners.forest import ForestLearner

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("colearn_ledger.tasks.get_task", lambda name: replace(get_task("IRIS"), make=forests))
    assert main(["demo", "--compare", "-t", "TREES"]) == 2
    assert "solo rounds alone" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.tensorflow
def test_a_comparison_with_keras_has_the_rounds_of_the_demo(tmp_path):
    words = ["demo", "-t", "MNIST", "-d", str(tmp_path), "-n", "3", "-p", "3", "-a", "1", "--steps", "8", "-r", "0.5"]
    words += ["--vote-policy", "not-worse"]  # a comparison's own, and not that of a demo with joint rounds
    write_digits(tmp_path)
    assert main([*words, "--compare", "-o", str(tmp_path / "all")]) == 0
    lines = {line["name"]: line for line in json.loads((tmp_path / "all" / "comparison.json").read_text())["lines"]}
    for name, kind in (("collective, solo", []), ("collective, joint", ["--joint"])):
        assert main([*words, *kind, "--no-ledger", "-o", str(tmp_path / name)]) == 0
        results = record.read(tmp_path / name / "results.json")
        kept = [list(results.initial.test_scores)]
        for one in results.rounds:
            kept.append(list(one.test_scores) if one.accepted else kept[-1])
        assert lines[name]["own"] == kept
        assert lines[name]["accepted"] == sum(one.accepted for one in results.rounds)


def write_digits(folder):
    """scikit-learn's digits in the form of MNIST."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = np.uint8(np.pad(x.reshape(-1, 8, 8).repeat(3, axis=1).repeat(3, axis=2) * 15, ((0, 0), (2, 2), (2, 2))))
    np.savez(folder / "mnist.npz", x_train=x[:900], y_train=y[:900], x_test=x[900:], y_test=y[900:])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_training_that_diverges_is_one_message(tmp_path, capsys):
    words = ["-t", "SKLEARN_DIGITS", "-n", "2", "-p", "1", "--no-ledger", "-o", str(tmp_path), "-l", "1e300"]
    assert main(["demo", *words]) == 5
    assert "diverged" in capsys.readouterr().err


@pytest.mark.slow
def test_a_vote_policy_is_used_and_small_vote_sets_are_told_of(tmp_path, capsys):
    words = ["-t", "IRIS", "-n", "2", "-p", "1", "--no-ledger", "-o", str(tmp_path), "--vote-policy", "paired:0.1"]
    assert main(["demo", *words]) == 0
    (result,) = record.read(tmp_path / "results.json").rounds
    assert result.vote_records[0] is None
    assert (result.vote_records[1].policy, result.vote_records[1].samples) == ("paired:0.1", 25)
    assert result.vote_records[1].p_value is not None
    told = capsys.readouterr()
    assert "note: 2 learners vote on 25 samples" in told.out
    assert "SmallVoteSet" not in told.err


def test_the_help_names_every_policy(capsys):
    from colearn_ledger.learners.voting.policy import policy_names

    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    said = "".join(capsys.readouterr().out.split())
    assert ",".join(policy_names()) in said


@pytest.mark.slow
@pytest.mark.parametrize("ledger", [[], ["--no-ledger"]])
def test_a_run_with_a_wire_leaves_half_of_the_bytes_and_a_model(ledger, tmp_path, capsys):
    words = ["-t", "SKLEARN_DIGITS", "-n", "2", "-p", "2", "--wire", "bfloat16", "-o", str(tmp_path / "short")]
    assert main(["demo", *words, *ledger]) == 0
    assert main(["demo", *words[:-4], "-o", str(tmp_path / "long"), *ledger]) == 0
    short, long = (record.read(tmp_path / name / "results.json") for name in ("short", "long"))
    assert short.rounds[-1].size < long.rounds[-1].size / 2
    about = json.loads((tmp_path / "short" / "results.json").read_text())["run"]
    assert about["options"]["wire"] == "bfloat16"
    file = tmp_path / "short" / "model" / "weights.safetensors"
    assert any(array.dtype.name == "bfloat16" for array in arrays_of(load_weights(file)))
    learner = get_task("SKLEARN_DIGITS").make_learners(2, Training(), seed=0).learners[0]
    learner.load(file)
    held = encode(learner.mli_get_current_weights().weights)
    assert encode(decode(held)) == held != file.read_bytes(), "in the learner's own types"
    if not ledger:
        words = ["--learner", "tests.kit.node_learners:make_digits", "--out", str(tmp_path / "model")]
        assert main(["export", "--run", str(tmp_path / "short"), *words]) == 0
        assert (tmp_path / "model" / "weights.safetensors").read_bytes() == file.read_bytes()


@pytest.mark.slow
def test_a_run_leaves_its_final_model_and_the_line_that_opens_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["demo", "-t", "IRIS", "-n", "3", "-p", "3"]
    assert main(words) == 0
    (folder,) = Path("colearn-demo").iterdir()
    last = capsys.readouterr().out.splitlines()[-1]
    results = record.read(folder / "results.json")
    data = (folder / "model" / "weights.safetensors").read_bytes()
    assert hashlib.sha256(data).hexdigest() == results.final_sha256
    names = {}
    exec(last.partition("open it:")[2].strip(), names)
    learner = get_task("IRIS").make_learners(3, Training(), seed=0).learners[0]
    learner.load(folder / "model" / "weights.safetensors")
    x = learner.test_set[0]
    assert (names["model"].predict(x) == learner.predict(x)).all()
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert main(words) == 0
    assert len(list(Path("colearn-demo").iterdir())) == 2
    assert all(p.read_bytes() == old for p, old in before.items())
    assert main([*words, "-o", str(folder)]) == 2
    assert "results of another run" in capsys.readouterr().err
    # and any accepted round of it can be taken home
    assert main(["export", "--run", str(folder), "--best", "--out", "best"]) == 0
    card = json.loads(Path("best/model-card.json").read_text())
    means = {r.round: m for r, m in zip(results.data, results.mean_test_scores, strict=True) if r.accepted}
    voters = {vote["member"]: vote["vote"] for vote in card["votes"]}
    assert {card["proposer"], *voters} == set(results.names) and "approved" in voters.values()
    assert all(f"| {name} | {vote} |" in Path("best/MODEL_CARD.md").read_text() for name, vote in voters.items())
    assert means[card["round"]] == max(means.values()) == card["scores"]["of_these"]
    refused = next((r.round for r in results.rounds if not r.accepted), 9)
    assert main(["export", "--run", str(folder), "--round", str(refused)]) == 2
    assert main(["export", "--run", "nowhere"]) == 44


def test_a_run_without_a_ledger_leaves_its_final_model_too(tmp_path, capsys):
    assert main(["demo", "-t", "IRIS", "-n", "2", "-p", "2", "--no-ledger", "-o", str(tmp_path / "mine")]) == 0
    results = record.read(tmp_path / "mine" / "results.json")
    data = (tmp_path / "mine" / "model" / "weights.safetensors").read_bytes()
    assert hashlib.sha256(data).hexdigest() == results.final_sha256
    assert main(["export", "--run", str(tmp_path / "mine")]) == 2
    assert "kept no weights" in capsys.readouterr().err
