"""What members agree on besides weights, in words."""

from __future__ import annotations

from ..core.agreements import NONE, End, Successor
from ..core.protocol import MotionKind
from ..formats.addresses import parse_address
from .rounds import human_time

__all__ = ["agreement_in_words"]


def agreement_in_words(kind: MotionKind, word: bytes) -> str:
    """What is agreed on by a motion of this kind; what no such word says is shown as it is."""
    try:
        return _in_words(kind, word)
    except (ValueError, OverflowError):
        return f"{kind.name.lower().replace('set_', '')}: 0x{word.hex()}, which says nothing"


def _in_words(kind: MotionKind, word: bytes) -> str:
    if kind is MotionKind.SET_PLAN:
        return "plan: none" if word == NONE else f"plan: the file with sha256 {word.hex()}"
    if kind is MotionKind.SET_SUCCESSOR:
        if word == NONE:
            return "successor: none"
        said = Successor.of(word)
        return f"successor: {parse_address('0x' + said.address.hex(), 'the successor')} on chain {said.chain_id}"
    end = End.of(word)
    after = [f"round {end.last_round}"] * (end.last_round > 0)
    after += [f"{human_time(end.last_second)} UTC"] * (end.last_second > 0)
    return f"end: nothing is proposed after {' or '.join(after)}" if after else "end: none"
