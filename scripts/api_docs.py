#!/usr/bin/env python3
"""Write docs/api.md, the reference of the public Python names, from their docstrings; ``--check`` compares instead.

What is public is at the packages' doors (docs/concept.md). The sources are read and not imported, so no framework is
needed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts" / "lib")]

from generated import write_or_compare  # noqa: E402

PAGE = ROOT / "docs" / "api.md"
# In the order in which a user meets them. What isn't here (the core's, the chain's) is for who builds upon these.
DOORS = ("", "learners", "tasks", "history", "report", "stores", "network", "founding", "plan", "errors")
HEAD = """\
# Python reference

What `colearn_ledger` and its packages offer to programs, from the docstrings in the code. `scripts/api_docs.py` writes
it, and a test sees to it that it is current. [Learners](learners.md), [tasks](tasks.md), [the history](history.md) and
[using the model](using-the-model.md) have examples; the programs are in the [command line reference](cli.md).
"""
_SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises")


@dataclass(frozen=True)
class Public:
    """A public name: where it is defined, and its definition there (None where it is a plain value)."""

    name: str
    module: str
    node: ast.ClassDef | ast.FunctionDef | None


def public_names(door: str) -> list[Public]:
    """What a door leads to, by name."""
    folder = ROOT / "colearn_ledger" / door
    if not folder.is_dir():  # a module that is public as it is
        tree = _parse(folder.with_suffix(".py"))
        names = _listed(tree)
        return [Public(name, _title(door), _definition(tree, name)) for name in names]
    stub = folder / "__init__.pyi"
    imports = _parse(stub if stub.is_file() else folder / "__init__.py").body
    found = []
    for node in imports:
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module is not None:
            path = folder.joinpath(*node.module.split(".")).with_suffix(".py")
            module = ".".join(filter(None, ["colearn_ledger", door, node.module]))
            for alias in node.names:
                found.append(Public(alias.asname or alias.name, module, _definition(_parse(path), alias.name)))
    return sorted((one for one in found if not one.name.startswith("_")), key=lambda one: one.name.lower())


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _listed(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def _definition(tree: ast.Module, name: str) -> ast.ClassDef | ast.FunctionDef | None:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
    return None


# -------------------------------------------------------------------------------------------------- as Markdown


def render() -> str:
    """The page."""
    lines = [HEAD]
    for door in DOORS:
        names = public_names(door)
        lines += [f"## {_title(door)}", "", *_about(door)]
        lines += [", ".join(f"[`{one.name}`](#{_anchor(door, one.name)})" for one in names), ""]
        for one in names:
            lines += [f'<a id="{_anchor(door, one.name)}"></a>', f"### {one.name}", "", *_of(one)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _title(door: str) -> str:
    return f"colearn_ledger.{door}" if door else "colearn_ledger"


def _anchor(door: str, name: str) -> str:
    return f"{door or 'top'}-{name}".lower()


def _about(door: str) -> Iterator[str]:
    path = ROOT / "colearn_ledger" / door
    text = ast.get_docstring(_parse(path / "__init__.py" if path.is_dir() else path.with_suffix(".py")))
    yield from markdown(text or "")
    yield ""


def _of(one: Public) -> Iterator[str]:
    node = one.node
    if node is None:
        yield from (f"A value of `{one.module}`.", "")
        return
    if isinstance(node, ast.FunctionDef):
        yield from _function(node)
        return
    yield from _fenced(_class_signature(node))
    yield from (*markdown(ast.get_docstring(node) or ""), "")
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_") and ast.get_docstring(method):
            kinds = {ast.unparse(decorator) for decorator in method.decorator_list}
            if "property" in kinds:
                yield from (f"**`{method.name}`** → `{_returned(method)}`", "")
            else:
                yield from _fenced(("@classmethod\n" if "classmethod" in kinds else "") + _signature(method))
            yield from (*markdown(ast.get_docstring(method) or ""), "")


def _function(node: ast.FunctionDef) -> Iterator[str]:
    yield from _fenced(_signature(node))
    yield from (*markdown(ast.get_docstring(node) or ""), "")


def _fenced(code: str) -> Iterator[str]:
    yield from ("```python", code, "```", "")


def _returned(node: ast.FunctionDef) -> str:
    return "" if node.returns is None else ast.unparse(node.returns)


def _signature(node: ast.FunctionDef, name: str | None = None) -> str:
    arguments = node.args
    shown = [part for part in _arguments(arguments) if part.partition(":")[0] not in ("self", "cls")]
    returned = f" -> {_returned(node)}" if name is None and node.returns is not None else ""
    called = node.name if name is None else name
    line = f"{called}({', '.join(shown)}){returned}"
    if len(line) <= 100:
        return line
    return "\n".join([f"{called}(", *(f"    {part}," for part in shown), f"){returned}"])


def _arguments(arguments: ast.arguments) -> Iterator[str]:
    """Each as it is written, with its type and default."""

    def one(argument: ast.arg, default: ast.expr | None) -> str:
        kind = "" if argument.annotation is None else f": {ast.unparse(argument.annotation)}"
        equals = "" if default is None else f"{' = ' if kind else '='}{ast.unparse(default)}"
        return argument.arg + kind + equals

    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    for at, (argument, default) in enumerate(zip(plain, defaults, strict=True)):
        yield one(argument, default)
        if arguments.posonlyargs and at == len(arguments.posonlyargs) - 1:
            yield "/"
    if arguments.vararg is not None:
        yield f"*{one(arguments.vararg, None)}"
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield one(argument, default)
    if arguments.kwarg is not None:
        yield f"**{one(arguments.kwarg, None)}"


def _class_signature(node: ast.ClassDef) -> str:
    bases = [ast.unparse(base) for base in node.bases]
    own = f"class {node.name}({', '.join(bases)})" if bases else f"class {node.name}"
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            return f"{own}\n{_signature(method, node.name)}"
    fields = [
        ast.unparse(field)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and not ast.unparse(field.target).startswith("_")
    ]
    if any(base.endswith("Enum") for base in bases):
        fields = [ast.unparse(member) for member in node.body if isinstance(member, ast.Assign)]
    return "\n".join([f"{own}:", *(f"    {re.sub(r' = field[(].*', '', text)}" for text in fields)]) if fields else own


def markdown(docstring: str) -> list[str]:
    """A docstring as Markdown: roles and double backticks as code, sections as lists, examples as blocks."""
    text = re.sub(r":\w+:`~?\.*([^`]+)`", lambda found: f"`{_last(found[1])}`", docstring).replace("``", "`")
    lines = text.splitlines()
    found: list[str] = []
    at, section = 0, False
    while at < len(lines):
        line = lines[at]
        if line in _SECTIONS and at + 1 < len(lines) and re.fullmatch("-+", lines[at + 1]):
            found += ["", f"*{line}*", ""]
            section = True
            at += 2
            continue
        entry = re.fullmatch(r"([\w.*, `\[\]]+): (.+)", line) if section else None
        if line.startswith(">>>"):
            end = next((i for i in range(at, len(lines)) if not lines[i].strip()), len(lines))
            found += ["", "```python", *lines[at:end], "```", ""]
            at = end
            continue
        if entry is not None:
            found.append(f"- {_code(entry[1])}: {entry[2]}")
        elif section and line.startswith("    "):
            found.append(f"  {line.strip()}")
        else:
            if section and line and not lines[at - 1].strip():  # a paragraph after the entries
                section = False
            found.append(line)
        at += 1
    return found


def _last(path: str) -> str:
    """Of a dotted path what a reader knows it by: the name, or class and name."""
    parts = path.rstrip("()").split(".")
    return ".".join(parts[-2:]) if len(parts) > 1 and parts[-2][:1].isupper() else parts[-1]


def _code(names: str) -> str:
    return ", ".join(f"`{name.strip('` ')}`" for name in names.split(","))


def main(arguments: list[str] | None = None, page: Path = PAGE) -> int:
    """As :func:`write_or_compare` has it."""
    text = "Write the Python reference from the docstrings."
    return write_or_compare(arguments, text, page, render, script="api_docs.py", what="the docstrings say")


if __name__ == "__main__":
    sys.exit(main())
