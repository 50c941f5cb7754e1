// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

/// @notice What is said to whoever listens: every event, with all that is in it.
contract EventsTest is Base {
    function setUp() public {
        deploy(4, false, false);
    }

    function said() internal {
        vm.expectEmit(true, true, true, true);
    }

    function approveMotion(uint256 i, bytes32 id) internal {
        vm.prank(member(i));
        c.voteMotion(id, true);
    }

    function test_created() public {
        I.Genesis memory g = genesisOf(3, true, false);
        g.size = (1 << 20) + 1;
        g.cidDigest = keccak256("cid");
        said();
        emit I.CollectiveCreated(GENESIS, g.cidDigest, g.size, g.members, g.rules, true, false, 1 << 30, 0, g.plan);
        said();
        emit I.RoundOpened(1, 0, START + 99);
        create(g);
    }

    function test_proposed() public {
        bytes32 h = keccak256("w");
        bytes32 cid = keccak256("cid");
        bytes32 id = c.proposalId(1, h, cid, 2 << 20);
        vm.warp(START + 7);
        said();
        emit I.WeightsProposed(1, member(0), id, GENESIS, h, cid, 2 << 20, START + 207, "note");
        vm.prank(member(0));
        c.propose(1, GENESIS, h, cid, 2 << 20, "note");
    }

    function test_vote__decides() public {
        bytes32 id = proposeAs("a");
        said();
        emit I.VoteCast(id, member(2), false);
        voteAs(2, id, false);
        said();
        emit I.ScoresPublished(id, member(1), -5, 6);
        said();
        emit I.VoteCast(id, member(1), true);
        vm.prank(member(1));
        c.voteWithScores(id, true, -5, 6);
        vm.warp(START + 20);
        said();
        emit I.VoteCast(id, member(3), true);
        said();
        emit I.RoundDecided(1, id, true, 10, 4, false);
        said();
        emit I.RoundOpened(2, 1, START + 119);
        voteAs(3, id, true);
    }

    function test_clock__closedAndMissed() public {
        bytes32 id = proposeAs("a");
        voteAs(3, id, true);
        vm.warp(START + 201 + 230); // round 1 ended at +200; rounds 2 and 3 are missed, 4 is open since +401
        said();
        emit I.RoundDecided(1, id, false, 8, 0, true);
        said();
        emit I.RoundsMissed(2, 3);
        said();
        emit I.RoundOpened(4, 3, START + 500);
        c.advance();
    }

    function test_clock__proposalAfterMissedRounds() public {
        vm.warp(START + 210);
        bytes32 h = keccak256("w");
        said();
        emit I.RoundsMissed(1, 2);
        said();
        emit I.WeightsProposed(3, member(2), c.proposalId(3, h, h, 5), GENESIS, h, h, 5, START + 410, "");
        vm.prank(member(2));
        c.propose(3, GENESIS, h, h, 5, "");
    }

    function test_overdue__advance() public {
        bytes32 p = proposeAs("a");
        vm.prank(member(1));
        c.leave();
        vm.warp(START + 250);
        said();
        emit I.RoundDecided(1, p, false, 0, 0, true);
        said();
        emit I.MotionEnacted(motion(0).id, 2);
        said();
        emit I.MemberRemoved(member(1), 1, member(3), 2);
        said();
        emit I.RoundOpened(2, 1, START + 300);
        c.advance();
    }

    function test_overdue__nobodyProposed() public {
        vm.prank(member(3));
        c.leave();
        vm.warp(START + 150);
        said();
        emit I.RoundsMissed(1, 1);
        said();
        emit I.MotionEnacted(motion(0).id, 2);
        said();
        emit I.MemberRemoved(member(3), 3, address(0), 2);
        said();
        emit I.RoundOpened(2, 1, START + 199);
        c.advance();
    }

    function test_motion__addMember() public {
        I.Rules memory none;
        bytes32 id = motionId(0, 0, I.MotionKind.AddMember, member(9), none);
        said();
        emit I.MotionMoved(id, member(0), I.MotionKind.AddMember, member(9), none, 0, 0, START + 1000);
        said();
        emit I.MotionVoteCast(id, member(0), true);
        vm.prank(member(0));
        eq(c.moveAddMember(member(9)), id);
        said();
        emit I.MotionVoteCast(id, member(3), false);
        vm.prank(member(3));
        c.voteMotion(id, false);
        approveMotion(1, id);
        said();
        emit I.MotionVoteCast(id, member(2), true);
        said();
        emit I.MotionDecided(id, true);
        said();
        emit I.RoundsMissed(1, 1);
        said();
        emit I.MotionEnacted(id, 2);
        said();
        emit I.MemberAdded(member(9), 4, 2);
        said();
        emit I.RoundOpened(2, 1, START + 99);
        approveMotion(2, id);
    }

    function test_motion__approvedAfterMissedRounds() public {
        vm.prank(member(0));
        bytes32 id = c.moveAddMember(member(9));
        approveMotion(1, id);
        vm.warp(START + 250);
        said();
        emit I.RoundsMissed(1, 2);
        said();
        emit I.MotionDecided(id, true);
        said();
        emit I.RoundsMissed(3, 3);
        said();
        emit I.MotionEnacted(id, 4);
        said();
        emit I.MemberAdded(member(9), 4, 4);
        said();
        emit I.RoundOpened(4, 3, START + 349);
        approveMotion(2, id);
    }

    function test_motion__revert() public {
        playRound("a");
        I.Rules memory none;
        bytes32 id = keccak256(abi.encode(uint256(0), uint256(0), I.MotionKind.RevertTo, address(0), none, uint256(0), bytes32(0)));
        said();
        emit I.MotionMoved(id, member(0), I.MotionKind.RevertTo, address(0), none, 0, 0, START + 1000);
        vm.prank(member(0));
        eq(c.moveRevertTo(0), id);
        approveMotion(1, id);
        playRound("b");
        vm.prank(member(3));
        id = c.moveRevertTo(1);
        eq(id, keccak256(abi.encode(uint256(1), uint256(0), I.MotionKind.RevertTo, address(0), none, uint256(1), bytes32(0))));
        approveMotion(1, id);
        said();
        emit I.MotionDecided(id, true);
        said();
        emit I.RoundsMissed(3, 3);
        said();
        emit I.MotionEnacted(id, 4);
        said();
        emit I.WeightsReverted(4, 1, keccak256("a"));
        said();
        emit I.RoundOpened(4, 3, START + 99);
        approveMotion(2, id);
    }

    function test_motion__replace() public {
        I.Rules memory none;
        bytes32 id = motionId(0, 0, I.MotionKind.ReplaceMember, member(9), none);
        said();
        emit I.MotionMoved(id, member(1), I.MotionKind.ReplaceMember, member(9), none, 0, 0, START + 1000);
        said();
        emit I.MotionDecided(id, true);
        vm.prank(member(1));
        eq(c.replaceMember(member(9)), id);
        vm.warp(START + 100);
        said();
        emit I.MotionEnacted(id, 2);
        said();
        emit I.MemberReplaced(member(1), member(9), 1, 2);
        said();
        emit I.RoundOpened(2, 1, START + 199);
        c.advance();
    }

    function test_motion__rulesAndRejection() public {
        I.Rules memory r = I.Rules(2, 3, 10, 20, 30, 40, 0, 0);
        bytes32 id = motionId(0, 0, I.MotionKind.SetRules, address(0), r);
        said();
        emit I.MotionMoved(id, member(1), I.MotionKind.SetRules, address(0), r, 0, 0, START + 1000);
        vm.prank(member(1));
        eq(c.moveRules(r), id);
        approveMotion(0, id);
        said();
        emit I.RulesChanged(r, 2);
        said();
        emit I.RoundOpened(2, 1, START + 9); // with the new window already
        approveMotion(2, id);
        vm.prank(member(1));
        bytes32 lost = c.moveRemoveMember(member(2));
        said(); // more than two thirds of three: one rejection is enough
        emit I.MotionVoteCast(lost, member(3), false);
        said();
        emit I.MotionDecided(lost, false);
        vm.prank(member(3));
        c.voteMotion(lost, false);
    }

    function test_motion__void() public {
        vm.prank(member(1));
        c.leave();
        vm.prank(member(0));
        bytes32 second = c.moveRemoveMember(member(1));
        approveMotion(2, second);
        vm.warp(START + 100);
        said();
        emit I.MotionVoided(second);
        c.advance();
        eq(c.members().length, 3);
    }

    function test_motion__approvedLate__missedRoundsAreSaid() public {
        vm.warp(START + 250);
        said();
        emit I.RoundsMissed(1, 2);
        said();
        emit I.RoundOpened(3, 2, START + 299);
        vm.prank(member(1));
        c.leave();
    }

    function test_secret() public {
        deploy(4, true, false);
        bytes32 id = proposeAs("a");
        bytes32 kept = bytes32(uint256(5) << 32);
        said();
        emit I.VoteCommitted(id, member(1), kept);
        vm.prank(member(1));
        c.commit(id, kept | bytes32(uint256(77)));
        commitAs(2, id, true);
        vm.warp(START + 50);
        said();
        emit I.VoteCommitted(id, member(3), c.commitmentOf(id, member(3), true, bytes32(uint256(3))) & ~bytes32(uint256(type(uint32).max)));
        said();
        emit I.RevealsOpened(id, START + 350);
        commitAs(3, id, true);
        said();
        emit I.ScoresPublished(id, member(2), 1, 2);
        said();
        emit I.VoteCast(id, member(2), true);
        vm.prank(member(2));
        c.revealWithScores(id, true, bytes32(uint256(2)), 1, 2);
        said();
        emit I.RoundDecided(1, id, true, 12, 0, false);
        revealAs(3, id, true);
    }

    function motionId(uint256 index, uint256 epoch, I.MotionKind kind, address subject, I.Rules memory r)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(index, epoch, kind, subject, r, uint256(0), bytes32(0)));
    }
}
