// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {Queued, toQueued} from "../../../contracts/types/Queued.sol";

contract QueuedTest is Fields {
    function testFuzz_toQueued__everyFieldIsWhatWasSet(uint32 index, address account) public pure {
        Queued q = toQueued(index, account);
        eq(q.index(), index);
        eq(q.account(), account);
    }
}
