// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

interface VmCool {
    function cool(address target) external;
}

/// @notice Everything at its largest at once, and what members can do to each other.
contract LimitsTest is Base {
    uint32 internal constant MOST = type(uint32).max;
    uint32 internal constant LONGEST = (1 << 25) - 1; // of windows

    function approveAs(uint256 i, bytes32 id) internal {
        vm.prank(member(i));
        c.voteMotion(id, true);
    }

    function leaveAs(uint256 i) internal {
        vm.prank(member(i));
        c.leave();
    }

    /// @dev Next to each other in the packed words: none must run into its neighbour.
    function largest(bool secret) internal {
        I.Genesis memory g = genesisOf(64, secret, false);
        g.rules = I.Rules(MOST - 1, MOST, 1, LONGEST, LONGEST, LONGEST, 0, 0);
        g.maxSize = (1 << 36) - 1;
        vm.warp(START);
        c = create(g);
        vm.warp(START + (1 << 32) - 65); // one second a turn: in this one the last seat's, and the number hardly fits
    }

    function proposeLargest() internal returns (bytes32 id) {
        uint256 round = (1 << 32) - 64;
        eq(view_().round, round);
        eq(view_().proposer, member(63));
        id = c.proposalId(round, keccak256("w"), keccak256("cid"), (1 << 36) - 1);
        vm.prank(member(63));
        c.propose(round, GENESIS, keccak256("w"), keccak256("cid"), (1 << 36) - 1, "");
    }

    function checkLargest(uint256 approvals, uint256 deadline, I.RoundState state) internal view {
        I.RoundRecord memory r = record((1 << 32) - 64);
        eq(r.approvals, approvals);
        eq(r.rejections, 0);
        eq(r.hidden, 0);
        eq(r.size, (1 << 36) - 1);
        eq(r.need, 63);
        eq(r.proposerSeat, 63);
        eq(r.memberCount, 64);
        eq(r.deadline, deadline);
        eq(r.parentRound, 0);
        eq(r.state, state);
        eq(r.sha256Hash, keccak256("w"));
        eq(r.cidDigest, keccak256("cid"));
    }

    function test_largest__openVotes__everythingKeepsToItsField() public {
        largest(false);
        uint256 begun = block.timestamp;
        bytes32 id = proposeLargest();
        vm.warp(begun + LONGEST); // the last second
        for (uint256 i; i < 63; ++i) {
            checkLargest((1 << i) - 1, begun + LONGEST, I.RoundState.Voting);
            voteAs(i, id, true);
        }
        checkLargest((1 << 63) - 1, begun + LONGEST, I.RoundState.Accepted);
        I.NodeView memory v = view_();
        eq(v.round, (1 << 32) - 63);
        eq(v.acceptedRound, (1 << 32) - 64);
        eq(v.acceptedSize, (1 << 36) - 1);
        eq(v.acceptedCidDigest, keccak256("cid"));
        eq(v.memberCount, 64);
        eq(v.deadline, begun + LONGEST);
        eq(v.proposer, member(0));
        eq(keccak256(abi.encode(v.rules)), keccak256(abi.encode(I.Rules(MOST - 1, MOST, 1, LONGEST, LONGEST, LONGEST, 0, 0))));
    }

    function test_largest__secretVotes__everythingKeepsToItsField() public {
        largest(true);
        uint256 begun = block.timestamp;
        bytes32 id = proposeLargest();
        for (uint256 i; i < 63; ++i) {
            commitAs(i, id, true);
        }
        vm.warp(begun + LONGEST);
        for (uint256 i; i < 63; ++i) {
            revealAs(i, id, true);
        }
        checkLargest((1 << 63) - 1, begun + LONGEST, I.RoundState.Accepted);
    }

    function test_largest__motions__everythingKeepsToItsField() public {
        largest(false);
        vm.prank(member(63));
        bytes32 id = c.moveRemoveMember(member(62));
        uint256 deadline = block.timestamp + LONGEST;
        vm.prank(member(62));
        expect(abi.encodeWithSelector(I.NotEligible.selector, member(62)));
        c.voteMotion(id, false);
        for (uint256 i; i < 62; ++i) {
            eq(motion(0).state, I.MotionState.Open);
            eq(motion(0).approvals, (1 << 63) | ((1 << i) - 1));
            approveAs(i, id);
        }
        I.MotionRecord memory m = motion(0);
        eq(m.state, I.MotionState.Enacted);
        eq(m.approvals, uint256(type(uint64).max) - (1 << 62));
        eq(m.rejections, 0);
        eq(m.need, 63);
        eq(m.deadline, deadline);
        eq(m.mover, member(63));
        eq(m.subject, member(62));
        eq(c.members().length, 63);
        eq(c.members()[62], member(63));
    }

    /// @dev All but everyone must approve: one rejection is the end of it, and one lost key blocks, but not its removal.
    function test_thresholdNearOne__oneRejectionRejects__oneLostKeyCanBeRemoved() public {
        I.Genesis memory g = genesisOf(5, false, false);
        (g.rules.thresholdNumerator, g.rules.thresholdDenominator) = (MOST - 1, MOST);
        vm.warp(START);
        c = create(g);
        bytes32 id = proposeAs("a");
        eq(record(1).need, 4);
        voteAs(3, id, false);
        eq(record(1).state, I.RoundState.Rejected);
        // Two lost keys, 3's and 4's, block each other's removal; rounds still end by the clock.
        vm.prank(member(1));
        id = c.moveRemoveMember(member(3));
        approveAs(0, id);
        approveAs(2, id);
        eq(motion(0).state, I.MotionState.Open);
        vm.warp(START + 2000);
        c.advance();
        eq(motion(0).state, I.MotionState.Lapsed);
        eq(view_().state, I.RoundState.Proposing);
        vm.prank(member(0));
        id = c.moveRemoveMember(member(4));
        approveAs(1, id);
        approveAs(2, id);
        eq(motion(1).state, I.MotionState.Open);
        approveAs(3, id);
        eq(motion(1).state, I.MotionState.Enacted);
    }

    function test_thresholdNearZero__oneApprovalAccepts__allMustRejectToReject() public {
        I.Genesis memory g = genesisOf(5, false, false);
        (g.rules.thresholdNumerator, g.rules.thresholdDenominator) = (1, MOST);
        vm.warp(START);
        c = create(g);
        bytes32 id = proposeAs("a");
        eq(record(1).need, 1);
        for (uint256 i = 1; i < 4; ++i) {
            voteAs(i, id, false);
        }
        eq(view_().round, 1);
        voteAs(4, id, true);
        eq(view_().acceptedRound, 1);
        id = proposeAs("b");
        voteAs(0, id, false);
        for (uint256 i = 2; i < 5; ++i) {
            eq(view_().round, 2);
            voteAs(i, id, false);
        }
        eq(record(2).state, I.RoundState.Rejected);
    }

    // ------------------------------------------------------------------------------------------- members who go

    /// @dev Its proposal stays under decision, with the votes of the seats there are; only then is it gone.
    function test_proposerVotedOutInItsOwnRound__theRoundIsDecidedFirst() public {
        deploy(5, false, false);
        bytes32 p = proposeAs("a");
        voteAs(4, p, true);
        vm.prank(member(1));
        bytes32 id = c.moveRemoveMember(member(0));
        approveAs(2, id);
        approveAs(3, id);
        eq(motion(0).state, I.MotionState.Approved);
        check(c.viewFor(member(0), 0).isMember);
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.ProposerCannotVote.selector, member(0)));
        c.vote(p, true);
        voteAs(2, p, false);
        voteAs(1, p, true);
        voteAs(3, p, true); // decides, and carries out the removal
        eq(view_().acceptedSha256, keccak256("a"));
        eq(c.members().length, 4);
        eq(c.members()[0], member(4));
        eq(record(1).proposer, member(0));
        eq(record(1).approvals, 26);
        eq(record(1).rejections, 4);
        eq(c.membersAt(1)[4], member(4));
        eq(view_().proposer, member(1));
        // The seat's new holder votes for itself, once: what its old seat did is no vote of the new one's.
        p = proposeAs("b");
        voteAs(4, p, true);
        eq(view_().proposal.approvals, 1);
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NotAMember.selector, member(0)));
        c.vote(p, true);
    }

    function test_leaveBetweenCommitmentAndReveal__theVoteStillCounts() public {
        deploy(4, true, false);
        bytes32 p = proposeAs("a");
        for (uint256 i = 1; i < 4; ++i) {
            commitAs(i, p, true);
        }
        leaveAs(1);
        revealAs(1, p, true);
        revealAs(3, p, true);
        eq(view_().acceptedRound, 1);
        check(!c.viewFor(member(1), 0).isMember);
        eq(c.viewFor(member(3), 0).seat, 1);
        // Member 3 took its commitment's word along: in the next round nothing of it counts, whoever sits where.
        p = proposeAs("b");
        eq(view_().proposer, member(3));
        eq(c.viewFor(member(3), 0).commitment, bytes32(0));
        eq(view_().proposal.hidden, 0);
        commitAs(0, p, true);
        commitAs(2, p, false);
        revealAs(2, p, false);
        eq(record(2).state, I.RoundState.Rejected);
        eq(record(2).hidden, 1);
    }

    function test_everybodyLeaves__oneABoundary__twoRemain() public {
        deploy(6, false, false);
        for (uint256 i; i < 6; ++i) {
            leaveAs(i);
        }
        vm.warp(START + 10_000);
        for (uint256 left = 5; left > 1; --left) {
            check(view_().overdue);
            c.advance();
            eq(c.members().length, left);
        }
        check(view_().overdue);
        c.advance();
        c.advance(); // these two were void
        check(!view_().overdue);
        eq(c.members().length, 2);
        eq(motion(4).state, I.MotionState.Void);
        eq(motion(5).state, I.MotionState.Void);
        playRound("goes on");
        check(view_().acceptedRound > 6);
    }

    function test_approvedWhileOverdue__waitsBehind() public {
        deploy(4, false, false);
        leaveAs(3);
        vm.prank(member(0));
        bytes32 id = c.moveRules(I.Rules(1, 3, 50, 60, 70, 80, 0, 0));
        approveAs(1, id);
        vm.warp(START + 150);
        check(view_().overdue);
        approveAs(2, id);
        eq(motion(1).state, I.MotionState.Approved);
        eq(view_().round, 1);
        c.advance();
        eq(c.members().length, 3);
        eq(view_().rules.proposeWindow, 100);
        eq(view_().round, 2);
        check(!view_().overdue); // the second turn lasts until START + 199
        vm.warp(START + 200);
        check(view_().overdue);
        c.advance();
        eq(view_().rules.proposeWindow, 50);
        eq(view_().deadline, START + 249);
    }

    // ------------------------------------------------------------------------------------------- the clock

    /// @dev With all that can make the clock stop or go on late: what a view says of a later time holds then.
    function testFuzz_view__secretVotesAndMotionsWaiting__atALaterTimeIsTheViewThen(
        uint16 later,
        uint8 commitments,
        bool proposed,
        bool waits
    ) public {
        deploy(4, true, true);
        if (proposed) {
            bytes32 p = proposeAs("a");
            address proposer = view_().proposer;
            for (uint256 i; i < 4; ++i) {
                if (member(i) != proposer && (commitments >> i) & 1 == 1) commitAs(i, p, true);
            }
        }
        if (waits) leaveAs(2);
        uint256 time = START + later % 1200;
        I.NodeView memory v = c.viewFor(member(1), time);
        bytes32 page = keccak256(abi.encode(c.rounds(0, 100, time)));
        vm.warp(time);
        eq(keccak256(abi.encode(v)), keccak256(abi.encode(c.viewFor(member(1), 0))));
        eq(page, keccak256(abi.encode(c.rounds(0, 100, 0))));
        // And `advance` writes down what the view says, until there is nothing left to write down.
        for (uint256 steps; advanced(); ++steps) {
            check(steps < 3);
        }
        if (!waits) {
            eq(keccak256(abi.encode(v)), keccak256(abi.encode(c.viewFor(member(1), 0))));
            eq(page, keccak256(abi.encode(c.rounds(0, 100, 0))));
        }
        expect(I.NothingToAdvance.selector);
        c.advance();
    }

    // ------------------------------------------------------------------------------------------- gas

    /// @dev What a node allows for others' acts between its simulation and the block: see _GAS_FOR_OTHERS in transactions.py.
    uint256 internal constant FOR_OTHERS = 300_000;

    function gasOfVote(uint256 i, bytes32 id) internal returns (uint256) {
        VmCool(address(vm)).cool(address(c)); // as at the start of a transaction
        vm.prank(member(i));
        uint256 before = gasleft();
        c.vote(id, true);
        return before - gasleft();
    }

    /// @dev The dearest vote there is: it decides, in a shuffled collective of 64, and carries out a motion.
    function test_gas__64shuffled__whatOthersAddToAVoteIsBounded() public {
        for (uint256 joins; joins < 2; ++joins) {
            deploy(joins == 1 ? 63 : 64, false, true);
            bytes32 p = proposeAs("a");
            address proposer = view_().proposer;
            if (joins == 1) {
                vm.prank(member(0));
                bytes32 id = c.moveAddMember(member(99));
                for (uint256 i = 1; i < 32; ++i) {
                    approveAs(i, id);
                }
            } else {
                leaveAs(5);
            }
            uint256 plain;
            uint256 last;
            for (uint256 i; view_().round == 1; ++i) {
                if (member(i) == proposer) continue;
                (plain, last) = (last, gasOfVote(i, p));
            }
            eq(c.members().length, joins == 1 ? 64 : 63);
            check(plain < 40_000 && plain + 50_000 < last);
            check(last < plain + FOR_OTHERS);
        }
    }

    /// @dev Likewise the dearest vote on a motion: it ends the turn of a dead proposer, and changes the members.
    function test_gas__64shuffled__aMotionsDecisionIsBounded() public {
        for (uint256 joins; joins < 2; ++joins) {
            deploy(joins == 1 ? 63 : 64, false, true);
            vm.prank(member(0));
            bytes32 id = joins == 1 ? c.moveAddMember(member(99)) : c.moveRemoveMember(member(5));
            vm.warp(START + 250); // and missed rounds are written down
            uint256 plain;
            uint256 last;
            for (uint256 i = 1; motion(0).state == I.MotionState.Open; ++i) {
                if (i == 5) continue;
                VmCool(address(vm)).cool(address(c));
                vm.prank(member(i));
                uint256 before = gasleft();
                c.voteMotion(id, true);
                (plain, last) = (last, before - gasleft());
            }
            eq(c.members().length, joins == 1 ? 64 : 63);
            check(last < plain + FOR_OTHERS);
        }
    }

    /// @dev A page of missed rounds costs so much a round, however many there are, and has an end.
    function test_gas__64shuffledMissedRounds__aPageGrowsWithItsLength() public {
        deploy(64, false, true);
        vm.prank(member(3));
        c.leave(); // whose epoch begins in the middle of a cycle
        vm.warp(START + 100);
        c.advance();
        vm.warp(START + 1_000_000);
        eq(view_().round, 10_001);
        gasOfPage(64); // warm
        uint256 few = gasOfPage(64); // about a cycle: later turns of a cycle are dearer
        uint256 many = gasOfPage(256);
        check(few < 64 * 45_000);
        check(2 * many < 9 * few);
        eq(c.rounds(2, 1000, 0).length, 256);
        eq(c.rounds(2, 1000, 0)[255].round, 257);
    }

    function gasOfPage(uint256 count) internal view returns (uint256) {
        uint256 before = gasleft();
        c.rounds(2, count, 0);
        return before - gasleft();
    }

    /// @dev Every node asks for a view at every block; endpoints let a call cost some tens of millions.
    function test_gas__64members64motions__aViewIsCheap() public {
        deploy(64, false, true);
        for (uint256 i; i < 64; ++i) {
            vm.prank(member(i));
            c.moveRules(defaultRules());
        }
        VmCool(address(vm)).cool(address(c));
        uint256 before = gasleft();
        I.NodeView memory v = c.viewFor(member(7), 0);
        before -= gasleft();
        eq(v.motionsToVote.length, 63);
        for (uint256 i; i < 63; ++i) {
            eq(v.motionsToVote[i], motion(i < 7 ? i : i + 1).id);
        }
        check(before < 1_000_000);
    }

    /// @dev However many motions wait, one transaction carries out one.
    function test_gas__aLongQueue__advanceCostsTheSame() public {
        deploy(64, false, true);
        for (uint256 i; i < 60; ++i) {
            leaveAs(i);
        }
        vm.warp(START + 1_000_000);
        uint256 most;
        for (uint256 i; i < 60; ++i) {
            VmCool(address(vm)).cool(address(c));
            uint256 before = gasleft();
            c.advance();
            before -= gasleft();
            if (before > most) most = before;
        }
        eq(c.members().length, 4);
        check(most < 250_000);
    }
}
