"""What makes programs start sooner: a library that is never used is not loaded."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["defer_pairings", "load_web3"]

# What web3 imports names of, and a command that reads a chain uses none of: asynchronous HTTP, and keystores.
_UNREAD = ("aiohttp", "eth_keyfile", "eth_keyfile.keyfile")
_SIGNATURES, _CURVE = "py_ecc.bls", "py_ecc.bls12_381"


def defer_pairings() -> None:
    """Have ``py_ecc.bls`` and the curve under it loaded when they are used, and not when they are imported.

    eth_account needs eth_keyfile to open keystores, and that imports them for the keystores of validators, which no
    member has: 0.4 s of computed tables, a third of what a node takes to start. For programs, whose process is their
    own. It changes nothing where they are loaded already.
    """
    package = find_spec("py_ecc")
    if package is None or package.submodule_search_locations is None:
        return
    for name in (_SIGNATURES, _CURVE):
        folders = [str(Path(folder, name.rpartition(".")[2])) for folder in package.submodule_search_locations]
        sys.modules.setdefault(name, _Deferred(name, folders))


def load_web3() -> None:
    """Import web3 without the libraries of its asynchronous providers and of keystores.

    No command that reads a chain uses them, and they are a sixth of what such a command takes. Whoever uses them in the
    same process all the same has them then, and who imports them himself has them as ever. It changes nothing where
    web3 is loaded already, or they are.
    """
    if "web3" in sys.modules:
        return
    unread = [name for name in _UNREAD if name.partition(".")[0] not in sys.modules]
    sys.modules.update((name, _Names(name)) for name in unread)
    try:
        importlib.import_module("web3")
    finally:
        for name in unread:
            if isinstance(sys.modules.get(name), _Names):
                del sys.modules[name]


class _Names(ModuleType):
    """Gives a class for each name that is imported from it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # it may be a package: those of its modules that are asked for are there, too

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system's questions
            raise AttributeError(name)
        return _Late(name, (Exception,), {"home": self.__name__})  # some of them are caught


class _Late(type):
    """A class whose objects are the library's, and a function's stand-in: called, it is what the library has."""

    home: str

    def __call__(cls, *args: Any, **options: Any) -> Any:
        return getattr(importlib.import_module(cls.home), cls.__name__)(*args, **options)


class _Deferred(ModuleType):
    """Stands for a package until something in it is used. Its submodules can be imported as ever."""

    def __init__(self, name: str, path: list[str]) -> None:
        super().__init__(name)
        self.__path__ = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system's questions
            raise AttributeError(name)
        if self.__name__ == _SIGNATURES:
            return _Later(name)
        if name == "curve_order":  # a number, which eth_keyfile reads at once
            return importlib.import_module(f"{_CURVE}.bls12_381_curve").curve_order
        return getattr(_load(_CURVE), name)


class _Later:
    """A class of signatures, which an import has taken by its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(getattr(_load(_SIGNATURES), self._name), attribute)


def _load(package: str) -> ModuleType:
    if isinstance(sys.modules.get(package), _Deferred):
        del sys.modules[package]
    return importlib.import_module(package)
