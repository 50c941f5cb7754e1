#!/usr/bin/env python3
"""Write the reference part of docs/contract.md from the contract's sources; ``--check`` compares instead.

What is said comes from the comments in contracts/ICollectiveLearning.sol, in the order there; names, types and
selectors from the compiler; which errors and events a function can give from the implementation. The page's
introduction, above the mark, is written by hand and stays as it is.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts"), str(ROOT / "scripts" / "lib")]

from build_contract import INTERFACE, find_compiler, standard_input  # noqa: E402
from generated import write_or_compare  # noqa: E402

from colearn_ledger.errors import ArtifactError  # noqa: E402

PAGE = ROOT / "docs" / "contract.md"
MARK = "<!-- From here on: scripts/contract_docs.py, from the contract's comments. -->\n"
Node = dict[str, Any]


@cache
def parse() -> tuple[Node, list[Node]]:
    """The syntax trees of the interface, and of the implementation's files."""
    compiler = find_compiler()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import solcx
    given = standard_input()
    given["settings"]["outputSelection"] = {"*": {"": ["ast"]}}
    compiled = solcx.compile_standard(given, solc_binary=compiler)["sources"]
    trees: dict[str, Node] = {name: source["ast"] for name, source in compiled.items()}
    nodes = trees.pop(INTERFACE)["nodes"]
    return next(n for n in nodes if n["nodeType"] == "ContractDefinition"), list(trees.values())


def walk(node: Any) -> Iterator[Node]:
    """Every node below ``node``, itself first."""
    if isinstance(node, dict):
        if "nodeType" in node:
            yield node
        for child in node.values():
            yield from walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from walk(child)


class Reach:
    """Which errors and events each function of the implementation can give, itself or by what it calls."""

    def __init__(self, implementation: list[Node]) -> None:
        functions = [n for n in walk(implementation) if n["nodeType"] == "FunctionDefinition"]
        # A virtual function stands for the one that overrides it.
        overriders = {base: n for n in functions for base in n.get("baseFunctions", [])}
        self._functions = {n["id"]: overriders.get(n["id"], n) for n in functions}

    def of(self, name: str, kind: str) -> set[str]:
        """Names; ``kind`` is RevertStatement or EmitStatement, ``name`` a function's, empty for the constructor."""
        start = [i for i, n in self._functions.items() if n["name"] == name]
        seen: set[int] = set()
        found: set[str] = set()
        while start:
            function = start.pop()
            if function in seen:
                continue
            seen.add(function)
            for node in walk(self._functions[function]["body"]):
                if node["nodeType"] == kind:
                    call = node["errorCall" if kind == "RevertStatement" else "eventCall"]
                    found.add(call["expression"]["name"])
                elif node["nodeType"] == "Identifier" and node.get("referencedDeclaration") in self._functions:
                    start.append(node["referencedDeclaration"])
        return found


def natspec(node: Node) -> tuple[str, dict[str, str]]:
    """A node's notice, and its parameters' comments by name."""
    text = (node.get("documentation") or {}).get("text", "")
    notice, parameters = "", {}
    for tag, said in re.findall(r"@(\w+) +((?:(?!\n *@).)*)", text, re.DOTALL):
        said = " ".join(said.split())
        if tag == "notice":
            notice = said
        elif tag == "param":
            names, _, meaning = said.partition(" ")
            parameters.update(dict.fromkeys(names.split(","), meaning))
    return notice, parameters


def sentence(text: str) -> str:
    """With a capital and a full stop, and safe in a table's cell."""
    text = text.replace("|", "\\|").strip()
    if not text:
        return ""
    name = re.match(r"sha\d|keccak", text)
    return (text if name else text[0].upper() + text[1:]) + ("" if text[-1] in ".:!?" else ".")


