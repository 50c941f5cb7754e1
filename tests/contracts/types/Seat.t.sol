// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {NO_SEAT, Seat, toSeat} from "../../../contracts/types/Seat.sol";

contract SeatTest is Fields {
    uint256 internal constant NUMBER = 1 << 0;
    uint256 internal constant MEMBER = 1 << 1;
    uint256 internal constant LEAVING = 1 << 2;
    uint256 internal constant COMMITMENT = 1 << 3;
    uint256 internal constant REPLACING = 1 << 4;

    function fields(Seat s) internal pure returns (uint256[] memory f) {
        f = new uint256[](5);
        (f[0], f[1], f[2], f[3]) = (s.number(), flag(s.isMember()), flag(s.leaving()), uint256(s.commitment()));
        f[4] = flag(s.replacing());
    }

    function test_noSeat__isNoMembers() public pure {
        check(!NO_SEAT.isMember() && !NO_SEAT.leaving() && !NO_SEAT.replacing());
        eq(NO_SEAT.commitment(), bytes32(0));
    }

    function testFuzz_toSeat__aMemberWithNothingElse(uint256 number) public pure {
        number &= 63;
        Seat s = toSeat(number);
        check(s.isMember() && !s.leaving() && !s.replacing());
        eq(s.number(), number);
        eq(s.commitment(), bytes32(0));
    }

    function testFuzz_withNumber__changesNothingElse(uint256 word, uint256 number) public pure {
        number &= 63;
        Seat s = Seat.wrap(word).withNumber(number);
        check(s.isMember());
        eq(s.number(), number);
        onlyChanged(fields(Seat.wrap(word)), fields(s), NUMBER | MEMBER);
    }

    function testFuzz_withLeaving__changesNothingElse(uint256 word, bool value) public pure {
        Seat s = Seat.wrap(word).withLeaving(value);
        check(s.leaving() == value);
        onlyChanged(fields(Seat.wrap(word)), fields(s), LEAVING);
    }

    function testFuzz_withReplacing__changesNothingElse(uint256 word, bool value) public pure {
        Seat s = Seat.wrap(word).withReplacing(value);
        check(s.replacing() == value);
        onlyChanged(fields(Seat.wrap(word)), fields(s), REPLACING);
    }

    function testFuzz_withCommitment__changesNothingElse(uint256 word, bytes28 value) public pure {
        Seat s = Seat.wrap(word).withCommitment(value);
        eq(s.commitment(), bytes32(value));
        eq(uint32(Seat.unwrap(s)), uint32(word)); // the account's own bits, free ones too
        onlyChanged(fields(Seat.wrap(word)), fields(s), COMMITMENT);
    }
}
