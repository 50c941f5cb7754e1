"""How far a transfer has come: told of long ones alone, and ever more rarely."""

from __future__ import annotations

import itertools

import pytest

from colearn_ledger.stores.progress import Meter, Transfer


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_meter__a_transfer_of_an_hour__is_told_ever_more_rarely() -> None:
    clock, told = Clock(), list[tuple[float, Transfer]]()
    meter = Meter(lambda transfer: told.append((clock.now, transfer)), "fetching", "bafy", 3600, clock)
    for second in range(1, 3601):
        clock.now = float(second)
        meter.at(second)
    times = [at for at, _ in told]
    assert times[:5] == [5, 15, 35, 75, 135] and all(b - a == 60 for a, b in itertools.pairwise(times[4:]))
    assert told[0][1] == Transfer("fetching", "bafy", 5, 3600)


def test_meter__a_short_one__is_never_told() -> None:
    clock = Clock()
    meter = Meter(lambda transfer: pytest.fail("told"), "adding", "", 10, clock)
    clock.now = 4.9
    assert list(meter.counted([b"12345", b"67890"])) == [b"12345", b"67890"]


def test_meter__pieces__are_counted_as_they_pass() -> None:
    clock, told = Clock(), list[int]()
    meter = Meter(lambda transfer: told.append(transfer.done), "reading", "", 6, clock)
    for piece in meter.counted([b"1", b"22", b"333"]):
        assert piece
        clock.now += 20
    assert told == [3, 6]
    assert list(Meter(None, "reading", "", 6, clock).counted([b"1"])) == [b"1"]


def test_transfer__in_words__says_what_and_how_far() -> None:
    cid = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
    assert (
        str(Transfer("fetching", cid, 412_000_000, 1_000_000_000)) == "fetching bafybeigdyrz… (1,000 MB): 41 % so far"
    )
    assert str(Transfer("adding", "", 0, 0)) == "adding weights (0 MB): 0 % so far"
