// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {ofAccount, ofRules} from "../../../contracts/types/Content.sol";
import {RulesWord} from "../../../contracts/types/RulesWord.sol";

contract ContentTest is Fields {
    function testFuzz_content__isWhatItWasMadeOf(address account, uint256 rules) public pure {
        eq(ofAccount(account).asAccount(), account);
        eq(RulesWord.unwrap(ofRules(RulesWord.wrap(rules)).asRules()), rules);
    }
}
