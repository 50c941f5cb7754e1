"""The demo command: bad options change nothing; a real run leaves its record."""

from __future__ import annotations

import json
import sys

import pytest

from colearn_ledger.cli.main import main
from colearn_ledger.report import record, table


@pytest.mark.parametrize(
    "words",
    [["-v", v] for v in ("0", "1", "1.5", "nan", "abc")]
    + [["-n", "1"], ["-n", "65"], ["-p", "0"], ["-p", "x"], ["-d", "missing"], ["-t", "KERAS_MNITS"]]
    + [["-t", "XRAY"], ["-t", "IRIS", "-d", "."]]
    + [["-a", a] for a in ("0", "nan", "x")]
    + [["--vote_policy", p] for p in ("kind", "margin", "paired:2")]
    + [["--delta", "1e-5"], ["--clip", "1"], ["--proposals", "2"], ["--epsilon", "0"], ["--epsilon", "nan"]]
    + [["--epsilon", "1", *more] for more in (["--delta", "1"], ["--clip", "0"], ["--proposals", "0"])]
    + [["--epsilon", "1", "-t", "SKLEARN_DIGITS"]]
    + [["--malicious", "5"], ["--malicious", "-1"], ["--attack", "bribery"]]
    + [["--attack", "sign-flip"], ["-o", ""], ["-d", ""]]
    + [["--joint"], ["--merge_order", "mean"], ["--joint", "--no-ledger", "--merge_order", "krum"]],
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


def test_a_joint_run_says_what_was_merged_and_leaves_it_in_its_record(tmp_path, capsys):
    words = ["-t", "SKLEARN_DIGITS", "-n", "3", "-p", "4", "--no-ledger", "--joint", "-a", "0.3", "-o", str(tmp_path)]
    assert main(["demo", *words, "--merge_order", "trimmed-mean,median"]) == 0
    results = record.read(tmp_path / "results.json")
    first = results.rounds[0].merge
    assert (first.rule, first.merged) == ("trimmed-mean", (0, 1, 2))
    told = capsys.readouterr().out
    assert " merged  rule " in told and "learner 1      3  trimmed-mean  P" in told
    assert all(told.count(line) == 1 for line in table.render(results).splitlines())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_training_that_diverges_is_one_message(tmp_path, capsys):
    words = ["-t", "SKLEARN_DIGITS", "-n", "2", "-p", "1", "--no-ledger", "-o", str(tmp_path), "-l", "1e300"]
    assert main(["demo", *words]) == 5
    assert "diverged" in capsys.readouterr().err


def test_a_vote_policy_is_used_and_small_vote_sets_are_told_of(tmp_path, capsys):
    words = ["-t", "IRIS", "-n", "2", "-p", "1", "--no-ledger", "-o", str(tmp_path), "--vote_policy", "paired:0.1"]
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
