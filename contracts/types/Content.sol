// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ROUND_MASK} from "./Bits.sol";
import {RulesWord} from "./RulesWord.sol";

/// @dev What a motion is about, as its kind says: an account 160, or rules as they are stored, or a word to agree on, or
/// the round to go back to 32 | the round from which that holds, once it does 32
type Content is uint256;

using {asAccount, asRules, asWord, asRound, firstRound, withFirstRound} for Content global;

uint256 constant ROUND_AT = 0;
uint256 constant FIRST_ROUND_AT = 32;

function ofAccount(address account) pure returns (Content) {
    return Content.wrap(uint160(account));
}

function ofRules(RulesWord rules) pure returns (Content) {
    return Content.wrap(RulesWord.unwrap(rules));
}

function ofWord(bytes32 word) pure returns (Content) {
    return Content.wrap(uint256(word));
}

function ofRound(uint256 round) pure returns (Content) {
    return Content.wrap(round << ROUND_AT);
}

function asAccount(Content content) pure returns (address) {
    return address(uint160(Content.unwrap(content)));
}

function asRules(Content content) pure returns (RulesWord) {
    return RulesWord.wrap(Content.unwrap(content));
}

function asWord(Content content) pure returns (bytes32) {
    return bytes32(Content.unwrap(content));
}

function asRound(Content content) pure returns (uint256) {
    return (Content.unwrap(content) >> ROUND_AT) & ROUND_MASK;
}

/// @dev Of a motion to go back: the round from which it holds; 0 before it is carried out.
function firstRound(Content content) pure returns (uint256) {
    return (Content.unwrap(content) >> FIRST_ROUND_AT) & ROUND_MASK;
}

function withFirstRound(Content content, uint256 value) pure returns (Content) {
    return Content.wrap((Content.unwrap(content) & ~(ROUND_MASK << FIRST_ROUND_AT)) | (value << FIRST_ROUND_AT));
}
