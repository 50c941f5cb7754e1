// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {Epoch, toEpoch, vacated} from "../../../contracts/types/Epoch.sol";

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

    function testFuzz_withCycle__changesNothingElse(
        uint32 firstRound,
        uint256 members,
        uint256 firstSeat,
        uint32 cycle,
        uint64 due
    ) public pure {
        Epoch before = toEpoch(firstRound, members & 127, firstSeat & 63);
        Epoch e = before.withCycle(cycle, due);
        eq(e.cycle(), cycle);
        eq(e.due(), due);
        eq(e.firstRound(), firstRound);
        eq(e.members(), members & 127);
        eq(e.firstSeat(), firstSeat & 63);
        eq(before.cycle() | before.due(), 0);
    }

    // ------------------------------------------------------------------------------------------- shuffled turns

    /// @dev A cycle's order of `members` seats, worked out here.
    function orderOf(uint256 members, address self, uint256 cycle) internal pure returns (uint256[] memory order) {
        order = new uint256[](members);
        bytes32 seed = keccak256(abi.encode(self, cycle));
        for (uint256 i; i < members; ++i) {
            uint256 at = uint256(keccak256(abi.encode(seed, i))) % (i + 1);
            for (uint256 k = i; k > at; --k) {
                order[k] = order[k - 1];
            }
            order[at] = i;
        }
    }

    /// @dev Some seats, never all of them: somebody has always had its turn when an epoch begins.
    function part(Epoch e, uint64 seats) internal pure returns (uint256) {
        return seats & (all(e) >> 1);
    }

    function all(Epoch e) internal pure returns (uint256) {
        return U64 >> (64 - e.members());
    }

    function testFuzz_shuffledTurn__theRunningCyclesEnd_thenWholeCycles__asDocumented(
        uint32 firstRound,
        uint256 members,
        uint64 seats,
        uint32 cycle,
        address self
    ) public pure {
        Epoch e = some(firstRound, members, 0);
        e = e.withCycle(cycle, part(e, seats));
        uint256 round = e.firstRound();
        for (uint256 c = cycle; c <= uint256(cycle) + 2; ++c) {
            uint256[] memory order = orderOf(e.members(), self, c);
            for (uint256 i; i < order.length; ++i) {
                if (c == cycle && (e.due() >> order[i]) & 1 == 0) continue;
                eq(e.shuffledTurn(round++, self), order[i]);
            }
        }
        eq(round, e.firstRound() + count(e.due()) + 2 * e.members());
    }

    /// @dev All 64, with the words that the order is kept in full.
    function test_shuffledTurn__64seats__asDocumented() public pure {
        Epoch e = toEpoch(1, 64, 0);
        uint256[] memory order = orderOf(64, address(7), 3);
        for (uint256 i; i < 64; ++i) {
            eq(e.shuffledTurn(1 + 2 * 64 + i, address(7)), order[i]);
        }
    }

    function testFuzz_running__whoHasNotHadItsTurn(
        uint32 firstRound,
        uint256 members,
        uint64 seats,
        uint32 cycle,
        address self,
        uint8 later
    ) public pure {
        Epoch e = some(firstRound / 2, members, 0);
        e = e.withCycle(cycle / 2, part(e, seats));
        uint256 round = e.firstRound() + 1 + later;
        (uint256 number, uint256 due) = e.running(round, self);
        check(due != all(e)); // a cycle in which nobody has had its turn isn't running
        // An epoch of the same members that begins there goes on as if it were none.
        Epoch next = toEpoch(round, e.members(), 0).withCycle(number, due);
        for (uint256 i; i < 130; ++i) {
            eq(next.shuffledTurn(round + i, self), e.shuffledTurn(round + i, self));
        }
    }

    function testFuzz_vacated__theLastSeatsBitMoves(uint64 seats, uint256 last, uint256 freed) public pure {
        last %= 64;
        freed %= last + 1;
        uint256 left = vacated(seats, freed, last);
        for (uint256 i; i < 64; ++i) {
            if (i == last) eq((left >> i) & 1, 0);
            else eq((left >> i) & 1, (seats >> (i == freed ? last : i)) & 1);
        }
    }

    /// @dev Which of two seats is first says the contract and the cycle, however many members there are.
    function testFuzz_order__ofTwoSeats__isTheSameWithMoreMembers(address self, uint32 round, uint256 members) public pure {
        members = 2 + members % 62;
        Epoch fewer = toEpoch(1, members, 0);
        Epoch more = toEpoch(1, members + 1, 0);
        uint256 cycle = round % 1000;
        uint256 j;
        for (uint256 i; i < members; ++i) {
            uint256 seat = more.shuffledTurn(1 + cycle * (members + 1) + j++, self);
            if (seat == members) seat = more.shuffledTurn(1 + cycle * (members + 1) + j++, self);
            eq(seat, fewer.shuffledTurn(1 + cycle * members + i, self));
        }
    }

    /// @dev Of 24 seats two orders are the same by chance once in 24! times.
    function testFuzz_shuffledTurn__anotherOrderForAnyOtherCycleAndContract(address self) public pure {
        Epoch e = toEpoch(1, 24, 0);
        bytes32 here = order(e, 1, self);
        check(here != order(e, 25, self));
        check(here != order(e, 1, address(uint160(self) ^ 1)));
        eq(here, order(e, 1, self));
    }

    function order(Epoch e, uint256 round, address self) internal pure returns (bytes32 seats) {
        for (uint256 i; i < 24; ++i) {
            seats = keccak256(abi.encode(seats, e.shuffledTurn(round + i, self)));
        }
    }

    /// @dev Over many cycles no place of the order prefers a seat: of 3,000 draws each of 3 seats has 1,000, ± 6 sigma.
    function test_shuffledTurn__everySeatIsFirstAsOften() public pure {
        Epoch e = toEpoch(1, 3, 0);
        uint256[3] memory first;
        for (uint256 cycle; cycle < 3000; ++cycle) {
            ++first[e.shuffledTurn(1 + 3 * cycle, address(7))];
        }
        for (uint256 i; i < 3; ++i) {
            check(first[i] > 845 && first[i] < 1155);
        }
    }

    function testFuzz_turns__genesis__isSeat0s(uint32 firstRound, uint256 members, uint256 firstSeat) public pure {
        Epoch e = some(firstRound, members, firstSeat);
        eq(e.turn(0), 0);
        eq(e.shuffledTurn(0, address(7)), 0);
    }
}
