// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "../Base.sol";
import {ICollectiveLearning as I} from "../../../contracts/ICollectiveLearning.sol";

/// @notice What the tests of all packed words share: a word is read as the list of its fields, by its getters.
abstract contract Fields is Base {
    uint256 internal constant U64 = type(uint64).max;
    uint256 internal constant U36 = (1 << 36) - 1;

    /// @dev Nothing but the fields named by `changed` (a bit each) is another than before.
    function onlyChanged(uint256[] memory before, uint256[] memory later, uint256 changed) internal pure {
        eq(before.length, later.length);
        for (uint256 i; i < before.length; ++i) {
            if ((changed >> i) & 1 == 0) eq(later[i], before[i]);
        }
    }

    /// @dev How many bits are set, counted one by one.
    function count(uint256 seats) internal pure returns (uint256 n) {
        for (; seats != 0; seats >>= 1) {
            n += seats & 1;
        }
    }

    /// @dev Rules as the contract takes them: a threshold below 1, and windows of 25 bits.
    function taken(I.Rules memory rules) internal pure returns (I.Rules memory) {
        if (rules.thresholdDenominator < 2) rules.thresholdDenominator = 2;
        rules.thresholdNumerator = 1 + rules.thresholdNumerator % (rules.thresholdDenominator - 1);
        rules.proposeWindow &= (1 << 25) - 1;
        rules.voteWindow &= (1 << 25) - 1;
        rules.revealWindow &= (1 << 25) - 1;
        rules.motionWindow &= (1 << 25) - 1;
        rules.trainWindow &= (1 << 25) - 1;
        rules.pause &= (1 << 25) - 1;
        return rules;
    }

    function flag(bool value) internal pure returns (uint256) {
        return value ? 1 : 0;
    }
}
