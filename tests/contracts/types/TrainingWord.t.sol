// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {TrainingWord, toTraining} from "../../../contracts/types/TrainingWord.sol";

contract TrainingWordTest is Fields {
    uint256 internal constant U24 = (1 << 24) - 1;
    uint256 internal constant UNTIL = 1 << 2;
    uint256 internal constant CONTRIBUTED = 1 << 3;
    uint256 internal constant EXPECTED = 1 << 4;
    uint256 internal constant RULES = 1 << 5;
    uint256 internal constant LATE = 1 << 6;
    uint256 internal constant LIMITS = 1 << 8;

    function fields(TrainingWord t) internal pure returns (uint256[] memory f) {
        f = new uint256[](9);
        (f[0], f[1], f[2], f[3]) = (t.firstRound(), t.parentRound(), t.until(), t.contributed());
        (f[4], f[5], f[6]) = (t.expected(), t.rulesLeft(), flag(t.hasLate()));
        f[7] = TrainingWord.unwrap(t) >> 254;
        f[8] = flag(t.hasLimits());
    }

    function testFuzz_toTraining__nobodyHasContributed(
        uint32 first,
        uint32 parent,
        uint256 until,
        uint64 expected,
        uint256 rules
    ) public pure {
        until &= U36;
        rules &= U24;
        TrainingWord t = toTraining(first, parent, until, expected, rules);
        eq(t.firstRound(), first);
        eq(t.parentRound(), parent);
        eq(t.until(), until);
        eq(t.expected(), expected);
        eq(t.rulesLeft(), rules);
        eq(t.contributed(), 0);
        check(!t.isComplete() && !t.hasLate() && !t.hasLimits() && t.isOver() == (rules == 0));
    }

    function test_isNone__theEmptyWordAlone() public pure {
        check(TrainingWord.wrap(0).isNone() && TrainingWord.wrap(0).isOver());
        check(!toTraining(1, 0, 0, 0, 0).isNone());
    }

    function testFuzz_withLimits__changesNothingElse(uint256 word, bool value) public pure {
        TrainingWord t = TrainingWord.wrap(word);
        check(t.withLimits(value).hasLimits() == value);
        onlyChanged(fields(t), fields(t.withLimits(value)), LIMITS);
    }

    function testFuzz_withContribution__changesNothingElse(uint256 word, uint256 seat) public pure {
        uint256 bit = 1 << (seat & 63);
        TrainingWord t = TrainingWord.wrap(word);
        eq(t.withContribution(bit).contributed(), t.contributed() | bit);
        onlyChanged(fields(t), fields(t.withContribution(bit)), CONTRIBUTED);
    }

    function testFuzz_isComplete__whenAllExpectedAreThere_andSomebodyIs(uint64 there, uint64 expected) public pure {
        TrainingWord t = toTraining(1, 0, 0, expected, 1).withSeats(there, expected);
        check(t.isComplete() == (there != 0 && there & expected == expected));
        check(t.withSeats(there, there).isComplete() == (there != 0));
        check(!t.withSeats(0, 0).isComplete());
    }

    function testFuzz_withSeats__changesNothingElse(uint256 word, uint64 there, uint64 expected) public pure {
        TrainingWord t = TrainingWord.wrap(word).withSeats(there, expected);
        eq(t.contributed(), there);
        eq(t.expected(), expected);
        onlyChanged(fields(TrainingWord.wrap(word)), fields(t), CONTRIBUTED | EXPECTED);
    }

    function testFuzz_withLate__changesNothingElse(uint256 word) public pure {
        TrainingWord t = TrainingWord.wrap(word);
        check(t.withLate().hasLate());
        onlyChanged(fields(t), fields(t.withLate()), LATE);
    }

    function testFuzz_withUntil__changesNothingElse(uint256 word, uint256 until) public pure {
        until &= U36;
        TrainingWord t = TrainingWord.wrap(word).withUntil(until);
        eq(t.until(), until);
        onlyChanged(fields(TrainingWord.wrap(word)), fields(t), UNTIL);
    }

    function testFuzz_withOneRejected__takesTheFirstRule_orAllOfThem(uint256 word, uint64 there) public pure {
        TrainingWord t = TrainingWord.wrap(word);
        t = t.withSeats(there, t.expected());
        eq(t.withOneRejected().rulesLeft(), count(there) < 2 ? 0 : t.rulesLeft() >> 4);
        onlyChanged(fields(t), fields(t.withOneRejected()), RULES);
    }

    function test_withOneRejected__contributions() public pure {
        TrainingWord t = toTraining(1, 0, 0, 0, 0x321);
        check(t.withOneRejected().isOver());
        check(t.withContribution(1 << 63).withOneRejected().isOver());
        eq(t.withContribution(1 << 63).withContribution(1).withOneRejected().rulesLeft(), 0x32);
    }
}
