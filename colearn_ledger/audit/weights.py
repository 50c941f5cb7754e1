"""Weights that can still be had are what the chain says, and merges are what they claim to be.

A store is asked for one after another; nothing of them is kept in it for that. What was verified before is not asked
for again: see :class:`.Verified`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.blocks import Buffer
from ..core.lineage import check_parts
from ..core.merge.contributions import Basis
from ..core.merge.rules import Rule
from ..core.protocol import RoundRecord, RoundState, WeightsRef
from ..core.schema import Schema
from ..core.weights import decode, laid_out, parts_of_data
from ..errors import InvalidWeights, SchemaMismatch, UnavailableWeights
from ..member.merging import merge_contributed
from ..member.pulling import pull
from ..stores.base import Store, patience_s
from .facts import Facts
from .findings import Examination
from .verified import Verified

__all__ = ["Weighing"]

_MERGED = frozenset(Rule) - {Rule.SOLO}


class Weighing:
    """Checks all weights of one collective that a store has.

    Parameters
    ----------
    store: as opened; ``forget`` is told each of whose weights it need keep nothing for this any more.
    timeout_s: seconds to try to have each; for large ones more (:func:`.patience_s`).
    verified: what an earlier audit has verified.
    everything: rejected weights, too, which nobody has to keep.
    tested: gets each accepted round's record and its tree.
    """

    def __init__(
        self,
        facts: Facts,
        exam: Examination,
        store: Store,
        *,
        timeout_s: float,
        verified: Verified,
        forget: Callable[[WeightsRef], None] = lambda ref: None,
        everything: bool = False,
        progress: Callable[[str], None] = lambda text: None,
        tested: Callable[[RoundRecord, Any], None] | None = None,
    ) -> None:
        self._facts, self._exam, self._store, self._timeout_s = facts, exam, store, timeout_s
        self._verified, self._forget, self._everything = verified, forget, everything
        self._progress, self._tested = progress, tested
        self._schema: Schema | None = None if facts.deployment is None else facts.deployment.schema
        self._last: tuple[bytes, Buffer] | None = None  # the accepted weights that were had last, by their hash

    def weigh(self, merged: Mapping[int, Sequence[tuple[int, WeightsRef]]]) -> None:
        """All rounds. ``merged``: of joint ones the contributions that each proposal names, by seat."""
        if self._schema is None:
            why = "no deployment file was given"
            self._exam.lacks("weights", None, "what the weights must look like: names, types, shapes, roles", why)
        for record in self._facts.records:
            accepted = record.state is RoundState.ACCEPTED
            if record.weights is None or not (accepted or self._everything):
                continue
            self._progress(f"weights of round {record.round} of {self._facts.view.round}")
            self._check(record, record.weights, accepted)
            if record.claim is not None and record.round in merged:
                self._merge(record, record.weights, merged[record.round])

    def _check(self, record: RoundRecord, ref: WeightsRef, accepted: bool) -> None:
        known = self._verified.has(ref, record.parent)
        if known and self._tested is None:
            self._exam.checked["weights"] += 1
            return
        try:
            data = self._get(ref)
            laid_out(data, self._schema)
            self._check_roles(record, data)
        except UnavailableWeights as e:
            self._lacks(record, f"weights, {ref.size:,} bytes, sha256 {ref.sha256.hex()}", e.what, needed=accepted)
            return
        except InvalidWeights as e:
            # Of what was rejected nothing more is asked than that these are the bytes.
            if accepted or _field(e) in ("sha256", "cid_digest", "size"):
                expected = e.expected or "weights as the chain and the schema have them"
                self._exam.wrong("weights", record.round, f"weights.{_field(e)}", e.what, expected, "something else")
            return
        finally:
            self._forget(ref)
        self._exam.checked["weights"] += 1
        self._verified.add(ref, record.parent)
        if accepted:
            self._last = ref.sha256, data
            if self._tested is not None:
                self._tested(record, decode(data, self._schema, verified=True))

    def _get(self, ref: WeightsRef) -> Buffer:
        if self._last is not None and self._last[0] == ref.sha256:
            return self._last[1]
        if self._schema is not None:
            self._schema.check_size(ref.size)
        # Whole, before anything is made of them: so what differs is named by its hash, and not by what came of it.
        return pull(self._store, ref, deadline_s=patience_s(self._timeout_s, ref.size))

    def _check_roles(self, record: RoundRecord, data: Buffer) -> None:
        """Leaves that no vote decides are where the parent's values let them be."""
        if self._schema is None or not self._schema.roles or record.round == 0:
            return
        before = self._parent(record)
        if before is not None:
            check_parts(self._schema, parts_of_data(data), parts_of_data(before))

    def _parent(self, record: RoundRecord) -> Buffer | None:
        ref = self._facts.records[record.parent_round].weights
        if ref is None:
            return None
        try:
            return self._get(ref)
        except (UnavailableWeights, InvalidWeights) as e:
            self._lacks(record, "what its parent lets it change", f"the parent: {e.what}", needed=False)
            return None
        finally:
            self._forget(ref)

    def _merge(self, record: RoundRecord, ref: WeightsRef, offered: Sequence[tuple[int, WeightsRef]]) -> None:
        claim = record.claim
        if claim is None or self._schema is None:
            return
        if claim.rule not in _MERGED:
            self._lacks(record, "its merge", f"rule {claim.rule} can't be recomputed here", needed=False)
            return
        if self._verified.has_merge(ref, record.parent):
            self._exam.checked["merges"] += 1
            return
        parent = self._parent(record)
        if parent is None:
            return
        before: WeightsRef | None = None
        if claim.rule == Rule.MOMENTUM and record.parent_round:
            before = self._facts.records[self._facts.records[record.parent_round].parent_round].weights
        try:
            found = merge_contributed(
                self._store,
                Basis.of(self._schema, parent),
                Rule(claim.rule),
                offered,
                parent_size=len(parent),
                before=before,
                deadline_s=patience_s(self._timeout_s, sum(one.size for _, one in offered)),
            )
        except UnavailableWeights as e:
            self._lacks(record, "its merge", e.what, needed=False)
            return
        except InvalidWeights as e:
            self._exam.wrong("merges", record.round, "parent", e.what, "weights that can be merged into", "others")
            return
        finally:
            for one in (*(ref for _, ref in offered), *([before] if before is not None else [])):
                self._forget(one)
        left_out = {seat: why.text for seat, why in found.left_out.items()}
        if any(why.name == "UNAVAILABLE" for why in found.left_out.values()):
            seats = ", ".join(str(seat) for seat, why in found.left_out.items() if why.name == "UNAVAILABLE")
            # Nobody keeps contributions for ever.
            self._lacks(record, f"its merge: what seat {seats} contributed", "the store doesn't have it", needed=False)
            return
        if left_out:
            said = "; ".join(f"seat {seat}: {why}" for seat, why in left_out.items())
            what = "it merges what can't be merged"
            self._exam.wrong("merges", record.round, "claim.seats", what, "good contributions", said)
            return
        what = "the merge of what was contributed has other bytes"
        if self._exam.same("merges", record.round, "sha256", what, found.weights, ref):
            self._verified.add_merge(ref, record.parent)

    def _lacks(self, record: RoundRecord, what: str, why: str, *, needed: bool) -> None:
        self._exam.lacks("weights", record.round, what, why, allowed=not needed)


def _field(error: InvalidWeights) -> str:
    """What of the weights isn't as it must be."""
    if isinstance(error, SchemaMismatch):
        return "schema"
    for word, field in (("sha256", "sha256"), ("CID", "cid_digest"), (" bytes", "size")):
        if word in error.what:
            return field
    return "content"
