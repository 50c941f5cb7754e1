"""What a proposer makes of others' contributions, out of a real folder; what of them it can't use is left out."""

from __future__ import annotations

import gc
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.merge.claim import LeftOut
from colearn_ledger.core.merge.contributions import Basis
from colearn_ledger.core.merge.merging import merge
from colearn_ledger.core.merge.rules import Rule
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.schema import Schema
from colearn_ledger.core.weights import encode, weights_ref
from colearn_ledger.errors import InvalidWeights, StoreError, UnavailableWeights
from colearn_ledger.member.merging import MergedBytes, merge_contributed
from colearn_ledger.stores.local import LocalStore

PARENT = encode({"w": np.arange(4.0)})
BASIS = Basis.of(Schema.of({"w": np.zeros(4)}), PARENT)


def trained(step: float) -> bytes:
    return encode({"w": np.arange(4.0) + step})


def merged(store: LocalStore, *offered: tuple[int, WeightsRef], rule: Rule = Rule.MEAN, **options: Any) -> MergedBytes:
    return merge_contributed(store, BASIS, rule, offered, parent_size=len(PARENT), **options)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


@pytest.mark.parametrize("rule", [Rule.MEAN, Rule.CLIPPED_MEAN, Rule.MEDIAN, Rule.MOMENTUM])
def test_merge__all_can_be_had__is_the_merge_in_memory_whatever_the_order(store: LocalStore, rule: Rule) -> None:
    data = [trained(step) for step in (1.0, 2.0, 6.0)]
    offered = [(seat, store.put(one)) for seat, one in enumerate(data)]
    expected = merge(BASIS, rule, [BASIS.check(s, weights_ref(d), d) for s, d in enumerate(data)], before=PARENT)
    earlier = store.put(PARENT)
    for order in (offered, offered[::-1]):
        found = merged(store, *order, rule=rule, before=earlier)
        assert found.data is not None and bytes(found.data) == expected and found.weights == weights_ref(expected)
        assert found.merged == tuple(offered) and not found.left_out and not found.why


def test_merge__some_are_missing_wrong_or_doubled__are_left_out_each_with_its_reason(store: LocalStore) -> None:
    good = [store.put(trained(1.0)), store.put(trained(3.0))]
    missing = weights_ref(trained(9.0))
    untrained = store.put(PARENT)
    huge = store.put(encode({"w": np.full(4, 2.0**60)}))
    other = store.put(encode({"v": np.zeros(4)}))
    found = merged(store, (7, good[0]), (1, missing), (2, good[1]), (3, untrained), (4, huge), (5, other), (9, good[0]))
    assert found.left_out == {
        1: LeftOut.UNAVAILABLE,
        3: LeftOut.INVALID,
        4: LeftOut.INVALID,
        5: LeftOut.INVALID,
        9: LeftOut.EQUAL,
    }
    assert (found.why.keys() == {1, 3, 4, 5} and "too large" in found.why[4]) or "2**" in found.why[4]
    assert found.merged == ((2, good[1]), (7, good[0]))
    assert found.data is not None and bytes(found.data) == trained(2.0)


def test_merge__nothing_can_be_used__there_is_none(store: LocalStore) -> None:
    found = merged(store, (0, weights_ref(trained(1.0))), (1, store.put(PARENT)))
    assert (found.data, found.weights, found.merged) == (None, None, ())
    assert found.left_out == {0: LeftOut.UNAVAILABLE, 1: LeftOut.INVALID}


def test_merge__one_makes_it_what_is_accepted__is_left_out_where_it_is_to_be_another(store: LocalStore) -> None:
    offered = [(seat, store.put(trained(step))) for seat, step in ((0, 1.0), (1, -3.0), (2, 2.0))]
    found = merged(store, *offered, parent=weights_ref(PARENT).sha256)
    assert found.left_out == {1: LeftOut.CANCELS} and [seat for seat, _ in found.merged] == [0, 2]
    assert found.data is not None and bytes(found.data) == trained(1.5) and found.weights == weights_ref(trained(1.5))
    asis = merged(store, *offered)
    assert asis.data is not None and bytes(asis.data) == PARENT and not asis.left_out, "whoever checks it merges all"


def test_merge__one_is_of_a_size_that_none_can_have__nothing_of_it_is_fetched(store: LocalStore) -> None:
    class Watched(LocalStore):
        asked: list[WeightsRef] = []  # noqa: RUF012

        def get_to(self, path: str | os.PathLike[str], ref: WeightsRef, **options: Any) -> None:
            self.asked.append(ref)
            super().get_to(path, ref, **options)

    watched = Watched(store.folder)
    large, good = WeightsRef(b"l" * 32, b"l" * 32, 1 << 30), watched.put(trained(1.0))
    assert merged(watched, (0, large), (1, good)).left_out == {0: LeftOut.INVALID}
    assert watched.asked == [good]


def test_merge__time_is_up__each_is_still_asked_for_and_what_is_there_counts(store: LocalStore) -> None:
    class Slow(LocalStore):
        """Waits for what it hasn't, as a daemon does: until its deadline."""

        waited: list[float] = []  # noqa: RUF012

        def get_to(
            self, path: Any, ref: WeightsRef, *, deadline_s: float | None = None, check_head: Any = None
        ) -> None:
            try:
                super().get_to(path, ref, deadline_s=deadline_s, check_head=check_head)
            except UnavailableWeights:
                assert deadline_s is not None
                self.waited.append(deadline_s)
                raise

    slow = Slow(store.folder)
    good = slow.put(trained(1.0))
    missing = [(seat, weights_ref(trained(seat))) for seat in range(2, 12)]
    found = merged(slow, (0, good), *missing, deadline_s=0.2)
    assert found.merged == ((0, good),) and len(found.left_out) == 10
    assert len(slow.waited) == 10 and all(0 <= left <= 0.2 for left in slow.waited)


def test_merge__the_store_is_away__is_an_error_and_nobodys_contribution_is_blamed(store: LocalStore) -> None:
    class Away(LocalStore):
        def get_to(self, path: Any, ref: WeightsRef, **options: Any) -> None:
            raise StoreError("the daemon is away")

    with pytest.raises(StoreError, match="away"):
        merged(Away(store.folder), (0, store.put(trained(1.0))))


def test_merge__is_over__nothing_lies_in_the_folder_of_temporary_files(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    found = merged(store, (0, store.put(trained(1.0))), (1, store.put(trained(2.0))))
    assert not list(temporary.iterdir())
    assert found.data is not None and len(found.data) == len(PARENT)
    del found
    gc.collect()


def test_merge__what_was_accepted_before_is_missing_or_no_weights__is_no_merge_and_nobodys_fault(
    store: LocalStore,
) -> None:
    offered = [(seat, store.put(trained(step))) for seat, step in enumerate((1.0, 2.0))]
    with pytest.raises(UnavailableWeights, match="that were accepted before can't be had"):
        merged(store, *offered, rule=Rule.MOMENTUM, before=weights_ref(trained(9.0)), deadline_s=0.1)
    with pytest.raises(InvalidWeights):
        merged(store, *offered, rule=Rule.MOMENTUM, before=store.put(b"x" * len(PARENT)))


def test_merge__no_place_to_merge_in__is_the_disks_fault_and_not_the_learners(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offered = [(seat, store.put(trained(step))) for seat, step in enumerate((1.0, 2.0))]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(StoreError, match=r"what is merged can.t be written to .*nowhere") as told:
        merged(store, *offered)
    assert told.value.fix is not None and "TMPDIR" in told.value.fix and not isinstance(told.value, UnavailableWeights)
