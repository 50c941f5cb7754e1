// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {MEMBERS_MASK, ROUND_MASK, SEAT_MASK} from "./Bits.sol";

/// @dev A membership between two of its changes: first round 32 | members 7 | first seat 6
type Epoch is uint256;

using {firstRound, members, firstSeat, turn, shuffledTurn} for Epoch global;

uint256 constant FIRST_ROUND_AT = 0;
uint256 constant MEMBERS_AT = 32;
uint256 constant FIRST_SEAT_AT = 39;
uint256 constant EPOCH_MASK = (1 << 45) - 1;

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

/// @dev The seat whose turn `round` is, seat by seat. The genesis is nobody's turn: 0.
function turn(Epoch epoch, uint256 round) pure returns (uint256 seat) {
    uint256 start = epoch.firstRound();
    if (round < start) return 0;
    return (epoch.firstSeat() + round - start) % epoch.members();
}

/// @dev The seat whose turn `round` is, each cycle in an order of its own: Fisher-Yates from the end. All that the order
/// depends on (the `contract_`, the epoch's `number`, the cycle) was fixed before the cycle, so no member can steer it.
function shuffledTurn(Epoch epoch, uint256 round, address contract_, uint256 number) pure returns (uint256 seat) {
    uint256 start = epoch.firstRound();
    uint256 count = epoch.members();
    if (round < start) return 0;
    uint256 offset = round - start;
    uint256[] memory order = new uint256[](count);
    for (uint256 i; i < count; ++i) {
        order[i] = i;
    }
    bytes32 seed = keccak256(abi.encode(contract_, offset / count, number));
    for (uint256 i = count - 1; i > 0; --i) {
        uint256 j = uint256(keccak256(abi.encode(seed, i))) % (i + 1);
        (order[i], order[j]) = (order[j], order[i]);
    }
    return order[offset % count];
}
