"""A collective on Anvil and what happened in it, for tests that read histories."""

from __future__ import annotations

from dataclasses import dataclass, field

from colearn_ledger.chain.transactions import Receipt

from .anvil import Anvil
from .collective import RULES, Collective

__all__ = ["Told", "tell"]


@dataclass
class Told(Collective[Anvil]):
    """``receipts``: of ``propose 1`` (round 1), ``vote 1.2`` (by account 2 in round 1), and so on."""

    receipts: dict[str, Receipt] = field(kw_only=True)


def tell(chain: Anvil) -> Told:
    """Round 1 accepted, 2 rejected, 3 left to the clock, 4 to 6 missed, 7 open with a proposal; a member joined."""
    story = Collective.found(chain, 4)
    sent: dict[str, Receipt] = {}
    sent["propose 1"] = story.send_proposal("one", b'{"samples":200}')
    sent["vote 1.1"] = story.vote(1, scores=(-1_500_000, 250_000))
    sent["vote 1.2"] = story.vote(2, False)
    sent["vote 1.3"] = story.vote(3)
    sent["propose 2"] = story.send_proposal("two")
    sent["vote 2.0"] = story.vote(0, False)
    story.sender(0).move_add_member(story.address(5))
    story.vote_motion(1, 2)
    sent["vote 2.2"] = story.vote(2, False)  # decides, and the fifth member has joined
    sent["propose 3"] = story.send_proposal("three")
    sent["vote 3.0"] = story.vote(0)
    chain.pass_time(RULES.vote_window + 3 * RULES.propose_window + 10)
    sent["propose 7"] = story.send_proposal("seven", b"\xff\x00\x1b[31m")
    sent["vote 7.5"] = story.vote(5)
    return Told(**vars(story), receipts=sent)
