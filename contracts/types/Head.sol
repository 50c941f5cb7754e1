// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FLAG_MASK, INDEX_MASK, ROUND_MASK, SEAT_MASK, TIME_MASK, WINDOW_MASK} from "./Bits.sol";
import {EPOCH_MASK, Epoch} from "./Epoch.sol";
import {RulesWord} from "./RulesWord.sol";

/// @dev What is stored of the current round, and of what all rounds share; every proposal and every decision reads it:
/// round 32 | opened at 36 | accepted round 32 | epoch's number 32 | epoch 45 | motions wait 1 | propose window 25 |
/// vote window 25 | need 6 | there is a pause or an end 1 | free 20 | rounds are joint 1
///
/// The last three are the terms of a proposal. They follow from the rules and the epoch, and stand here too, so that a
/// proposal reads one word less.
type Head is uint256;

using {
    round,
    openedAt,
    acceptedRound,
    epochNumber,
    epoch,
    members,
    motionsWait,
    proposeWindow,
    voteWindow,
    need,
    hasLimits,
    isJoint,
    withRound,
    withAcceptedRound,
    withEpoch,
    withMotionsWait,
    withTerms,
    withLimits
} for Head global;

uint256 constant ROUND_AT = 0;
uint256 constant OPENED_AT = 32;
uint256 constant ACCEPTED_AT = 68;
uint256 constant EPOCH_NUMBER_AT = 100;
uint256 constant EPOCH_AT = 132;
uint256 constant WAIT_AT = 177;
uint256 constant TERMS_AT = 178;
uint256 constant PROPOSE_AT = 178;
uint256 constant VOTE_AT = 203;
uint256 constant NEED_AT = 228;
uint256 constant LIMITS_AT = 234;
uint256 constant JOINT_AT = 255;
uint256 constant TERMS_MASK = (1 << 56) - 1;

/// @dev At deployment: round 1 is open, the genesis is accepted, no motion waits.
function firstHead(uint256 openedAt_, Epoch epoch_, RulesWord rules) pure returns (Head) {
    uint256 joint = rules.trainWindow() == 0 ? 0 : 1;
    return Head.wrap(
        (1 << ROUND_AT) | (openedAt_ << OPENED_AT) | (Epoch.unwrap(epoch_) << EPOCH_AT) | (joint << JOINT_AT)
    ).withTerms(rules).withLimits(rules.pause() != 0);
}

/// @dev The last round that was written down; the clock may have opened later ones since.
function round(Head head) pure returns (uint256) {
    return (Head.unwrap(head) >> ROUND_AT) & ROUND_MASK;
}

function openedAt(Head head) pure returns (uint256) {
    return (Head.unwrap(head) >> OPENED_AT) & TIME_MASK;
}

/// @dev The round whose weights are the accepted ones: the last that was accepted, or one that members went back to.
function acceptedRound(Head head) pure returns (uint256) {
    return (Head.unwrap(head) >> ACCEPTED_AT) & ROUND_MASK;
}

function epochNumber(Head head) pure returns (uint256) {
    return (Head.unwrap(head) >> EPOCH_NUMBER_AT) & INDEX_MASK;
}

/// @dev Without what only shuffled turns need: that stands in the epoch's own word.
function epoch(Head head) pure returns (Epoch) {
    return Epoch.wrap((Head.unwrap(head) >> EPOCH_AT) & EPOCH_MASK);
}

function members(Head head) pure returns (uint256) {
    return head.epoch().members();
}

/// @dev Whether approved motions wait for the boundary between rounds. While they do, the clock opens no round.
function motionsWait(Head head) pure returns (bool) {
    return (Head.unwrap(head) >> WAIT_AT) & FLAG_MASK != 0;
}

function proposeWindow(Head head) pure returns (uint256) {
    return (Head.unwrap(head) >> PROPOSE_AT) & WINDOW_MASK;
}

function voteWindow(Head head) pure returns (uint256) {
    return (Head.unwrap(head) >> VOTE_AT) & WINDOW_MASK;
}

/// @dev Approvals that accept a proposal: all members but the proposer have a vote.
function need(Head head) pure returns (uint256) {
    return (Head.unwrap(head) >> NEED_AT) & SEAT_MASK;
}

/// @dev Whether the clock has to read further, since there is a pause between rounds, or an end.
function hasLimits(Head head) pure returns (bool) {
    return (Head.unwrap(head) >> LIMITS_AT) & FLAG_MASK != 0;
}

/// @dev For ever.
function isJoint(Head head) pure returns (bool) {
    return Head.unwrap(head) >> JOINT_AT != 0;
}

/// @dev Another round is open.
function withRound(Head head, uint256 value, uint256 opened) pure returns (Head) {
    return Head.wrap(
        ((Head.unwrap(head) >> ACCEPTED_AT) << ACCEPTED_AT) | (value << ROUND_AT) | (opened << OPENED_AT)
    );
}

function withAcceptedRound(Head head, uint256 value) pure returns (Head) {
    return Head.wrap((Head.unwrap(head) & ~(ROUND_MASK << ACCEPTED_AT)) | (value << ACCEPTED_AT));
}

function withEpoch(Head head, uint256 number, Epoch value) pure returns (Head) {
    return Head.wrap(
        (Head.unwrap(head) & ~((INDEX_MASK << EPOCH_NUMBER_AT) | (EPOCH_MASK << EPOCH_AT))) | (number << EPOCH_NUMBER_AT)
            | ((Epoch.unwrap(value) & EPOCH_MASK) << EPOCH_AT)
    );
}

function withMotionsWait(Head head, bool value) pure returns (Head) {
    return Head.wrap((Head.unwrap(head) & ~(FLAG_MASK << WAIT_AT)) | (value ? 1 << WAIT_AT : 0));
}

/// @dev Other rules, or another number of members.
function withTerms(Head head, RulesWord rules) pure returns (Head) {
    unchecked {
        return Head.wrap(
            (Head.unwrap(head) & ~(TERMS_MASK << TERMS_AT)) | (rules.proposeWindow() << PROPOSE_AT)
                | (rules.voteWindow() << VOTE_AT) | (rules.need(head.members() - 1) << NEED_AT)
        );
    }
}

function withLimits(Head head, bool value) pure returns (Head) {
    return Head.wrap((Head.unwrap(head) & ~(FLAG_MASK << LIMITS_AT)) | (value ? 1 << LIMITS_AT : 0));
}
