// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {Content, ofAccount, ofRound, ofRules, ofWord} from "../../../contracts/types/Content.sol";
import {RulesWord} from "../../../contracts/types/RulesWord.sol";

contract ContentTest is Fields {
    function testFuzz_content__isWhatItWasMadeOf(address account, uint256 rules, bytes32 word) public pure {
        eq(ofWord(word).asWord(), word);
        eq(ofAccount(account).asAccount(), account);
        eq(RulesWord.unwrap(ofRules(RulesWord.wrap(rules)).asRules()), rules);
    }

    function testFuzz_ofRound__holdsFromNoRoundYet(uint32 round) public pure {
        eq(ofRound(round).asRound(), round);
        eq(ofRound(round).firstRound(), 0);
    }

    function testFuzz_withFirstRound__changesNothingElse(uint256 word, uint32 round) public pure {
        Content content = Content.wrap(word).withFirstRound(round);
        eq(content.firstRound(), round);
        eq(content.asRound(), uint32(word));
        eq(Content.unwrap(content) >> 64, word >> 64);
    }
}
