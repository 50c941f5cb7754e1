// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {INDEX_MASK, ROUND_MASK} from "./Bits.sol";

/// @dev Who holds a seat: account 160 | first round 32 | earlier holders 32 | its last motion's index + 1 32
type Holder is uint256;

using {account, firstRound, earlier, hasMoved, lastMotion, withLastMotion, withMotionOf} for Holder global;

uint256 constant ACCOUNT_AT = 0;
uint256 constant FIRST_ROUND_AT = 160;
uint256 constant EARLIER_AT = 192;
uint256 constant MOTION_AT = 224;

/// @dev Of a seat that nobody has held, and without a motion.
Holder constant NO_HOLDER = Holder.wrap(0);

function toHolder(address account_, uint256 firstRound_, uint256 earlier_) pure returns (Holder) {
    return Holder.wrap(
        (uint256(uint160(account_)) << ACCOUNT_AT) | (firstRound_ << FIRST_ROUND_AT) | (earlier_ << EARLIER_AT)
    );
}

function account(Holder holder) pure returns (address) {
    return address(uint160(Holder.unwrap(holder) >> ACCOUNT_AT));
}

/// @dev 0 for the members of the genesis.
function firstRound(Holder holder) pure returns (uint256) {
    return (Holder.unwrap(holder) >> FIRST_ROUND_AT) & ROUND_MASK;
}

/// @dev How many held the seat before.
function earlier(Holder holder) pure returns (uint256) {
    return (Holder.unwrap(holder) >> EARLIER_AT) & INDEX_MASK;
}

/// @dev Whether it has moved a motion.
function hasMoved(Holder holder) pure returns (bool) {
    return (Holder.unwrap(holder) >> MOTION_AT) & INDEX_MASK != 0;
}

/// @dev The index of the last one, if there is one.
function lastMotion(Holder holder) pure returns (uint256) {
    unchecked {
        return ((Holder.unwrap(holder) >> MOTION_AT) & INDEX_MASK) - 1;
    }
}

function withLastMotion(Holder holder, uint256 index) pure returns (Holder) {
    unchecked {
        return Holder.wrap((Holder.unwrap(holder) & ~(INDEX_MASK << MOTION_AT)) | ((index + 1) << MOTION_AT));
    }
}

/// @dev The last motion is that of `other`: the same member, which sat elsewhere or had another account.
function withMotionOf(Holder holder, Holder other) pure returns (Holder) {
    uint256 mask = INDEX_MASK << MOTION_AT;
    return Holder.wrap((Holder.unwrap(holder) & ~mask) | (Holder.unwrap(other) & mask));
}
