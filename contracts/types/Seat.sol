// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FLAG_MASK, MEMBERS_MASK} from "./Bits.sol";

/// @dev What is stored of an account: seat + 1 7 | is to go 1 | is to be replaced 1 | free 23 |
/// commitment's first 224 bits
///
/// The commitment is to the last secret vote. It counts only while the account's bits are set in a tally, so what older
/// rounds left here is never read.
type Seat is uint256;

using {
    isMember,
    number,
    leaving,
    replacing,
    commitment,
    withNumber,
    withLeaving,
    withReplacing,
    withCommitment
} for Seat global;

uint256 constant NUMBER_AT = 0;
uint256 constant LEAVING_AT = 7;
uint256 constant REPLACING_AT = 8;

/// @dev The bits of the account's own, below the commitment; and the part of a commitment that is kept.
uint256 constant OWN_MASK = (1 << 32) - 1;
bytes32 constant KEPT = ~bytes32(OWN_MASK);

/// @dev Of who is no member.
Seat constant NO_SEAT = Seat.wrap(0);

function toSeat(uint256 number_) pure returns (Seat) {
    unchecked {
        return Seat.wrap((number_ + 1) << NUMBER_AT);
    }
}

function isMember(Seat seat) pure returns (bool) {
    return (Seat.unwrap(seat) >> NUMBER_AT) & MEMBERS_MASK != 0;
}

/// @dev Of a member.
function number(Seat seat) pure returns (uint256) {
    unchecked {
        return ((Seat.unwrap(seat) >> NUMBER_AT) & MEMBERS_MASK) - 1;
    }
}

/// @dev Whether its removal was approved, or it has asked to leave, and the boundary is still to come.
function leaving(Seat seat) pure returns (bool) {
    return (Seat.unwrap(seat) >> LEAVING_AT) & FLAG_MASK != 0;
}

/// @dev Whether it has asked that another account take its seat, and the boundary is still to come.
function replacing(Seat seat) pure returns (bool) {
    return (Seat.unwrap(seat) >> REPLACING_AT) & FLAG_MASK != 0;
}

/// @dev Its last 32 bits zero.
function commitment(Seat seat) pure returns (bytes32) {
    return bytes32(Seat.unwrap(seat)) & KEPT;
}

function withNumber(Seat seat, uint256 value) pure returns (Seat) {
    unchecked {
        return Seat.wrap((Seat.unwrap(seat) & ~(MEMBERS_MASK << NUMBER_AT)) | ((value + 1) << NUMBER_AT));
    }
}

function withLeaving(Seat seat, bool value) pure returns (Seat) {
    return Seat.wrap((Seat.unwrap(seat) & ~(FLAG_MASK << LEAVING_AT)) | (value ? 1 << LEAVING_AT : 0));
}

function withReplacing(Seat seat, bool value) pure returns (Seat) {
    return Seat.wrap((Seat.unwrap(seat) & ~(FLAG_MASK << REPLACING_AT)) | (value ? 1 << REPLACING_AT : 0));
}

/// @dev `value`'s last 32 bits are zero.
function withCommitment(Seat seat, bytes32 value) pure returns (Seat) {
    return Seat.wrap((Seat.unwrap(seat) & OWN_MASK) | uint256(value));
}
