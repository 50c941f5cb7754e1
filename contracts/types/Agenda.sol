// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {INDEX_MASK} from "./Bits.sol";

/// @dev How many motions there were, and where the queue of those that are approved begins and ends:
/// moved 32 | front 32 | back 32 | free 160
type Agenda is uint256;

using {moved, front, back, isEmpty, withOneMoved, withOneApproved, withOneTaken} for Agenda global;

uint256 constant MOVED_AT = 0;
uint256 constant FRONT_AT = 32;
uint256 constant BACK_AT = 64;

/// @dev How many motions were ever moved, which is the next one's index.
function moved(Agenda agenda) pure returns (uint256) {
    return (Agenda.unwrap(agenda) >> MOVED_AT) & INDEX_MASK;
}

/// @dev The queue's place whose motion is the next to be carried out.
function front(Agenda agenda) pure returns (uint256) {
    return (Agenda.unwrap(agenda) >> FRONT_AT) & INDEX_MASK;
}

/// @dev The queue's place for the next motion to be approved.
function back(Agenda agenda) pure returns (uint256) {
    return (Agenda.unwrap(agenda) >> BACK_AT) & INDEX_MASK;
}

function isEmpty(Agenda agenda) pure returns (bool) {
    return agenda.front() == agenda.back();
}

function withOneMoved(Agenda agenda) pure returns (Agenda) {
    unchecked {
        return Agenda.wrap(Agenda.unwrap(agenda) + (1 << MOVED_AT));
    }
}

function withOneApproved(Agenda agenda) pure returns (Agenda) {
    unchecked {
        return Agenda.wrap(Agenda.unwrap(agenda) + (1 << BACK_AT));
    }
}

function withOneTaken(Agenda agenda) pure returns (Agenda) {
    unchecked {
        return Agenda.wrap(Agenda.unwrap(agenda) + (1 << FRONT_AT));
    }
}
