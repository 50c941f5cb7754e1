"""What a collective is: its members, its rules, its code; what stays the same from round to round."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..chain.bytecode import check_code
from ..chain.snapshot import Snapshot
from ..core.merge.rules import rule_text
from ..core.protocol import ZERO_ADDRESS, MotionKind, View
from ..core.schema import Schema
from ..formats.size import shown_size
from ..founding.names import Names
from ..plan.document import Plan
from .agreed import Agreed, agreed_rows, agreed_to_dict, read_agreed
from .agreements import agreement_in_words
from .rules import decision_in_words, rounds_in_words, windows_in_words, windows_of

__all__ = ["FORMAT", "About", "about_page", "about_to_dict", "read_about"]

FORMAT = "colearn-info-1"


@dataclass(frozen=True, slots=True)
class About:
    """A collective as of one block.

    Attributes
    ----------
    view: as one who is no member sees it.
    members: by seat.
    code_hash: keccak-256 of the code at the address, which is this version's contract.
    deployed_block: 0 where it isn't known.
    schema: of its weights; None where it isn't known.
    names: of members.
    agreed: the plan, its target, a successor.
    end: after which nothing is proposed, as the contract keeps it; zeros: none.
    """

    chain_id: int
    address: str
    view: View
    members: tuple[str, ...]
    shuffled: bool
    code_hash: bytes
    deployed_block: int
    schema: Schema | None
    names: Names
    agreed: Agreed
    end: bytes


def read_about(
    snapshot: Snapshot,
    deployed_block: int,
    schema: Schema | None,
    names: Names,
    find_plan: Callable[[bytes], Plan],
) -> About:
    """Read it from the chain. Raises ChainError, NoContract, ArtifactError."""
    return About(
        snapshot.contract.chain_id,
        snapshot.contract.address,
        snapshot.view(ZERO_ADDRESS),
        snapshot.members(),
        snapshot.shuffled(),
        check_code(snapshot),
        deployed_block,
        schema,
        names,
        read_agreed(snapshot, find_plan, deployed_block=deployed_block),
        snapshot.agreement(MotionKind.SET_END),
    )


def about_page(about: About) -> Iterator[str]:
    """Lines, each with its subject first."""
    view, members = about.view, about.members
    grow = "" if about.schema is None or about.schema.sizes()[1] is not None else ", as they may grow"
    rows = [
        ("collective", f"{about.address} on chain {about.chain_id}"),
        ("deployed", f"in block {about.deployed_block}" if about.deployed_block else ""),
        ("code", "this version's contract"),
        ("", f"keccak-256 {about.code_hash.hex()}"),
        ("members", str(len(members))),
        *(("", f"{about.names.full(address)}, seat {seat}") for seat, address in enumerate(members)),
        ("accepts", decision_in_words(view.rules, len(members))),
        ("proposers", "in an order that is shuffled each cycle" if about.shuffled else "in turn, seat by seat"),
        ("rounds", rounds_in_words(view.merge_order)),
        ("votes", "secret until they are revealed" if view.secret_votes else "open"),
        ("time", windows_in_words(view.rules, secret=view.secret_votes)),
        ("agreed", agreement_in_words(MotionKind.SET_END, about.end) if any(about.end) else ""),
        ("weights", f"{shown_size(view.max_size)} at most{grow}"),
        *agreed_rows(about.agreed),
        ("", "" if about.schema is None or about.schema.wire is None else f"they travel as {about.schema.wire}"),
        ("accepted", f"those of round {view.accepted_round}, {shown_size(view.accepted.size)}"),
        ("", f"sha256 {view.accepted.sha256.hex()}"),
        ("", f"CID    {view.accepted.cid}"),
        ("now", f"round {view.round}, as of block {view.block_number}; `colearn-ledger status` says how it stands"),
    ]
    yield from (f"{name:<10}  {text}" for name, text in rows if text)


def about_to_dict(about: About) -> dict[str, Any]:
    """The same for JSON; what isn't known is null, spans are seconds."""
    view = about.view
    return {
        "format": FORMAT,
        "chain_id": about.chain_id,
        "address": about.address,
        "block": view.block_number,
        "deployed_block": about.deployed_block or None,
        "code_hash": "0x" + about.code_hash.hex(),
        "members": [
            {"seat": seat, "address": address, "name": about.names.of(address) or None}
            for seat, address in enumerate(about.members)
        ],
        "shuffled": about.shuffled,
        "threshold": str(view.rules.threshold),
        **{window.name: getattr(view.rules, window.name) for window in windows_of(view.rules)},
        "merge_order": [rule_text(number) for number in view.merge_order],
        "secret_votes": view.secret_votes,
        "max_size": view.max_size,
        **agreed_to_dict(about.agreed),
        "end": "0x" + about.end.hex() if any(about.end) else None,
        "pause": view.rules.pause,
        "ended": view.ended,
        "round": view.round,
        "accepted_round": view.accepted_round,
        "accepted_sha256": view.accepted.sha256.hex(),
        "accepted_cid": view.accepted.cid,
        "schema": None if about.schema is None else about.schema.to_json(),
    }
