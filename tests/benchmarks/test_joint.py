"""The benchmark of joint rounds works: what its cells differ in, how its attackers collude, what its tables say."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import joint
from benchmarks.collusion import ATTACKS, Ring
from benchmarks.joint import RECORD, Data, make_learners, measure, read_record
from benchmarks.joint_cells import AMONG, AS_TRAINED, GUARDED, JOINT, Cell, Found, cells
from benchmarks.joint_tables import PAGES, tables, verdicts, with_tables
from benchmarks.numpy_learner import CRITERIA, NumpyLearner
from colearn_ledger import check_learner, run
from colearn_ledger.core.driver import InProcess

quiet = pytest.mark.filterwarnings("ignore:.*votes? on:UserWarning", "ignore::RuntimeWarning")
PLAIN = Cell("digits", 3, "IID", JOINT, "not-worse", 1)


@pytest.fixture(scope="module")
def data() -> Data:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return Data(np.asarray(x / 16, np.float32), y, 300, "accuracy")


@pytest.mark.parametrize("criterion", CRITERIA)
@quiet
def test_learner__each_criterion__keeps_the_promises_of_the_interface(data: Data, criterion: str) -> None:
    share = (data.x[:200], data.y[:200] % 2)
    check_learner(NumpyLearner(share, share, share, classes=2, criterion=criterion, steps_per_round=5))


def test_learner__trains__and_its_score_rises(data: Data) -> None:
    part = (data.x[:900], data.y[:900]), (data.x[900:1200], data.y[900:1200]), data.held_out
    learner = NumpyLearner(*part, classes=10, steps_per_round=300)
    before = learner.evaluate(data.held_out).score
    learner.mli_accept_weights(learner.mli_propose_weights())
    assert before < 0.3 < 0.85 < learner.evaluate(data.held_out).score


@quiet
def test_cells__of_one_seed__start_from_the_same_weights_and_data_whatever_the_system(data: Data) -> None:
    made = [make_learners(data, dataclasses.replace(PLAIN, system=s))[0] for s in (JOINT, "solo", "FedAvg")]
    for members in zip(*made, strict=True):
        proposed: list[Any] = [m.mli_propose_weights().weights for m in members]
        assert all(np.array_equal(a, b) for other in proposed[1:] for a, b in zip(proposed[0], other, strict=True))


def test_cells__all__each_has_a_name_of_its_own() -> None:
    every = list(cells(3))
    assert len({cell.name for cell in every}) == len(every) > 500
    assert all(cell.dealt == "IID" or cell.attackers in (0, 4) for cell in every)


@quiet
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("system", [JOINT, "solo", "FedAvg", "median"])
def test_measure__each_attack_and_system__is_in_range(data: Data, attack: str, system: str) -> None:
    cell = Cell("digits", 5, "IID", system, "" if system in ("FedAvg", "median") else "not-worse", 1, attack, 2)
    found = measure(data, cell, 2)
    assert 0 <= found.score <= 1 and 0 <= found.accepted <= 2
    assert Found.from_dict(json.loads(json.dumps(found.to_dict()))).cell == cell


@quiet
def test_measure__no_attack_and_no_rejection__joint_rounds_are_federated_averaging(data: Data) -> None:
    voted = dataclasses.replace(PLAIN, votes="margin:-1")
    merged = measure(data, voted, 4)
    assert merged.accepted == 4
    assert merged.score == pytest.approx(measure(data, dataclasses.replace(PLAIN, system="FedAvg"), 4).score, abs=0.01)


@quiet
def test_ring__colluders__merge_their_own_and_vote_for_each_other_and_against_what_helps(data: Data) -> None:
    cell = dataclasses.replace(PLAIN, members=5, votes="margin:-1", attack="label-flip", attackers=2)
    learners, ring = make_learners(data, cell)
    assert ring.seats == {3, 4}
    results = run(5, learners, rounds="joint", backend=InProcess(ring.choose), on_round=ring.decided)
    assert [r.merge.merged for r in results.rounds if r.merge] == [(0, 1, 2, 3, 4)] * 3 + [(3, 4)] * 2
    honest, own = results.rounds[0].votes, results.rounds[3].votes
    assert honest == (None, True, True, False, False), "these voters approve of everything, so colluders of nothing"
    assert own == (True, True, True, None, True)


@quiet
def test_measure__as_many_trainings__goes_on_where_rejections_have_cost_rounds(data: Data) -> None:
    cell = dataclasses.replace(PLAIN, members=5, votes="margin:-1", attack="sign-flip", attackers=2)
    # two of four voters reject the first three's proposals; the colluders' own are accepted
    assert measure(data, cell, 3).accepted == 0
    assert measure(data, dataclasses.replace(cell, system=AS_TRAINED + JOINT), 3).accepted == 2


def test_ring__a_new_run__knows_whose_turn_it_is_before_the_first_round() -> None:
    ring = Ring(frozenset({2}), 3)
    turns = []
    for number in range(4):
        ring.decided(type("R", (), {"round": number})())  # type: ignore[arg-type]
        turns.append(ring.proposer)
    assert turns == [0, 1, 2, 0]


def found(cell: Cell, score: float) -> Found:
    return Found(cell, 24, score, 12, 1.0)


@pytest.mark.parametrize("score, good", [(0.896, True), (0.889, False)])
def test_verdicts__joint_under_federated_averaging__is_a_miss(score: float, good: bool) -> None:
    paired = Cell("digits", 5, "IID", JOINT, "paired:0.05", 1)
    known = [found(paired, score), found(dataclasses.replace(paired, system="FedAvg", votes=""), 0.9)]
    row = f"| digits | 5 | IID | - | 0.900 | - | {score:.3f} | {score - 0.9:+.3f} |"
    assert verdicts(known)[1] is good and row in tables(known)["learning"]


UNDER = [("IID", 0.881, True), ("IID", 0.879, False), ("Dirichlet(0.3)", 0.5, True)]


@pytest.mark.parametrize("dealt, score, good", UNDER)
def test_verdicts__under_the_trusted_median__is_a_miss_where_data_are_iid(dealt: str, score: float, good: bool) -> None:
    cell = Cell("digits", AMONG, dealt, GUARDED, "paired:0.05", 1, "sign-flip", 4)
    known = [found(cell, score), found(dataclasses.replace(cell, system="median", votes=""), 0.9)]
    assert verdicts(known)[1] is good
    assert f"| sign-flip | 4 of 10 | {dealt} | - | 0.900 |" in tables(known)["attacks"]


def test_tables__seeds_that_only_one_of_two_has__do_not_count_in_their_difference() -> None:
    cell = Cell("digits", 5, "IID", JOINT, "paired:0.05", 1)
    other = dataclasses.replace(cell, system="FedAvg", votes="")
    known = [found(cell, 0.8), found(other, 0.9), found(dataclasses.replace(other, seed=2), 0.7)]
    assert "| 0.800 | -0.100 |" in tables(known)["learning"]


def test_with_tables__a_page__has_the_table_behind_its_mark_and_the_rest_as_it_was() -> None:
    def page(table: str) -> str:
        return f"a\n\n<!-- benchmarks.joint: votes -->\n{table}\nb\n\nc\n"

    made = {"votes": "| new |", "orders": "| x |"}
    assert [with_tables(page(old), made) for old in ("| old |\n| older |\n", "")] == [page("| new |\n")] * 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_docs__tables__are_those_of_what_is_on_record(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert all(f"<!-- benchmarks.joint: {name} -->" in text for name in PAGES[page])
    made = tables(read_record(RECORD).values())
    assert with_tables(text, made) == text, "run `python -m benchmarks.joint --tables --update`"


def test_main__cells_on_record__are_not_run_again(
    tmp_path: Path, data: Data, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "joint.jsonl"
    words = [
        "joint",
        "--cells",
        "digits / 5 members / IID / no attack / solo",
        "--rounds",
        "1",
        "--record",
        str(record),
    ]
    monkeypatch.setattr(joint, "load", lambda task, folder: data)
    for seeds in ("1", "2"):
        monkeypatch.setattr(sys, "argv", [*words, "--seeds", seeds])
        assert joint.main() == 0
        record.write_text(record.read_text() + '{"task": "digits", "memb')  # as a full disk leaves it
    assert [found.cell.seed for found in read_record(record).values()] == [1, 2]
    assert "| digits | 5 | IID |" in capsys.readouterr().out


def test_record__is_of_the_cells_that_there_are() -> None:
    known = read_record(RECORD)
    assert known and set(known) <= set(cells(3))
