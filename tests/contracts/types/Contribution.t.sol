// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {Claim, NO_CLAIM} from "../../../contracts/types/Claim.sol";
import {ContributionWord, NO_CONTRIBUTION, toContribution} from "../../../contracts/types/ContributionWord.sol";

contract ContributionTest is Fields {
    function testFuzz_toContribution__everyFieldIsWhatWasSet(uint32 training, uint256 size) public pure {
        size &= U36;
        ContributionWord word = toContribution(training, size);
        eq(word.training(), training);
        eq(word.size(), size);
    }

    function test_noContribution__isToNoTraining() public pure {
        eq(NO_CONTRIBUTION.training(), 0);
        eq(NO_CONTRIBUTION.size(), 0);
    }

    function testFuzz_claim__seatsRuleAndDigest(uint64 seats, uint256 rule, uint256 digest) public pure {
        rule &= 15;
        Claim claim = Claim.wrap(bytes32((digest << 68) | (rule << 64) | seats));
        eq(claim.seats(), seats);
        eq(claim.rule(), rule);
        check(claim.isThere() == (Claim.unwrap(claim) != 0));
    }

    function testFuzz_bind__isTheHashOfBoth_orTheDigestAlone(bytes32 cid, bytes32 word) public pure {
        eq(NO_CLAIM.bind(cid), cid);
        if (word == 0) return;
        eq(Claim.wrap(word).bind(cid), keccak256(abi.encode(cid, word)));
    }
}