class Renderer:
    """The reference's text."""

    def __init__(self, interface: Node, implementation: list[Node], source: str) -> None:
        self.nodes = interface["nodes"]
        self.source = source.encode()
        self.reach = Reach(implementation)
        self.types = {n["name"] for n in self.nodes if n["nodeType"] in ("StructDefinition", "EnumDefinition")}

    def render(self) -> str:
        lines = [*self._functions(), *self._of("Structs", "StructDefinition", self._struct)]
        lines += [*self._of("Enumerations", "EnumDefinition", self._enum), *self._events(), *self._errors()]
        return "\n".join(lines).rstrip() + "\n"

    def _of(self, title: str, kind: str, render: Any) -> Iterator[str]:
        yield from (f"## {title}", "")
        for node in self.nodes:
            if node["nodeType"] == kind:
                yield from render(node)

    def _type(self, node: Node, *, link: bool) -> str:
        name = str(node["typeDescriptions"]["typeString"]).split("ICollectiveLearning.")[-1]
        base = name.partition("[")[0]
        return f"[{name}](#{base.lower()})" if link and base in self.types else name

    def _signature(self, node: Node) -> str:
        def listed(parameters: list[Node]) -> str:
            return ", ".join(
                " ".join(filter(None, [self._type(p, link=False), "indexed" * p.get("indexed", False), p["name"]]))
                for p in parameters
            )

        text = f"{node['name']}({listed(node['parameters']['parameters'])})"
        if node["nodeType"] == "FunctionDefinition":
            text += f" {node['stateMutability']}" * (node["stateMutability"] != "nonpayable")
            if returns := node["returnParameters"]["parameters"]:
                text += f" returns ({listed(returns)})"
        return text

    def _section(self, node: Node) -> str:
        """The heading in the source under which the node is."""
        before = self.source[: int(node["src"].partition(":")[0])].decode()
        return str(re.findall(r"^    // -{20,} (\w+)$", before, re.MULTILINE)[-1])

    def _side_note(self, node: Node) -> str:
        """The ``//`` comment at the end of the node's line."""
        start = int(node["src"].partition(":")[0])
        line = self.source[start:].partition(b"\n")[0].decode()
        return line.partition("// ")[2].strip()

    def _functions(self) -> Iterator[str]:
        section = ""
        for node in self.nodes:
            if node["nodeType"] != "FunctionDefinition":
                continue
            if (now := self._section(node)) != section:
                section = now
                yield from (f"## Functions: {section}", "")
            notice, parameters = natspec(node)
            yield from (f"### {node['name']}()", "", "```solidity", self._signature(node), "```", "", notice, "")
            for name, meaning in parameters.items():
                yield f"- `{name}`: {meaning}"
            if parameters:
                yield ""
            said = [f"Selector `0x{node['functionSelector']}`."]
            for what, kind in (("Events", "EmitStatement"), ("Errors", "RevertStatement")):
                if names := self._in_order(self.reach.of(node["name"], kind)):
                    said.append(f"{what}: {', '.join(f'`{n}`' for n in names)}.")
            yield from ("  \n".join(said), "")

    def _in_order(self, names: set[str]) -> list[str]:
        return [n["name"] for n in self.nodes if n["name"] in names]

    def _struct(self, node: Node) -> Iterator[str]:
        notice, parameters = natspec(node)
        yield from (f"### {node['name']}", "", notice, "", "| type | field | |", "|---|---|---|")
        for member in node["members"]:
            note = sentence(parameters.get(member["name"]) or self._side_note(member))
            yield f"| {self._type(member, link=True)} | `{member['name']}` | {note} |"
        yield ""

    def _enum(self, node: Node) -> Iterator[str]:
        yield from (f"### {node['name']}", "", natspec(node)[0], "", "| | | |", "|---|---|---|")
        for i, value in enumerate(node["members"]):
            yield f"| {i} | `{value['name']}` | {sentence(self._side_note(value))} |"
        yield ""

    def _events(self) -> Iterator[str]:
        yield from ("## Events", "")
        for node in self.nodes:
            if node["nodeType"] == "EventDefinition":
                yield from (f"### {node['name']}", "", "```solidity", self._signature(node), "```", "")
                yield from (f"{natspec(node)[0]}  ", f"Topic `0x{node['eventSelector']}`.", "")

    def _errors(self) -> Iterator[str]:
        givers: dict[str, list[str]] = {}
        for name in ["", *(n["name"] for n in self.nodes if n["nodeType"] == "FunctionDefinition")]:
            for error in self.reach.of(name, "RevertStatement"):
                givers.setdefault(error, []).append(f"`{name}`" if name else "deployment")
        yield from ("## Errors", "", "| error | selector | meaning | given by |", "|---|---|---|---|")
        for node in self.nodes:
            if node["nodeType"] == "ErrorDefinition":
                cells = [f"`{self._signature(node)}`", f"`0x{node['errorSelector']}`", sentence(natspec(node)[0])]
                yield f"| {' | '.join(cells)} | {', '.join(givers.get(node['name'], []))} |"


def build(page: str) -> str:
    """The page with its reference written anew. Raises ArtifactError if the page lacks the mark."""
    introduction, mark, _ = page.partition(MARK)
    if not mark:
        raise ArtifactError("the page lacks the mark above which it is written by hand", expected=MARK.strip())
    source = (ROOT / INTERFACE).read_text(encoding="utf-8")
    return introduction + MARK + "\n" + Renderer(*parse(), source).render()


def main(arguments: list[str] | None = None, page: Path = PAGE) -> int:
    """As :func:`write_or_compare` has it; 14 without a compiler."""
    text = "Write the contract's reference from its comments."

    def make() -> str:
        return build(page.read_text(encoding="utf-8"))

    return write_or_compare(arguments, text, page, make, script="contract_docs.py", what="the sources say")


if __name__ == "__main__":
    sys.exit(main())
