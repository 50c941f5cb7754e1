// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ROUND_MASK, SIZE_MASK} from "./Bits.sol";

/// @dev What the member on a seat has contributed last, but for the hashes: training's first round 32 | size 36 | free 188
///
/// It is used again by each training, and counts for the one that it names alone.
type ContributionWord is uint256;

using {training, size} for ContributionWord global;

uint256 constant TRAINING_AT = 0;
uint256 constant SIZE_AT = 32;

/// @dev Of a seat whose member has contributed nothing.
ContributionWord constant NO_CONTRIBUTION = ContributionWord.wrap(0);

function toContribution(uint256 training_, uint256 size_) pure returns (ContributionWord) {
    return ContributionWord.wrap((training_ << TRAINING_AT) | (size_ << SIZE_AT));
}

/// @dev By its first round.
function training(ContributionWord word) pure returns (uint256) {
    return (ContributionWord.unwrap(word) >> TRAINING_AT) & ROUND_MASK;
}

function size(ContributionWord word) pure returns (uint256) {
    return (ContributionWord.unwrap(word) >> SIZE_AT) & SIZE_MASK;
}
