"""Which call of the contract each of a member's acts is, and what it is called for people."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from eth_account.signers.local import LocalAccount

from colearn_ledger.chain.calls import Calls
from colearn_ledger.chain.contract import CollectiveContract
from colearn_ledger.core.protocol import Rules

from ..kit.builders import ME

RULES = Rules(2, 3, propose_window=10, vote_window=20, reveal_window=30, motion_window=40)
ID, PARENT, SHA256, DIGEST, SALT = (bytes([n]) * 32 for n in range(1, 6))


class Functions:
    """Calls as tuples of their names and arguments."""

    def __getattr__(self, name: str) -> Callable[..., tuple[Any, ...]]:
        return lambda *arguments: (name, *arguments)


class Told(Calls[tuple[Any, str]]):
    """Gives back what it was to send."""

    def send(self, function: Any, doing: str) -> tuple[Any, str]:
        return function, doing


CALLS = Told(
    cast(CollectiveContract, SimpleNamespace(functions=Functions())), cast(LocalAccount, SimpleNamespace(address=ME))
)


@pytest.mark.parametrize(
    "told, call, doing",
    [
        (
            CALLS.propose(7, PARENT, SHA256, DIGEST, 9, b"n"),
            ("propose", 7, PARENT, SHA256, DIGEST, 9, b"n"),
            "propose weights in round 7",
        ),
        (CALLS.vote(ID, True), ("vote", ID, True), "vote"),
        (CALLS.vote(ID, False, (1, 2)), ("voteWithScores", ID, False, 1, 2), "vote"),
        (CALLS.commit(ID, SALT), ("commit", ID, SALT), "commit to a vote"),
        (CALLS.reveal(ID, True, SALT), ("reveal", ID, True, SALT), "reveal a vote"),
        (CALLS.reveal(ID, False, SALT, (1, 2)), ("revealWithScores", ID, False, SALT, 1, 2), "reveal a vote"),
        (CALLS.advance(), ("advance",), "advance the round"),
        (CALLS.move_add_member(ME), ("moveAddMember", ME), f"move to add {ME}"),
        (CALLS.move_remove_member(ME), ("moveRemoveMember", ME), f"move to remove {ME}"),
        (CALLS.move_rules(RULES), ("moveRules", (2, 3, 10, 20, 30, 40, 0, 0)), "move to change the rules"),
        (CALLS.move_revert_to(3), ("moveRevertTo", 3), "move to go back to round 3"),
        (CALLS.replace_member(ME), ("replaceMember", ME), f"hand its seat to {ME}"),
        (CALLS.vote_motion(ID, False), ("voteMotion", ID, False), "vote on a motion"),
        (CALLS.leave(), ("leave",), "leave the collective"),
    ],
)
def test_calls__each__is_its_function_with_its_arguments(told: tuple[Any, str], call: Any, doing: str) -> None:
    assert told == (call, doing)
