"""A model's card: where its weights come from, who agreed to them by which rules, and how its files are opened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..core.protocol import View
from ..core.results import Results, RoundResult
from ..founding.names import NO_NAMES, Names
from ..history.accepted import mean_scores
from ..history.export import history_to_dict
from ..history.types import History
from .agreed import Agreed, agreed_to_dict
from .record import environment
from .rules import decision_in_words, windows_in_words
from .terminal import one_line

__all__ = ["FORMAT", "card_text", "chain_card", "run_card"]

FORMAT = "colearn-model-card-1"
_VOTE = ("member", "vote", "current_score", "proposed_score")
_PUNCTUATION, _ESCAPED = re.compile(r"([!-/:-@\[-`{-~])"), r"\\\1"
_PRIVACY = ("epsilon", "delta", "target")


def chain_card(
    history: History, view: View, members: Iterable[str], names: Names = NO_NAMES, agreed: Agreed | None = None
) -> dict[str, Any]:
    """The card of the one round that ``history`` has: an accepted one.

    Parameters
    ----------
    view: of the same block: rules and accepted weights as they are now.
    members: of the round, or where it is the genesis those of now.
    names: of members, other people's text.
    agreed: the plan, likewise, and a successor.
    """
    members = tuple(members)
    whole = history_to_dict(history)
    [round_] = whole.pop("rounds")
    means, note = mean_scores(history.rounds[0]), round_["note"]
    spent = {name: note[name] for name in _PRIVACY if _is_number(note.get(name))} if isinstance(note, dict) else {}
    rules = view.rules
    return {
        "format": FORMAT,
        "collective": {"chain_id": history.chain_id, "address": history.address},
        "as_of": {name: whole[name] for name in ("block", "block_hash", "time")},
        "round": round_["round"],
        "is_current": view.accepted_round == round_["round"],
        "weights": {"sha256": round_["weights_sha256"], "cid": round_["cid"], "size": round_["size"]},
        "members": list(members),
        "names": {one: names.of(one) for one in (*members, round_["proposer"]) if one and names.of(one)},
        "rules": {
            "decision": decision_in_words(rules, view.member_count),
            "windows": windows_in_words(rules, secret=view.secret_votes),
            "secret_votes": view.secret_votes,
        },
        "agreed": None if agreed is None else agreed_to_dict(agreed),
        "scores": None if means is None else {"before": means[0], "of_these": means[1]},
        "privacy": spent or None,
        "proposer": round_["proposer"],
        "parent_round": round_["parent_round"],
        "votes": [{name: vote[name] for name in _VOTE} for vote in round_["votes"]],
        "record": round_,
        **environment(),
    }


def run_card(results: Results, result: RoundResult) -> dict[str, Any]:
    """The card of a round of a run in one process."""
    known = [score for score in result.test_scores if score is not None]
    about = results.ledger or {}
    return {
        "format": FORMAT,
        "collective": {"chain_id": about.get("chain_id"), "address": about.get("contract"), "run": results.backend},
        "round": result.round,
        "is_current": result.weights_sha256 == results.final_sha256,
        "weights": {"sha256": result.weights_sha256, "cid": result.cid, "size": result.size},
        "members": list(results.learner_names),
        "rules": {"decision": f"more than {results.threshold} of the others must approve"},
        "scores": {"of_these": sum(known) / len(known)} if known else None,
        "privacy": None,
        "proposer": results.learner_names[result.proposer] if result.round > 0 else None,
        "parent_round": _parent(results, result),
        "votes": _run_votes(results, result),
        "record": result.to_dict(),
        **environment(),
    }


def card_text(card: Mapping[str, Any]) -> str:
    """The card as Markdown. Of what members wrote of their own it has their names, escaped; all else is in the JSON."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: Mapping[str, Any]) -> Iterator[str]:
    where, weights = card["collective"], card["weights"]
    yield f"# Model of round {card['round']}"
    yield ""
    if where["address"] is not None:
        yield f"Accepted by the collective `{where['address']}` on chain {where['chain_id']}" + (
            f", read at block {card['as_of']['block']} ({card['as_of']['time']})." if "as_of" in card else "."
        )
    yield "These are the accepted weights." if card["is_current"] else "By then other weights were the accepted ones."
    yield ""
    yield "| What | Value |"
    yield "|---|---|"
    for name, value in (
        ("sha256 of the weights", f"`{weights['sha256']}`"),
        ("CID", f"`{weights['cid']}`"),
        ("size", f"{weights['size']:,} bytes"),
        ("built on round", card["parent_round"]),
        ("proposed by", card["proposer"] and _full(card, card["proposer"])),
        ("rules now", "; ".join(str(v) for v in card["rules"].values() if isinstance(v, str))),
        ("mean score", None if card["scores"] is None else f"{card['scores']['of_these']:.4f}"),
        ("mean score before", None if not card["scores"] else _shown(card["scores"].get("before")) or None),
        *_agreed(card.get("agreed")),
        ("privacy spent by the proposer", _spent(card["privacy"])),
        ("made by", f"`{card['command']}`"),
        ("versions", ", ".join(f"{name} {version}" for name, version in card["versions"].items())),
    ):
        if value is not None:
            yield f"| {name} | {value} |"
    yield from _members(card)
    yield ""
    yield "## Files"
    for file in card["files"]:
        yield ""
        yield f"`{file['name']}`, sha256 `{file['sha256']}`:"
        yield ""
        yield f"    {file['opens']}"
    yield ""
    yield "`sha256sum weights.safetensors` gives what the chain has; the other files were made of these weights."


