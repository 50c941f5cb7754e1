// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICollectiveLearning} from "../ICollectiveLearning.sol";
import {INDEX_MASK, MEMBERS_MASK, SEATS_MASK, SEAT_MASK, TIME_MASK, countBits} from "./Bits.sol";

/// @dev A motion's terms and votes:
/// approvals 64 | rejections 64 | deadline 36 | mover's seat 6 | need 7 | members 7 | kind 5 | state 3 |
/// epoch's number 32 | barred seat + 1 7 | the mover's place among the holders of its seat 25
type MotionWord is uint256;

using {
    approvals,
    rejections,
    hasVoted,
    isCarried,
    isLost,
    deadline,
    moverSeat,
    moverPlace,
    isWish,
    need,
    kind,
    state,
    stateAt,
    epochNumber,
    isBarred,
    barredSeat,
    withVote,
    withMoverPlace,
    withState
} for MotionWord global;

uint256 constant KIND_MASK = (1 << 5) - 1;
uint256 constant STATE_MASK = (1 << 3) - 1;

uint256 constant APPROVALS_AT = 0;
uint256 constant REJECTIONS_AT = 64;
uint256 constant DEADLINE_AT = 128;
uint256 constant MOVER_AT = 164;
uint256 constant NEED_AT = 170;
uint256 constant MEMBERS_AT = 177;
uint256 constant KIND_AT = 184;
uint256 constant STATE_AT = 189;
uint256 constant EPOCH_NUMBER_AT = 192;
uint256 constant BARRED_AT = 224;
uint256 constant PLACE_AT = 231;

/// @dev An open motion without votes. `barred` is the seat + 1 of who has no vote on it, 0 for none.
function toMotionWord(
    uint256 deadline_,
    uint256 moverSeat_,
    uint256 need_,
    uint256 members,
    ICollectiveLearning.MotionKind kind_,
    uint256 epochNumber_,
    uint256 barred
) pure returns (MotionWord) {
    return MotionWord.wrap(
        (deadline_ << DEADLINE_AT) | (moverSeat_ << MOVER_AT) | (need_ << NEED_AT) | (members << MEMBERS_AT)
            | (uint256(kind_) << KIND_AT) | (epochNumber_ << EPOCH_NUMBER_AT) | (barred << BARRED_AT)
    );
}

// ----------------------------------------------------------------------------------------------------- votes

function approvals(MotionWord motion) pure returns (uint256 seats) {
    return (MotionWord.unwrap(motion) >> APPROVALS_AT) & SEATS_MASK;
}

function rejections(MotionWord motion) pure returns (uint256 seats) {
    return (MotionWord.unwrap(motion) >> REJECTIONS_AT) & SEATS_MASK;
}

function hasVoted(MotionWord motion, uint256 bit) pure returns (bool) {
    return (motion.approvals() | motion.rejections()) & bit != 0;
}

/// @dev Enough have approved.
function isCarried(MotionWord motion) pure returns (bool) {
    return countBits(motion.approvals()) >= motion.need();
}

/// @dev Enough can't approve any more: all members have a vote but the one that is barred.
function isLost(MotionWord motion) pure returns (bool) {
    unchecked {
        uint256 eligible = (MotionWord.unwrap(motion) >> MEMBERS_AT) & MEMBERS_MASK;
        if ((MotionWord.unwrap(motion) >> BARRED_AT) & MEMBERS_MASK != 0) --eligible;
        return eligible - countBits(motion.rejections()) < motion.need();
    }
}

function withVote(MotionWord motion, uint256 bit, bool approve) pure returns (MotionWord) {
    return MotionWord.wrap(MotionWord.unwrap(motion) | (approve ? bit << APPROVALS_AT : bit << REJECTIONS_AT));
}

// ----------------------------------------------------------------------------------------------------- terms

function deadline(MotionWord motion) pure returns (uint256) {
    return (MotionWord.unwrap(motion) >> DEADLINE_AT) & TIME_MASK;
}

function moverSeat(MotionWord motion) pure returns (uint256) {
    return (MotionWord.unwrap(motion) >> MOVER_AT) & SEAT_MASK;
}

/// @dev How many held the mover's seat before it: a member keeps its seat when it replaces its account, and its motions.
function moverPlace(MotionWord motion) pure returns (uint256) {
    return MotionWord.unwrap(motion) >> PLACE_AT;
}

/// @dev Set once; the last 25 bits are kept.
function withMoverPlace(MotionWord motion, uint256 value) pure returns (MotionWord) {
    return MotionWord.wrap(MotionWord.unwrap(motion) | (value << PLACE_AT));
}

/// @dev Whether it is a member's own business, and needs nobody's vote.
function isWish(MotionWord motion) pure returns (bool) {
    return motion.need() == 0;
}

/// @dev Approvals that carry it: none for a wish, else up to 64.
function need(MotionWord motion) pure returns (uint256) {
    return (MotionWord.unwrap(motion) >> NEED_AT) & MEMBERS_MASK;
}

function kind(MotionWord motion) pure returns (ICollectiveLearning.MotionKind) {
    return ICollectiveLearning.MotionKind((MotionWord.unwrap(motion) >> KIND_AT) & KIND_MASK);
}

/// @dev As it is stored: open until somebody's vote decides it.
function state(MotionWord motion) pure returns (ICollectiveLearning.MotionState) {
    return ICollectiveLearning.MotionState((MotionWord.unwrap(motion) >> STATE_AT) & STATE_MASK);
}

/// @dev As it is at `time`, when the epoch has this number.
function stateAt(MotionWord motion, uint256 time, uint256 currentEpoch)
    pure
    returns (ICollectiveLearning.MotionState current)
{
    current = motion.state();
    if (
        current == ICollectiveLearning.MotionState.Open
            && (time > motion.deadline() || motion.epochNumber() != currentEpoch)
    ) return ICollectiveLearning.MotionState.Lapsed;
}

/// @dev Of the epoch in which it was moved, whose seats its votes are.
function epochNumber(MotionWord motion) pure returns (uint256) {
    return (MotionWord.unwrap(motion) >> EPOCH_NUMBER_AT) & INDEX_MASK;
}

/// @dev Whether this seat has no vote on it.
function isBarred(MotionWord motion, uint256 seat) pure returns (bool) {
    unchecked {
        return (MotionWord.unwrap(motion) >> BARRED_AT) & MEMBERS_MASK == seat + 1;
    }
}

/// @dev Of a motion that bars one: the seat of the member to be removed, as long as the epoch lasts.
function barredSeat(MotionWord motion) pure returns (uint256) {
    unchecked {
        return ((MotionWord.unwrap(motion) >> BARRED_AT) & MEMBERS_MASK) - 1;
    }
}

function withState(MotionWord motion, ICollectiveLearning.MotionState value) pure returns (MotionWord) {
    return MotionWord.wrap((MotionWord.unwrap(motion) & ~(STATE_MASK << STATE_AT)) | (uint256(value) << STATE_AT));
}
