// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

contract SecretTest is Base {
    bytes32 internal id;

    function setUp() public {
        deploy(4, true, false);
        id = proposeAs("a");
    }

    function test_reveals__openWhenAllCommitted() public {
        commitAs(1, id, true);
        commitAs(2, id, false);
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.RevealsNotOpen.selector, START + 201));
        c.reveal(id, true, bytes32(uint256(1)));
        commitAs(3, id, true);
        I.NodeView memory v = view_();
        eq(v.state, I.RoundState.Revealing);
        eq(v.deadline, START + 300);
        eq(v.proposal.hidden, 14);
        eq(v.proposal.approvals, 0);
        revealAs(1, id, true);
        revealAs(2, id, false);
        v = view_();
        eq(v.proposal.hidden, 8);
        eq(v.proposal.approvals, 2);
        eq(v.proposal.rejections, 4);
        revealAs(3, id, true);
        eq(view_().acceptedRound, 1);
        eq(record(1).approvals, 10);
        eq(record(1).rejections, 4);
    }

    function test_reveal__rejectsWhenAcceptanceIsImpossible() public {
        for (uint256 i = 1; i < 4; ++i) {
            commitAs(i, id, false);
        }
        revealAs(1, id, false);
        revealAs(2, id, false);
        eq(record(1).state, I.RoundState.Rejected);
        eq(record(1).hidden, 8);
        eq(view_().round, 2);
    }

    function test_commit__deadlineWithEnough__revealsOpenLate() public {
        commitAs(1, id, true);
        commitAs(2, id, true);
        vm.warp(START + 201);
        I.NodeView memory v = view_();
        eq(v.state, I.RoundState.Revealing);
        eq(v.deadline, START + 500);
        vm.prank(member(3));
        expect(I.CommitsClosed.selector);
        c.commit(id, bytes32(uint256(1) << 200));
        revealAs(1, id, true);
        vm.prank(member(3));
        expect(abi.encodeWithSelector(I.NotCommitted.selector, member(3)));
        c.reveal(id, true, 0);
        vm.warp(START + 500);
        revealAs(2, id, true);
        eq(view_().acceptedRound, 1);
        eq(record(1).deadline, START + 500);
    }

    function test_commit__deadlineWithTooFew__roundIsOver() public {
        commitAs(1, id, true);
        vm.warp(START + 201);
        eq(view_().round, 2);
        eq(record(1).state, I.RoundState.Rejected);
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.DeadlinePassed.selector, START + 200, START + 201));
        c.reveal(id, true, bytes32(uint256(1)));
        vm.prank(member(2));
        expect(abi.encodeWithSelector(I.DeadlinePassed.selector, START + 200, START + 201));
        c.commit(id, bytes32(uint256(1) << 200));
    }

    function test_reveal__tooLate__countsAsNotApproving() public {
        for (uint256 i = 1; i < 4; ++i) {
            commitAs(i, id, true);
        }
        revealAs(1, id, true);
        vm.warp(START + 301);
        vm.prank(member(2));
        expect(abi.encodeWithSelector(I.DeadlinePassed.selector, START + 300, START + 301));
        c.reveal(id, true, bytes32(uint256(2)));
        eq(view_().round, 2);
        c.advance();
        eq(record(1).state, I.RoundState.Rejected);
        eq(record(1).hidden, 12);
    }

    function test_refusals() public {
        vm.prank(member(1));
        expect(I.OpenVotesOnly.selector);
        c.vote(id, true);
        vm.prank(member(1));
        expect(I.EmptyCommitment.selector);
        c.commit(id, bytes32(uint256(type(uint32).max)));
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.ProposerCannotVote.selector, member(0)));
        c.commit(id, bytes32(uint256(1) << 200));
        commitAs(1, id, true);
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.AlreadyVoted.selector, member(1)));
        c.commit(id, bytes32(uint256(1) << 200));
        // A copied commitment can't be opened by who copied it.
        bytes32 copied = c.commitmentOf(id, member(1), true, bytes32(uint256(1)));
        vm.prank(member(2));
        c.commit(id, copied);
        commitAs(3, id, true);
        vm.prank(member(2));
        expect(abi.encodeWithSelector(I.CommitmentMismatch.selector, member(2)));
        c.reveal(id, true, bytes32(uint256(1)));
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.CommitmentMismatch.selector, member(1)));
        c.reveal(id, false, bytes32(uint256(1)));
        revealAs(1, id, true);
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.AlreadyVoted.selector, member(1)));
        c.reveal(id, true, bytes32(uint256(1)));
    }

    function test_commitment__bindsTheProposal() public {
        bytes32 first = c.commitmentOf(id, member(2), true, 0);
        vm.warp(START + 201);
        bytes32 second = proposeAs("b"); // round 2, by member 1
        vm.prank(member(2));
        c.commit(second, first);
        commitAs(0, second, true);
        commitAs(3, second, true);
        vm.prank(member(2));
        expect(abi.encodeWithSelector(I.CommitmentMismatch.selector, member(2)));
        c.reveal(second, true, 0);
    }

    function testFuzz_commitment__bindsEverything(address voter, bool approve, bytes32 salt, uint32 chain) public {
        bytes32 here = c.commitmentOf(id, voter, approve, salt);
        eq(here, keccak256(abi.encode(block.chainid, address(c), id, voter, approve, salt)));
        vm.chainId(uint256(chain) + 1_000_000);
        eq(
            c.commitmentOf(id, voter, approve, salt),
            keccak256(abi.encode(uint256(chain) + 1_000_000, address(c), id, voter, approve, salt))
        );
        check(c.commitmentOf(id, voter, approve, salt) != here);
    }

    /// @dev One slot a seat is used again and again; what earlier rounds left there must not count.
    function test_commitment__earlierRoundsLeaveNothing() public {
        for (uint256 i = 1; i < 4; ++i) {
            commitAs(i, id, true);
        }
        revealAs(1, id, true);
        revealAs(2, id, true);
        id = proposeAs("b"); // round 2, by member 1; member 3 never revealed in round 1
        eq(c.viewFor(member(3), 0).commitment, bytes32(0));
        check(!c.viewFor(member(3), 0).voted);
        commitAs(0, id, true);
        commitAs(2, id, false);
        commitAs(3, id, true);
        revealAs(0, id, true);
        revealAs(2, id, false);
        revealAs(3, id, true);
        eq(view_().acceptedRound, 2);
        eq(record(1).hidden, 8);
        eq(record(2).approvals, 9);
        eq(record(2).rejections, 4);
    }

    function test_commit__lastSecond() public {
        commitAs(1, id, true);
        vm.warp(START + 200);
        commitAs(2, id, true);
        eq(view_().state, I.RoundState.Voting);
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.RevealsNotOpen.selector, START + 201));
        c.reveal(id, true, bytes32(uint256(1)));
    }

    function test_commit__closedOnceRevealsAreOpen() public {
        commitAs(1, id, true);
        commitAs(2, id, true);
        vm.warp(START + 201);
        revealAs(1, id, true);
        // Within the reveal window, whose deadline is stored by now.
        vm.prank(member(3));
        expect(I.CommitsClosed.selector);
        c.commit(id, bytes32(uint256(1) << 200));
        eq(view_().deadline, START + 500);
    }

    /// @dev Enough committed, not everyone, and then nobody revealed: no transaction ever opened the reveals.
    function test_reveal__nobodyCame__recordHasTheRevealsDeadline() public {
        commitAs(1, id, true);
        commitAs(2, id, true);
        vm.warp(START + 500);
        eq(record(1).state, I.RoundState.Revealing);
        eq(record(1).deadline, START + 500);
        vm.warp(START + 501);
        eq(record(1).state, I.RoundState.Rejected);
        eq(record(1).deadline, START + 500);
        eq(view_().deadline, START + 600);
        bytes32 before = keccak256(abi.encode(record(1)));
        c.advance();
        eq(keccak256(abi.encode(record(1))), before);
        eq(record(1).hidden, 6);
    }

    function test_reveal__nobodyCameAndAMotionWaits__recordHasTheRevealsDeadline() public {
        commitAs(1, id, true);
        commitAs(2, id, true);
        vm.prank(member(3));
        c.leave();
        vm.warp(START + 501);
        check(view_().overdue);
        eq(record(1).deadline, START + 500);
        c.advance();
        eq(record(1).deadline, START + 500);
        eq(view_().deadline, START + 600);
        check(!c.viewFor(member(3), 0).isMember);
    }

    function test_reveal__withScores__countsTheSame() public {
        for (uint256 i = 1; i < 4; ++i) {
            commitAs(i, id, true);
        }
        vm.prank(member(1));
        c.revealWithScores(id, true, bytes32(uint256(1)), 1, 2);
        revealAs(2, id, true);
        eq(view_().acceptedRound, 1);
        vm.prank(member(3));
        expect(abi.encodeWithSelector(I.ProposalDecided.selector, id, true));
        c.reveal(id, true, bytes32(uint256(3)));
    }

    function test_reveal__outsiders__refused() public {
        expect(abi.encodeWithSelector(I.NotAMember.selector, address(this)));
        c.commit(id, bytes32(uint256(1) << 200));
        expect(abi.encodeWithSelector(I.NotAMember.selector, address(this)));
        c.reveal(id, true, 0);
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.NoSuchProposal.selector, bytes32(uint256(9))));
        c.reveal(bytes32(uint256(9)), true, 0);
    }

    function test_commitment__viewShowsIt() public {
        commitAs(1, id, true);
        I.NodeView memory v = c.viewFor(member(1), 0);
        check(v.voted);
        eq(
            v.commitment,
            (c.commitmentOf(id, member(1), true, bytes32(uint256(1))) & ~bytes32(uint256(type(uint32).max)))
                | bytes32(uint256(1))
        );
        commitAs(2, id, true);
        commitAs(3, id, true);
        check(!c.viewFor(member(1), 0).voted);
        revealAs(1, id, true);
        check(c.viewFor(member(1), 0).voted);
        eq(c.viewFor(member(0), 0).commitment, bytes32(0));
    }
}
