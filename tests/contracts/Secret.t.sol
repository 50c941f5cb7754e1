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
        eq(v.proposals[0].hidden, 14);
        eq(v.proposals[0].approvals, 0);
        revealAs(1, id, true);
        revealAs(2, id, false);
        v = view_();
        eq(v.proposals[0].hidden, 8);
        eq(v.proposals[0].approvals, 2);
        eq(v.proposals[0].rejections, 4);
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
