"""A model's card: where its weights come from, who agreed to them by which rules, and how its files are opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..core.protocol import View
from ..core.results import Results, RoundResult
from ..history.accepted import mean_scores
from ..history.export import history_to_dict
from ..history.types import History
from .record import environment
from .rules import decision_in_words, windows_in_words

__all__ = ["FORMAT", "card_text", "chain_card", "run_card"]

FORMAT = "colearn-model-card-1"
_PRIVACY = ("epsilon", "delta", "target")


def chain_card(history: History, view: View, members: Iterable[str]) -> dict[str, Any]:
    """The card of the one round that ``history`` has: an accepted one.

    Parameters
    ----------
    view: of the same block: rules and accepted weights as they are now.
    members: of the round, or where it is the genesis those of now.
    """
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
        "rules": {
            "decision": decision_in_words(rules, view.member_count),
            "windows": windows_in_words(rules, secret=view.secret_votes),
            "secret_votes": view.secret_votes,
        },
        "scores": None if means is None else {"before": means[0], "of_these": means[1]},
        "privacy": spent or None,
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
        "record": result.to_dict(),
        **environment(),
    }


def card_text(card: Mapping[str, Any]) -> str:
    """The card as Markdown. What members wrote of their own is in the JSON alone."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: Mapping[str, Any]) -> Iterator[str]:
    where, weights, record = card["collective"], card["weights"], card["record"]
    yield f"# Model of round {card['round']}"
    yield ""
    if where["address"] is not None:
        yield f"Accepted by the collective `{where['address']}` on chain {where['chain_id']}" + (
            f", read at block {card['as_of']['block']} ({card['as_of']['time']})." if "as_of" in card else "."
        )
    yield (
        "These are the accepted weights at that time." if card["is_current"] else "Later weights are the accepted ones."
    )
    yield ""
    yield "| What | Value |"
    yield "|---|---|"
    for name, value in (
        ("sha256 of the weights", f"`{weights['sha256']}`"),
        ("CID", f"`{weights['cid']}`"),
        ("size", f"{weights['size']:,} bytes"),
        ("built on round", record.get("parent_round")),
        ("proposed by", record.get("proposer")),
        ("rules now", "; ".join(str(v) for v in card["rules"].values() if isinstance(v, str))),
        ("mean score", None if card["scores"] is None else f"{card['scores']['of_these']:.4f}"),
        ("mean score before", None if not card["scores"] else _shown(card["scores"].get("before"))),
        ("privacy spent by the proposer", _spent(card["privacy"])),
        ("made by", f"`{card['command']}`"),
        ("versions", ", ".join(f"{name} {version}" for name, version in card["versions"].items())),
    ):
        if value is not None:
            yield f"| {name} | {value} |"
    yield from _members(card["members"], record)
    yield ""
    yield "## Files"
    for file in card["files"]:
        yield ""
        yield f"`{file['name']}`, sha256 `{file['sha256']}`:"
        yield ""
        yield f"    {file['opens']}"
    yield ""
    yield "`sha256sum weights.safetensors` gives what the chain has; the other files were made of these weights."


def _members(members: Iterable[str], record: Mapping[str, Any]) -> Iterator[str]:
    votes = {v["member"]: v for v in record["votes"] if isinstance(v, dict)}
    yield ""
    yield "## Members"
    yield ""
    yield "| Member | Vote | Score before | Score of these |"
    yield "|---|---|---|---|"
    for member in members:
        vote = votes.get(member, {})
        said = "proposed" if member == record.get("proposer") else vote.get("vote", "")
        yield f"| {member} | {said} | {_shown(vote.get('current_score'))} | {_shown(vote.get('proposed_score'))} |"


def _spent(privacy: Mapping[str, float] | None) -> str | None:
    return None if privacy is None else ", ".join(f"{name} {value:g}" for name, value in privacy.items())


def _shown(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
