"""A learner by name: ``module:function`` (or a class) and the options that it is called with."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...core.asking import check_methods
from ...core.learner import Learner
from ...errors import ConfigError, UsageError
from ...formats.toml import read_toml

__all__ = ["FACTORY_FORM", "FLOWER", "LearnerSpec", "flower_options", "is_factory", "read_learner_spec"]

FACTORY_FORM = "module:function, such as my_module:make_learner"
FLOWER = "colearn_ledger.learners.flower_app:flower_app"  # what --flower-app is short for


@dataclass(frozen=True)
class LearnerSpec:
    """How to make a learner.

    Attributes
    ----------
    factory: ``module:function``; a class will do.
    options: keyword arguments.
    folders: where modules are looked for first, besides the working folder and what is installed.
    """

    factory: str
    options: dict[str, Any] = field(default_factory=dict)
    folders: tuple[str | Path, ...] = ()

    @property
    def path(self) -> tuple[str, ...]:
        """Where the learner's modules are looked for, in order."""
        return tuple(dict.fromkeys([*map(str, self.folders), str(Path.cwd()), *sys.path]))

    def importable(self) -> None:
        """Have this process look for modules where the learner's are."""
        sys.path[:] = self.path

    def elsewhere(self) -> LearnerSpec:
        """The same for another process, which may have been started with other places to look at."""
        return replace(self, folders=self.path)

    def identity(self) -> str:
        """A hash of all that says how the learner is made: factory, options, and the text of the factory's module.

        To be asked where it was made: its module is loaded.
        """
        digest = hashlib.sha256(f"{self.factory} {json.dumps(self.options, sort_keys=True, default=str)}".encode())
        file = getattr(sys.modules.get(self.factory.partition(":")[0]), "__file__", None)
        if file is not None:
            with contextlib.suppress(OSError):
                digest.update(Path(file).read_bytes())
        return digest.hexdigest()

    def make(self) -> Learner:
        """The learner, made in this process, which from then on finds its modules (:meth:`importable`).

        Raises ConfigError when there is no such factory or it takes no such options, LearnerError when what it made is
        no learner, and whatever the learner's own code raises.
        """
        self.importable()
        learner = _called(_imported(self.factory), self.factory, self.options)
        check_methods(learner, self.factory)
        assert isinstance(learner, Learner)
        return learner


def flower_options(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """The options of :data:`FLOWER` for the app in a folder. Raises UsageError where they name another folder."""
    if "folder" in options:
        raise UsageError("--flower-app and the option folder", expected="one of them", fix="leave the option out")
    return {"folder": str(folder.expanduser().absolute()), **options}


def is_factory(text: str) -> bool:
    """Whether it has the form ``module:function``."""
    module, colon, name = text.partition(":")
    return bool(module and colon) and name.isidentifier()


def _imported(factory: str) -> Callable[..., Any]:
    """The function that ``module:function`` names."""
    module_name, _, name = factory.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as e:
        if e.name is None or not (module_name == e.name or module_name.startswith(e.name + ".")):
            raise ConfigError(
                f"the learner's module {module_name} needs {e.name}, which isn't installed",
                fix=f"install what brings {e.name} into this environment",
            ) from None
        raise ConfigError(
            f"there is no module {module_name} (the learner's factory is {factory!r})",
            expected="a module beside the configuration, in the working folder, or installed",
            fix="correct the factory's name, or go to the folder that the module is in",
        ) from None
    make: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(make):
        raise ConfigError(
            f"the module {module_name} has no function {name}", expected=factory, fix="correct the factory's name"
        )
    return make


def _called(make: Callable[..., Any], factory: str, options: dict[str, Any]) -> object:
    try:
        made: object = make(**options)
    except TypeError as e:
        if e.__traceback__ is not None and e.__traceback__.tb_next is None:  # the call itself, not something inside
            raise ConfigError(
                f"{factory} can't be called with the options {sorted(options)}: {e}",
                fix="correct the learner's options",
            ) from None
        raise
    return made


def read_learner_spec(path: Path) -> LearnerSpec:
    """The learner in a node's configuration, and nothing else of it.

    Raises ConfigError when the file can't be read or names no learner.
    """
    tree = read_toml(path, "a node's configuration, with its [learner]", "correct the path")
    table = tree.get("learner")
    if isinstance(table, str):  # short for the table with a factory alone
        table = {"factory": table}
    factory, options = (table.get("factory"), table.get("options", {})) if isinstance(table, dict) else (None, {})
    if not isinstance(factory, str) or not is_factory(factory):
        raise ConfigError(
            f"{path} names no learner",
            expected=f"[learner] with factory = {FACTORY_FORM}",
            fix="colearn-node init shows it",
        )
    if not isinstance(options, dict):
        raise ConfigError(f"learner.options in {path} is {options!r}", expected="a table of options, [learner.options]")
    return LearnerSpec(factory, options, (path.absolute().parent,))
