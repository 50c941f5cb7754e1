// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RULE_MASK, SEATS_MASK} from "./Bits.sol";
import {hash} from "./Epoch.sol";

/// @dev What a proposal of a joint round claims to be: merged seats 64 | rule 4 | digest of what was merged 188
///
/// The proposer gives it as it is stored, and the id of the proposal binds it. Nobody but the voters looks at the digest.
type Claim is bytes32;

using {isThere, seats, rule, bind} for Claim global;

uint256 constant SEATS_AT = 0;
uint256 constant RULE_AT = 64;

/// @dev Of weights that aren't merged: of a solo round, and of the genesis.
Claim constant NO_CLAIM = Claim.wrap(0);

function isThere(Claim claim) pure returns (bool) {
    return Claim.unwrap(claim) != 0;
}

function seats(Claim claim) pure returns (uint256) {
    return (uint256(Claim.unwrap(claim)) >> SEATS_AT) & SEATS_MASK;
}

function rule(Claim claim) pure returns (uint256) {
    return (uint256(Claim.unwrap(claim)) >> RULE_AT) & RULE_MASK;
}

/// @dev What stands in a proposal's id for the CID's digest: that itself, or with a claim the hash of both.
function bind(Claim claim, bytes32 cidDigest) pure returns (bytes32) {
    return claim.isThere() ? bytes32(hash(uint256(cidDigest), uint256(Claim.unwrap(claim)))) : cidDigest;
}
