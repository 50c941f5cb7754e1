// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {Agenda} from "../../../contracts/types/Agenda.sol";

contract AgendaTest is Fields {
    uint256 internal constant MOVED = 1 << 0;
    uint256 internal constant FRONT = 1 << 1;
    uint256 internal constant BACK = 1 << 2;

    function fields(Agenda a) internal pure returns (uint256[] memory f) {
        f = new uint256[](4);
        (f[0], f[1], f[2], f[3]) = (a.moved(), a.front(), a.back(), Agenda.unwrap(a) >> 96);
    }

    /// @dev Numbers of which none is the last that fits: there are never so many motions.
    function some(uint32 moved, uint32 front, uint32 back) internal pure returns (Agenda) {
        return Agenda.wrap(
            uint256(moved / 2) | (uint256(front / 2) << 32) | (uint256(back / 2) << 64) | (uint256(1) << 96)
        );
    }

    function testFuzz_withOneMore__changesNothingElse(uint32 moved, uint32 front, uint32 back) public pure {
        Agenda a = some(moved, front, back);
        eq(a.moved(), moved / 2);
        eq(a.front(), front / 2);
        eq(a.back(), back / 2);
        check(a.isEmpty() == (a.front() == a.back()));
        eq(a.withOneMoved().moved(), a.moved() + 1);
        onlyChanged(fields(a), fields(a.withOneMoved()), MOVED);
        eq(a.withOneTaken().front(), a.front() + 1);
        onlyChanged(fields(a), fields(a.withOneTaken()), FRONT);
        eq(a.withOneApproved().back(), a.back() + 1);
        onlyChanged(fields(a), fields(a.withOneApproved()), BACK);
    }

    function test_isEmpty__whenAllThatWereApprovedAreTaken() public pure {
        Agenda a = Agenda.wrap(0);
        check(a.isEmpty());
        a = a.withOneMoved().withOneApproved();
        check(!a.isEmpty());
        check(a.withOneTaken().isEmpty());
    }
}
