"""What a run leaves for people: table, summary, record, plot, and the lines while it works."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from colearn_ledger.core.driver import run
from colearn_ledger.core.results import Results, RoundResult
from colearn_ledger.core.roles import roles_of
from colearn_ledger.errors import DataError, StoreError, UsageError
from colearn_ledger.report import record, table
from colearn_ledger.report.plot import plot_results
from colearn_ledger.report.progress import QUIET, Plain, watched

from ..kit.learners import FrugalLearner, LinearLearner, linear_learners


def round_of(number: int, *, accepted: bool, score: float | None = 0.5, gas: int | None = 1000) -> RoundResult:
    return RoundResult(
        round=number,
        proposer=1,
        accepted=accepted,
        votes=(True, None, False, None),
        vote_scores=(score,) * 4,
        test_scores=(score, score, None, score),
        current_scores=(score,) * 4,
        approvals=1,
        need=2,
        weights_sha256="ab" * 32,
        size=10,
        gas=gas,
        seconds=1.5,
    )


NAMES = ("anna", "ben", "carl", "a long name indeed")
INITIAL = dataclasses.replace(round_of(0, accepted=True, score=0.25), votes=(None,) * 4, gas=5000)


def results_of(*rounds: RoundResult, initial: RoundResult = INITIAL) -> Results:
    return Results(NAMES, "1/2", "embedded ledger", initial, rounds)


# ------------------------------------------------------------------------------------------- table and summary


def test_table__columns__line_up_and_say_who_how_what() -> None:
    rounds = (round_of(1, accepted=True), round_of(2, accepted=False, score=0.125), round_of(12, accepted=False))
    lines = table.render(results_of(*rounds)).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[0].split() == ["round", "proposer", "votes", "decision", "proposed", "current", "gas", "seconds"]
    assert lines[1].split() == ["0", "genesis", "0.2500", "0.2500", "5,000", "1.50"]
    assert lines[2].split() == ["1", "ben", "+P-.", "accepted", "0.5000", "0.5000", "1,000", "1.50"]
    assert lines[3].split() == ["2", "ben", "+P-.", "rejected", "0.1250", "0.5000", "1,000", "1.50"]
    assert lines[4].split()[5] == "0.5000"


def test_table__without_a_chain_or_scores__leaves_the_places_empty() -> None:
    line = table.Table(NAMES).line(round_of(1, accepted=True, score=None, gas=None))
    assert line.split() == ["1", "ben", "+P-.", "accepted", "1.50"]


def test_summary__counts_scores_gas_and_time() -> None:
    text = table.summary(results_of(round_of(1, accepted=True), round_of(2, accepted=False, score=0.9, gas=3000)))
    assert "2 rounds: 1 accepted, 1 rejected" in text
    assert "0.2500 -> 0.5000" in text
    assert "4,000 in rounds (2,000 each), 5,000 for the deployment, 9,000 in all" in text
    assert "time: 4.5 s" in text
    plain = table.summary(
        results_of(round_of(1, accepted=False, gas=None), initial=dataclasses.replace(INITIAL, gas=None))
    )
    assert "1 round: 0 accepted" in plain and "gas" not in plain and "0.2500 -> 0.2500" in plain


# ------------------------------------------------------------------------------------------- record


def test_record__written_and_read__is_the_same_run(tmp_path: Path) -> None:
    results = run(3, linear_learners(3))
    path = tmp_path / "results.json"
    record.write(results, path, {"options": {"seed": 3}, **record.environment()})
    assert record.read(path) == results
    raw = json.loads(path.read_text())
    assert raw["format"] == record.FORMAT
    assert raw["run"]["options"] == {"seed": 3}
    assert {"python", "numpy", "colearn-ledger"} <= set(raw["run"]["versions"])
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_record__score_that_is_no_number__stays_valid_json(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    record.write(results_of(round_of(1, accepted=False, score=float("nan"))), path)
    assert record.read(path).rounds[0].test_scores == (None,) * 4


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "other"}', '{"format": "colearn-results-1"}'])
def test_record__file_that_is_none__data_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(DataError, match="no record of a run"):
        record.read(path)
    with pytest.raises(DataError, match=r"missing\.json"):
        record.read(tmp_path / "missing.json")


def test_record__folder_that_is_not_there__store_error_and_the_old_file_stays(tmp_path: Path) -> None:
    results = results_of(round_of(1, accepted=True))
    with pytest.raises(StoreError, match="can't write"):
        record.write(results, tmp_path / "nowhere" / "results.json")
    path = tmp_path / "results.json"
    record.write(results, path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        record.write(results, path, {"not": object()})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# ------------------------------------------------------------------------------------------- plot


def pixels(path: Path) -> tuple[set[tuple[int, int, int]], int]:
    """The colours that cover much of a picture, and how many pixels it has."""
    import matplotlib.image
    import numpy as np

    image = (matplotlib.image.imread(path)[..., :3] * 255).round().astype(np.uint8).reshape(-1, 3)
    colours, counts = np.unique(image, axis=0, return_counts=True)
    return {(int(r), int(g), int(b)) for r, g, b in colours[counts > 500]}, len(image)


GREEN, RED, GREY = (0x4D, 0xAC, 0x26), (0xD7, 0x30, 0x1F), (0xBD, 0xBD, 0xBD)


@pytest.mark.slow
def test_plot__votes__green_red_and_grey_for_the_proposer(tmp_path: Path) -> None:
    plot_results(results_of(round_of(1, accepted=True), round_of(2, accepted=False)), tmp_path / "a.png")
    assert {GREEN, RED, GREY} <= pixels(tmp_path / "a.png")[0]
    yes = dataclasses.replace(round_of(1, accepted=True), votes=(True, None, True, True))
    plot_results(results_of(yes), tmp_path / "b.png")
    assert RED not in pixels(tmp_path / "b.png")[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_learners", "n_rounds"),
    [(2, 0), (2, 1), *(pytest.param(*size, marks=pytest.mark.slow) for size in [(64, 3), (3, 150)])],
)
def test_plot__any_size__is_drawn_within_bounds(tmp_path: Path, n_learners: int, n_rounds: int) -> None:
    votes = (None,) + (True,) * (n_learners - 1)
    scores = (0.5,) * n_learners

    def one(number: int) -> RoundResult:
        return RoundResult(number, 0, True, votes, scores, scores, scores, 1, 1, "", 1)

    names = tuple(f"learner {i + 1}" for i in range(n_learners))
    rounds = tuple(one(i + 1) for i in range(n_rounds))
    plot_results(Results(names, "1/2", "in-process", one(0), rounds), tmp_path / "a.png")
    assert 100_000 < pixels(tmp_path / "a.png")[1] < 10_000_000


def test_plot__path_that_cannot_be__said_and_nothing_left(tmp_path: Path) -> None:
    results = results_of(round_of(1, accepted=True))
    with pytest.raises(UsageError, match=r"a\.xyz"):
        plot_results(results, tmp_path / "a.xyz")
    with pytest.raises(StoreError, match="can't write"):
        plot_results(results, tmp_path / "nowhere" / "a.png")
    plot_results(results, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text().lstrip().startswith("<?xml")
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


# ------------------------------------------------------------------------------------------- progress


def test_plain__details__only_after_a_silence() -> None:
    out, err = io.StringIO(), io.StringIO()
    times: Iterator[float] = iter([0, 0, 1, QUIET - 0.1, QUIET, QUIET, QUIET + 1, 2 * QUIET, 2 * QUIET, 99, 99])
    progress = Plain(out, err, lambda: next(times))
    progress.stage("loading")  # at 0, told
    progress.detail("a")  # at 1
    progress.detail("b")  # just before the silence is long enough
    progress.detail("c")  # at QUIET, told
    progress.detail("d")  # one second later
    progress.detail("e")  # told again
    progress.row("row")  # at 99
    progress.detail("f")  # as soon
    assert err.getvalue().splitlines() == ["loading ...", "  c ...", "  e ..."]
    assert out.getvalue() == "row\n"


def test_watched__learner__says_what_it_does_and_does_the_same() -> None:
    said: list[str] = []
    plain = run(4, linear_learners(3))
    seen = run(4, [watched(ln, f"l{i}", said.append) for i, ln in enumerate(linear_learners(3))])
    assert [dataclasses.replace(r, seconds=0) for r in seen.rounds] == [
        dataclasses.replace(r, seconds=0) for r in plain.rounds
    ]
    assert said[:4] == ["l0 tests", "l1 tests", "l2 tests", "l0 trains"]


def test_watched__what_a_learner_declares__is_still_declared() -> None:
    class Declaring(LinearLearner):
        leaf_roles: ClassVar[Any] = {"/w": "local"}
        why_unmergeable = "said so"

    seen: Any = watched(Declaring(0), "l", lambda text: None)
    assert roles_of(seen) == {"/w": "local"} and seen.why_unmergeable == "said so"
    assert not hasattr(seen, "unbounded")


def test_render__joint_rounds__say_how_many_were_merged_by_which_rule_and_who_was_not() -> None:
    results = run(3, [FrugalLearner(0, proposals=1), *linear_learners(3)[1:]], 0.3, rounds="joint")
    told = table.render(results).splitlines()
    assert told[0].startswith("round  proposer   merged  rule ") and "learner 1      3  mean " in told[2]
    left_out = [r for r in results.rounds if r.merge is not None and r.merge.left_out]
    said = f"learner 1 is left out of {len(left_out)} of 3 rounds' merges: the privacy budget is spent"
    assert (said in table.summary(results)) == bool(left_out) and left_out


@pytest.mark.parametrize("name", ["numpy", "keras", "torch", "xgboost"])
def test_environment__a_framework_is_in_use__its_version_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, ModuleType(name))  # its version is that of the installed package
    version = "unknown"
    for package in (f"{name}-cpu", name):  # the one for machines without a GPU has the module of the other
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            version = importlib.metadata.version(package)
    assert record.environment()["versions"][name] == version


def test_environment__a_framework_is_not_in_use__isnt_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "xgboost", raising=False)
    assert "xgboost" not in record.environment()["versions"]
