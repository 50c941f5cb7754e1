"""``colearn-ledger recompute ROUND``: merges again what a proposal claims to merge, and compares the bytes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..core.cid import cid_text
from ..core.merge.claim import LeftOut, claim_digest, digest_text
from ..core.merge.rules import Rule, rule_text
from ..core.protocol import seats
from ..errors import ChainError, InvalidWeights, UnavailableWeights, UsageError
from .options import add_collective_options, open_collective, parse_round
from .weights import add_store_options, borrowed, store_of, timeout_of

if TYPE_CHECKING:
    from ..chain.snapshot import Snapshot
    from ..core.protocol import Claim, WeightsRef
    from ..core.schema import Schema
    from ..founding.names import Names
    from ..history import Contributed, History, Round
    from ..member.merging import MergedBytes
    from ..stores.base import Store

__all__ = ["FORMAT", "add_options", "run"]

FORMAT = "colearn-recompute-1"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("round", metavar="ROUND", help="its number, or `current`")
    add_collective_options(parser, saved=True)
    add_store_options(parser, "endpoint, deployment and store")
    parser.add_argument("--json", action="store_true", help="as JSON")


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A proposal of a joint round, what it says that it is, and what that is about."""

    round: Round
    claim: Claim
    weights: WeightsRef
    parent: WeightsRef
    before: WeightsRef | None
    merged: tuple[Contributed, ...]

    @property
    def offered(self) -> list[tuple[int, WeightsRef]]:
        return [(one.seat, one.weights) for one in self.merged if one.seat is not None]


def run(options: argparse.Namespace) -> int:
    """Exit code 0 only where the proposal is the merge that it claims."""
    asked, timeout_s = parse_round(options.round), timeout_of(options)
    store = store_of(options)
    where = open_collective(options)
    if where.schema is None:
        raise UsageError(
            "--address alone doesn't say what the weights look like",
            expected="the deployment file, which has the roles of their leaves",
            fix="--deployment FILE",
        )

    def read(snapshot: Snapshot) -> tuple[History, WeightsRef | None, WeightsRef | None]:
        from ..history import read_history

        number = snapshot.current_round() if asked is None else asked
        history = read_history(snapshot, first=number, last=number, deployed_block=where.deployed_block)
        record = history.rounds[0].record
        [parent] = snapshot.rounds(record.parent_round, 1)
        if record.claim is None or record.claim.rule != Rule.MOMENTUM or record.parent_round == 0:
            return history, parent.weights, None
        [before] = snapshot.rounds(parent.parent_round, 1)
        return history, parent.weights, before.weights

    history, parent, before = where.read(read)
    claimed = _claimed(history, parent, before)
    from ..report.terminal import printer

    show = (lambda line: None) if options.json else printer()
    for line in _claim_in_words(claimed, history, where.read_names()):
        show(line)
    pulled = [claimed.parent, *(ref for _, ref in claimed.offered)]
    with borrowed(store, pulled if before is None else [*pulled, before]) as opened:
        merged = _merge(claimed, where.schema, opened, timeout_s)
        for line in _merge_in_words(claimed, merged, where.read_names()):
            show(line)
        wrong = _judged(claimed, merged, str(store))
    if options.json:
        json.dump(_as_dict(claimed, history, merged, wrong, where.read_names()), sys.stdout, indent=2, allow_nan=False)
        print()
    if wrong is not None:
        raise wrong
    show("outcome   the proposal is the merge that it claims to be, byte for byte")
    return 0


def _claimed(history: History, parent: WeightsRef | None, before: WeightsRef | None) -> _Claimed:
    [round_] = history.rounds
    record, claim = round_.record, round_.record.claim
    if claim is None or record.weights is None or parent is None:
        why = "has no proposal" if record.weights is None else "is not joint"
        raise UsageError(
            f"round {record.round} {why}: nothing was merged",
            expected="a proposal of a joint round",
            fix="see: history",
        )
    if claim.rule not in set(Rule) - {Rule.SOLO}:
        raise UsageError(
            f"round {record.round} is merged by {rule_text(claim.rule)}, which can't be recomputed here",
            expected="a rule that this version knows",
            fix="use the version of this package that its members use",
        )
    wanted = seats(claim.seats)
    there = {one.seat: one for one in round_.contributions}
    if not set(wanted) <= set(there):
        raise ChainError(
            f"the endpoint doesn't say what was contributed: {history.logs_problem or 'events are missing'}",
            expected="the events of the round's training",
            fix="name an endpoint that has old events",
        )
    return _Claimed(round_, claim, record.weights, parent, before, tuple(there[seat] for seat in wanted))


