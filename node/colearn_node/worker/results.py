"""What came of a worker's work, kept until it is used."""

from __future__ import annotations

from colearn_ledger.core.decide import Action, Contribute, Judge
from colearn_ledger.member.work import Verdict, Work

from .keys import Key, key_of

__all__ = ["Results"]


class Results:
    """The last result; a contribution, which stays whatever is wanted meanwhile; and a verdict that no worker gave."""

    def __init__(self) -> None:
        self._last: tuple[Key, Work] | None = None
        self._contributed: tuple[Key, Work] | None = None
        self._condemned: tuple[Key, Work] | None = None

    def of(self, action: Action) -> Work | None:
        """The result of the action, if there is one. Another one than the last is then not wanted any more."""
        key = key_of(action)
        if self._last is not None and self._last[0] != key:
            self._last = None
        kept = (self._last, self._contributed, self._condemned)
        return next((one[1] for one in kept if one is not None and one[0] == key), None)

    def keep(self, action: Action, work: Work) -> None:
        """This is what came of it."""
        if isinstance(action, Contribute):
            self._contributed = key_of(action), work
        else:
            self._last = key_of(action), work

    def condemn(self, action: Judge, reason: str) -> None:
        """No worker lives through testing it: that is a vote to reject."""
        self._condemned = key_of(action), Verdict(action, approve=False, test=None, reason=reason)

    def used(self, action: Action | None) -> None:
        """It was used; None: nothing is wanted, a contribution apart."""
        if action is None or (self._last is not None and self._last[0] == key_of(action)):
            self._last = None
        if action is not None and self._contributed is not None and self._contributed[0] == key_of(action):
            self._contributed = None

    def forget_last(self) -> None:
        """The worker is gone, and the learner that it was about."""
        self._last = None
