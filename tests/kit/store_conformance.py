"""What every weight store must do. A test module of a store subclasses :class:`StoreConformance`.

    class TestMyStore(StoreConformance):
        def open(self, tmp_path, owner=...): ...  # a fresh store; called twice, both see the same bytes
        def damage(self, store, ref, data): # make the store hold `data` in the place of what `ref` names
        def lose(self, store, ref):         # make the bytes go away, behind the store's back

``damage`` may return False where a store can't hold wrong bytes (an IPFS daemon checks its blocks): those tests skip.
"""

from __future__ import annotations

import hashlib
import mmap
import secrets
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.cid import CHUNK, cid_digest
from colearn_ledger.core.protocol import WeightsRef
from colearn_ledger.core.weights import decode, encode, weights_ref
from colearn_ledger.errors import InvalidWeights, StoreError, UnavailableWeights
from colearn_ledger.stores.base import ANYBODY, Store, owner_of

__all__ = ["SIZES", "StoreConformance"]

SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5]


def pattern(size: int, salt: int = 0) -> bytes:
    return (bytes((i + salt) % 251 for i in range(251)) * (size // 251 + 1))[:size]


class StoreConformance:
    """The suite. ``deadline`` is what a store may take to find that something isn't there."""

    deadline = 2.0

    def open(self, tmp_path: Path, owner: str = ANYBODY) -> Store:
        raise NotImplementedError

    def put_by_others(self, tmp_path: Path, data: bytes) -> WeightsRef:
        """Have the place keep ``data`` for somebody who doesn't use this program."""
        raise NotImplementedError

    def collect_garbage(self) -> None:
        """Have the place free what nobody keeps."""

    @pytest.fixture
    def mine(self, tmp_path: Path) -> Store:
        return self.open(tmp_path, owner_of(1, "0xC1", f"0xM{secrets.token_hex(4)}"))

    @pytest.fixture
    def theirs(self, tmp_path: Path) -> Store:
        """Of another collective, at the same place."""
        return self.open(tmp_path, owner_of(1, "0xC2", f"0xM{secrets.token_hex(4)}"))

    def damage(self, store: Any, ref: WeightsRef, data: bytes) -> bool:
        raise NotImplementedError

    def lose(self, store: Any, ref: WeightsRef) -> None:
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return self.open(tmp_path)

    @pytest.mark.parametrize("size", SIZES)
    def test_put_then_get__any_size__the_same_bytes_under_the_locally_computed_name(
        self, store: Store, size: int
    ) -> None:
        data = pattern(size)
        ref = store.put(data)
        assert ref == WeightsRef(hashlib.sha256(data).digest(), cid_digest(data), size) == weights_ref(data)
        assert store.has(ref)
        assert store.get(ref) == data
        assert store.get(ref, deadline_s=self.deadline) == data

    def test_get__weights__decode_to_what_was_encoded(self, store: Store) -> None:
        tree = {"w": np.arange(400_000, dtype=np.float32), "n": 3}
        back = decode(store.get(store.put(encode(tree))))
        assert back["w"].tobytes() == tree["w"].tobytes() and back["n"] == 3  # type: ignore[attr-defined]

    @pytest.mark.parametrize("size", [1, 500, CHUNK])
    def test_get_small__by_the_hash_alone__the_same_bytes(self, store: Store, size: int) -> None:
        data = pattern(size, salt=7)
        store.put(data)
        assert store.get_small(hashlib.sha256(data).digest(), deadline_s=self.deadline) == data

    def test_get_small__never_put__is_unavailable_in_time(self, store: Store) -> None:
        start = time.monotonic()
        with pytest.raises(UnavailableWeights):
            store.get_small(hashlib.sha256(b"nobody has this").digest(), deadline_s=self.deadline)
        assert time.monotonic() - start < self.deadline + 3

    def test_get_small__damaged__is_invalid(self, store: Store) -> None:
        ref = store.put(pattern(700, salt=8))
        for wrong in (pattern(700, salt=9), b"", pattern(CHUNK + 1)):
            if not self.damage(store, ref, wrong):
                pytest.skip("this store can't hold wrong bytes")
            with pytest.raises(InvalidWeights):
                store.get_small(ref.sha256, deadline_s=self.deadline)

    def test_get_small__of_others__is_not_kept_by_that(self, mine: Store, theirs: Store) -> None:
        ref = theirs.put(pattern(600, salt=10))
        assert mine.get_small(ref.sha256, deadline_s=self.deadline) and mine.kept() == frozenset()

    def test_put__twice__is_harmless(self, store: Store) -> None:
        data = pattern(CHUNK + 1)
        assert store.put(data) == store.put(data)
        assert store.get(weights_ref(data)) == data

    def test_put__several__stay_apart(self, store: Store) -> None:
        items = [pattern(1000, salt) for salt in range(5)]
        refs = [store.put(data) for data in items]
        assert [store.get(ref) for ref in refs] == items

    def test_get__from_another_store_on_the_same_place__has_them(self, tmp_path: Path) -> None:
        data = pattern(2 * CHUNK)
        ref = self.open(tmp_path).put(data)
        other = self.open(tmp_path)
        assert other.has(ref) and other.get(ref) == data

    def test_get__never_put__is_unavailable_in_time(self, store: Store) -> None:
        ref = weights_ref(pattern(1234, salt=9))
        start = time.monotonic()
        with pytest.raises(UnavailableWeights) as error:
            store.get(ref, deadline_s=self.deadline)
        assert time.monotonic() - start < self.deadline + 3
        assert not isinstance(error.value, InvalidWeights)
        assert error.value.fix
        assert not store.has(ref)

    def test_get__lost_behind_its_back__is_unavailable(self, store: Store) -> None:
        ref = store.put(pattern(500))
        self.lose(store, ref)
        assert not store.has(ref)
        with pytest.raises(UnavailableWeights):
            store.get(ref, deadline_s=self.deadline)

    @pytest.mark.parametrize("size", [500, 2 * CHUNK + 7])
    @pytest.mark.parametrize("how", ["flipped", "short", "long", "empty"])
    def test_get__damaged__is_invalid_and_put_repairs_it(self, store: Store, size: int, how: str) -> None:
        data = pattern(size)
        wrong = {
            "flipped": data[:-1] + bytes([data[-1] ^ 1]),
            "short": data[:-1],
            "long": data + b"\0",
            "empty": b"",
        }[how]
        ref = store.put(data)
        if not self.damage(store, ref, wrong):
            pytest.skip("this store can't hold wrong bytes")
        with pytest.raises(InvalidWeights):
            store.get(ref, deadline_s=self.deadline)
        assert store.put(data) == ref
        assert store.get(ref) == data

    @pytest.mark.parametrize("size", [500, CHUNK + 1])
    def test_get__another_sha256_or_size_on_chain__is_invalid(self, store: Store, size: int) -> None:
        """The chain's hash counts, whatever the CID leads to. A size that changes the CID's kind may be unavailable."""
        ref = store.put(pattern(size))
        with pytest.raises(InvalidWeights):
            store.get(replace(ref, sha256=bytes(32)), deadline_s=self.deadline)
        for other in (size - 1, size + 1):
            with pytest.raises((InvalidWeights, UnavailableWeights)):
                store.get(replace(ref, size=other), deadline_s=self.deadline)

    def test_discard__then_get__is_unavailable_and_discarding_again_harmless(self, store: Store) -> None:
        data = pattern(700)
        keep, drop = store.put(pattern(701)), store.put(data)
        store.discard(drop)
        store.discard(drop)
        store.discard(weights_ref(b"never here"))
        assert not store.has(drop) and store.has(keep)
        assert store.put(data) == drop and store.get(drop) == data

    @pytest.mark.parametrize("size", [0, 500, CHUNK, 3 * CHUNK + 5])
    def test_get__head_is_checked__gets_the_first_chunk_and_then_the_rest(self, store: Store, size: int) -> None:
        data = pattern(size, salt=11)
        ref, heads = store.put(data), list[bytes]()
        assert store.get(ref, check_head=lambda head: heads.append(bytes(head))) == data
        assert heads == [data[:CHUNK]]

    @pytest.mark.parametrize("size", [500, 3 * CHUNK + 5])
    def test_get__head_is_refused__raises_that_and_keeps_nothing(self, mine: Store, theirs: Store, size: int) -> None:
        ref = theirs.put(pattern(size, salt=12))

        def refuse(head: memoryview) -> None:
            raise InvalidWeights("not these")

        with pytest.raises(InvalidWeights, match="not these"):
            mine.get(ref, check_head=refuse)
        assert mine.kept() == frozenset() and theirs.kept() == {ref.cid}

    # ---- into a file

    @pytest.mark.parametrize("size", SIZES)
    def test_get_to__any_size__the_file_has_the_bytes_and_they_are_kept(
        self, mine: Store, theirs: Store, tmp_path: Path, size: int
    ) -> None:
        data, path = pattern(size, salt=31), tmp_path / "pulled" / "weights"
        ref, heads = theirs.put(data), list[bytes]()
        path.parent.mkdir()
        path.write_bytes(b"of before")
        mine.get_to(path, ref, deadline_s=self.deadline, check_head=lambda head: heads.append(bytes(head)))
        assert path.read_bytes() == data and heads == [data[:CHUNK]]
        assert list(path.parent.iterdir()) == [path] and mine.kept() == {ref.cid}

    @pytest.mark.parametrize("size", [500, 2 * CHUNK + 7])
    @pytest.mark.parametrize("how", ["sha256", "size", "head"])
    def test_get_to__invalid__leaves_what_was_there_and_keeps_nothing(
        self, mine: Store, theirs: Store, tmp_path: Path, size: int, how: str
    ) -> None:
        data, path = pattern(size, salt=32), tmp_path / "pulled" / "weights"
        ref = theirs.put(data)
        path.parent.mkdir()
        path.write_bytes(b"of before")

        def check(head: memoryview) -> None:
            if how == "head":
                raise InvalidWeights("not these")

        lie = {"sha256": replace(ref, sha256=bytes(32)), "size": replace(ref, size=size + 1)}.get(how, ref)
        with pytest.raises(InvalidWeights):
            mine.get_to(path, lie, deadline_s=self.deadline, check_head=check)
        assert path.read_bytes() == b"of before" and list(path.parent.iterdir()) == [path]
        assert mine.kept() == frozenset() and theirs.kept() == {ref.cid}

    def test_get_to__never_put__is_unavailable_and_leaves_no_file(self, store: Store, tmp_path: Path) -> None:
        path = tmp_path / "pulled" / "weights"
        path.parent.mkdir()
        with pytest.raises(UnavailableWeights):
            store.get_to(path, weights_ref(pattern(1234, salt=33)), deadline_s=self.deadline)
        assert not list(path.parent.iterdir())

    def test_get_to__no_such_folder__is_the_stores_error_and_says_where(self, store: Store, tmp_path: Path) -> None:
        ref = store.put(pattern(100, salt=34))
        with pytest.raises(StoreError, match="nowhere") as error:
            store.get_to(tmp_path / "nowhere" / "weights", ref, deadline_s=self.deadline)
        assert not isinstance(error.value, UnavailableWeights) and error.value.fix

    def test_get_to__large__holds_some_pieces_of_it_in_memory(self, store: Store, tmp_path: Path) -> None:
        ref = store.put(np.random.default_rng(35).bytes(24 * CHUNK))  # blocks that no other test has
        tracemalloc.start()
        try:
            store.get_to(tmp_path / "weights.pulled", ref)
            assert tracemalloc.get_traced_memory()[1] < 8 * CHUNK
        finally:
            tracemalloc.stop()
        assert (tmp_path / "weights.pulled").stat().st_size == ref.size

    # ---- who keeps what

    @pytest.mark.parametrize("size", [300, CHUNK + 11])
    def test_kept__put_and_got__are_the_cids_of_both(self, mine: Store, theirs: Store, size: int) -> None:
        assert mine.kept() == frozenset()
        put, got = mine.put(pattern(size, salt=21)), theirs.put(pattern(size, salt=22))
        mine.get(got)
        assert mine.kept() == {put.cid, got.cid} and theirs.kept() == {got.cid}
        mine.discard(put)
        assert mine.kept() == {got.cid}

    @pytest.mark.parametrize("size", [300, CHUNK + 11])
    def test_discard__another_owner_keeps_the_same__it_stays_until_both_have_discarded_it(
        self, mine: Store, theirs: Store, size: int
    ) -> None:
        data = pattern(size, salt=23)
        ref = mine.put(data)
        assert theirs.put(data) == ref
        mine.discard(ref)
        mine.discard(ref)
        self.collect_garbage()
        assert theirs.kept() == {ref.cid} and theirs.get(ref) == data
        theirs.discard(ref)
        self.collect_garbage()
        with pytest.raises(UnavailableWeights):
            theirs.get(ref, deadline_s=self.deadline)

    def test_discard__what_another_owner_got__stays_for_that_one(self, mine: Store, theirs: Store) -> None:
        data = pattern(2 * CHUNK, salt=24)
        ref = mine.put(data)
        theirs.get(ref)
        mine.discard(ref)
        self.collect_garbage()
        assert theirs.get(ref) == data and not mine.kept()

    @pytest.mark.parametrize("size", [300, CHUNK + 11])
    def test_discard__was_there_before__is_there_after_it_was_got_put_and_discarded(
        self, mine: Store, tmp_path: Path, size: int
    ) -> None:
        data = pattern(size, salt=25)
        ref = self.put_by_others(tmp_path, data)
        mine.discard(ref)
        mine.get(ref)
        mine.put(data)
        mine.discard(ref)
        self.collect_garbage()
        assert mine.has(ref) and mine.get(ref) == data

    @pytest.mark.parametrize("size", [300, CHUNK + 11])
    def test_get__invalid__takes_nothing_from_whoever_keeps_the_content(
        self, mine: Store, theirs: Store, size: int
    ) -> None:
        data = pattern(size, salt=26)
        ref = mine.put(data)
        for store in (mine, theirs):
            for lie in (replace(ref, sha256=bytes(32)), replace(ref, size=size + 1)):
                with pytest.raises(InvalidWeights):
                    store.get(lie, deadline_s=self.deadline)
        self.collect_garbage()
        assert mine.kept() == {ref.cid} and theirs.kept() == frozenset() and mine.get(ref) == data

    def test_discard__a_ref_that_shares_its_cid__is_the_same_content(self, mine: Store) -> None:
        """Which is why whoever decides what to discard compares CIDs: a store knows nothing else."""
        ref = mine.put(pattern(400, salt=27))
        lie = replace(ref, sha256=bytes(32), size=401)
        assert lie != ref and lie.cid == ref.cid
        mine.discard(lie)
        assert mine.kept() == frozenset()

    def test_archive__then_discard__is_kept_for_good(self, mine: Store) -> None:
        data = pattern(CHUNK + 3, salt=28)
        ref = mine.put(data)
        mine.archive(ref)
        mine.discard(ref)
        self.collect_garbage()
        assert mine.kept() == frozenset() and mine.get(ref) == data

    def test_unarchive__what_nobody_else_keeps__goes_and_the_rest_stays(self, mine: Store) -> None:
        kept, archived, both = (mine.put(pattern(CHUNK + 5, salt=salt)) for salt in (60, 61, 62))
        for ref in (archived, both):
            mine.archive(ref)
        mine.discard(archived)
        assert mine.archived() == {archived.cid, both.cid} and mine.kept() == {kept.cid, both.cid}
        for ref in (kept, archived, both.cid, archived):  # also what isn't archived, and twice
            mine.unarchive(ref)
        self.collect_garbage()
        assert mine.archived() == frozenset() and mine.kept() == {kept.cid, both.cid}
        assert mine.has(kept) and mine.has(both) and not mine.has(archived)

    def test_keep_contribution__then_discard__stays_until_its_training_is_given_up(self, mine: Store) -> None:
        kept, one, both = (mine.put(pattern(CHUNK + 7, salt=salt)) for salt in (63, 64, 65))
        mine.keep_contribution(one, 7)
        for training in (7, 12, 12):
            mine.keep_contribution(both, training)
        mine.archive(both)
        mine.discard(one)
        self.collect_garbage()
        assert mine.contributions() == {(7, one.cid), (7, both.cid), (12, both.cid)} and mine.has(one)
        assert mine.kept() == {kept.cid, both.cid} and mine.archived() == {both.cid}
        for training, ref in ((7, one), (7, both), (7, kept), (8, both), (7, one)):  # also what isn't, and twice
            mine.discard_contribution(training, ref.cid)
        self.collect_garbage()
        assert mine.contributions() == {(12, both.cid)}
        assert mine.kept() == {kept.cid, both.cid} and mine.has(kept) and mine.has(both) and not mine.has(one)

    def test_contributions__of_another_owner__are_not_mine_and_stay(self, mine: Store, theirs: Store) -> None:
        ref = mine.put(pattern(CHUNK + 9, salt=66))
        theirs.get(ref)
        mine.keep_contribution(ref, 7)
        theirs.keep_contribution(ref, 7)
        theirs.keep_contribution(ref, 71)
        mine.discard_contribution(7, ref.cid)
        mine.discard(ref)
        theirs.discard(ref)
        self.collect_garbage()
        assert mine.contributions() == frozenset() and theirs.contributions() == {(7, ref.cid), (71, ref.cid)}
        assert theirs.has(ref)

    def test_put__from_a_view_of_a_mapping__as_from_bytes(self, mine: Store, tmp_path: Path) -> None:
        data = pattern(2 * CHUNK + 9, salt=29)
        (tmp_path / "file").write_bytes(data)
        with open(tmp_path / "file", "rb") as file:
            ref = mine.put(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
        assert ref == weights_ref(data) and mine.get(ref) == data

    def test_errors__of_a_store__are_told_apart(self) -> None:
        """Unavailable: try again, then abstain. Invalid: vote to reject. Never the one for the other."""
        assert issubclass(UnavailableWeights, StoreError)
        assert not issubclass(UnavailableWeights, InvalidWeights)
        assert not issubclass(InvalidWeights, UnavailableWeights)
