"""Part of a model is the collective's: the rest stays each member's own, or is a frozen base that all have alike.

``docs/adr/0018-part-of-a-model.md`` says why the base's hash is a key of the weights, and when own parts change.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.schema import BASE, Schema
from ..core.tree import child_path
from ..core.weights import encode
from ..errors import ConfigError, InvalidWeights, OutputError, UsageError
from ..formats.files import write_whole
from .privacy.learner import PrivateLearner, PrivateOptions
from .saved import load_weights
from .sets import Data

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["SHARED", "Parts", "Share", "SharingLearner", "SharingOptions", "Variable", "divided", "hash_of_base"]

Array = np.ndarray[Any, Any]
Share = str | Sequence[str] | Callable[[str, Any], bool]

SHARED = "shared"  # where in the tree of weights a part of a model is
TRAINABLE = "trainable"
_FORMS = "names, patterns such as 'features.*', a function of name and variable, or 'trainable'"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a model.

    Attributes
    ----------
    key: what it is called in the weights: the same at every member, whatever layers were made before.
    name: its place in the model, by which it is chosen.
    value: the framework's own object.
    trained: whether a training moves it by its gradient.
    frozen: whether nothing ever changes it; what is neither is measured or counted, as a running mean.
    """

    key: str
    name: str
    value: Any
    trained: bool
    frozen: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """A model's variables by whose they are: keys, in the model's order.

    Attributes
    ----------
    shared: the collective's, which travel.
    own: this member's alone.
    base: frozen, the same at every member, which don't travel.
    """

    shared: tuple[str, ...]
    own: tuple[str, ...]
    base: tuple[str, ...]


def divided(variables: Sequence[Variable], share: Share) -> Parts:
    """Which variables are shared; of the others those that are frozen are the base, the rest each member's own.

    Parameters
    ----------
    share: names of variables or of what holds them (``"body"`` is all of ``body.…`` and ``body/…``), patterns with
        ``*``, ``?`` and ``[…]``, one or several; a function of a variable's name and the framework's object; or
        ``"trainable"``.

    Raises UsageError for a name or pattern that shares nothing, and where nothing that is shared is trained.
    """
    if callable(share):
        chosen = {v.name for v in variables if share(v.name, v.value)}
        told = "the function"
    elif share == TRAINABLE:
        chosen = {v.name for v in variables if v.trained}
        told = repr(share)
    else:
        patterns = [share] if isinstance(share, str) else [*share]
        told = ", ".join(map(repr, patterns)) or "an empty list"
        chosen = set()
        for pattern in patterns:
            if not isinstance(pattern, str):
                raise UsageError(f"share has {pattern!r}, a {type(pattern).__name__}", expected=_FORMS)
            held = {v.name for v in variables if _matches(v.name, pattern)}
            if not held:
                raise _shares_nothing(repr(pattern), variables)
            chosen |= held
    if not chosen:
        raise _shares_nothing(told, variables)
    if not any(v.trained for v in variables if v.name in chosen):
        raise UsageError(
            f"nothing that is shared by {told} is trained",
            expected="at least one variable that a training changes: else every proposal is the current weights",
            fix="share others, or don't freeze these",
        )
    others = [v for v in variables if v.name not in chosen]
    return Parts(
        tuple(v.key for v in variables if v.name in chosen),
        tuple(v.key for v in others if not v.frozen),
        tuple(v.key for v in others if v.frozen),
    )


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or name.startswith((pattern + ".", pattern + "/"))


def _shares_nothing(what: str, variables: Sequence[Variable]) -> UsageError:
    names = [v.name for v in variables]
    return UsageError(
        f"share: {what} shares nothing of the model",
        expected=f"{_FORMS}; the model has {', '.join(names[:8])}{', …' if len(names) > 8 else ''}",
        fix="correct the name or the pattern",
    )


def hash_of_base(tensors: Iterable[tuple[str, str, Sequence[int], Any]], also: str = "") -> str:
    """The sha256 of what doesn't travel: 64 hexadecimal digits.

    Parameters
    ----------
    tensors: key, dtype, shape and bytes of each (anything with a buffer), in any order.
    also: what else must be alike, such as the settings by which an adapter works.
    """
    found = hashlib.sha256(json.dumps(["colearn-base-1", also]).encode())
    for key, dtype, shape, data in sorted(tensors, key=lambda one: one[0]):
        found.update(json.dumps([key, dtype, [*map(int, shape)]]).encode() + b"\0")
        found.update(data)
    return found.hexdigest()


class SharingOptions(PrivateOptions, total=False):
    """The options of a learner that may share a part of its model; see :class:`SharingLearner`."""

    share: Share | None
    own_file: str | os.PathLike[str] | None