def _merge(claimed: _Claimed, schema: Schema, store: Store, timeout_s: float) -> MergedBytes:
    """Raises UnavailableWeights or InvalidWeights where the parent can't be had."""
    from ..core.merge.contributions import Basis
    from ..core.weights import check_head, laid_out
    from ..member.merging import merge_contributed
    from ..member.pulling import pull
    from ..stores.base import patience_s

    parent = claimed.parent
    schema.check_size(parent.size)
    try:
        check = partial(check_head, size=parent.size, schema=schema)
        data = pull(store, parent, deadline_s=patience_s(timeout_s, parent.size), check_head=check)
    except (UnavailableWeights, InvalidWeights) as e:
        e.what = f"the parent, the weights of round {claimed.round.record.parent_round}: {e.what}"
        raise
    laid_out(data, schema)
    basis, rule = Basis.of(schema, data), Rule(claimed.claim.rule)
    return merge_contributed(
        store,
        basis,
        rule,
        claimed.offered,
        parent_size=parent.size,
        before=claimed.before,
        deadline_s=patience_s(timeout_s, sum(ref.size for _, ref in claimed.offered)),
    )


def _claim_in_words(claimed: _Claimed, history: History, names: Names) -> Iterator[str]:
    record, claim = claimed.round.record, claimed.claim
    yield f"at        {history.address} on chain {history.chain_id}"
    yield f"round     {record.round}, {record.state.name.lower()}; proposed by {names.full(record.proposer)}"
    yield from _named("proposal", claimed.weights)
    yield from _named("parent", claimed.parent)
    yield f"claim     {claim.seats.bit_count()} contributions by {rule_text(claim.rule)}"
    yield f"          digest {digest_text(claim.digest)}"


def _named(name: str, ref: WeightsRef) -> Iterator[str]:
    yield f"{name:<8}  {ref.size:,} bytes, sha256 {ref.sha256.hex()}"
    yield f"          CID {cid_text(ref.cid_digest, ref.size)}"


def _merge_in_words(claimed: _Claimed, merged: MergedBytes, names: Names) -> Iterator[str]:
    for one in claimed.round.contributions:
        seat = "left" if one.seat is None else f"seat {one.seat}"
        found, why = _found(claimed, one, merged)
        found = f"not merged: {one.use.value}" if found is None else f"{found}: {why}" if why else found
        yield f"{seat:<8}  {names.full(one.member)}, sha256 {one.weights.sha256.hex()[:8]}: {found}"
    if merged.weights is not None:
        yield from _named("merge", merged.weights)


def _found(claimed: _Claimed, one: Contributed, merged: MergedBytes) -> tuple[str | None, str]:
    """Whether a contribution that is claimed to be merged was had and can be used, and why not; None of all others."""
    if one not in claimed.merged or one.seat is None:
        return None, ""
    why = merged.left_out.get(one.seat)
    return "had" if why is None else why.text, merged.why.get(one.seat, "")


def _as_dict(
    claimed: _Claimed,
    history: History,
    merged: MergedBytes,
    wrong: UnavailableWeights | InvalidWeights | None,
    names: Names,
) -> dict[str, Any]:
    record, claim = claimed.round.record, claimed.claim
    contributions = [(one, *_found(claimed, one, merged)) for one in claimed.round.contributions]
    return {
        "format": FORMAT,
        "chain_id": history.chain_id,
        "address": history.address,
        "names": dict(names.by_address),
        "round": record.round,
        "state": record.state.name.lower(),
        "proposer": record.proposer,
        "rule": rule_text(claim.rule),
        "merge_digest": digest_text(claim.digest),
        "proposal": _named_dict(claimed.weights),
        "parent": {"round": record.parent_round, **_named_dict(claimed.parent)},
        "contributions": [
            {
                "seat": one.seat,
                "member": one.member,
                **_named_dict(one.weights),
                "use": one.use.value,
                "found": found,
                "why": why,
            }
            for one, found, why in contributions
        ],
        "merge": None if merged.weights is None else _named_dict(merged.weights),
        "is_the_merge": None if isinstance(wrong, UnavailableWeights) else wrong is None,
        "why": "" if wrong is None else wrong.what,
    }


def _named_dict(ref: WeightsRef) -> dict[str, Any]:
    return {"weights_sha256": ref.sha256.hex(), "cid": ref.cid, "size": ref.size}


def _judged(claimed: _Claimed, merged: MergedBytes, store: str) -> UnavailableWeights | InvalidWeights | None:
    """What is missing, or why it isn't the merge; None where it is."""
    round_number = claimed.round.record.round
    missing = [seat for seat, why in merged.left_out.items() if why is LeftOut.UNAVAILABLE]
    if missing:
        return UnavailableWeights(
            f"{store} doesn't have what seat {', seat '.join(map(str, missing))} contributed",
            expected=f"all that the proposal of round {round_number} claims to merge",
            fix="name the store of somebody who keeps contributions, or ask these members",
        )
    wrong = [f"what seat {seat} contributed is {why.text}" for seat, why in merged.left_out.items()]
    digest = claim_digest(claimed.offered)
    if digest != claimed.claim.digest:
        wrong.append(f"what these seats contributed has the digest {digest_text(digest)}")
    if merged.weights != claimed.weights:
        wrong.append("the merge has other bytes")
    if wrong:
        return InvalidWeights(
            f"the proposal of round {round_number} is not the merge that it claims to be: {'; '.join(wrong)}",
            expected="the bytes that the rule makes of these contributions",
            fix="reject it, if it is not decided; tell the other members",
        )
    return None
