// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {ICollectiveLearning as I} from "../../../contracts/ICollectiveLearning.sol";
import {MotionWord, toMotionWord} from "../../../contracts/types/MotionWord.sol";

contract MotionWordTest is Fields {
    uint256 internal constant APPROVALS = 1 << 0;
    uint256 internal constant REJECTIONS = 1 << 1;
    uint256 internal constant STATE = 1 << 6;

    struct Terms {
        uint256 deadline;
        uint256 moverSeat;
        uint256 moverPlace;
        uint256 need;
        uint256 members;
        uint256 kind;
        uint32 epochNumber;
        uint256 barred;
    }

    /// @dev Kinds and states that are none can't be read, so what is read has some.
    function some(uint256 word) internal pure returns (MotionWord) {
        return MotionWord.wrap(word & ~(uint256(0xff) << 184)).withState(I.MotionState(word % 6));
    }

    function fields(MotionWord m) internal pure returns (uint256[] memory f) {
        f = new uint256[](10);
        (f[0], f[1], f[2], f[3]) = (m.approvals(), m.rejections(), m.deadline(), m.moverSeat());
        (f[4], f[5], f[6], f[7]) = (m.need(), uint256(m.kind()), uint256(m.state()), m.epochNumber());
        for (uint256 i; i < 64; ++i) {
            if (m.isBarred(i)) f[8] = i + 1;
        }
        f[9] = m.moverPlace();
    }

    function made(Terms memory x) internal pure returns (MotionWord) {
        x.deadline &= U36;
        x.moverSeat &= 63;
        x.need &= 127;
        x.members %= 65;
        x.moverPlace &= (1 << 25) - 1;
        x.kind %= 8;
        x.barred %= 65;
        return toMotionWord(
            x.deadline, x.moverSeat, x.need, x.members, I.MotionKind(x.kind), x.epochNumber, x.barred
        ).withMoverPlace(x.moverPlace | (uint256(x.epochNumber) << 25));
    }

    function testFuzz_toMotionWord__everyFieldIsWhatWasSet(Terms memory x) public pure {
        uint256[] memory f = fields(made(x));
        eq(f[0] | f[1], 0);
        eq(f[2], x.deadline);
        eq(f[3], x.moverSeat);
        eq(f[4], x.need);
        eq(f[5], x.kind);
        eq(f[6], uint256(I.MotionState.Open));
        eq(f[7], x.epochNumber);
        eq(f[8], x.barred);
        eq(f[9], x.moverPlace);
        if (x.barred != 0) eq(made(x).barredSeat(), x.barred - 1);
        check(made(x).isWish() == (x.need == 0));
    }

    /// @dev There is room for kinds to come: all 5 bits are read, and what is no kind yet is none.
    function test_kind__hasFiveBits() public view {
        for (uint256 kind; kind < 32; ++kind) {
            try this.kindOf(kind << 184) returns (I.MotionKind read) {
                eq(uint256(read), kind);
            } catch {
                check(kind > uint256(type(I.MotionKind).max));
            }
        }
    }

    function kindOf(uint256 word) external pure returns (I.MotionKind) {
        return MotionWord.wrap(word).kind();
    }

    function testFuzz_withVote__isThatSeatsVoteAlone(uint256 word, uint256 seat, bool approve) public pure {
        uint256 bit = 1 << (seat % 64);
        MotionWord before = some(word & ~(bit | (bit << 64)));
        MotionWord m = before.withVote(bit, approve);
        check(!before.hasVoted(bit) && m.hasVoted(bit));
        if (approve) eq(m.approvals(), before.approvals() | bit);
        else eq(m.rejections(), before.rejections() | bit);
        onlyChanged(fields(before), fields(m), approve ? APPROVALS : REJECTIONS);
    }

    function testFuzz_withState__changesNothingElse(uint256 word, uint256 value) public pure {
        I.MotionState state = I.MotionState(value % 6);
        MotionWord m = some(word).withState(state);
        eq(m.state(), state);
        onlyChanged(fields(some(word)), fields(m), STATE);
    }

    function testFuzz_isCarriedAndIsLost__asCountedOneByOne(Terms memory x, uint64 approvals, uint64 rejections)
        public
        pure
    {
        MotionWord m = made(x);
        rejections &= ~approvals;
        uint256 eligible = x.barred == 0 ? x.members : x.members - flag(x.members != 0);
        // No more votes than there are members who have one.
        while (count(approvals) + count(rejections) > eligible) {
            if (approvals != 0) approvals &= approvals - 1;
            else rejections &= rejections - 1;
        }
        if (x.members == 0) return;
        m = MotionWord.wrap(MotionWord.unwrap(m) | approvals | (uint256(rejections) << 64));
        check(m.isCarried() == (count(approvals) >= x.need));
        check(m.isLost() == (eligible - count(rejections) < x.need));
    }

    function testFuzz_stateAt__lapsesByTheClockAndByTheEpoch(Terms memory x, uint256 value, uint256 later) public pure {
        MotionWord m = made(x);
        later = 1 + later % U36;
        eq(m.stateAt(x.deadline, x.epochNumber), I.MotionState.Open);
        eq(m.stateAt(0, x.epochNumber), I.MotionState.Open);
        eq(m.stateAt(x.deadline + later, x.epochNumber), I.MotionState.Lapsed);
        eq(m.stateAt(x.deadline, x.epochNumber + later), I.MotionState.Lapsed);
        // What is decided stays so.
        I.MotionState decided = I.MotionState(1 + value % 5);
        eq(m.withState(decided).stateAt(x.deadline + later, x.epochNumber + later), decided);
    }
}
