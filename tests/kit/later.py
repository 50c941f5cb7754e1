"""What is imported when a test uses it: processes whose tests don't need TensorFlow needn't load it."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["Later"]


class Later:
    """A module, or what it has by a name, imported when it is used."""

    def __init__(self, module: str, name: str = "") -> None:
        self._module, self._name = module, name

    def _load(self) -> Any:
        module = importlib.import_module(self._module)
        return getattr(module, self._name) if self._name else module

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith(("_", "pytest")):  # what pytest asks of everything in a module
            raise AttributeError(attribute)
        return getattr(self._load(), attribute)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._load()(*args, **kwargs)
