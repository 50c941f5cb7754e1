"""Faults for Python modules: which ones a source has room for, and the module with one of them in it.

Nothing here imports the project, since it must be there before the module that gets the fault: mutate_python.py
installs one fault in a process, and a process that this starts finds it by its environment.

What nobody could observe, or what only people read, gets no fault: annotations, docstrings, what is said in errors and
logs, decorators, `__all__`, `__repr__`.
"""

from __future__ import annotations

import ast
import builtins
import copy
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

__all__ = [
    "ENVIRONMENT",
    "Fault",
    "digest",
    "faults_of",
    "install",
    "install_from_environment",
    "install_lines",
    "with_fault",
    "with_lines",
]

ENVIRONMENT = "PYTHON_FAULT_PLANTED"  # module, path and number, with os.pathsep between
_LINE = "__colearn_line__"

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
# Calls whose arguments only people read, by the last part of their name.
_SAID = {"debug", "info", "warning", "error", "exception", "log", "print", "say", "warn", "tell", "getLogger", "format"}
# Arguments that change what is said, or nothing that can be seen.
_UNSEEN_ARGUMENTS = {"strict", "stacklevel", "daemon", "name", "help", "metavar", "description", "expected", "fix"}
_UNSEEN_FUNCTIONS = {"__repr__", "__str__"}


@dataclass(frozen=True)
class Fault:
    """One fault. ``number`` is its place in this source, ``key`` its text, which stays when other lines change."""

    number: int
    key: str
    first_line: int
    last_line: int


@dataclass
class _Site:
    """Where a fault goes: ``make`` changes a node of a copied tree in place, which ``path`` leads to."""

    path: tuple[tuple[str, int | None], ...]
    change: Callable[[ast.AST], ast.AST]
    place: str
    said: str
    lines: tuple[int, int]


def faults_of(source: str) -> list[Fault]:
    """All faults that this source has room for, in the order of its lines."""
    seen: Counter[str] = Counter()
    found = []
    for number, site in enumerate(_sites(ast.parse(source))):
        text = f"{site.place}: {site.said}"
        seen[text] += 1
        key = text if seen[text] == 1 else f"{text} ({seen[text]})"
        found.append(Fault(number, key, *site.lines))
    return found


def with_fault(source: str, number: int) -> ast.Module:
    """The tree of this source with that fault in it."""
    tree = ast.parse(source)
    site = list(_sites(tree))[number]
    changed = copy.deepcopy(tree)
    parent: ast.AST = changed
    for field, index in site.path[:-1]:
        parent = getattr(parent, field) if index is None else getattr(parent, field)[index]
    field, index = site.path[-1]
    if index is None:
        setattr(parent, field, site.change(getattr(parent, field)))
    else:
        getattr(parent, field)[index] = site.change(getattr(parent, field)[index])
    return ast.fix_missing_locations(changed)


