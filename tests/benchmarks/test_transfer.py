"""What weights take on their way through a member: memory that doesn't grow with them, beside the learner's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import weights
from benchmarks.peak import cost_of
from benchmarks.sides import COPIES, adopt, judge, propose, sides
from benchmarks.transfer import MOST_MEMORY
from colearn_ledger.stores.spec import StoreSpec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="it reads Linux's /proc"),
]


def taken(size: int, folder: Path) -> dict[str, int]:
    """Bytes beyond the learner's own, by the kind of a member's work; a proposer and then a voter, by a folder."""
    store, found = StoreSpec(folder=folder), {}
    with sides(size, [store]) as (proposer,):
        genesis = proposer.put_first()
        found["adopts the first"] = adopt(proposer, 0, genesis).memory
        proposed, cost = propose(proposer, 1, genesis)
        found["proposes"] = cost.memory
    with sides(size, [store]) as (voter,):
        adopt(voter, 0, genesis)
        found["judges"] = judge(voter, 1, proposed).memory
        found["adopts"] = adopt(voter, 1, proposed).memory
    return {what: memory - COPIES * size for what, memory in found.items()}


def test_work__of_a_member__takes_little_beyond_the_learners_own(tmp_path: Path) -> None:
    found = taken(100_000_000, tmp_path)
    assert {what: memory for what, memory in found.items() if memory > 40_000_000} == {}, "each set has 100 MB"


def test_measure_memory__through_files__takes_little(tmp_path: Path) -> None:
    found = weights.measure_memory(60)
    assert {step: cost.memory for step, cost in found.items() if cost.memory > 30_000_000} == {}


def test_cost_of__memory_and_files__are_those_of_the_work(tmp_path: Path) -> None:
    def work() -> str:
        data = bytearray(b"x" * 50_000_000)
        (tmp_path / "file").write_bytes(data)
        return "done"

    done, cost = cost_of(work)
    assert done == "done" and 45e6 < cost.memory < 160e6
    assert 50e6 <= cost.moved < 51e6 and cost.seconds > 0


@pytest.mark.large
@pytest.mark.long
@pytest.mark.parametrize("megabytes", [1000, 4000])
def test_work__with_gigabytes__takes_a_quarter_of_one_at_most(megabytes: int, tmp_path: Path) -> None:
    found = taken(megabytes * 1_000_000, tmp_path)
    print(megabytes, {what: f"{memory / 1e6:.0f} MB" for what, memory in found.items()})
    assert {what: memory for what, memory in found.items() if memory > MOST_MEMORY} == {}
