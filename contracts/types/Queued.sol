// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {INDEX_MASK} from "./Bits.sol";

/// @dev An approved motion in the queue: its index 32 | whom it is about, by the account at its approval 160 | free 64
///
/// The account is the member to go or to be replaced; none for other kinds. It stands here, since a member may have got
/// another account after the motion to remove it named it, and gets none between the approval and the boundary.
type Queued is uint256;

using {index, account} for Queued global;

uint256 constant INDEX_AT = 0;
uint256 constant ACCOUNT_AT = 32;

function toQueued(uint256 index_, address account_) pure returns (Queued) {
    return Queued.wrap((index_ << INDEX_AT) | (uint256(uint160(account_)) << ACCOUNT_AT));
}

function index(Queued queued) pure returns (uint256) {
    return (Queued.unwrap(queued) >> INDEX_AT) & INDEX_MASK;
}

function account(Queued queued) pure returns (address) {
    return address(uint160(Queued.unwrap(queued) >> ACCOUNT_AT));
}
