// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @dev What the packed words are made of: how wide each kind of field is, named here and nowhere else. Where a field begins
/// (`..._AT`) stands in its word's own file, as does its layout; docs/adr/0006-packed-words.md has all the tables. (Shifts
/// are plain numbers: the compiler doesn't fold sums of named constants, which would cost 3,000 gas a round.) What is set
/// is not masked: it was checked before, or is bounded by how it came about.

uint256 constant FLAG_MASK = 1;
uint256 constant SEATS_MASK = (1 << 64) - 1; // a set of seats: bit i for seat i
uint256 constant SEAT_MASK = (1 << 6) - 1; // one of 64 seats
uint256 constant MEMBERS_MASK = (1 << 7) - 1; // 0 to 64: a number of members, or a seat + 1 with 0 for none
uint256 constant ROUND_MASK = (1 << 32) - 1;
uint256 constant TIME_MASK = (1 << 36) - 1; // seconds, until the year 4147
uint256 constant WINDOW_MASK = (1 << 25) - 1; // seconds: 388 days
uint256 constant SIZE_MASK = (1 << 36) - 1; // bytes
uint256 constant INDEX_MASK = (1 << 32) - 1; // of motions, of epochs, of a seat's holders
uint256 constant PLACE_MASK = (1 << 25) - 1; // among a seat's holders, as a motion keeps it
uint256 constant FRACTION_MASK = (1 << 32) - 1; // a threshold's numerator or denominator
uint256 constant RULE_MASK = (1 << 4) - 1; // a rule to merge by
uint256 constant ORDER_MASK = (1 << 24) - 1; // at most six of them, the first lowest, up to the first that is 0

/// @dev How many of 64 bits are set.
function countBits(uint256 x) pure returns (uint256) {
    unchecked {
        x -= (x >> 1) & 0x5555555555555555;
        x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
        x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
        return ((x * 0x0101010101010101) >> 56) & 0xff;
    }
}
