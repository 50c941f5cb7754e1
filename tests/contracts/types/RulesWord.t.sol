// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {ICollectiveLearning as I} from "../../../contracts/ICollectiveLearning.sol";
import {RulesWord, pack} from "../../../contracts/types/RulesWord.sol";

contract RulesWordTest is Fields {
    function testFuzz_pack__everyRuleIsWhatWasSet(I.Rules memory rules) public pure {
        rules = taken(rules);
        RulesWord word = pack(rules);
        eq(keccak256(abi.encode(word.unpack())), keccak256(abi.encode(rules)));
        eq(word.proposeWindow(), rules.proposeWindow);
        eq(word.voteWindow(), rules.voteWindow);
        eq(word.revealWindow(), rules.revealWindow);
        eq(word.motionWindow(), rules.motionWindow);
        eq(word.trainWindow(), rules.trainWindow);
        eq(word.pause(), rules.pause);
    }

    /// @dev The least whole number above the exact fraction, whatever the other rules are.
    function testFuzz_need__isTheLeastAboveTheFraction(I.Rules memory rules, uint256 eligible) public pure {
        eligible %= 65;
        rules = taken(rules);
        (uint256 n, uint256 d) = (rules.thresholdNumerator, rules.thresholdDenominator);
        uint256 need = pack(rules).need(eligible);
        check(need * d > n * eligible);
        check((need - 1) * d <= n * eligible);
        check(need <= eligible || eligible == 0); // a threshold below 1 can be reached
    }

    /// @dev What weights need, and at least a majority.
    function testFuzz_motionNeed__isTheLargerOfTheTwo(I.Rules memory rules, uint256 eligible) public pure {
        eligible = 1 + eligible % 64;
        RulesWord word = pack(taken(rules));
        uint256 need = word.motionNeed(eligible);
        check(need >= word.need(eligible) && 2 * need > eligible && need <= eligible);
        check(need == word.need(eligible) || 2 * (need - 1) <= eligible);
    }

    function test_motionNeed__thirdsHalvesAndThreeQuarters() public pure {
        eq(pack(I.Rules(1, 3, 1, 1, 1, 1, 0, 0)).motionNeed(10), 6);
        eq(pack(I.Rules(1, 3, 1, 1, 1, 1, 0, 0)).motionNeed(9), 5);
        eq(pack(I.Rules(1, 2, 1, 1, 1, 1, 0, 0)).motionNeed(10), 6);
        eq(pack(I.Rules(3, 4, 1, 1, 1, 1, 0, 0)).motionNeed(10), 8);
    }

    /// @dev A little more than a half, written with the largest numbers that a threshold may have.
    function test_need__thirtyTwoBits() public pure {
        RulesWord word = pack(I.Rules(1 << 31, type(uint32).max, 1, 1, 1, 1, 0, 0));
        eq(word.need(3), 2);
        eq(word.need(4), 3);
        eq(word.need(64), 33);
    }

    function test_need__halvesAndThirds() public pure {
        RulesWord half = pack(I.Rules(1, 2, 1, 1, 1, 1, 0, 0));
        RulesWord twoThirds = pack(I.Rules(2, 3, 1, 1, 1, 1, 0, 0));
        eq(half.need(3), 2);
        eq(half.need(4), 3); // a tie rejects
        eq(half.need(63), 32);
        eq(twoThirds.need(3), 3);
        eq(twoThirds.need(4), 3);
        eq(twoThirds.need(63), 43);
    }
}
