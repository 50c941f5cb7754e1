"""What the README, the documentation and the examples import is public: it stays, or its going is announced."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_moving_over import PUBLISHED

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/*.py"))]

# Packages whose ``__all__`` is their door.
DOORS = (
    "colearn_ledger",
    "colearn_ledger.chain",
    "colearn_ledger.core",
    "colearn_ledger.founding",
    "colearn_ledger.history",
    "colearn_ledger.learners",
    "colearn_ledger.learners.loading",
    "colearn_ledger.learners.privacy",
    "colearn_ledger.learners.trees",
    "colearn_ledger.learners.voting",
    "colearn_ledger.network",
    "colearn_ledger.plan",
    "colearn_ledger.report",
    "colearn_ledger.stores",
    "colearn_ledger.tasks",
)
# Modules that are public as they are: errors, what a task of one's own is made with, and the published names.
MODULES = (
    "colearn_ledger.errors",
    "colearn_ledger.tasks.keras_env",
    "colearn_ledger.tasks.split",
    *sorted({module for module, _ in PUBLISHED}),
)


def imports(page: Path) -> Iterator[tuple[str, str]]:
    """Module and name of every import of ours in a page."""
    text = page.read_text(encoding="utf-8")
    for module, names in re.findall(r"^ *(?:>>> )?from (colearn_[\w.]+) import (\([^)]*\)|.+)$", text, re.MULTILINE):
        statement = f"from {module} import {names}"
        for node in ast.parse(statement).body:
            assert isinstance(node, ast.ImportFrom)
            yield from ((module, alias.name) for alias in node.names)


def test_pages__what_they_import__is_public() -> None:
    used = [(page.name, module, name) for page in PAGES for module, name in imports(page)]
    assert len(used) > 30
    for page, module, name in used:
        assert module in DOORS or module in MODULES, f"{page} imports {name} from {module}, which isn't public"
        assert name in importlib.import_module(module).__all__, f"{page}: {name} isn't in {module}.__all__"


@pytest.mark.parametrize("door", DOORS)
def test_door__each_name__is_there_and_hides_no_module(door: str) -> None:
    package = importlib.import_module(door)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    for name in package.__all__:
        if door == "colearn_ledger.learners":  # some need a framework that isn't installed: test_learners has them
            assert name in dir(package)
        else:
            assert getattr(package, name) is not None
        assert name not in modules, f"{door}.{name} is a module, too"


@pytest.mark.parametrize("door", DOORS)
def test_door__name_that_is_none__attribute_error(door: str) -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = importlib.import_module(door).no_such_thing
