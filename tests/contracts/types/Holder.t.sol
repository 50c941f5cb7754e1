// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {Holder, NO_HOLDER, toHolder} from "../../../contracts/types/Holder.sol";

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

    function testFuzz_withMotionOf__changesNothingElse(uint256 word, uint256 other) public pure {
        Holder before = Holder.wrap(word);
        Holder h = before.withMotionOf(Holder.wrap(other));
        check(h.hasMoved() == Holder.wrap(other).hasMoved());
        if (h.hasMoved()) eq(h.lastMotion(), Holder.wrap(other).lastMotion());
        eq(h.account(), before.account());
        eq(h.firstRound(), before.firstRound());
        eq(h.earlier(), before.earlier());
    }

    function test_noHolder__hasNoMotion() public pure {
        check(!NO_HOLDER.hasMoved());
    }
}
