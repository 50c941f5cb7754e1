"""The hash of a learner's code: of its modules' source files, without running any of them.

It is the sha256 of lines as ``sha256sum`` prints them, one for each file, sorted by path:

    find my_package -name '*.py' | LC_ALL=C sort | xargs sha256sum | sha256sum

in the folder that the package is in; of a module that is one file: ``sha256sum my_module.py | sha256sum``.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from ..errors import ConfigError

__all__ = ["code_hash", "installed_version", "top_module"]


def top_module(factory: str) -> str:
    """The top-level module of ``module:function``."""
    return factory.partition(":")[0].partition(".")[0]


def code_hash(modules: Sequence[str], path: Sequence[str]) -> bytes:
    """The hash of the source of these top-level modules, which are looked for in the folders of ``path``.

    Raises ConfigError where one isn't there, has no source, or can't be read.
    """
    lines = []
    for module in modules:
        try:
            for name, file in _files(module, path):
                lines.append((name.encode(), hashlib.sha256(file.read_bytes()).hexdigest()))
        except OSError as e:
            raise ConfigError(
                f"the source of {module} can't be read: {e.strerror or e}", fix="look at its files"
            ) from e
    listed = b"".join(digest.encode() + b"  " + name + b"\n" for name, digest in sorted(set(lines)))
    return hashlib.sha256(listed).digest()


def installed_version(module: str) -> str:
    """The version of the distribution that the top-level module comes in; empty where it comes in none."""
    # Nearly all have the distribution's name. Looking through all that is installed takes a third of a second.
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError):
        own = importlib.metadata.distribution(module)
        if module in {file.parts[0].removesuffix(".py") for file in own.files or ()}:
            return own.version
    for distribution in importlib.metadata.packages_distributions().get(module, ()):
        return importlib.metadata.version(distribution)
    return ""


def _files(module: str, path: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """The module's source files, by their places beside it."""
    spec = _found(module, path)
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    if not folders and spec.origin is not None and spec.origin.endswith(".py"):
        yield f"{module}.py", Path(spec.origin)
        return
    count = 0
    for folder in folders:
        for file in folder.rglob("*.py"):
            count += 1
            yield f"{module}/{file.relative_to(folder).as_posix()}", file
    if count == 0:
        raise ConfigError(
            f"the module {module} has no source files",
            expected="Python's .py files",
            fix="name the version alone in the plan, and leave out learner.code",
        )


def _found(module: str, path: Sequence[str]) -> ModuleSpec:
    spec = None
    if module.isidentifier():
        # What is installed so that it is found otherwise, as a checkout is, other finders know, or don't.
        with contextlib.suppress(ValueError):
            spec = PathFinder.find_spec(module, list(path)) or importlib.util.find_spec(module)
    if spec is None:
        raise ConfigError(
            f"there is no module {module}",
            expected="a top-level module beside the configuration, in the working folder, or installed",
            fix="correct learner.modules in the plan, or install it",
        )
    return spec
