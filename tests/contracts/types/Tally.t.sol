// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {REVEALING, Tally, toTally} from "../../../contracts/types/Tally.sol";

contract TallyTest is Fields {
    uint256 internal constant APPROVALS = 1 << 0;
    uint256 internal constant REJECTIONS = 1 << 1;
    uint256 internal constant HIDDEN = 1 << 2;
    uint256 internal constant DEADLINE = 1 << 3;
    uint256 internal constant STATUS = 1 << 8;

    struct Terms {
        uint256 deadline;
        uint256 size;
        uint256 proposerSeat;
        uint256 need;
        uint256 members;
        uint256 status;
        uint256 parentRound;
    }

    function fields(Tally t) internal pure returns (uint256[] memory f) {
        f = new uint256[](10);
        (f[0], f[1], f[2], f[3], f[4]) = (t.approvals(), t.rejections(), t.hidden(), t.deadline(), t.size());
        (f[5], f[6], f[7], f[8], f[9]) = (t.proposerSeat(), t.need(), t.members(), t.status(), t.parentRound());
    }

    function testFuzz_toTally__everyFieldIsWhatWasSet(Terms memory x) public pure {
        x.deadline &= U36;
        x.size &= U36;
        x.proposerSeat &= 63;
        x.need &= 63;
        x.members &= 127;
        x.status &= 7;
        x.parentRound = uint32(x.parentRound);
        Tally t = toTally(x.deadline, x.size, x.proposerSeat, x.need, x.members, x.status, x.parentRound);
        uint256[] memory f = fields(t);
        eq(f[0] | f[1] | f[2], 0);
        eq(f[3], x.deadline);
        eq(f[4], x.size);
        eq(f[5], x.proposerSeat);
        eq(f[6], x.need);
        eq(f[7], x.members);
        eq(f[8], x.status);
        eq(f[9], x.parentRound);
    }

    function testFuzz_withStatus__changesNothingElse(uint256 word, uint256 value) public pure {
        value &= 7;
        Tally t = Tally.wrap(word).withStatus(value);
        eq(t.status(), value);
        onlyChanged(fields(Tally.wrap(word)), fields(t), STATUS);
    }

    function testFuzz_revealing__changesDeadlineAndStatusAlone(uint256 word, uint256 until) public pure {
        until &= U36;
        Tally t = Tally.wrap(word).revealing(until);
        eq(t.deadline(), until);
        eq(t.status(), REVEALING);
        onlyChanged(fields(Tally.wrap(word)), fields(t), DEADLINE | STATUS);
    }

    /// @dev The word without any vote of this seat.
    function unvoted(uint256 word, uint256 bit) internal pure returns (Tally) {
        return Tally.wrap(word & ~(bit | (bit << 64)));
    }

    function testFuzz_withVote__isThatSeatsVoteAlone(uint256 word, uint256 seat, bool approve) public pure {
        uint256 bit = 1 << (seat % 64);
        Tally before = unvoted(word, bit);
        Tally t = before.withVote(bit, approve);
        check(before.votes() & bit == 0 && t.votes() & bit != 0);
        if (approve) eq(t.approvals(), before.approvals() | bit);
        else eq(t.rejections(), before.rejections() | bit);
        onlyChanged(fields(before), fields(t), approve ? APPROVALS : REJECTIONS);
    }

    function testFuzz_withCommitment__hidesThatSeatAlone(uint256 word, uint256 seat) public pure {
        uint256 bit = 1 << (seat % 64);
        Tally before = unvoted(word, bit);
        Tally t = before.withCommitment(bit);
        check(t.votes() & bit != 0);
        eq(t.hidden(), before.hidden() | bit);
        onlyChanged(fields(before), fields(t), HIDDEN);
    }

    function testFuzz_withReveal__turnsHiddenIntoAVote(uint256 word, uint256 seat, bool approve) public pure {
        uint256 bit = 1 << (seat % 64);
        Tally before = unvoted(word, bit).withCommitment(bit);
        Tally t = before.withReveal(bit, approve);
        eq(t.hidden(), before.hidden() & ~bit);
        if (approve) eq(t.approvals(), before.approvals() | bit);
        else eq(t.rejections(), before.rejections() | bit);
        onlyChanged(fields(before), fields(t), HIDDEN | (approve ? APPROVALS : REJECTIONS));
    }

    function testFuzz_mostApprovals__whoHasNotRejectedOrIsHidden(uint64 approving, uint64 rejecting, uint256 members)
        public
        pure
    {
        members = 1 + count(approving | rejecting) + members % 2; // all have voted, or one hasn't
        Tally t = toTally(0, 0, 0, 0, members & 127, 0, 0);
        t = Tally.wrap(Tally.unwrap(t) | approving | (uint256(rejecting) << 64));
        eq(t.mostApprovals(true), count(t.approvals()) + count(t.hidden()));
        // With open votes no bit is in both.
        t = Tally.wrap(Tally.unwrap(t) & ~uint256(approving & rejecting));
        eq(t.mostApprovals(false), (members & 127) - 1 - count(t.rejections()));
    }

    function testFuzz_sizeDiffers__comparesTheLast36Bits(uint256 word, bytes32 id, uint256 bit) public pure {
        Tally t = Tally.wrap(word);
        id = ((id >> 36) << 36) | bytes32(t.size());
        check(!t.sizeDiffers(id));
        check(t.sizeDiffers(id ^ bytes32(1 << (bit % 36))));
    }
}
