"""Texts of different kinds that every Python environment has: each kind is one member's, of a few hundred documents.

They differ in what they are about and in how they are set, as the texts of different owners do. Which there are depends
on the versions of the packages; a member's data is its own affair, and no other member needs the same.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import PurePath

__all__ = ["KINDS", "LEAST_DOCUMENT", "documents"]

LEAST_DOCUMENT, MOST_DOCUMENT = (
    300,
    4000,
)  # characters: shorter ones say little, and of longer ones the beginning is taken
_STANDARD = (
    "argparse",
    "collections",
    "datetime",
    "email",
    "http.client",
    "inspect",
    "ipaddress",
    "logging",
    "os",
    "re",
)
_MORE_STANDARD = (
    "pathlib",
    "random",
    "socket",
    "statistics",
    "string",
    "subprocess",
    "threading",
    "typing",
    "urllib.parse",
)


def _reference() -> Iterator[str]:
    from pydoc_data.topics import topics  # type: ignore[import-untyped]

    yield from topics.values()


def _docstrings(*modules: str) -> Iterator[str]:
    """Of what the modules have, and of the methods of their classes."""
    for name in modules:
        for value in vars(importlib.import_module(name)).values():
            held = [value, *vars(value).values()] if inspect.isclass(value) else [value]
            yield from (text for one in held if callable(one) and (text := inspect.getdoc(one)))


def _licences() -> Iterator[str]:
    for package in metadata.distributions():
        for file in package.files or ():
            if "licen" in PurePath(file).name.lower() and ".dist-info" in str(file):
                try:
                    yield file.read_text(encoding="utf-8")
                except (OSError, UnicodeDecodeError):
                    continue


KINDS: dict[str, Callable[[], Iterator[str]]] = {
    "Python's language reference": _reference,
    "numpy's docstrings": lambda: _docstrings("numpy", "numpy.linalg", "numpy.fft", "numpy.random"),
    "licences": _licences,
    "PyTorch's docstrings": lambda: _docstrings("torch", "torch.nn", "torch.nn.functional"),
    "the standard library's docstrings": lambda: _docstrings(*_STANDARD, *_MORE_STANDARD),
}


def documents(kind: str) -> list[str]:
    """All of a kind, each once, in an order that doesn't depend on where they were found."""
    found = {text.strip()[:MOST_DOCUMENT] for text in KINDS[kind]()}
    return sorted(text for text in found if len(text) >= LEAST_DOCUMENT)
