// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICollectiveLearning} from "../ICollectiveLearning.sol";
import {FRACTION_MASK, WINDOW_MASK} from "./Bits.sol";

/// @dev The rules that motions can change, which a motion that changes them holds likewise:
/// threshold's numerator 32 | its denominator 32 | propose window 25 | vote window 25 | reveal window 25 |
/// motion window 25 | train window 25 | free 25 | pause 25 | free 17
///
/// The train window is 0 where rounds are solo.
type RulesWord is uint256;

using {unpack, need, motionNeed, proposeWindow, voteWindow, revealWindow, motionWindow, trainWindow, pause} for RulesWord global;

uint256 constant NUMERATOR_AT = 0;
uint256 constant DENOMINATOR_AT = 32;
uint256 constant PROPOSE_AT = 64;
uint256 constant VOTE_AT = 89;
uint256 constant REVEAL_AT = 114;
uint256 constant MOTION_AT = 139;
uint256 constant TRAIN_AT = 164;
uint256 constant PAUSE_AT = 214;

function pack(ICollectiveLearning.Rules memory rules) pure returns (RulesWord) {
    return RulesWord.wrap(
        (uint256(rules.thresholdNumerator) << NUMERATOR_AT) | (uint256(rules.thresholdDenominator) << DENOMINATOR_AT)
            | (uint256(rules.proposeWindow) << PROPOSE_AT) | (uint256(rules.voteWindow) << VOTE_AT)
            | (uint256(rules.revealWindow) << REVEAL_AT) | (uint256(rules.motionWindow) << MOTION_AT)
            | (uint256(rules.trainWindow) << TRAIN_AT) | (uint256(rules.pause) << PAUSE_AT)
    );
}

function unpack(RulesWord word) pure returns (ICollectiveLearning.Rules memory rules) {
    rules.thresholdNumerator = uint32(RulesWord.unwrap(word) >> NUMERATOR_AT);
    rules.thresholdDenominator = uint32(RulesWord.unwrap(word) >> DENOMINATOR_AT);
    rules.proposeWindow = uint32(word.proposeWindow());
    rules.voteWindow = uint32(word.voteWindow());
    rules.revealWindow = uint32(word.revealWindow());
    rules.motionWindow = uint32(word.motionWindow());
    rules.trainWindow = uint32(word.trainWindow());
    rules.pause = uint32(word.pause());
}

/// @dev The least whole number of approvals above threshold × `eligible`.
function need(RulesWord word, uint256 eligible) pure returns (uint256) {
    unchecked {
        uint256 numerator = (RulesWord.unwrap(word) >> NUMERATOR_AT) & FRACTION_MASK;
        uint256 denominator = (RulesWord.unwrap(word) >> DENOMINATOR_AT) & FRACTION_MASK;
        return (numerator * eligible) / denominator + 1;
    }
}

/// @dev Likewise for a motion, which takes a majority, however few approvals weights take.
function motionNeed(RulesWord word, uint256 eligible) pure returns (uint256) {
    unchecked {
        uint256 least = eligible / 2 + 1;
        uint256 approvals = word.need(eligible);
        return approvals > least ? approvals : least;
    }
}

function proposeWindow(RulesWord word) pure returns (uint256) {
    return (RulesWord.unwrap(word) >> PROPOSE_AT) & WINDOW_MASK;
}

function voteWindow(RulesWord word) pure returns (uint256) {
    return (RulesWord.unwrap(word) >> VOTE_AT) & WINDOW_MASK;
}

function revealWindow(RulesWord word) pure returns (uint256) {
    return (RulesWord.unwrap(word) >> REVEAL_AT) & WINDOW_MASK;
}

function motionWindow(RulesWord word) pure returns (uint256) {
    return (RulesWord.unwrap(word) >> MOTION_AT) & WINDOW_MASK;
}

function trainWindow(RulesWord word) pure returns (uint256) {
    return (RulesWord.unwrap(word) >> TRAIN_AT) & WINDOW_MASK;
}

/// @dev Least seconds between a decision and the next proposal.
function pause(RulesWord word) pure returns (uint256) {
    return (RulesWord.unwrap(word) >> PAUSE_AT) & WINDOW_MASK;
}
