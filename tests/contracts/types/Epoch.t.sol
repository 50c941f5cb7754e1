// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {Epoch, toEpoch} from "../../../contracts/types/Epoch.sol";

contract EpochTest is Fields {
    function testFuzz_toEpoch__everyFieldIsWhatWasSet(uint32 firstRound, uint256 members, uint256 firstSeat)
        public
        pure
    {
        Epoch e = toEpoch(firstRound, members & 127, firstSeat & 63);
        eq(e.firstRound(), firstRound);
        eq(e.members(), members & 127);
        eq(e.firstSeat(), firstSeat & 63);
    }

    /// @dev An epoch of 2 to 64 members that begins at round 1 or later.
    function some(uint32 firstRound, uint256 members, uint256 firstSeat) internal pure returns (Epoch) {
        members = 2 + members % 63;
        return toEpoch(1 + uint256(firstRound) % (type(uint32).max - 1), members, firstSeat % members);
    }

    function testFuzz_turn__seatBySeatFromTheFirst(uint32 firstRound, uint256 members, uint256 firstSeat, uint32 later)
        public
        pure
    {
        Epoch e = some(firstRound, members, firstSeat);
        eq(e.turn(e.firstRound()), e.firstSeat());
        uint256 round = e.firstRound() + later;
        eq(e.turn(round + 1), (e.turn(round) + 1) % e.members());
        uint256 sat;
        for (uint256 i; i < e.members(); ++i) {
            sat |= 1 << e.turn(round + i);
        }
        eq(sat, U64 >> (64 - e.members())); // each seat once a cycle
    }

    function testFuzz_shuffledTurn__eachSeatOnceACycle(
        uint32 firstRound,
        uint256 members,
        uint256 firstSeat,
        uint256 cycle,
        address self,
        uint32 number
    ) public pure {
        Epoch e = some(firstRound, members, firstSeat);
        uint256 round = e.firstRound() + (cycle % 1000) * e.members();
        uint256 sat;
        for (uint256 i; i < e.members(); ++i) {
            sat |= 1 << e.shuffledTurn(round + i, self, number);
        }
        eq(sat, U64 >> (64 - e.members()));
    }

    /// @dev Of 24 seats two orders are the same by chance once in 24! times.
    function testFuzz_shuffledTurn__anotherOrderForAnyOtherCycleContractAndEpoch(address self, uint32 number)
        public
        pure
    {
        Epoch e = toEpoch(1, 24, 0);
        bytes32 here = order(e, 1, self, number);
        check(here != order(e, 25, self, number));
        check(here != order(e, 1, address(uint160(self) ^ 1), number));
        check(here != order(e, 1, self, uint256(number) + 1));
        eq(here, order(e, 1, self, number));
    }

    function order(Epoch e, uint256 round, address self, uint256 number) internal pure returns (bytes32 seats) {
        for (uint256 i; i < 24; ++i) {
            seats = keccak256(abi.encode(seats, e.shuffledTurn(round + i, self, number)));
        }
    }

    /// @dev Over many cycles no place of the order prefers a seat: of 3,000 draws each of 3 seats has 1,000, ± 6 sigma.
    function test_shuffledTurn__everySeatIsFirstAsOften() public pure {
        Epoch e = toEpoch(1, 3, 0);
        uint256[3] memory first;
        for (uint256 cycle; cycle < 3000; ++cycle) {
            ++first[e.shuffledTurn(1 + 3 * cycle, address(7), 0)];
        }
        for (uint256 i; i < 3; ++i) {
            check(first[i] > 845 && first[i] < 1155);
        }
    }

    function testFuzz_turns__genesis__isSeat0s(uint32 firstRound, uint256 members, uint256 firstSeat) public pure {
        Epoch e = some(firstRound, members, firstSeat);
        eq(e.turn(0), 0);
        eq(e.shuffledTurn(0, address(7), 0), 0);
    }
}