def with_lines(source: str) -> ast.Module:
    """The tree of this source that says the number of each statement's line before it, to the built-in `_LINE`.

    That costs less than tracing, which asks at every call of every package.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if not isinstance(body, list):
                continue
            told: list[ast.stmt] = []
            for statement in body:
                first = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
                if not first and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                    call = ast.Call(ast.Name(_LINE, ast.Load()), [ast.Constant(statement.lineno)], [])
                    told.append(ast.copy_location(ast.Expr(call), statement))
                told.append(statement)
            setattr(node, field, told)
    return ast.fix_missing_locations(tree)


class _Finder(importlib.abc.MetaPathFinder):
    """Loads one module with a fault, and leaves the others to Python. No .pyc file is written."""

    def __init__(self, module: str, path: Path, tree: Callable[[], ast.Module]) -> None:
        self.module, self.path, self.tree = module, path, tree

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.module:
            return None
        places = [str(self.path.parent)] if self.path.name == "__init__.py" else None
        loader = _Loader(fullname, str(self.path), self.tree)
        return importlib.util.spec_from_file_location(
            fullname, self.path, loader=loader, submodule_search_locations=places
        )


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, tree: Callable[[], ast.Module]) -> None:
        super().__init__(fullname, path)
        self.tree = tree

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.tree(), self.path, "exec")


def install(module: str, path: Path, source: str, number: int) -> None:
    """From now on this process, and those that it starts, import the module with that fault of this source."""
    sys.meta_path.insert(0, _Finder(module, path, lambda: with_fault(source, number)))
    os.environ[ENVIRONMENT] = os.pathsep.join((module, str(path), str(number)))


def install_lines(module: str, path: Path, source: str, tell: Callable[[int], None]) -> None:
    """From now on this process imports the module so that ``tell`` is told the lines which run."""
    setattr(builtins, _LINE, tell)
    sys.meta_path.insert(0, _Finder(module, path, lambda: with_lines(source)))


def install_from_environment() -> None:
    if said := os.environ.get(ENVIRONMENT):
        module, path, number = said.split(os.pathsep)
        install(module, Path(path), Path(path).read_text(encoding="utf-8"), int(number))


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


# ---- where faults go


def _sites(tree: ast.Module) -> Iterator[_Site]:
    for index, statement in enumerate(tree.body):
        yield from _Walk().statement(statement, (("body", index),))


class _Walk:
    """Walks a tree and yields sites. ``place`` is the dotted name of the function or class around."""

    def __init__(self) -> None:
        self.place: list[str] = []
        self.lines = (0, 0)
        self.around = ""  # the statement, or what stands before its body

    def site(
        self, path: tuple[tuple[str, int | None], ...], change: Callable[[ast.AST], ast.AST], old: str, new: str
    ) -> _Site:
        said = f"`{_short(old)}` -> `{_short(new)}`" if new else f"without `{_short(old)}`"
        if new and len(old) < 12 and len(self.around) > len(old):
            said += f" in `{_short(self.around)}`"
        return _Site(path, change, ".".join(self.place) or "module", said, self.lines)

    # -- statements

    def statement(self, node: ast.stmt, path: tuple[tuple[str, int | None], ...]) -> Iterator[_Site]:
        first = node.lineno
        body = getattr(node, "body", None)
        last = max(first, body[0].lineno - 1) if body else node.end_lineno or first
        self.lines = (first, last)
        self.around = ast.unparse(node).split("\n")[0] if body else ast.unparse(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name in _UNSEEN_FUNCTIONS:
                return
            self.place.append(node.name)
            yield from self._defaults(node.args, path)
            yield from self._body(node.body, path, "body")
            self.place.pop()
            return
        if isinstance(node, ast.ClassDef):
            self.place.append(node.name)
            yield from self._body(node.body, path, "body")
            self.place.pop()
            return
        if _is_for_people(node):
            return
        around = self.around
        yield from self._dropped(node, path)
        for field, value in ast.iter_fields(node):
            if field in {"annotation", "targets", "target", "type_comment", "names"}:
                if field in {"targets", "target"}:
                    yield from self._target(value, path, field)
                continue
            if isinstance(node, ast.Raise):  # what an error says
                continue
            self.lines, self.around = (first, last), around
            if isinstance(value, ast.expr):
                yield from self.expression(value, (*path, (field, None)), test=field == "test")
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    step = (*path, (field, index))
                    if isinstance(item, ast.stmt):
                        yield from self.statement(item, step)
                    elif isinstance(item, ast.excepthandler):
                        yield from self._handler(item, step)
                    elif isinstance(item, ast.withitem):
                        yield from self.expression(item.context_expr, (*step, ("context_expr", None)))
                    elif isinstance(item, ast.match_case):
                        if item.guard is not None:
                            yield from self.expression(item.guard, (*step, ("guard", None)), test=True)
                        yield from self._body(item.body, step, "body")
                    elif isinstance(item, ast.expr):
                        yield from self.expression(item, step)

    def _body(self, body: list[ast.stmt], path: tuple[tuple[str, int | None], ...], field: str) -> Iterator[_Site]:
        for index, statement in enumerate(body):
            yield from self.statement(statement, (*path, (field, index)))

    def _target(self, value: object, path: tuple[tuple[str, int | None], ...], field: str) -> Iterator[_Site]:
        for index, target in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(target, ast.Subscript):
                step = (*path, (field, index if isinstance(value, list) else None))
                yield from self.expression(target.slice, (*step, ("slice", None)))

    def _handler(self, node: ast.ExceptHandler, path: tuple[tuple[str, int | None], ...]) -> Iterator[_Site]:
        # Lines are told of statements; who comes to a handler has come to the statements before it.
        self.lines = (self.lines[0], max(node.lineno, node.body[0].lineno - 1))
        if node.type is not None:
            nothing = ast.Tuple(elts=[], ctx=ast.Load())
            yield self.site((*path, ("type", None)), lambda _: nothing, f"except {ast.unparse(node.type)}", "except ()")
        yield from self._body(node.body, path, "body")

    def _defaults(self, arguments: ast.arguments, path: tuple[tuple[str, int | None], ...]) -> Iterator[_Site]:
        for field in ("defaults", "kw_defaults"):
            for index, default in enumerate(getattr(arguments, field)):
                if default is not None:
                    yield from self.expression(default, (*path, ("args", None), (field, index)), value=True)

    def _dropped(self, node: ast.stmt, path: tuple[tuple[str, int | None], ...]) -> Iterator[_Site]:
        text = ast.unparse(node)
        if isinstance(node, ast.Return):
            if node.value is not None and not _is_none(node.value):
                yield self.site(path, lambda _: ast.Return(value=ast.Constant(None)), text, "return None")
        elif isinstance(node, ast.Continue):
            yield self.site(path, lambda _: ast.Break(), "continue", "break")
        elif isinstance(node, ast.Break):
            yield self.site(path, lambda _: ast.Continue(), "break", "continue")
        elif isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.Delete) or (
            isinstance(node, ast.Assign) and all(isinstance(t, ast.Attribute | ast.Subscript) for t in node.targets)
        ):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom | ast.Await):
                return  # without it the function would be another kind
            yield self.site(path, lambda _: ast.Pass(), text, "")

    # -- expressions

    def expression(
        self, node: ast.expr, path: tuple[tuple[str, int | None], ...], test: bool = False, value: bool = False
    ) -> Iterator[_Site]:
        """``test``: what is asked here is yes or no; ``value``: a text here is compared, and not only read."""
        if isinstance(node, ast.JoinedStr):
            return
        text = ast.unparse(node)
        if isinstance(node, ast.Compare):
            for index, op in enumerate(node.ops):
                for other in _COMPARISONS[type(op)]:
                    new = copy.deepcopy(node)
                    new.ops[index] = other()
                    yield self.site(path, lambda _, new=new: new, text, ast.unparse(new))  # type: ignore[misc]
        elif isinstance(node, ast.BoolOp):
            both = copy.deepcopy(node)
            both.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield self.site(path, lambda _: both, text, ast.unparse(both))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield self.site(path, lambda _: node.operand, text, ast.unparse(node.operand))
        elif isinstance(node, ast.BinOp):
            if type(node.op) in _ARITHMETIC and not (_is_text(node.left) or _is_text(node.right)):
                other_ = copy.deepcopy(node)
                other_.op = _ARITHMETIC[type(node.op)]()
                yield self.site(path, lambda _: other_, text, ast.unparse(other_))
        elif isinstance(node, ast.Constant):
            if (changed := _other_constant(node.value, value)) is not None:
                yield self.site(path, lambda _: ast.Constant(changed), text, repr(changed))
            return
        elif test and isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            negated = ast.UnaryOp(op=ast.Not(), operand=copy.deepcopy(node))
            yield self.site(path, lambda _: negated, text, ast.unparse(negated))
        yield from self._inside(node, path)

    def _inside(self, node: ast.expr, path: tuple[tuple[str, int | None], ...]) -> Iterator[_Site]:
        if isinstance(node, ast.Call) and (_called(node) in _SAID or _is_an_error(node)):
            return
        for field, child in ast.iter_fields(node):
            step = (*path, (field, None))
            if isinstance(child, ast.expr):
                yes_or_no = field == "test" or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))
                matters = isinstance(node, ast.Compare) or field == "slice"
                # `not x` has its own fault, and negating x once more would be the same
                yield from self.expression(child, step, yes_or_no and field == "test", matters)
            elif isinstance(child, ast.arguments):
                yield from self._defaults(child, path)
            elif isinstance(child, list):
                for index, item in enumerate(child):
                    place = (*path, (field, index))
                    if isinstance(item, ast.keyword):
                        if item.arg not in _UNSEEN_ARGUMENTS:
                            yield from self.expression(
                                item.value, (*place, ("value", None)), value=item.arg is not None
                            )
                    elif isinstance(item, ast.comprehension):
                        yield from self.expression(item.iter, (*place, ("iter", None)))
                        for number, condition in enumerate(item.ifs):
                            yield from self.expression(condition, (*place, ("ifs", number)), test=True)
                    elif isinstance(item, ast.expr):
                        matters = isinstance(node, ast.Compare) or (isinstance(node, ast.Dict) and field == "keys")
                        yield from self.expression(item, place, isinstance(node, ast.BoolOp), matters)


def _other_constant(value: object, matters: bool) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 2 or 1.0
    if matters and isinstance(value, str) and value:
        return value + "X"
    if isinstance(value, bytes) and value:
        return value + b"X"
    return None


def _is_for_people(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert | ast.Pass | ast.Global | ast.Nonlocal):
        return True
    if isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Constant):
            return True
        return isinstance(node.value, ast.Call) and _called(node.value) in _SAID
    if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
        return True
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.BitOr):
        # `Action = Adopt | Propose`: a type's name
        return all(isinstance(t, ast.Name) and t.id[:1].isupper() and not t.id.isupper() for t in node.targets)
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "__name__ == '__main__'"}


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_an_error(call: ast.Call) -> bool:
    name = _called(call)
    return name.endswith(("Error", "Warning", "Mismatch")) or name in {"cast", "TypeVar", "NewType"}


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _short(text: str) -> str:
    line = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return line if len(line) <= 100 else line[:70] + " … " + line[-27:]
