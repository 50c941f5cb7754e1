// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FLAG_MASK, ORDER_MASK, ROUND_MASK, SEATS_MASK, TIME_MASK} from "./Bits.sol";

/// @dev The training that goes on in joint rounds: first round 32 | parent round 32 | until 36 |
/// seats that contributed 64 | seats expected 64 | rules left 24 | there are late seats 1 |
/// there is a pause or an end 1 | free 2
///
/// Before the second `until` contributions count, and from it on merges are proposed, by the first of the rules that are
/// left. It is over when none is.
type TrainingWord is uint256;

using {
    isNone,
    firstRound,
    parentRound,
    until,
    contributed,
    expected,
    isComplete,
    rulesLeft,
    isOver,
    hasLate,
    hasLimits,
    withOneRejected,
    withContribution,
    withSeats,
    withUntil,
    withLate,
    withLimits
} for TrainingWord global;

uint256 constant FIRST_ROUND_AT = 0;
uint256 constant PARENT_AT = 32;
uint256 constant UNTIL_AT = 64;
uint256 constant CONTRIBUTED_AT = 100;
uint256 constant EXPECTED_AT = 164;
uint256 constant RULES_AT = 228;
uint256 constant RULE_BITS = 4;
uint256 constant LATE_AT = 252;
uint256 constant LIMITS_AT = 253;

/// @dev One in which nobody has contributed yet.
function toTraining(uint256 firstRound_, uint256 parentRound_, uint256 until_, uint256 expected_, uint256 rules)
    pure
    returns (TrainingWord)
{
    return TrainingWord.wrap(
        (firstRound_ << FIRST_ROUND_AT) | (parentRound_ << PARENT_AT) | (until_ << UNTIL_AT) | (expected_ << EXPECTED_AT)
            | (rules << RULES_AT)
    );
}

/// @dev Where rounds are solo.
function isNone(TrainingWord training) pure returns (bool) {
    return TrainingWord.unwrap(training) == 0;
}

/// @dev By which it is named; 0 where rounds are solo.
function firstRound(TrainingWord training) pure returns (uint256) {
    return (TrainingWord.unwrap(training) >> FIRST_ROUND_AT) & ROUND_MASK;
}

/// @dev The accepted round that everybody trains from.
function parentRound(TrainingWord training) pure returns (uint256) {
    return (TrainingWord.unwrap(training) >> PARENT_AT) & ROUND_MASK;
}

/// @dev The end of its window, or the moment when all that were expected had contributed.
function until(TrainingWord training) pure returns (uint256) {
    return (TrainingWord.unwrap(training) >> UNTIL_AT) & TIME_MASK;
}

/// @dev In time.
function contributed(TrainingWord training) pure returns (uint256 seats) {
    return (TrainingWord.unwrap(training) >> CONTRIBUTED_AT) & SEATS_MASK;
}

function expected(TrainingWord training) pure returns (uint256 seats) {
    return (TrainingWord.unwrap(training) >> EXPECTED_AT) & SEATS_MASK;
}

/// @dev Whether everybody who is expected has contributed, and somebody has.
function isComplete(TrainingWord training) pure returns (bool) {
    uint256 there = training.contributed();
    return there != 0 && training.expected() & ~there == 0;
}

/// @dev 4 bits each, the first lowest.
function rulesLeft(TrainingWord training) pure returns (uint256) {
    return (TrainingWord.unwrap(training) >> RULES_AT) & ORDER_MASK;
}

function isOver(TrainingWord training) pure returns (bool) {
    return training.rulesLeft() == 0;
}

/// @dev Whether somebody contributed late, or has joined.
function hasLate(TrainingWord training) pure returns (bool) {
    return (TrainingWord.unwrap(training) >> LATE_AT) & FLAG_MASK != 0;
}

/// @dev As the head says it: it stands here, too, so that a contribution needn't read the head.
function hasLimits(TrainingWord training) pure returns (bool) {
    return (TrainingWord.unwrap(training) >> LIMITS_AT) & FLAG_MASK != 0;
}

/// @dev Its merge by the first rule was: so that is the next one's turn, unless all make the same of what there is.
function withOneRejected(TrainingWord training) pure returns (TrainingWord) {
    unchecked {
        uint256 there = training.contributed();
        uint256 left = there & (there - (there == 0 ? 0 : 1)) == 0 ? 0 : training.rulesLeft() >> RULE_BITS;
        return TrainingWord.wrap((TrainingWord.unwrap(training) & ~(ORDER_MASK << RULES_AT)) | (left << RULES_AT));
    }
}

function withContribution(TrainingWord training, uint256 bit) pure returns (TrainingWord) {
    return TrainingWord.wrap(TrainingWord.unwrap(training) | (bit << CONTRIBUTED_AT));
}

function withSeats(TrainingWord training, uint256 contributed_, uint256 expected_) pure returns (TrainingWord) {
    return TrainingWord.wrap(
        (TrainingWord.unwrap(training) & ~((SEATS_MASK << CONTRIBUTED_AT) | (SEATS_MASK << EXPECTED_AT)))
            | (contributed_ << CONTRIBUTED_AT) | (expected_ << EXPECTED_AT)
    );
}

function withUntil(TrainingWord training, uint256 time) pure returns (TrainingWord) {
    return TrainingWord.wrap((TrainingWord.unwrap(training) & ~(TIME_MASK << UNTIL_AT)) | (time << UNTIL_AT));
}

function withLate(TrainingWord training) pure returns (TrainingWord) {
    return TrainingWord.wrap(TrainingWord.unwrap(training) | (1 << LATE_AT));
}

function withLimits(TrainingWord training, bool value) pure returns (TrainingWord) {
    return TrainingWord.wrap(
        (TrainingWord.unwrap(training) & ~(FLAG_MASK << LIMITS_AT)) | (value ? 1 << LIMITS_AT : 0)
    );
}
