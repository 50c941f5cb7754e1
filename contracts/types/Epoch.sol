// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {INDEX_MASK, MEMBERS_MASK, ROUND_MASK, SEATS_MASK, SEAT_MASK, countBits} from "./Bits.sol";

/// @dev A membership between two of its changes: first round 32 | members 7 | first seat 6, and for shuffled turns
/// the cycle that was running 32 | seats due in it 64 | free 115
type Epoch is uint256;

using {firstRound, members, firstSeat, cycle, due, turn, shuffledTurn, running, withCycle} for Epoch global;

uint256 constant FIRST_ROUND_AT = 0;
uint256 constant MEMBERS_AT = 32;
uint256 constant FIRST_SEAT_AT = 39;
uint256 constant EPOCH_MASK = (1 << 45) - 1;
uint256 constant CYCLE_AT = 45;
uint256 constant DUE_AT = 77;

function toEpoch(uint256 firstRound_, uint256 members_, uint256 firstSeat_) pure returns (Epoch) {
    return Epoch.wrap((firstRound_ << FIRST_ROUND_AT) | (members_ << MEMBERS_AT) | (firstSeat_ << FIRST_SEAT_AT));
}

function firstRound(Epoch epoch) pure returns (uint256) {
    return (Epoch.unwrap(epoch) >> FIRST_ROUND_AT) & ROUND_MASK;
}

function members(Epoch epoch) pure returns (uint256) {
    return (Epoch.unwrap(epoch) >> MEMBERS_AT) & MEMBERS_MASK;
}

/// @dev The seat whose turn the first round is, seat by seat.
function firstSeat(Epoch epoch) pure returns (uint256) {
    return (Epoch.unwrap(epoch) >> FIRST_SEAT_AT) & SEAT_MASK;
}

/// @dev The shuffled cycle that was running, or had just ended, when the epoch began.
function cycle(Epoch epoch) pure returns (uint256) {
    return (Epoch.unwrap(epoch) >> CYCLE_AT) & INDEX_MASK;
}

/// @dev Who had not had its turn in that cycle.
function due(Epoch epoch) pure returns (uint256 seats) {
    return (Epoch.unwrap(epoch) >> DUE_AT) & SEATS_MASK;
}

/// @dev For an epoch that is just made.
function withCycle(Epoch epoch, uint256 cycle_, uint256 due_) pure returns (Epoch) {
    return Epoch.wrap(Epoch.unwrap(epoch) | (cycle_ << CYCLE_AT) | (due_ << DUE_AT));
}

/// @dev The seat whose turn `round` is, seat by seat. The genesis is nobody's turn: 0.
function turn(Epoch epoch, uint256 round) pure returns (uint256 seat) {
    unchecked {
        uint256 start = epoch.firstRound();
        if (round < start) return 0;
        return (epoch.firstSeat() + round - start) % epoch.members();
    }
}

/// @dev The seat whose turn `round` is, each cycle in an order of its own; the genesis is nobody's: 0. An epoch first ends
/// the cycle that was running, so that every member has one turn a cycle, whoever comes or goes.
function shuffledTurn(Epoch epoch, uint256 round, address contract_) pure returns (uint256 seat) {
    if (round < epoch.firstRound()) return 0;
    (uint256 number, uint256 place, uint256 among) = placeOf(epoch, round);
    (seat,) = take(contract_, number, epoch.members(), among, place);
}

/// @dev The cycle that `round`, which is not the epoch's first, would go on with, and who is due in it; or the one that has
/// just ended, and nobody.
function running(Epoch epoch, uint256 round, address contract_) pure returns (uint256 number, uint256 seats) {
    unchecked {
        uint256 place;
        (number, place, seats) = placeOf(epoch, round);
        if (place == 0) return (number - 1, 0);
        (, seats) = take(contract_, number, epoch.members(), seats, place);
    }
}

/// @dev Seats when the member on `freed` has gone and the one on the `last` has taken it over, its own bit with it.
function vacated(uint256 seats, uint256 freed, uint256 last) pure returns (uint256) {
    if (freed != last) seats = (seats & ~(1 << freed)) | (((seats >> last) & 1) << freed);
    return seats & ~(1 << last);
}

/// @dev Which cycle a round of this epoch is in, how many turns of it went before in this epoch, and whose they all are.
function placeOf(Epoch epoch, uint256 round) pure returns (uint256 number, uint256 place, uint256 among) {
    unchecked {
        place = round - epoch.firstRound();
        (number, among) = (epoch.cycle(), epoch.due());
        uint256 left = countBits(among);
        if (place < left) return (number, place, among);
        place -= left;
        uint256 count = epoch.members();
        return (number + 1 + place / count, place % count, SEATS_MASK >> (64 - count));
    }
}

/// @dev The seat at `place` of a cycle's order, of those `among` the `count` members; and `among` without those before it.
///
/// The order is made by putting in seat after seat at a random place among those before it. All that it depends on, the
/// contract and the cycle's number, nobody can choose; and how many members there are has no part in which of two seats
/// is first: so no member steers the order by coming or going. It is kept in two words, a byte a seat.
function take(address contract_, uint256 number, uint256 count, uint256 among, uint256 place)
    pure
    returns (uint256 seat, uint256 left)
{
    unchecked {
        uint256 seed = hash(uint160(contract_), number);
        uint256 low;
        uint256 high;
        for (uint256 i; i < count; ++i) {
            uint256 j = hash(seed, i) % (i + 1);
            if (j < 32) {
                high = (high << 8) | (low >> 248);
                low = insert(low, j * 8, i);
            } else {
                high = insert(high, (j - 32) * 8, i);
            }
        }
        for (uint256 i; i < count; ++i) {
            seat = low & 0xff;
            low = (low >> 8) | (high << 248);
            high >>= 8;
            if ((among >> seat) & 1 == 0) continue;
            if (place-- == 0) return (seat, among);
            among ^= 1 << seat;
        }
    }
}

/// @dev `value` as the byte at bit `at`; those from there on move up, and the last drops out.
function insert(uint256 word, uint256 at, uint256 value) pure returns (uint256) {
    unchecked {
        uint256 before = (1 << at) - 1;
        return (word & before) | (value << at) | ((word & ~before) << 8);
    }
}

/// @dev keccak256(abi.encode(a, b)), without taking memory: a page of rounds has thousands of these.
function hash(uint256 a, uint256 b) pure returns (uint256 digest) {
    assembly ("memory-safe") {
        mstore(0, a)
        mstore(32, b)
        digest := keccak256(0, 64)
    }
}
