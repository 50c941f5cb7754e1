"""The notebook's cells, run in their order, and what each of them shows."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger import Results

from .test_public_names import DOORS

pandas = pytest.importorskip("pandas", reason="pandas is not installed")
NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "collective.ipynb"
CELLS: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


def shown_by(source: str, names: dict[str, Any]) -> Any:
    """What a cell shows: the value of its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    assert last is None or isinstance(last, ast.Expr)
    exec(compile(tree, str(NOTEBOOK), "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)


@pytest.mark.slow
def test_notebook__from_its_first_cell_to_its_last__shows_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(NOTEBOOK.parent))
    monkeypatch.delitem(sys.modules, "own_learner", raising=False)
    names: dict[str, Any] = {}
    shown = [shown_by(source, names) for source in CODE]
    imports, results, rounds, votes, figure, same, gas = shown
    assert (
        imports is None and isinstance(results, Results) and repr(results).startswith("Results(5 learners, 15 rounds")
    )
    assert list(rounds.index) == list(range(16)) and rounds.score.iloc[-1] > rounds.score.iloc[0]
    assert votes.shape == (5, 15) and votes.isna().sum().sum() == 15, "a proposer has no vote"
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert same is True and (gas.gas > 0).all()


def test_notebook__as_it_is_kept__has_no_outputs_and_imports_public_names() -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CELLS if "outputs" in cell)
    assert len({cell["id"] for cell in CELLS}) == len(CELLS)
    ours = [
        node.module
        for source in CODE
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("colearn_")
    ]
    assert ours and set(ours) <= set(DOORS)
