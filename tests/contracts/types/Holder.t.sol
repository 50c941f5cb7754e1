// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {Holder, toHolder} from "../../../contracts/types/Holder.sol";

contract HolderTest is Fields {
    function testFuzz_toHolder__everyFieldIsWhatWasSet(address account, uint32 firstRound, uint32 earlier)
        public
        pure
    {
        Holder h = toHolder(account, firstRound, earlier);
        eq(h.account(), account);
        eq(h.firstRound(), firstRound);
        eq(h.earlier(), earlier);
        check(!h.hasMoved());
    }

    function testFuzz_withLastMotion__changesNothingElse(uint256 word, uint256 index) public pure {
        index %= type(uint32).max;
        Holder before = Holder.wrap(word);
        Holder h = before.withLastMotion(index);
        check(h.hasMoved());
        eq(h.lastMotion(), index);
        eq(h.account(), before.account());
        eq(h.firstRound(), before.firstRound());
        eq(h.earlier(), before.earlier());
    }
}
