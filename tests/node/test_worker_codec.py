"""What crosses between node and worker: every message comes out as it went in, and no bytes do any harm."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colearn_node.worker.codec import NotAMessage, packed, unpacked
from colearn_node.worker.messages import Done, Failed, Job, Moved, PullAhead, Ready, Sound, Spec, Tidy
from colearn_node.worker.supervisor import WorkerSupervisor
from hypothesis import given
from hypothesis import strategies as st

from colearn_ledger.core.claims import RejectedMerge
from colearn_ledger.core.decide import Adopt, Judge, Merge, Propose
from colearn_ledger.core.learner import ProposedWeights, Weights
from colearn_ledger.core.protocol import Contribution
from colearn_ledger.core.roles import Bounded
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.summaries import VoteRecord
from colearn_ledger.errors import ColearnError, SchemaMismatch
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.member.work import Adopted, Declined, Nothing, Trained, Verdict
from colearn_ledger.stores.progress import Transfer
from colearn_ledger.stores.spec import StoreSpec

from ..kit.builders import proposal, ref
from ..kit.fakes import Clock, FakeWorker, Lines

JUDGE = Judge(7, proposal("one"), True)
TEST = ProposedWeights(
    Weights(None),
    {"a": 0.5, "b": -math.inf},
    0.25,
    vote=None,
    criterion="a",
    current_score=1.0,
    record=VoteRecord("strict", 90, 0.0, 0.5, 1.0),
    evaluation_results={"is": 1, "table": {"list": [1, 2.5, None, True, "ü"]}},
)
MERGE = Merge(7, bytes(32), 2, (Contribution(3, ref("c"), late=True),), (RejectedMerge(ref("r"), 1 << 187),))
RECOMPUTE = dataclasses.replace(JUDGE, merge=MERGE, left_out=(Contribution(4, ref("d"), late=False),))
SPEC = Spec(
    LearnerSpec("m:f", {"day": datetime.date(2020, 1, 1), "deep": {"table": [1.5, {}]}, "big": 10**30}, ("here",)),
    StoreSpec(None, Path("/w"), False),
    1 << 20,
    Schema.of({"t": np.zeros(1), "u": np.zeros(1), "w": np.zeros(2)}, {"/t": Bounded(5760), "/u": "local"}),
)
SHORT = dataclasses.replace(SPEC, schema=Schema.of({"w": np.zeros(2)}, wire="bfloat16"))
TO_WORKER = [
    SPEC,
    SHORT,
    Job(1, Adopt(3, ref("a")), 5.0),
    Job(2, Propose(7, bytes(32)), 5.5),
    Job(3, JUDGE, math.inf, wary=True),
    Job(3, RECOMPUTE, 1.0),
    Job(4, MERGE, 1.0),
    Tidy((ref("a"), ref("b")), (ref("c"),), forgotten=((0, 5), (7, 7))),
    Tidy(None),
    PullAhead((ref("a"), ref("b")), 160),
]
FAILED = Failed(1, ColearnError("x"), "")
TO_NODE = [
    Ready(5),
    Sound(3),
    Done(1, Adopted(ref("a"))),
    Done(2, Trained(7, bytes(32), ref("b"), b"{}", TEST), ("x can't be shown",)),
    Done(2, Trained(7, bytes(32), ref("b"), b"", None)),
    Done(2, Declined(7, "spent")),
    Done(3, Verdict(JUDGE, True, TEST, "")),
    Done(3, Verdict(JUDGE, False, None, "no weights")),
    Done(3, Verdict(RECOMPUTE, True, TEST, "", unknown="can't be had")),
    Done(3, Nothing("away")),
    Ready(5, "paired:0.05"),
    Moved(Transfer("fetching", "bafy", 1 << 30, 1 << 32)),
]


@pytest.mark.parametrize("message", [*TO_WORKER, *TO_NODE], ids=lambda m: type(m).__name__)
def test_unpacked__what_was_packed__is_the_same(message: Any) -> None:
    assert unpacked(packed(message), Spec, Job, Tidy, PullAhead, Ready, Sound, Moved, Done, Failed) == message


def test_unpacked__an_error__is_one_of_its_kind_and_text() -> None:
    error = SchemaMismatch("other shapes", expected="these", fix="that")
    came = unpacked(packed(Failed(3, error, "Traceback")), Failed)
    assert type(came.error) is SchemaMismatch and str(came.error) == str(error)
    assert (came.number, came.trace) == (3, "Traceback")


def test_unpacked__nan__stays_one() -> None:
    assert math.isnan(unpacked(packed(Job(1, Adopt(3, ref("a")), math.nan)), Job).deadline_s)


def changed(message: Any, **fields: Any) -> bytes:
    return json.dumps(json.loads(packed(message)) | fields).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"null",
        b"[" * 100_000,
        b'{"is":' * 100_000,
        packed(SPEC),  # the wrong way round
        changed(Ready(5), pid="5"),
        changed(Ready(5), pid=True),
        changed(Ready(5), pid=2**256),
        changed(Ready(5), more=1),
        changed(Ready(5), **{"is": "Path"}),
        b'{"is":"Ready"}',
        b'{"is":"Ready","pid":NaN}',
        changed(Done(1, Adopted(ref("a"))), work={"is": "Job"}),
        changed(Done(1, Adopted(ref("a"))), work={"is": ["Adopted"]}),
        changed(Done(1, Nothing("x")), notes="text"),
        changed(Done(1, Nothing("x")), notes=[1]),
        changed(
            Failed(1, ColearnError("x"), ""), error={"kind": "LearnerWarning", "what": "", "expected": "", "fix": ""}
        ),
        changed(Failed(1, ColearnError("x"), ""), error={"kind": "annotations", "what": "", "expected": "", "fix": ""}),
        changed(Failed(1, ColearnError("x"), ""), error={"kind": "DataError", "what": 1, "expected": "", "fix": ""}),
        packed(Done(1, Adopted(ref("a")))).replace(ref("a").sha256.hex().encode(), b"xy"),
        packed(TO_NODE[3]).replace(b"0.25", b"1e400"),
        packed(TO_NODE[3]).replace(b"0.25", b'{"float":"1"}'),
    ],
)
def test_unpacked__anything_else__is_no_message(data: bytes) -> None:
    with pytest.raises(NotAMessage):
        unpacked(data, Ready, Sound, Done, Failed)


def leaves() -> st.SearchStrategy[Any]:
    names = st.sampled_from(["is", "table", "time", "float", "Ready", "Done", "Verdict", "nan", "date"])
    return st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | names


JSON = st.recursive(
    leaves(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["is", "table", "time", "float", "pid", "number", "work"]), inner, max_size=4)
    ),
)


@st.composite
def almost(draw: st.DrawFn) -> bytes:
    """A message in which one value is another one."""
    tree: Any = json.loads(packed(draw(st.sampled_from(TO_NODE))))
    at = tree
    while True:
        key = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or not at[key] or draw(st.booleans()):
            at[key] = draw(JSON)
            return json.dumps(tree).encode()
        at = at[key]


@given(st.binary(max_size=200) | almost() | JSON.map(lambda v: json.dumps(v).encode()))
def test_unpacked__any_bytes__are_a_message_or_none_and_the_supervisor_stays(data: bytes) -> None:
    try:
        message = unpacked(data, Ready, Sound, Done, Failed)
    except NotAMessage:
        return
    assert unpacked(packed(message), Ready, Sound, Done, Failed) is not None
    for action in (Adopt(3, ref("a")), Propose(7, bytes(32)), JUDGE):
        workers, start = FakeWorker.starter()
        clock, log = Clock(), Lines()
        supervisor = WorkerSupervisor(SPEC, lambda: None, log, grace_s=1, hang_s=1, start=start, clock=clock)
        supervisor.start()
        workers[0].is_ready()
        supervisor.hear()
        supervisor.work_on(action, 5.0)
        workers[0].says(message)
        supervisor.hear()
        clock.now += 2
        supervisor.work_on(action, 5.0)
