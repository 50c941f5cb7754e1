"""Whose turn a round is: seat by seat, or in shuffled order; anybody can compute it (ADR 10).

The shuffled order of a cycle is made by inserting seat after seat at a place that the contract's address and the
cycle's number give. A change of members begins an epoch, which first ends the cycle that was running.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_utils.crypto import keccak

from ..core.protocol import seats

__all__ = ["Epoch", "Turns", "vacated"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """A membership between two of its changes.

    Attributes
    ----------
    first_round: the first round of it.
    members: how many there are.
    first_seat: whose turn its first round is, seat by seat.
    cycle, due: of shuffled turns, the cycle that was running when it began, and the seats that were still due in it.
    """

    first_round: int
    members: int
    first_seat: int = 0
    cycle: int = 0
    due: int = 0


class Turns:
    """The turns of one contract."""

    def __init__(self, contract: str, *, shuffled: bool) -> None:
        self._contract = int(contract, 16)
        self._shuffled = shuffled
        self._orders: dict[tuple[int, int], tuple[int, ...]] = {}

    def seat(self, epoch: Epoch, round_number: int) -> int:
        """The seat whose turn the round is; the genesis is nobody's: 0."""
        if round_number < epoch.first_round:
            return 0
        if not self._shuffled:
            return (epoch.first_seat + round_number - epoch.first_round) % epoch.members
        number, place, among = _place_of(epoch, round_number)
        return [seat for seat in self._order(number, epoch.members) if among >> seat & 1][place]

    def joined(self, epoch: Epoch, round_number: int) -> Epoch:
        """The epoch that begins with this round, since a member sits down on the seat after the last."""
        cycle, due = self._running(epoch, round_number)
        following = (self.seat(epoch, round_number - 1) + 1) % epoch.members if not self._shuffled else 0
        # The newcomer sits last, so it follows the member that is last now.
        return Epoch(round_number, epoch.members + 1, following or epoch.members, cycle, due)

    def left(self, epoch: Epoch, round_number: int, freed: int) -> Epoch:
        """The same, since the member on the seat ``freed`` has gone and the one on the last has taken it over."""
        cycle, due = self._running(epoch, round_number)
        last = epoch.members - 1
        turn = self.seat(epoch, round_number - 1) if not self._shuffled else 0
        following = (turn + 1) % epoch.members
        if turn == last and freed == following:  # who had the last turn sits where it would go on
            following += 1
        return Epoch(round_number, last, following % last, cycle, vacated(due, freed, last))

    def _running(self, epoch: Epoch, round_number: int) -> tuple[int, int]:
        """The cycle that the round would go on with and who is due in it, or the one that has just ended and nobody."""
        if not self._shuffled:
            return 0, 0
        number, place, among = _place_of(epoch, round_number)
        if place == 0:
            return number - 1, 0
        due = [seat for seat in self._order(number, epoch.members) if among >> seat & 1][place:]
        return number, sum(1 << seat for seat in due)

    def _order(self, cycle: int, count: int) -> tuple[int, ...]:
        known = self._orders.get((cycle, count))
        if known is None:
            seed, order = _hash(self._contract, cycle), list[int]()
            for seat in range(count):
                order.insert(_hash(seed, seat) % (seat + 1), seat)
            known = self._orders[cycle, count] = tuple(order)
        return known


def vacated(bitmap: int, freed: int, last: int) -> int:
    """Seats when ``freed`` has become free and the one on the ``last`` has taken it over, its own bit with it."""
    kept = [seat for seat in seats(bitmap) if seat not in (freed, last)]
    return sum(1 << seat for seat in kept) | ((bitmap >> last & 1) << freed if freed != last else 0)


def _place_of(epoch: Epoch, round_number: int) -> tuple[int, int, int]:
    """Which cycle a round is in, how many turns of it went before in this epoch, and whose they all are."""
    place, left = round_number - epoch.first_round, epoch.due.bit_count()
    if place < left:
        return epoch.cycle, place, epoch.due
    cycles, place = divmod(place - left, epoch.members)
    return epoch.cycle + 1 + cycles, place, (1 << epoch.members) - 1


def _hash(a: int, b: int) -> int:
    return int.from_bytes(keccak(a.to_bytes(32, "big") + b.to_bytes(32, "big")), "big")