class SharingLearner(PrivateLearner):
    """A batch learner of whose model a part may be the collective's.

    With ``share`` the weights are ``{"shared": {key: array}}``, and where the rest has a frozen base
    ``{"base": {sha256: None}, "shared": …}``: its hash is part of the schema that was agreed on, so weights on another
    base fit no learner, and no learner with another base fits the collective.

    What is each member's own is trained with the rest. A training leaves it as it was until weights are accepted: then
    it becomes what the last training made of it. So is a proposal tested, too; the current weights with the better of
    the two.

    An adapter's ``__init__`` calls :meth:`divide` when its model is ready, before :meth:`start`. It implements
    :meth:`variables`, :meth:`buffer_of`, :meth:`read_named` and :meth:`write_named`, and where :attr:`parts` is there
    its :meth:`read_weights` and :meth:`write_weights` are :meth:`read_shared` and :meth:`write_shared`.

    Parameters
    ----------
    train, vote, test, options: as for :class:`~colearn_ledger.learners.privacy.learner.PrivateLearner`.
    share: which variables are shared (:func:`divided`); None: all of them.
    own_file: where this member's own part is kept, and read again by a learner that is restarted; without it a
        restarted learner begins with the model's own first values.

    Attributes
    ----------
    parts: the variables by whose they are; None where all are shared.
    base_sha256: of the frozen base; empty where there is none.
    """

    def __init__(self, train: Data, vote: Data, test: Data, **options: Unpack[SharingOptions]) -> None:
        self._share, own_file = options.pop("share", None), options.pop("own_file", None)
        if own_file is not None and self._share is None:
            raise UsageError("own_file without share", fix="name by share what is the collective's, or leave it out")
        super().__init__(train, vote, test, **options)  # type: ignore[misc]
        self._own_file = None if own_file is None else Path(own_file)
        self.parts: Parts | None = None
        self.base_sha256 = ""

    def variables(self) -> Sequence[Variable]:
        """All variables of the model, each with a key of its own."""
        raise NotImplementedError(f"{type(self).__name__} shares its whole model")

    def buffer_of(self, key: str) -> tuple[str, Sequence[int], Any]:
        """The dtype, shape and bytes of one of them."""
        raise NotImplementedError(f"{type(self).__name__} shares its whole model")

    def read_named(self, keys: Sequence[str]) -> dict[str, Any]:
        """Copies of these variables, as arrays by key."""
        raise NotImplementedError(f"{type(self).__name__} shares its whole model")

    def write_named(self, values: Mapping[str, Any]) -> None:
        """Copy arrays into these variables; raises InvalidWeights where the model can't hold them."""
        raise NotImplementedError(f"{type(self).__name__} shares its whole model")

    def divide(self, also: str = "") -> None:
        """Find out what is whose, hash the base, and read this member's own part from its file.

        ``also``: see :func:`hash_of_base`. Raises UsageError as :func:`divided`, ConfigError for a file that isn't this
        model's own part.
        """
        if self._share is None:
            return
        variables = self.variables()
        self.parts = divided(variables, self._share)
        if self.parts.base:
            self.base_sha256 = hash_of_base(((key, *self.buffer_of(key)) for key in self.parts.base), also)
        if self._own_file is not None and not self.parts.own:
            raise UsageError(
                f"own_file is {self._own_file}, and nothing of the model is this member's own",
                expected="a model of which a part is neither shared nor frozen",
                fix="leave it out",
            )
        if self._own_file is not None and self._own_file.exists():
            self.write_own(self._kept_own(self._own_file))

    def _kept_own(self, path: Path) -> Any:
        own = load_weights(path)
        try:
            Schema.of(self.read_own()).check(own)
        except InvalidWeights as error:
            raise ConfigError(
                f"own_file {path} is of another model: {error.what.rpartition(': ')[2]}",
                expected=error.expected or "this member's own part of this model",
                fix="name the right file, or another one that isn't there yet to begin anew",
            ) from None
        return own

    def place_of(self, key: str) -> str:
        """Where in the tree of weights a variable is, as a JSON pointer."""
        return child_path("" if self.parts is None else child_path("", SHARED), key)

    def read_shared(self) -> Any:
        """The weights: what is shared, and what the base must be."""
        assert self.parts is not None, "divided"
        shared = {SHARED: self.read_named(self.parts.shared)}
        return {BASE: {self.base_sha256: None}, **shared} if self.base_sha256 else shared

    def write_shared(self, weights: Any) -> None:
        """The other way round; the schema has said that they fit."""
        self.write_named(weights[SHARED])

    def read_own(self) -> Any:
        return self.read_named(self.parts.own) if self.parts is not None and self.parts.own else None

    def write_own(self, own: Any) -> None:
        if own is not None:
            self.write_named(own)

    def keep_own(self, own: Any) -> None:
        if self._own_file is None:
            return
        try:
            write_whole(self._own_file, encode(own))
        except OSError as error:
            raise OutputError(
                f"own_file {self._own_file} can't be written: {error.strerror or error}",
                expected="a file that this learner may write, with room on its disk",
                fix="make room, or name another file",
            ) from error

    @property
    def personal(self) -> bool:
        """Whether a part of the model is this member's own, so that others predict otherwise with the same weights."""
        return self.parts is not None and bool(self.parts.own)

    @property
    def reproducible(self) -> bool:
        """Whether the current weights, the seed and the round fix what is proposed, also after a restart."""
        lasting = not self.personal or self._own_file is not None
        return super().reproducible and lasting