def _parent(results: Results, result: RoundResult) -> int | None:
    """The accepted round that a run's round was trained from."""
    before = (r.round for r in results.rounds if r.accepted and r.round < result.round)
    return max(before, default=0) if result.round > 0 else None


def _run_votes(results: Results, result: RoundResult) -> list[dict[str, Any]]:
    """The votes of a run's round, in the form of the history's."""
    if result.round == 0:
        return []
    words = {True: "approved", False: "rejected", None: "absent"}
    everyone = zip(results.learner_names, result.votes, result.current_scores, result.vote_scores, strict=True)
    rows = [dict(zip(_VOTE, (name, words[vote], now, new), strict=True)) for name, vote, now, new in everyone]
    return [row for index, row in enumerate(rows) if index != result.proposer]


def _members(card: Mapping[str, Any]) -> Iterator[str]:
    votes = {vote["member"]: vote for vote in card["votes"]}
    yield ""
    yield "## Members"
    yield ""
    yield "| Member | Vote | Score before | Score of these |"
    yield "|---|---|---|---|"
    for member in card["members"]:
        vote = votes.get(member, {})
        said = "proposed" if member == card["proposer"] else vote.get("vote", "")
        scores = f"{_shown(vote.get('current_score'))} | {_shown(vote.get('proposed_score'))}"
        yield f"| {_full(card, member)} | {said} | {scores} |"


def _agreed(agreed: Mapping[str, Any] | None) -> Iterator[tuple[str, str | None]]:
    """The plan's hash and those of its fields that no member could fill with Markdown; and the links to others."""
    if agreed is None:
        return
    plan, new = agreed["plan"] or {}, agreed["successor"]
    yield "plan", agreed["plan_sha256"] and f"sha256 `{agreed['plan_sha256']}`"
    if (code := plan.get("learner", {}).get("code")) is not None:
        yield "the learner's code, by the plan", f"sha256 `{code}`"
    if (target := plan.get("target")) is not None:
        yield "target", f"{target['value']:g}" + (", reached" if agreed["target_reached"] else "")
    if (old := plan.get("succeeds")) is not None:
        yield "succeeds", f"`{old['address']}` on chain {old['chain_id']}, by the weights of round {old['round']} there"
    if new is not None:
        yield "succeeded by", f"`{new['address']}` on chain {new['chain_id']}"


def _full(card: Mapping[str, Any], member: str) -> str:
    """A member, with its name where it has one: text, and no Markdown."""
    name = card.get("names", {}).get(member)
    return member if name is None else f"{member} ({_PUNCTUATION.sub(_ESCAPED, one_line(name))})"


def _spent(privacy: Mapping[str, float] | None) -> str | None:
    return None if privacy is None else ", ".join(f"{name} {value:g}" for name, value in privacy.items())


def _shown(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
