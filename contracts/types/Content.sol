// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RulesWord} from "./RulesWord.sol";

/// @dev What a motion is about, as its kind says: an account 160, or rules as they are stored.
type Content is uint256;

using {asAccount, asRules} for Content global;

function ofAccount(address account) pure returns (Content) {
    return Content.wrap(uint160(account));
}

function ofRules(RulesWord rules) pure returns (Content) {
    return Content.wrap(RulesWord.unwrap(rules));
}

function asAccount(Content content) pure returns (address) {
    return address(uint160(Content.unwrap(content)));
}

function asRules(Content content) pure returns (RulesWord) {
    return RulesWord.wrap(Content.unwrap(content));
}
