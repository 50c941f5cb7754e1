"""The page on using the model: its Python runs, its commands' options are there, its table is every learner's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from colearn_ledger.cli.main import make_parser

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "using-the-model.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_using_the_model__its_python__runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == said[1] and "[(64, 32), (32, 10)]" in said
    opened: dict[str, Any] = {}
    exec(next(line for line in said if "skops" in line), opened)
    assert (opened["model"].predict(names["x"]) == names["model"].predict(names["x"])).all()


def test_using_the_model__its_commands__are_understood() -> None:
    lines = [
        line.partition("#")[0]
        for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
        for line in block.split("\n")
    ]
    exports = [shlex.split(line)[1:] for line in lines if line.startswith("colearn-ledger export")]
    assert len(exports) == 4
    for words in exports:
        make_parser("export").parse_args(words)
