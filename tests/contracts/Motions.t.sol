// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

contract MotionsTest is Base {
    function setUp() public {
        deploy(4, false, false);
    }

    function addMember(uint256 i) internal returns (bytes32 id) {
        vm.prank(member(0));
        id = c.moveAddMember(member(i));
        approve(1, id);
        approve(2, id);
    }

    function approve(uint256 i, bytes32 id) internal {
        vm.prank(member(i));
        c.voteMotion(id, true);
    }

    function leaveAs(uint256 i) internal returns (bytes32) {
        vm.prank(member(i));
        return c.leave();
    }

    function test_add__takesEffectBetweenRounds() public {
        bytes32 p = proposeAs("a");
        addMember(9);
        eq(motion(0).state, I.MotionState.Approved);
        eq(c.members().length, 4);
        voteAs(1, p, true);
        voteAs(2, p, true);
        eq(motion(0).state, I.MotionState.Enacted);
        eq(c.members().length, 5);
        eq(c.members()[4], member(9));
        eq(c.membersAt(1).length, 4);
        eq(c.membersAt(2).length, 5);
        eq(view_().proposer, member(1));
        check(c.viewFor(member(9), 0).isMember);
    }

    function test_remove__lastSeatMovesIn() public {
        vm.prank(member(0));
        bytes32 id = c.moveRemoveMember(member(1));
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.NotEligible.selector, member(1)));
        c.voteMotion(id, false);
        approve(3, id);
        playRound("a");
        address[] memory list = c.members();
        eq(list.length, 3);
        eq(list[1], member(3));
        check(!c.viewFor(member(1), 0).isMember);
        eq(c.viewFor(member(3), 0).seat, 1);
        eq(c.membersAt(1)[1], member(1));
        eq(c.membersAt(1)[3], member(3));
        eq(record(1).proposer, member(0));
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.NotAMember.selector, member(1)));
        c.leave();
    }

    function test_rules__changeBetweenRounds() public {
        bytes32 p = proposeAs("a");
        I.Rules memory r = I.Rules(2, 3, 10, 20, 30, 40, 0, 0);
        vm.prank(member(0));
        bytes32 id = c.moveRules(r);
        approve(1, id);
        approve(2, id);
        eq(view_().rules.proposeWindow, 100);
        voteAs(1, p, true);
        voteAs(2, p, true);
        eq(keccak256(abi.encode(view_().rules)), keccak256(abi.encode(r)));
        eq(view_().deadline, START + 9);
        eq(record(1).need, 2);
        proposeAs("b");
        eq(record(2).need, 3);
        eq(keccak256(abi.encode(motion(0).rules)), keccak256(abi.encode(r)));
    }

    function test_overdue__anApprovedMotionStopsTheClockUntilAdvance() public {
        leaveAs(3);
        vm.warp(START + 350);
        I.NodeView memory v = view_();
        check(v.overdue);
        eq(v.round, 1);
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.RoundOverdue.selector, 1));
        c.propose(1, GENESIS, GENESIS, GENESIS, 1, "");
        c.advance();
        v = view_();
        check(!v.overdue);
        eq(c.members().length, 3);
        eq(record(1).state, I.RoundState.Missed);
        // The next round opened at the boundary, and two more have passed since.
        eq(v.round, 4);
        eq(c.membersAt(1).length, 4);
        eq(c.membersAt(2).length, 3);
    }

    function test_overdue__undecidedRound__advanceRejectsAndEnacts() public {
        bytes32 p = proposeAs("a");
        addMember(9);
        vm.warp(START + 201);
        check(view_().overdue);
        eq(record(1).state, I.RoundState.Rejected);
        c.advance();
        eq(record(1).state, I.RoundState.Rejected);
        eq(c.members().length, 5);
        eq(view_().round, 2);
        vm.prank(member(3));
        expect(abi.encodeWithSelector(I.ProposalDecided.selector, p, false));
        c.vote(p, true);
    }

    function test_approvalAfterMissedRounds__keepsThem() public {
        vm.warp(START + 250);
        leaveAs(3);
        eq(view_().round, 3);
        check(!view_().overdue);
        eq(record(1).state, I.RoundState.Missed);
        eq(view_().deadline, START + 299);
    }

    // ------------------------------------------------------------------------------------------- an approval ends a turn

    function test_approval__nothingProposed__theRoundEndsAtOnce() public {
        vm.warp(START + 30);
        addMember(9);
        eq(motion(0).state, I.MotionState.Enacted);
        eq(c.members().length, 5);
        eq(record(1).state, I.RoundState.Missed);
        I.NodeView memory v = view_();
        eq(v.round, 2);
        eq(v.proposer, member(1));
        eq(v.deadline, START + 129);
        check(!v.overdue);
        eq(c.membersAt(1).length, 4);
        eq(c.membersAt(2).length, 5);
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.WrongRound.selector, 1, 2));
        c.propose(1, GENESIS, keccak256("late"), keccak256("late"), 1, "");
        playRound("goes on");
        eq(view_().acceptedRound, 2);
    }

    /// @dev Windows of a year were moved for, and the next proposer is away: members needn't wait for it to undo that.
    function test_approval__longWindowsAndADeadProposer__theRulesAreMendedAtOnce() public {
        I.Rules memory r = defaultRules();
        (r.proposeWindow, r.motionWindow) = (33_554_431, 33_554_431);
        vm.prank(member(0));
        bytes32 id = c.moveRules(r);
        approve(1, id);
        approve(2, id);
        eq(view_().deadline, START + 33_554_430);
        vm.warp(START + 1000);
        vm.prank(member(2));
        id = c.moveRules(defaultRules());
        approve(3, id);
        approve(0, id);
        eq(view_().round, 3);
        eq(view_().deadline, START + 1099);
    }

    function test_approval__afterMissedRounds__endsTheOneThatIsOpen() public {
        vm.warp(START + 250);
        addMember(9);
        I.NodeView memory v = view_();
        eq(v.round, 4);
        eq(v.deadline, START + 349);
        for (uint256 round = 1; round < 4; ++round) {
            eq(record(round).state, I.RoundState.Missed);
        }
        eq(c.membersAt(3).length, 4);
        eq(c.membersAt(4).length, 5);
        check(!advanced());
    }

    function test_approval__aProposalUnderDecision__theRoundGoesOn() public {
        bytes32 p = proposeAs("a");
        addMember(9);
        eq(view_().round, 1);
        eq(view_().proposal.id, p);
        eq(c.members().length, 4);
    }

    function test_approval__behindAWish__endsTheRoundForIt() public {
        leaveAs(3);
        vm.prank(member(0));
        bytes32 id = c.moveRules(I.Rules(1, 3, 50, 60, 70, 80, 0, 0));
        approve(1, id);
        approve(2, id);
        eq(view_().round, 2);
        eq(c.members().length, 3);
        eq(motion(1).state, I.MotionState.Approved);
        playRound("a");
        eq(motion(1).state, I.MotionState.Enacted);
    }

    /// @dev Nobody, alone, cuts another's turn.
    function test_wishes__endNoRound() public {
        leaveAs(1);
        vm.prank(member(2));
        c.replaceMember(member(12));
        eq(view_().round, 1);
        eq(view_().deadline, START + 99);
        playRound("a");
        eq(view_().acceptedRound, 1);
    }

    // ------------------------------------------------------------------------------------------- a majority

    function test_majority__whateverTheThresholdOfWeights() public {
        I.Genesis memory g = genesisOf(10, false, false);
        (g.rules.thresholdNumerator, g.rules.thresholdDenominator) = (1, 3);
        c = create(g);
        proposeAs("a");
        eq(record(1).need, 4); // of nine voters
        vm.prank(member(0));
        bytes32 id = c.moveRemoveMember(member(9));
        eq(motion(0).need, 5); // of nine who may vote
        for (uint256 i = 1; i < 4; ++i) {
            approve(i, id);
        }
        eq(motion(0).state, I.MotionState.Open);
        approve(4, id);
        eq(motion(0).state, I.MotionState.Approved);
        vm.prank(member(1));
        c.moveRules(defaultRules());
        eq(motion(1).need, 6); // of ten
    }

    function test_majority__aThresholdAboveAHalf__isKept() public {
        I.Genesis memory g = genesisOf(10, false, false);
        (g.rules.thresholdNumerator, g.rules.thresholdDenominator) = (3, 4);
        c = create(g);
        vm.prank(member(1));
        c.moveRules(defaultRules());
        eq(motion(0).need, 8);
    }

    function test_windows__atMost25Bits() public {
        for (uint256 i; i < 4; ++i) {
            for (uint32 above; above < 2; ++above) {
                I.Rules memory r = defaultRules();
                uint32 window = (1 << 25) - 1 + above;
                if (i == 0) r.proposeWindow = window;
                if (i == 1) r.voteWindow = window;
                if (i == 2) r.revealWindow = window;
                if (i == 3) r.motionWindow = window;
                I.Genesis memory g = genesisOf(4, false, false);
                g.rules = r;
                if (above == 1) expect(abi.encodeWithSelector(I.WindowTooLong.selector, r, (1 << 25) - 1));
                this.made(g);
                vm.prank(member(i));
                if (above == 1) expect(abi.encodeWithSelector(I.WindowTooLong.selector, r, (1 << 25) - 1));
                c.moveRules(r);
                if (above == 0) deploy(4, false, false);
            }
        }
    }

    function made(I.Genesis memory g) external {
        create(g);
    }

    /// @dev Milliseconds, and nanoseconds, are no block time that 36 bits can hold.
    function test_blockTime__notInSeconds__refused() public {
        I.Genesis memory g = genesisOf(4, false, false);
        uint256[3] memory times = [uint256(1 << 35), 1_800_000_000_000, 1_800_000_000_000_000_000];
        for (uint256 i; i < 3; ++i) {
            vm.warp(times[i]);
            expect(abi.encodeWithSelector(I.BlockTimeNotInSeconds.selector, times[i], 1 << 35));
            this.made(g);
        }
        vm.warp((1 << 35) - 1);
        this.made(g);
    }

    // ------------------------------------------------------------------------------------------- the queue

    function test_queue__oneMotionABoundary() public {
        bytes32 p = proposeAs("a");
        addMember(9);
        vm.prank(member(1));
        bytes32 second = c.moveAddMember(member(10));
        approve(0, second);
        approve(2, second);
        voteAs(1, p, true);
        voteAs(2, p, true);
        eq(c.members().length, 5);
        eq(motion(1).state, I.MotionState.Approved);
        playRound("b");
        eq(c.members().length, 6);
    }

    function test_oneMotionAMember__untilItIsCarriedOut() public {
        bytes32 p = proposeAs("a");
        I.Rules memory r = defaultRules();
        vm.prank(member(0));
        bytes32 id = c.moveRules(r);
        vm.prank(member(0));
        expect(I.TooManyMotions.selector); // open
        c.moveRules(r);
        approve(1, id);
        approve(2, id);
        vm.prank(member(0));
        expect(I.TooManyMotions.selector); // approved, and waiting
        c.moveRules(r);
        voteAs(1, p, true);
        voteAs(2, p, true);
        eq(motion(0).state, I.MotionState.Enacted);
        vm.prank(member(0));
        c.moveRules(r);
        eq(motion(1).state, I.MotionState.Open);
    }

    /// @dev Member 3 has a motion that waits, and takes over seat 1: the motion is still its one.
    function test_oneMotionAMember__itsSeatMoves__stillOne() public {
        bytes32 p = proposeAs("a");
        leaveAs(1);
        vm.prank(member(3));
        bytes32 id = c.moveRules(defaultRules());
        approve(0, id);
        approve(2, id);
        voteAs(1, p, true);
        voteAs(2, p, true);
        eq(c.viewFor(member(3), 0).seat, 1);
        eq(motion(1).state, I.MotionState.Approved);
        vm.prank(member(3));
        expect(I.TooManyMotions.selector);
        c.moveAddMember(member(9));
        playRound("b");
        eq(motion(1).state, I.MotionState.Enacted);
        eq(motion(1).mover, member(3));
        vm.prank(member(3));
        c.moveAddMember(member(9));
        eq(motion(2).mover, member(3));
    }

    function test_oneMotionAMember__rejectedOrLapsed__anotherMayFollow() public {
        vm.prank(member(0));
        bytes32 id = c.moveAddMember(member(9));
        vm.prank(member(1));
        c.voteMotion(id, false);
        vm.prank(member(2));
        c.voteMotion(id, false);
        vm.prank(member(0));
        c.moveAddMember(member(9));
        vm.warp(START + 1001);
        vm.prank(member(0));
        c.moveAddMember(member(9));
        eq(motion(0).state, I.MotionState.Rejected);
        eq(motion(1).state, I.MotionState.Lapsed);
        eq(motion(2).state, I.MotionState.Open);
        eq(toVote(1), 1);
    }

    /// @dev How many motions this member may still vote on.
    function toVote(uint256 i) internal view returns (uint256) {
        return c.viewFor(member(i), 0).motionsToVote.length;
    }

    function test_motionsToVote__openAndNotVotedOn() public {
        proposeAs("a"); // so that no approval changes the members
        vm.prank(member(2));
        bytes32 first = c.moveAddMember(member(8));
        vm.prank(member(0));
        bytes32 a = c.moveAddMember(member(9));
        vm.prank(member(1));
        bytes32 b = c.moveRules(defaultRules());
        bytes32[] memory ids = c.viewFor(member(3), 0).motionsToVote;
        eq(ids.length, 3);
        eq(ids[0], a);
        eq(ids[1], b);
        eq(ids[2], first);
        eq(toVote(0), 2); // not its own, on which it has voted
        eq(toVote(9), 0); // nobody's
        approve(1, a);
        eq(toVote(1), 1);
        approve(2, a); // approved
        eq(toVote(3), 2);
        vm.prank(member(2));
        c.voteMotion(b, false);
        eq(toVote(2), 0);
        vm.prank(member(3));
        c.voteMotion(b, false); // rejected
        ids = c.viewFor(member(3), START + 1000).motionsToVote;
        eq(ids.length, 1);
        eq(ids[0], first);
        eq(c.viewFor(member(3), START + 1001).motionsToVote.length, 0); // lapsed
    }

    function test_motionsToVote__onesOwnRemoval__isForTheOthers() public {
        vm.prank(member(0));
        c.moveRemoveMember(member(2));
        eq(toVote(2), 0);
        eq(toVote(1), 1);
    }

    function test_ids__bindIndexMembershipAndContent() public {
        I.Rules memory none;
        addMember(9);
        eq(motion(0).id, keccak256(abi.encode(uint256(0), uint256(0), I.MotionKind.AddMember, member(9), none, uint256(0), bytes32(0))));
        playRound("a");
        vm.prank(member(0));
        bytes32 id = c.moveRemoveMember(member(2));
        eq(id, keccak256(abi.encode(uint256(1), uint256(1), I.MotionKind.RemoveMember, member(2), none, uint256(0), bytes32(0))));
        eq(motion(1).id, id);
        vm.prank(member(1));
        id = c.moveRules(defaultRules());
        eq(id, keccak256(abi.encode(uint256(2), uint256(1), I.MotionKind.SetRules, address(0), defaultRules(), uint256(0), bytes32(0))));
        eq(motion(2).id, id);
        eq(motion(2).mover, member(1));
        eq(motion(2).subject, address(0));
    }

    function test_remove__whoIsRemovedHasNoVoteAndNoWeight() public {
        // 4 members, 3 may vote, so 2 must approve; 2 rejections decide it.
        vm.prank(member(0));
        bytes32 id = c.moveRemoveMember(member(1));
        eq(motion(0).need, 2);
        vm.prank(member(2));
        c.voteMotion(id, false);
        eq(motion(0).state, I.MotionState.Open);
        vm.prank(member(3));
        c.voteMotion(id, false);
        eq(motion(0).state, I.MotionState.Rejected);
    }

    function test_remove__toFewerThanTwo__refused() public {
        deploy(2, false, false);
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.BadMemberCount.selector, 1, 2, 64));
        c.moveRemoveMember(member(1));
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.BadMemberCount.selector, 1, 2, 64));
        c.leave();
    }

    function test_void__removedTwice() public {
        leaveAs(1);
        vm.prank(member(0));
        bytes32 id = c.moveRemoveMember(member(1));
        approve(2, id);
        eq(motion(0).state, I.MotionState.Enacted);
        eq(motion(1).state, I.MotionState.Approved);
        playRound("b");
        eq(motion(1).state, I.MotionState.Void);
        eq(c.members().length, 3);
    }

    function test_leave__removalApproved__nothingToAskFor() public {
        proposeAs("a");
        vm.prank(member(0));
        bytes32 id = c.moveRemoveMember(member(1));
        approve(2, id);
        vm.prank(member(1));
        expect(I.TooManyMotions.selector);
        c.leave();
    }

    function test_void__mayAskAgainOnceThereAreMore() public {
        deploy(3, false, false);
        leaveAs(0);
        leaveAs(1);
        vm.warp(START + 500);
        c.advance();
        c.advance();
        eq(motion(1).state, I.MotionState.Void);
        vm.prank(member(1));
        bytes32 id = c.moveAddMember(member(9));
        approve(2, id);
        vm.warp(START + 1000);
        c.advance();
        eq(c.members().length, 3);
        leaveAs(1);
        vm.warp(START + 1500);
        c.advance();
        eq(c.members().length, 2);
        check(!c.viewFor(member(1), 0).isMember);
    }

    function test_add__neverMoreThan64() public {
        deploy(63, false, false);
        proposeAs("a");
        bytes32 a;
        bytes32 b;
        vm.prank(member(0));
        a = c.moveAddMember(member(70));
        vm.prank(member(1));
        b = c.moveAddMember(member(71));
        for (uint256 i; i < 32; ++i) {
            if (i != 0) approve(i, a);
            if (i != 1) approve(i, b);
        }
        eq(motion(1).state, I.MotionState.Approved);
        vm.warp(START + 201);
        c.advance();
        vm.warp(START + 301);
        c.advance();
        eq(motion(0).state, I.MotionState.Enacted);
        eq(motion(1).state, I.MotionState.Void);
        eq(c.members().length, 64);
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.BadMemberCount.selector, 65, 2, 64));
        c.moveAddMember(member(72));
    }

    function test_queue__firstInFirstOut() public {
        bytes32 p = proposeAs("a");
        vm.prank(member(0));
        bytes32 a = c.moveAddMember(member(10));
        vm.prank(member(1));
        bytes32 b = c.moveRules(I.Rules(1, 3, 50, 60, 70, 80, 0, 0));
        vm.prank(member(2));
        bytes32 d = c.moveRules(I.Rules(1, 4, 51, 61, 71, 81, 0, 0));
        // Approved in the order b, d, a.
        approve(0, b);
        approve(2, b);
        approve(0, d);
        approve(1, d);
        approve(1, a);
        approve(2, a);
        voteAs(1, p, true);
        voteAs(2, p, true);
        eq(view_().rules.proposeWindow, 50);
        playRound("b");
        eq(view_().rules.proposeWindow, 51);
        eq(c.members().length, 4);
        playRound("c");
        eq(c.members().length, 5);
        eq(c.motionCount(), 3);
        check(!advanced());
        playRound("d"); // the queue is empty: nothing happens twice
        eq(c.members().length, 5);
        eq(view_().rules.thresholdDenominator, 4);
    }

    function test_membership__atAVacatedSeat__noOldVotesCount() public {
        // Member 3 moves to seat 1 while it has a motion open; the motion lapses, and it may move again.
        vm.prank(member(3));
        c.moveAddMember(member(9));
        leaveAs(1);
        playRound("a");
        eq(c.viewFor(member(3), 0).seat, 1);
        eq(toVote(0), 0);
        vm.prank(member(3));
        c.moveAddMember(member(9));
        eq(toVote(0), 1);
        eq(motion(2).approvals, 2);
        // Who left may come back, and is a member like any other.
        approve(0, motion(2).id);
        playRound("b");
        vm.prank(member(9));
        bytes32 back = c.moveAddMember(member(1));
        approve(0, back);
        approve(2, back);
        playRound("c");
        check(c.viewFor(member(1), 0).isMember);
        leaveAs(1);
    }

    function test_void__alreadyAMember() public {
        bytes32 p = proposeAs("a");
        addMember(9);
        vm.prank(member(1));
        bytes32 second = c.moveAddMember(member(9));
        approve(0, second);
        approve(2, second);
        voteAs(1, p, true);
        voteAs(2, p, true);
        playRound("b");
        eq(motion(1).state, I.MotionState.Void);
        eq(c.members().length, 5);
    }

    function test_void__tooFewLeft__mayAskAgain() public {
        deploy(3, false, false);
        leaveAs(0);
        leaveAs(1);
        vm.warp(START + 500);
        c.advance();
        c.advance();
        eq(motion(0).state, I.MotionState.Enacted);
        eq(motion(1).state, I.MotionState.Void);
        eq(c.members().length, 2);
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.BadMemberCount.selector, 1, 2, 64));
        c.leave();
    }

    function test_leave__onceIsEnough() public {
        leaveAs(1);
        vm.prank(member(1));
        expect(I.TooManyMotions.selector);
        c.leave();
        eq(motion(0).state, I.MotionState.Approved);
        playRound("a");
        eq(c.members().length, 3);
    }

    function test_lapse__membershipChangedOrDeadline() public {
        vm.prank(member(3));
        bytes32 open = c.moveAddMember(member(9));
        eq(toVote(0), 1);
        leaveAs(2);
        playRound("a");
        eq(motion(0).state, I.MotionState.Lapsed);
        eq(toVote(0), 0);
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.MotionNotOpen.selector, open, I.MotionState.Lapsed));
        c.voteMotion(open, true);
        vm.prank(member(0));
        open = c.moveAddMember(member(9));
        vm.warp(START + 1000);
        eq(motion(2).state, I.MotionState.Open);
        vm.warp(START + 1001);
        eq(motion(2).state, I.MotionState.Lapsed);
    }

    function test_vote__twice__refusedWhateverTheVotes() public {
        deploy(7, false, false);
        vm.prank(member(0));
        bytes32 id = c.moveAddMember(member(9));
        approve(1, id);
        vm.prank(member(2));
        c.voteMotion(id, false);
        for (uint256 i; i < 3; ++i) {
            for (uint256 again; again < 2; ++again) {
                vm.prank(member(i));
                expect(abi.encodeWithSelector(I.AlreadyVoted.selector, member(i)));
                c.voteMotion(id, again == 1);
            }
        }
        eq(motion(0).approvals, 3);
        eq(motion(0).rejections, 4);
    }

    function test_reject__whenApprovalIsImpossible() public {
        vm.prank(member(0));
        bytes32 id = c.moveAddMember(member(9));
        vm.prank(member(1));
        c.voteMotion(id, false);
        eq(motion(0).state, I.MotionState.Open);
        vm.prank(member(2));
        c.voteMotion(id, false);
        eq(motion(0).state, I.MotionState.Rejected);
        eq(motion(0).rejections, 6);
        eq(motion(0).approvals, 1);
        eq(motion(0).mover, member(0));
    }

    function test_refusals() public {
        expect(abi.encodeWithSelector(I.NotAMember.selector, address(this)));
        c.moveAddMember(member(9));
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.AlreadyAMember.selector, member(1)));
        c.moveAddMember(member(1));
        vm.prank(member(0));
        expect(I.ZeroAddress.selector);
        c.moveAddMember(address(0));
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NotAnAddition.selector, address(c)));
        c.moveAddMember(address(c));
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NotEligible.selector, member(0)));
        c.moveRemoveMember(member(0));
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NotAMember.selector, member(9)));
        c.moveRemoveMember(member(9));
        I.Rules memory r = defaultRules();
        r.voteWindow = 0;
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.BadRules.selector, r));
        c.moveRules(r);
        vm.prank(member(0));
        bytes32 id = c.moveAddMember(member(9));
        vm.prank(member(0));
        expect(I.TooManyMotions.selector);
        c.moveAddMember(member(8));
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.AlreadyVoted.selector, member(0)));
        c.voteMotion(id, true);
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NoSuchMotion.selector, bytes32(uint256(5))));
        c.voteMotion(bytes32(uint256(5)), true);
        expect(abi.encodeWithSelector(I.NotAMember.selector, address(this)));
        c.voteMotion(id, true);
        approve(1, id);
        approve(2, id);
        vm.prank(member(3));
        expect(abi.encodeWithSelector(I.MotionNotOpen.selector, id, I.MotionState.Enacted));
        c.voteMotion(id, true);
    }

    /// @dev Three approvals wait for three boundaries, and the last is of a motion of who has left by the first.
    function test_newcomer__onTheSeatOfOneWhoseMotionStillWaits__mayMove() public {
        deploy(4, false, false);
        bytes32 p = proposeAs("p");
        vm.prank(member(3));
        bytes32 waits = c.moveRules(defaultRules());
        vm.prank(member(0));
        bytes32 add = c.moveAddMember(member(9));
        vm.prank(member(3));
        c.leave();
        for (uint256 i = 1; i < 3; ++i) {
            vm.prank(member(i));
            c.voteMotion(add, true);
        }
        for (uint256 i; i < 2; ++i) {
            vm.prank(member(i));
            c.voteMotion(waits, true);
        }
        eq(motion(0).state, I.MotionState.Approved);
        voteAs(1, p, false);
        voteAs(2, p, false); // the first boundary
        p = proposeAs("q"); // by member 1
        voteAs(0, p, false); // the second
        eq(c.viewFor(member(9), 0).seat, 3);
        eq(motion(0).state, I.MotionState.Approved);
        vm.prank(member(9));
        c.moveRules(defaultRules());
    }
}
