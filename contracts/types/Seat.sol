// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FLAG_MASK, MEMBERS_MASK} from "./Bits.sol";

/// @dev What is stored of an account: seat + 1 7 | has asked to leave 1 | free 24 | commitment's first 224 bits
///
/// The commitment is to the last secret vote. It counts only while the account's bits are set in a tally, so what older
/// rounds left here is never read.
type Seat is uint256;

using {isMember, number, leaving, commitment, withNumber, withLeaving, withCommitment} for Seat global;


uint256 constant NUMBER_AT = 0;
uint256 constant LEAVING_AT = 7;

/// @dev The bits of the account's own, below the commitment; and the part of a commitment that is kept.
uint256 constant OWN_MASK = (1 << 32) - 1;
bytes32 constant KEPT = ~bytes32(OWN_MASK);

/// @dev Of who is no member.
Seat constant NO_SEAT = Seat.wrap(0);

function toSeat(uint256 number_) pure returns (Seat) {
    return Seat.wrap((number_ + 1) << NUMBER_AT);
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

function leaving(Seat seat) pure returns (bool) {
    return (Seat.unwrap(seat) >> LEAVING_AT) & FLAG_MASK != 0;
}

/// @dev Its last 32 bits zero.
function commitment(Seat seat) pure returns (bytes32) {
    return bytes32(Seat.unwrap(seat)) & KEPT;
}

function withNumber(Seat seat, uint256 value) pure returns (Seat) {
    return Seat.wrap((Seat.unwrap(seat) & ~(MEMBERS_MASK << NUMBER_AT)) | ((value + 1) << NUMBER_AT));
}

function withLeaving(Seat seat, bool value) pure returns (Seat) {
    return Seat.wrap((Seat.unwrap(seat) & ~(FLAG_MASK << LEAVING_AT)) | (value ? 1 << LEAVING_AT : 0));
}

/// @dev `value`'s last 32 bits are zero.
function withCommitment(Seat seat, bytes32 value) pure returns (Seat) {
    return Seat.wrap((Seat.unwrap(seat) & OWN_MASK) | uint256(value));
}
