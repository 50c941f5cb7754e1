"""The one error tree of the project.

Every error that a user can cause, or that the outside world can cause, is a :class:`ColearnError` with three parts:
what happened, what was expected, and how to fix it. Programs print :meth:`ColearnError.__str__` and leave with
:attr:`ColearnError.exit_code`; anything else that is raised is a bug and keeps its traceback.

Exit codes are in ranges that say whether starting the program again helps (ADR 12): below :data:`PASSES_FROM` only a
person mends what is wrong, from there on it may pass by itself.

Errors also inherit the built-in exception that fits (``ValueError``, ``OSError``, ...), so that code which knows
nothing of this library can catch them.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "PASSES_FROM",
    "ArtifactError",
    "AuditFailed",
    "AuditIncomplete",
    "ChainError",
    "ColearnError",
    "CompilerNotFound",
    "ConfigError",
    "ContractError",
    "DataError",
    "InsufficientFunds",
    "InvalidWeights",
    "KeyFileError",
    "KeyInUse",
    "LearnerError",
    "LearnerWarning",
    "NetworkError",
    "NoContract",
    "NoQuorum",
    "NotAMember",
    "OutOfMemory",
    "OutputError",
    "SchemaMismatch",
    "StoreError",
    "TrainingStopped",
    "TransactionError",
    "UnavailableWeights",
    "UntestableWeights",
    "UsageError",
    "WrongChain",
    "how_to_install",
]

PASSES_FROM = 40


def how_to_install(extra: str) -> str:
    """How a user gets an extra of this package, which is in no index; ``extra``: several with commas between."""
    return f'in a checkout: pip install ".[{extra}]"; with a wheel: pip install "FILE.whl[{extra}]"'


class ColearnError(Exception):
    """Base of all errors of colearn-ledger.

    Parameters
    ----------
    what: what happened, one sentence without a full stop.
    expected: what was expected instead, or empty.
    fix: how to fix it, or empty.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, expected: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.fix:
            lines.append(f"  to fix:   {self.fix}")
        return "\n".join(lines)


class UsageError(ColearnError, ValueError):
    """A command line option or an argument of a public function is out of range or unknown."""

    exit_code = 2


class ConfigError(ColearnError, ValueError):
    """A configuration file is missing, unreadable, or has an unknown, missing or wrong key."""

    exit_code = 3


class DataError(ColearnError, OSError):
    """A data set is missing, unreadable or doesn't hold what the task needs."""

    exit_code = 44


class LearnerError(ColearnError, TypeError):
    """An object that was given as a learner lacks a method, or a method returned the wrong kind of thing."""

    exit_code = 5


class OutOfMemory(LearnerError, MemoryError):
    """A learner has found too little memory, on its device or the machine: that says nothing about weights."""

    exit_code = 45


class TrainingStopped(ColearnError):
    """A learner has ended its training early, since it was told that nobody waits for it any more."""


class InvalidWeights(ColearnError, ValueError):
    """The bytes were had, and are not acceptable weights (hash, size, format, schema or values): vote to reject."""

    exit_code = 6


class SchemaMismatch(InvalidWeights):
    """Well-formed weights whose names, dtypes or shapes are not those of the collective's model."""


class UntestableWeights(InvalidWeights):
    """Well-formed weights with which a learner's test fails, as it doesn't with the learner's current ones."""


class StoreError(ColearnError, OSError):
    """A weight store can't be used (folder, daemon, disk)."""

    exit_code = 40


class UnavailableWeights(StoreError):
    """The bytes could not be had (in time), which says nothing about the weights: try again, then abstain."""


class ChainError(ColearnError, OSError):
    """The chain can't be reached, or answers what no chain should answer."""

    exit_code = 41


class WrongChain(ChainError):
    """The endpoint is a different chain than the one named."""

    exit_code = 9


class NoQuorum(ChainError):
    """Too few endpoints say the same of the chain, where several must: wait, and do nothing on one's word."""


class ContractError(ColearnError):
    """The contract refused a call, by one of its own errors.

    Attributes
    ----------
    name: name of the contract's error, such as ``StaleParent``; empty if the revert had no known error.
    arguments: its arguments by name.
    """

    exit_code = 10

    def __init__(
        self,
        what: str,
        *,
        name: str = "",
        arguments: dict[str, object] | None = None,
        expected: str = "",
        fix: str = "",
    ) -> None:
        super().__init__(what, expected=expected, fix=fix)
        self.name = name
        self.arguments = arguments or {}


class TransactionError(ChainError):
    """A transaction could not be sent, or was not mined in time."""

    exit_code = 42


class KeyFileError(ColearnError, OSError):
    """A key file is missing, can't be decrypted, or holds no key."""

    exit_code = 12


class ArtifactError(ColearnError):
    """The code at an address is not this contract, or the shipped artifact is damaged."""

    exit_code = 13


class CompilerNotFound(ColearnError, OSError):
    """No Solidity compiler of the pinned version can be had."""

    exit_code = 14


class NetworkError(ColearnError, OSError):
    """A local network (chain and store daemons) could not be started or stopped."""

    exit_code = 15


class InsufficientFunds(TransactionError):
    """The account can't pay for a transaction."""

    exit_code = 43


class NotAMember(ContractError):
    """The account is not a member of the collective, and what it wants to do is for members."""

    exit_code = 17


class NoContract(ArtifactError):
    """There is no code at an address."""

    exit_code = 18


class KeyInUse(KeyFileError):
    """Another node on this machine uses the same key."""

    exit_code = 19


class OutputError(ColearnError, OSError):
    """What a program has to say can't be written: the disk is full."""

    exit_code = 20


class AuditFailed(ColearnError):
    """An audit found that something does not hold."""

    exit_code = 21


class AuditIncomplete(ColearnError):
    """All that an audit could check holds, and it could not check all: something could not be had."""

    exit_code = 22


class LearnerWarning(UserWarning):
    """A learner does something that works here and may not do what its author thinks."""
