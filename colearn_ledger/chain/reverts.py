"""From revert bytes to :class:`~colearn_ledger.errors.ContractError`: the selector says which error it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import collapse_if_tuple
from eth_utils.crypto import keccak

from ..errors import ContractError

__all__ = ["RevertDecoder"]

_FIXES = {
    "NotAMember": "use the key of a member, or have a member move to add this address",
    "StaleParent": "train again from the accepted weights",
    "RoundOverdue": "send `advance` first",
    "StaleTraining": "train again from the accepted weights",
    "TrainingGoesOn": "wait until all expected have contributed, or the time to train is over",
    "WrongRule": "merge by the rule whose turn it is",
    "NotContributed": "merge what was contributed in time, and nothing else",
    "NoClaim": "say in the note's first 64 bytes what was merged: rounds are joint",
    "JointRoundsOnly": "propose weights in your turn: the collective's rounds are solo",
    "BadMergeOrder": "name one to six rules to merge by",
    "BadRules": "thresholds need 0 < numerator < denominator, windows 1 second or more (to train: in joint rounds)",
    "WindowTooLong": "give every window at most 33554431 seconds (388 days)",
    "BlockTimeNotInSeconds": "use a chain whose block time counts seconds (some count milliseconds or nanoseconds)",
    "NothingChanged": "train further, or wait for another member's proposal; a motion changes something",
    "RoundNotAccepted": "name an accepted round: `colearn-ledger history` lists them",
    "Resting": "wait until then: the collective rests between rounds, as its rules say",
    "Ended": "move another end: the collective has come to the one that its members agreed on",
    "BadAgreement": "agree on a plan, an end (a round and a time) or a successor (a chain id and an address)",
    "BadMemberCount": "a collective has 2 to 64 members",
    "AlreadyAMember": "name every member once",
    "TooManyMotions": "a member has one motion, and one wish, at a time: wait until yours is decided and carried out",
    "NotAnAddition": "name the address of the member's key, not the contract's",
}


class RevertDecoder:
    """Decodes the revert data of one contract by its ABI."""

    def __init__(self, abi: Sequence[Mapping[str, Any]]) -> None:
        self._errors: dict[bytes, Mapping[str, Any]] = {}
        for item in abi:
            if item.get("type") == "error":
                signature = f"{item['name']}({','.join(collapse_if_tuple(i) for i in item['inputs'])})"
                self._errors[keccak(text=signature)[:4]] = item

    def decode(self, data: bytes, doing: str) -> ContractError:
        """The error behind ``data``; ``doing`` names the call for people."""
        item = self._errors.get(data[:4])
        values: tuple[Any, ...] = ()
        try:
            if item is not None:
                values = decode([collapse_if_tuple(i) for i in item["inputs"]], data[4:])
        except DecodingError:  # it begins as one of the contract's errors, and isn't one
            item = None
        if item is None:
            shown = "0x" + data.hex() if data else "no data"
            return ContractError(
                f"the contract refused to {doing} without one of its own errors ({shown})",
                expected="this project's contract at the address",
                fix="compare the contract's address and chain with the deployment",
            )
        arguments = {i["name"]: value for i, value in zip(item["inputs"], values, strict=True)}
        shown = ", ".join(f"{k}={_show(v)}" for k, v in arguments.items())
        return ContractError(
            f"the contract refused to {doing}: {item['name']}({shown})",
            name=item["name"],
            arguments=arguments,
            fix=_FIXES.get(item["name"], ""),
        )


def _show(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
