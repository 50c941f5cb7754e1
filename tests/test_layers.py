"""Imports point down only: every import of every module, against the table in ``docs/concept.md``."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "concept.md"
PACKAGES = {"colearn_ledger": ROOT, "colearn_node": ROOT / "node", "benchmarks": ROOT}


@dataclass(frozen=True)
class Layer:
    """A row of the table."""

    paths: tuple[str, ...]
    imports: frozenset[str]
    packages: frozenset[str]

    @property
    def name(self) -> str:
        """By which other rows call it."""
        if len(self.paths) > 1:
            return "published names"
        path = Path(self.paths[0])
        names = {"__init__": "package", "colearn_node": "node"}
        return names.get(path.stem, path.stem)

    def holds(self, path: str) -> bool:
        return any(path.startswith(p) if p.endswith("/") else path == p for p in self.paths)


@dataclass(frozen=True)
class Module:
    """A source file, and what it imports: names of modules of this repository, and of other packages."""

    name: str
    path: Path
    ours: frozenset[str] = field(default_factory=frozenset)
    others: frozenset[str] = field(default_factory=frozenset)


def read_table(page: str) -> list[Layer]:
    """The rows of the layers, from the bottom up."""
    _, _, rest = page.partition("<!-- layers -->\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in rest.split("\n\n")[0].splitlines()[2:]]
    return [Layer(tuple(re.findall(r"`([^`]+)`", row[0])), _names(row[2]), _names(row[3])) for row in rows]


def _names(cell: str) -> frozenset[str]:
    return frozenset(filter(None, cell.split(", ")))


def module_name(path: Path, base: Path) -> str:
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(source: str, package: str) -> Iterator[str]:
    """Full names of everything that is imported anywhere in the source; ``package`` is what a dot stands for."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            parents = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def modules() -> list[Module]:
    files = [(path, base) for name, base in PACKAGES.items() for path in sorted((base / name).rglob("*.py"))]
    known = {module_name(path, base): path for path, base in files}
    found = []
    for name, path in known.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        ours, others = set(), set()
        sources = [path, *([stub] if (stub := path.with_suffix(".pyi")).exists() else [])]
        for full in (full for source in sources for full in imported(source.read_text(encoding="utf-8"), package)):
            top = full.partition(".")[0]
            if top in PACKAGES:
                if full != "colearn_ledger.__version__":  # a constant at the top, which everybody may name
                    ours.add(full if full in known else full.rpartition(".")[0] if "." in full else full)
            elif top not in sys.stdlib_module_names:
                others.add(top)
        found.append(Module(name, path, frozenset(ours), frozenset(others)))
    return found


LAYERS = read_table(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sources() -> dict[str, Module]:
    """All modules by their names; read when a test asks, since every process of a run collects this one."""
    return {module.name: module for module in modules()}


@pytest.fixture(scope="module")
def rows(sources: dict[str, Module]) -> dict[str, list[Layer]]:
    """The rows of the table that each module belongs to, one if all is well."""
    paths = {name: module.path.relative_to(ROOT).as_posix() for name, module in sources.items()}
    return {name: [layer for layer in LAYERS if layer.holds(path)] for name, path in paths.items()}


def test_modules__of_every_package__are_in_one_layer_and_import_what_its_row_says(
    sources: dict[str, Module], rows: dict[str, list[Layer]]
) -> None:
    others = {name: [layer.name for layer in found] for name, found in rows.items() if len(found) != 1}
    assert not others, "each folder has one row in docs/concept.md"
    wrong = []
    for name, module in sources.items():
        [layer] = rows[name]
        for ours in sorted(module.ours):
            [other] = rows[ours]
            if other is not layer and other.name not in layer.imports:
                wrong.append(f"{name} ({layer.name}) imports {ours} ({other.name})")
        wrong += [f"{name} ({layer.name}) imports {package}" for package in sorted(module.others - layer.packages)]
    assert not wrong, "\n".join(wrong)


def test_table__each_row__allows_what_lies_below_and_is_used(
    sources: dict[str, Module], rows: dict[str, list[Layer]]
) -> None:
    for at, layer in enumerate(LAYERS):
        assert layer.imports <= {other.name for other in LAYERS[:at]}, f"{layer.name}: imports point down"
        mine = [module for name, module in sources.items() if layer in rows[name]]
        used = {rows[name][0].name for module in mine for name in module.ours} - {layer.name}
        assert layer.imports == used, f"{layer.name}: the table says what is so, and no more"
        assert layer.packages == {name for module in mine for name in module.others}, layer.name


def test_adapters__chain_stores_and_learners__do_not_know_each_other() -> None:
    adapters = {"chain", "stores", "learners"}
    assert not any(layer.imports & adapters for layer in LAYERS if layer.name in adapters)


def test_core__packages__standard_library_and_numpy(sources: dict[str, Module], rows: dict[str, list[Layer]]) -> None:
    (core,) = [layer for layer in LAYERS if layer.name == "core"]
    assert core.packages == {"numpy", "ml_dtypes", "pandas"}
    at_import = [
        module.name
        for name, module in sources.items()
        if core in rows[name]
        for node in ast.parse(module.path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom) and re.search("ml_dtypes|pandas", ast.unparse(node))
    ]
    assert not at_import, "they are met where a learner brings bfloat16, or somebody asks for a frame"


def test_imported__relative_absolute_and_hidden__all_are_found() -> None:
    source = "import a.b\nfrom .c import d\nif TYPE_CHECKING:\n    from ..e import f\ndef g():\n    from . import h\n"
    assert list(imported(source, "top.under")) == ["a.b", "top.under.c.d", "top.e.f", "top.under.h"]
