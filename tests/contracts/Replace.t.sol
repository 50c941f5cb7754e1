// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

/// @notice A member hands its seat to another account of its own.
contract ReplaceTest is Base {
    function setUp() public {
        deploy(4, false, false);
    }

    function approve(uint256 i, bytes32 id) internal {
        vm.prank(member(i));
        c.voteMotion(id, true);
    }

    function replace(uint256 i, uint256 successor) internal returns (bytes32) {
        vm.prank(member(i));
        return c.replaceMember(member(successor));
    }

    function refused(uint256 i, address successor, bytes memory why) internal {
        vm.prank(member(i));
        expect(why);
        c.replaceMember(successor);
    }

    function rejectOpen(bytes32 p, uint256 a, uint256 b) internal {
        voteAs(a, p, false);
        voteAs(b, p, false);
    }

    function test_replace__takesEffectBetweenRounds__onTheSameSeat() public {
        bytes32 p = proposeAs("a");
        replace(1, 9);
        eq(motion(0).state, I.MotionState.Approved);
        eq(uint256(motion(0).kind), uint256(I.MotionKind.ReplaceMember));
        eq(motion(0).mover, member(1));
        eq(motion(0).subject, member(9));
        check(c.viewFor(member(1), 0).isMember && !c.viewFor(member(9), 0).isMember);
        voteAs(1, p, true); // still the old account's vote
        voteAs(2, p, true);
        I.NodeView memory v = c.viewFor(member(9), 0);
        check(v.isMember && !c.viewFor(member(1), 0).isMember);
        eq(v.seat, 1);
        eq(v.proposer, member(9)); // seat 1's turn
        eq(v.memberCount, 4);
        eq(c.members()[1], member(9));
        eq(c.membersAt(1)[1], member(1));
        eq(c.membersAt(2)[1], member(9));
        eq(record(1).approvals, 6);
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.NotAMember.selector, member(1)));
        c.propose(2, keccak256("a"), keccak256("b"), keccak256("b"), 1, "");
        playRound("b");
        eq(record(2).proposer, member(9));
        eq(motion(0).mover, member(1));
    }

    function test_replace__overdue__takesEffectByAdvance() public {
        replace(1, 9);
        vm.warp(START + 150);
        check(view_().overdue);
        c.advance();
        eq(c.members()[1], member(9));
        eq(record(1).state, I.RoundState.Missed);
    }

    /// @dev Motions under vote go on, with the seat's vote as it was: nobody lapses others' motions with its key.
    function test_replace__motionsUnderVote__goOn() public {
        bytes32 p = proposeAs("a");
        vm.prank(member(2));
        bytes32 id = c.moveAddMember(member(20));
        approve(1, id);
        replace(1, 9);
        replace(2, 10);
        rejectOpen(p, 1, 2);
        p = proposeAs("b");
        voteAs(0, p, false);
        voteAs(3, p, false);
        eq(c.members()[1], member(9));
        eq(c.members()[2], member(10));
        eq(motion(0).state, I.MotionState.Open);
        vm.prank(member(9));
        expect(abi.encodeWithSelector(I.AlreadyVoted.selector, member(9)));
        c.voteMotion(id, true);
        eq(c.viewFor(member(9), 0).motionsToVote.length, 0);
        // It is still its mover's one motion, and named after who moved it.
        vm.prank(member(10));
        expect(I.TooManyMotions.selector);
        c.moveRules(defaultRules());
        eq(motion(0).mover, member(2));
        approve(3, id);
        eq(motion(0).state, I.MotionState.Enacted);
        vm.prank(member(10));
        c.moveRules(defaultRules());
        eq(motion(3).mover, member(10));
        eq(motion(0).mover, member(2));
    }

    /// @dev The others vote a member out, whatever account it goes by when they are done.
    function test_replace__whileItsRemovalIsUnderVote__theRemovalFollows() public {
        bytes32 p = proposeAs("a");
        vm.prank(member(0));
        bytes32 id = c.moveRemoveMember(member(1));
        replace(1, 9);
        rejectOpen(p, 1, 2);
        eq(c.members()[1], member(9));
        p = proposeAs("b");
        replace(9, 10);
        rejectOpen(p, 0, 2);
        eq(c.members()[1], member(10));
        vm.prank(member(10));
        expect(abi.encodeWithSelector(I.NotEligible.selector, member(10)));
        c.voteMotion(id, false);
        eq(c.viewFor(member(10), 0).motionsToVote.length, 0);
        p = proposeAs("c");
        approve(3, id);
        eq(motion(0).state, I.MotionState.Approved);
        // Now it is too late to go by another name, or to ask for it.
        refused(10, member(11), abi.encodeWithSelector(I.TooManyMotions.selector));
        rejectOpen(p, 0, 3);
        eq(motion(0).state, I.MotionState.Enacted);
        eq(motion(0).subject, member(1));
        eq(c.members().length, 3);
        check(!c.viewFor(member(10), 0).isMember);
    }

    function test_replace__thenItsRemovalIsApproved__isVoid() public {
        bytes32 p = proposeAs("a");
        replace(1, 9);
        vm.prank(member(0));
        bytes32 id = c.moveRemoveMember(member(1));
        approve(2, id);
        rejectOpen(p, 1, 2);
        eq(motion(0).state, I.MotionState.Void);
        check(!c.viewFor(member(9), 0).isMember && c.viewFor(member(1), 0).isMember);
        p = proposeAs("b");
        rejectOpen(p, 0, 2);
        eq(motion(1).state, I.MotionState.Enacted);
        check(!c.viewFor(member(1), 0).isMember);
    }

    /// @dev A member can always leave, also when it has asked for something else before.
    function test_replace__thenLeave__leaves() public {
        bytes32 p = proposeAs("a");
        replace(1, 9);
        vm.prank(member(1));
        c.leave();
        rejectOpen(p, 1, 2);
        eq(motion(0).state, I.MotionState.Void);
        playRound("b");
        eq(c.members().length, 3);
        check(!c.viewFor(member(9), 0).isMember && !c.viewFor(member(1), 0).isMember);
    }

    function test_replace__successorJoinedMeanwhile__isVoid__andMayBeAskedAgain() public {
        bytes32 p = proposeAs("a");
        vm.prank(member(0));
        bytes32 id = c.moveAddMember(member(9));
        approve(1, id);
        approve(2, id);
        replace(1, 9);
        rejectOpen(p, 1, 2);
        eq(c.members()[4], member(9));
        playRound("b");
        eq(motion(1).state, I.MotionState.Void);
        eq(c.members()[1], member(1));
        replace(1, 10);
        playRound("c");
        eq(c.members()[1], member(10));
    }

    function test_replace__ofTwo__allowed() public {
        deploy(2, false, false);
        replace(1, 9);
        playRound("a");
        eq(c.members()[1], member(9));
        eq(c.members().length, 2);
    }

    function test_replace__itsSeatMovesFirst__itTakesTheNewSeat() public {
        bytes32 p = proposeAs("a");
        vm.prank(member(1));
        c.leave();
        replace(3, 9);
        rejectOpen(p, 1, 2);
        eq(c.members()[1], member(3));
        p = proposeAs("b");
        voteAs(0, p, false); // of two voters, both are needed
        eq(c.members()[1], member(9));
        eq(c.viewFor(member(9), 0).seat, 1);
        eq(c.membersAt(1)[3], member(3));
        eq(c.membersAt(2)[1], member(3));
        eq(c.membersAt(3)[1], member(9));
    }

    function test_replace__backAndForth__everyRoundKnowsItsOwn() public {
        for (uint256 i; i < 6; ++i) {
            (uint256 from, uint256 to) = i % 2 == 0 ? (1, 9) : (9, 1);
            replace(from, to);
            playRound(string(abi.encode(i)));
            eq(c.members()[1], member(to));
        }
        for (uint256 round = 1; round < 8; ++round) {
            eq(c.membersAt(round)[1], member(round % 2 == 1 ? 1 : 9));
        }
        for (uint256 i; i < 6; ++i) {
            eq(motion(i).mover, member(i % 2 == 0 ? 1 : 9));
        }
    }

    function test_replace__secretVotes__commitmentsOfTheRoundAreOpenedFirst() public {
        deploy(4, true, false);
        bytes32 p = proposeAs("a");
        for (uint256 i = 1; i < 4; ++i) {
            commitAs(i, p, true);
        }
        replace(1, 9);
        revealAs(1, p, true);
        revealAs(2, p, true);
        eq(view_().acceptedRound, 1);
        eq(c.members()[1], member(9));
        eq(c.viewFor(member(9), 0).commitment, bytes32(0));
        p = proposeAs("b"); // by member 9
        commitAs(0, p, false);
        commitAs(2, p, false);
        commitAs(3, p, false);
        eq(view_().state, I.RoundState.Revealing);
    }

    /// @dev No epoch begins: turns, shuffled ones too, go on as if nothing had happened.
    function test_replace__shuffled__turnsGoOn() public {
        deploy(5, false, true);
        address[10] memory expected;
        for (uint256 i; i < 10; ++i) {
            expected[i] = c.viewFor(member(0), START + i * 100).proposer;
        }
        replace(2, 9);
        for (uint256 i; i < 10; ++i) {
            eq(view_().proposer, i > 0 && expected[i] == member(2) ? member(9) : expected[i]);
            playRound(string(abi.encode(i)));
        }
    }

    function test_replace__refusals() public {
        expect(abi.encodeWithSelector(I.NotAMember.selector, address(this)));
        c.replaceMember(member(9));
        refused(1, address(0), abi.encodeWithSelector(I.ZeroAddress.selector));
        refused(1, address(c), abi.encodeWithSelector(I.NotAnAddition.selector, address(c)));
        refused(1, member(2), abi.encodeWithSelector(I.AlreadyAMember.selector, member(2)));
        refused(1, member(1), abi.encodeWithSelector(I.AlreadyAMember.selector, member(1)));
        replace(1, 9);
        refused(1, member(10), abi.encodeWithSelector(I.TooManyMotions.selector));
        playRound("a");
        replace(9, 10); // once it is carried out, the seat may change hands again
        vm.prank(member(2));
        c.leave();
        refused(2, member(11), abi.encodeWithSelector(I.TooManyMotions.selector));
    }

    /// @dev Of the place among the holders more than two bits are kept.
    function test_replace__fourTimes__motionsOfTheFirstAreItsOwn() public {
        bytes32 p = proposeAs("p");
        vm.prank(member(1));
        c.moveRules(defaultRules());
        rejectOpen(p, 1, 2);
        for (uint256 i; i < 4; ++i) {
            (uint256 from, uint256 to) = i % 2 == 0 ? (1, 9) : (9, 1);
            if (i == 3) to = 10;
            replace(from, to);
            playRound(string(abi.encode(i)));
        }
        eq(c.members()[1], member(10));
        eq(motion(0).mover, member(1));
    }
}
