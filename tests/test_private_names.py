"""Tests go by public names: what begins with ``_`` may change without a test that must follow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("colearn_ledger", "colearn_node")

# By file and name, with the reason. A name that is gone must leave this list.
ALLOWED = {
    ("tests/docs/test_cli_reference.py", "_actions"),  # argparse's: nothing public lists a parser's options
}


def private_names(source: str) -> Iterator[str]:
    """The private names of the product that a test's source imports, reads from a module, sets or patches."""
    tree = ast.parse(source)
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OURS:
            modules |= {alias.asname or alias.name for alias in node.names}
            yield from (alias.name for alias in node.names if _is_private(alias.name))
        elif isinstance(node, ast.Import):
            modules |= {alias.asname for alias in node.names if alias.asname and alias.name.split(".")[0] in OURS}
    own = {name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for name in _attributes_of(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            root = node.value
            while isinstance(root, ast.Attribute | ast.Call):
                root = root.value if isinstance(root, ast.Attribute) else root.func
            of_a_module = isinstance(root, ast.Name) and root.id in modules
            if of_a_module or (isinstance(node.ctx, ast.Store) and node.attr not in own):
                yield node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr":
            words = [word.value for word in node.args[:2] if isinstance(word, ast.Constant)]
            for word in words:
                last = str(word).rpartition(".")[2]
                if _is_private(last):
                    yield last


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _attributes_of(node: ast.ClassDef) -> Iterator[str]:
    """What a class of the tests sets on itself."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "self":
            yield inner.attr


@pytest.mark.slow
def test_tests__private_names__are_left_alone() -> None:
    files = [path for folder in ("tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 50
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in files
        for name in private_names(path.read_text(encoding="utf-8"))
    }
    assert not found - ALLOWED, "make it a parameter, or test what it is for"
    assert not ALLOWED - found, "gone: take it out of the list"


@pytest.mark.parametrize(
    "source",
    [
        "from colearn_ledger.cli.main import _found",
        "from colearn_ledger.history import read\nread._found = 3",
        "from colearn_ledger.history import read\nread.Reader()._found()",
        "import colearn_node.node as n\nmonkeypatch.setattr(n, '_found', 3)",
        "monkeypatch.setattr('colearn_ledger.history.read._found', 3)",
        "made = make()\nmade._found = None",
    ],
)
def test_private_names__each_way_to_reach_one__is_seen(source: str) -> None:
    assert "_found" in set(private_names(source))


@pytest.mark.parametrize(
    "source",
    [
        "from .helpers import _found",
        "class Own:\n    def __init__(self): self._found = 1\n",
        "from colearn_ledger.history import read\nread.__doc__",
    ],
)
def test_private_names__a_tests_own__are_its_own(source: str) -> None:
    assert not list(private_names(source))
