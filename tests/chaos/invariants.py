"""What has to hold after a fault: each function says what is broken, and nothing if all is well."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import psutil
import requests

from colearn_ledger.core.learner import Weights
from colearn_ledger.core.protocol import RoundRecord, RoundState
from colearn_ledger.core.weights import decode

from ..kit.learners import LinearLearner
from .world import World

__all__ = [
    "decided_rounds_stay",
    "everybody_holds_the_accepted_bytes",
    "footprint",
    "lineage_is_a_chain",
    "no_orphans",
    "nobody_acted_twice",
    "nothing_grows",
    "secret_votes_are_revealed",
    "votes_alone_decide",
    "votes_are_of_that_content",
]

_MOST_KEPT = 22  # the accepted weights, their parents, those of the last minute's rounds, and what is on its way
_MOST_HANDLES = 60
_MOST_MIB = 400.0  # a node and its worker


def decided_rounds_stay(before: Iterable[RoundRecord], after: Iterable[RoundRecord]) -> list[str]:
    """No decided round is lost or changed, unless the chain itself forgot it."""
    now = {record.round: record for record in after}
    return [
        f"round {old.round} was {old.state.name}, and is {'gone' if new is None else new.state.name} or another"
        for old in before
        if old.state.decided and (new := now.get(old.round)) != old
    ]


def lineage_is_a_chain(w: World, records: Iterable[RoundRecord]) -> list[str]:
    """Each accepted round was built on the accepted one before it."""
    accepted, broken = w.genesis.weights.sha256, []
    for record in records:
        if record.weights is None:
            continue
        if record.parent != accepted:
            broken.append(f"round {record.round} was built on something else than what was accepted")
        if record.state is RoundState.ACCEPTED:
            accepted = record.weights.sha256
    return broken


def votes_alone_decide(records: Iterable[RoundRecord]) -> list[str]:
    """A round is accepted by as many approvals as it needs, and by nothing else: no contribution counts as a vote."""
    return [
        f"round {r.round} is {r.state.name} with {r.approvals.bit_count()} of {r.need} approvals"
        for r in records
        if r.state in (RoundState.ACCEPTED, RoundState.REJECTED)
        and (r.state is RoundState.ACCEPTED) is not (r.approvals.bit_count() >= r.need)
    ]


def everybody_holds_the_accepted_bytes(w: World, seconds: float = 30) -> list[str]:
    """Every member's learner has adopted what is accepted, its node keeps it, and the bytes are those of the hash.

    Rounds go on meanwhile, so each member gets some time for some accepted weights.
    """
    broken = []
    for index in w.live:

        def holds(index: int = index) -> bool:
            view = w.look()
            if view is None or index not in w.live:
                return False
            adopted = w.live[index].events("adopt")
            if not adopted or adopted[-1]["sha256"] != "0x" + view.accepted.sha256.hex():
                return False
            data = w.bytes_of(view.accepted, index)
            if data is None or hashlib.sha256(data).digest() != view.accepted.sha256:
                return False
            return view.accepted.cid in w.kept(index)

        if not w.until(holds, seconds):
            broken.append(f"node {index} does not hold the accepted bytes within {seconds:.0f} s")
    return broken


def nobody_acted_twice(w: World, first: int) -> list[str]:
    """No member has two mined transactions, since block ``first``, that did the same thing about the same content."""
    done: Counter[tuple[str, str]] = Counter()
    head = int(w.chain.rpc("eth_blockNumber"), 16)
    for block in _blocks(w, max(1, first), head):
        for transaction in block["transactions"]:
            if (transaction["to"] or "").lower() == w.contract.address.lower():
                receipt = w.chain.rpc("eth_getTransactionReceipt", transaction["hash"])
                if receipt is not None and receipt["status"] == "0x1":
                    done[transaction["from"], transaction["input"][: 2 + 8 + 64]] += 1
    return [f"{who} did {what[:10]} twice about {what[10:26]}…" for (who, what), times in done.items() if times > 1]


def _blocks(w: World, first: int, last: int) -> list[dict[str, Any]]:
    calls = [
        {"jsonrpc": "2.0", "id": n, "method": "eth_getBlockByNumber", "params": [hex(n), True]}
        for n in range(first, last + 1)
    ]
    answers: list[dict[str, Any]] = requests.post(w.chain.url, json=calls, timeout=60).json() if calls else []
    return [answer["result"] for answer in answers if answer.get("result")]


def votes_are_of_that_content(w: World, records: Iterable[RoundRecord]) -> list[str]:
    """Each vote of an honest member is what its learner says of exactly these weights, from exactly their parent."""
    broken = []
    for record in records:
        if record.state not in (RoundState.ACCEPTED, RoundState.REJECTED):
            continue
        both = w.bytes_of_both(record)
        if both is None:
            continue  # gone from the store by now, or never there
        parent, proposed = both
        for seat in set(range(record.member_count)) - w.hostile_votes:
            approved = bool(record.approvals >> seat & 1)
            if approved or record.rejections >> seat & 1:
                learner = LinearLearner(seat, seed=1)
                try:
                    learner.mli_accept_weights(Weights(decode(parent)))
                    honest = bool(learner.mli_test_weights(Weights(decode(proposed))).vote)
                except Exception:  # whatever hostile weights do to it: not to be approved
                    honest = False
                if honest is not approved:
                    broken.append(f"member {seat} voted {approved} in round {record.round}, where it is {honest}")
    return broken


def secret_votes_are_revealed(records: Iterable[RoundRecord]) -> list[str]:
    """Of a round that was decided nothing stays hidden, unless the outcome was certain without it."""
    return [
        f"round {r.round}: a vote stayed hidden"
        for r in records
        if r.state is RoundState.REJECTED and r.hidden and r.rejections <= r.member_count - 1 - r.need
    ]


def no_orphans(w: World, seconds: float = 15) -> list[str]:
    """All that runs in the collective's folder belongs to a node that is to run."""
    roots = {node.process.pid for node in w.live.values()}

    def strays() -> list[psutil.Process]:
        found = []
        for process in w.processes():
            try:
                if process.pid not in roots and not roots & {p.pid for p in process.parents()}:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    if w.until(lambda: not strays(), seconds):
        return []
    return [f"process {p.pid} belongs to no node: {' '.join(p.cmdline())[:120]}" for p in strays()]


def footprint(w: World, index: int) -> tuple[float, int, int, int]:
    """MiB of a node and its worker, their open handles, the node's threads, and how much it keeps."""
    node = psutil.Process(w.live[index].process.pid)
    all_ = [node, *node.children(recursive=True)]
    mib = sum(p.memory_info().rss for p in all_) / 2**20
    return mib, sum(p.num_fds() for p in all_), node.num_threads(), len(w.kept(index))


def nothing_grows(w: World) -> list[str]:
    """Memory, handles and what is kept stay within what a node needs."""
    broken = []
    for index in w.live:
        try:
            mib, handles, _, kept = footprint(w, index)
            if kept > _MOST_KEPT and not w.until(lambda i=index: len(w.kept(i)) <= _MOST_KEPT, 30):  # type: ignore[misc]
                broken.append(f"node {index} keeps {kept} weights")
        except psutil.Error:  # ended just now: told as an exit
            continue
        if handles > _MOST_HANDLES:
            broken.append(f"node {index} has {handles} open handles")
        if mib > _MOST_MIB:
            broken.append(f"node {index} takes {mib:.0f} MiB")
    return broken
