// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

/// @notice The way back: weights that were accepted earlier become the accepted ones again; and what changes nothing is refused.
contract RevertTest is Base {
    function setUp() public {
        deploy(4, false, false);
    }

    function approve(uint256 i, bytes32 id) internal {
        vm.prank(member(i));
        c.voteMotion(id, true);
    }

    function goBack(uint256 round) internal returns (bytes32 id) {
        vm.prank(member(0));
        id = c.moveRevertTo(round);
        approve(1, id);
        approve(2, id);
    }

    function refused(uint256 round, bytes memory why) internal {
        vm.prank(member(3));
        expect(why);
        c.moveRevertTo(round);
    }

    function test_propose__theAcceptedWeights__refused() public {
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NothingChanged.selector, GENESIS));
        c.propose(1, GENESIS, GENESIS, GENESIS, 10, "");
        // Nor under another size or CID.
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NothingChanged.selector, GENESIS));
        c.propose(1, GENESIS, GENESIS, keccak256("cid"), 2 << 20, "");
        playRound("a");
        bytes32 a = keccak256("a");
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.NothingChanged.selector, a));
        c.propose(2, a, a, a, 100, "");
        // What was accepted earlier, or rejected, is a change.
        vm.prank(member(1));
        c.propose(2, a, GENESIS, GENESIS, 10, "");
    }

    function test_revert__betweenRounds__theParentOfTheNextProposal() public {
        playRound("a"); // 1
        playRound("b"); // 2
        playRound("c"); // 3
        bytes32 p = proposeAs("d"); // 4
        goBack(1);
        eq(motion(0).state, I.MotionState.Approved);
        eq(motion(0).toRound, 1);
        eq(motion(0).firstRound, 0);
        eq(view_().acceptedRound, 3);
        voteAs(0, p, false);
        voteAs(1, p, false);
        I.NodeView memory v = view_();
        eq(v.round, 5);
        eq(v.acceptedRound, 1);
        eq(v.acceptedSha256, keccak256("a"));
        eq(v.acceptedCidDigest, keccak256("a"));
        eq(v.acceptedSize, 100);
        I.MotionRecord memory m = motion(0);
        eq(m.state, I.MotionState.Enacted);
        eq(m.toRound, 1);
        eq(m.firstRound, 5);
        eq(m.subject, address(0));
        eq(m.rules.thresholdDenominator, 0);
        vm.prank(v.proposer);
        expect(abi.encodeWithSelector(I.StaleParent.selector, keccak256("c"), keccak256("a")));
        c.propose(5, keccak256("c"), keccak256("e"), keccak256("e"), 100, "");
        playRound("e");
        I.RoundRecord memory r = record(5);
        eq(r.parentRound, 1);
        eq(r.parent, keccak256("a"));
        // What was accepted in between stays on record.
        eq(record(3).state, I.RoundState.Accepted);
        eq(record(3).parentRound, 2);
        eq(record(4).parentRound, 3);
    }

    /// @dev The round under decision is decided first; if it is accepted, the motion goes back behind it.
    function test_revert__approvedWhileAProposalIsAccepted__goesBackAfterIt() public {
        playRound("a");
        playRound("b");
        bytes32 p = proposeAs("c");
        goBack(1);
        voteAs(0, p, true);
        voteAs(1, p, true);
        eq(record(3).state, I.RoundState.Accepted);
        eq(view_().acceptedRound, 1);
        eq(view_().round, 4);
    }

    function test_revert__toTheGenesis() public {
        I.Genesis memory g = genesisOf(4, false, false);
        g.size = 5 << 20;
        g.cidDigest = keccak256("cid");
        c = create(g);
        playRound("a");
        goBack(0);
        I.NodeView memory v = view_();
        eq(v.acceptedRound, 0);
        eq(v.acceptedSha256, GENESIS);
        eq(v.acceptedCidDigest, keccak256("cid"));
        eq(v.acceptedSize, 5 << 20);
        playRound("b");
        eq(record(3).parentRound, 0);
        eq(view_().acceptedRound, 3);
    }

    /// @dev A motion to go back can itself be taken back.
    function test_revert__toWhatCameAfter() public {
        playRound("a");
        playRound("b");
        goBack(1);
        goBack(2);
        eq(view_().acceptedSha256, keccak256("b"));
        eq(view_().acceptedRound, 2);
        eq(motion(1).firstRound, 5);
    }

    function test_revert__nothingProposed__theRoundEndsAtOnce() public {
        playRound("a");
        goBack(0);
        eq(record(2).state, I.RoundState.Missed);
        eq(view_().round, 3);
    }

    function test_revert__noAcceptedRound__refused() public {
        bytes32 p = proposeAs("a");
        voteAs(1, p, false);
        voteAs(2, p, false);
        vm.warp(START + 150);
        proposeAs("c"); // 3; 2 is missed
        refused(1, abi.encodeWithSelector(I.RoundNotAccepted.selector, 1));
        refused(2, abi.encodeWithSelector(I.RoundNotAccepted.selector, 2));
        refused(3, abi.encodeWithSelector(I.RoundNotAccepted.selector, 3));
        refused(4, abi.encodeWithSelector(I.RoundNotAccepted.selector, 4));
        refused((1 << 32), abi.encodeWithSelector(I.RoundNotAccepted.selector, 1 << 32));
        vm.warp(START + 351); // by the clock
        refused(3, abi.encodeWithSelector(I.RoundNotAccepted.selector, 3));
    }

    function test_revert__toTheAcceptedWeights__refused() public {
        refused(0, abi.encodeWithSelector(I.NothingChanged.selector, GENESIS));
        playRound("a"); // 1
        playRound("b"); // 2
        refused(2, abi.encodeWithSelector(I.NothingChanged.selector, keccak256("b")));
        playRound("a"); // 3: the same bytes again
        refused(1, abi.encodeWithSelector(I.NothingChanged.selector, keccak256("a")));
        expect(abi.encodeWithSelector(I.NotAMember.selector, address(this)));
        c.moveRevertTo(2);
    }

    function test_revert__twice__theSecondIsVoid() public {
        playRound("a");
        playRound("b");
        bytes32 p = proposeAs("c");
        goBack(1);
        vm.prank(member(1));
        bytes32 second = c.moveRevertTo(1);
        approve(0, second);
        approve(2, second);
        voteAs(0, p, false);
        voteAs(1, p, false);
        eq(view_().acceptedRound, 1);
        p = proposeAs("d");
        voteAs(0, p, false);
        voteAs(1, p, false);
        eq(motion(1).state, I.MotionState.Void);
        eq(motion(1).firstRound, 0);
        eq(view_().acceptedRound, 1);
    }

    /// @dev Weights that may be needed again, from the motion's first second to its end.
    function test_roundsToKeep__openOrApproved() public {
        playRound("a"); // 1
        playRound("b"); // 2
        playRound("c"); // 3
        bytes32 p = proposeAs("d");
        eq(view_().roundsToKeep.length, 0);
        vm.prank(member(2));
        bytes32 id = c.moveRevertTo(2);
        vm.prank(member(3));
        c.moveRules(defaultRules()); // is about no round
        vm.prank(member(1));
        bytes32 other = c.moveRevertTo(1);
        I.NodeView memory v = c.viewFor(member(50), 0); // also for who is no member
        eq(v.roundsToKeep.length, 2);
        eq(v.roundsToKeep[0], 1);
        eq(v.roundsToKeep[1], 2);
        approve(0, id);
        approve(3, id);
        eq(motion(0).state, I.MotionState.Approved);
        v = view_();
        eq(v.roundsToKeep.length, 2);
        eq(v.roundsToKeep[0], 1); // open
        eq(v.roundsToKeep[1], 2); // approved
        vm.prank(member(0));
        c.voteMotion(other, false);
        vm.prank(member(2));
        c.voteMotion(other, false); // rejected
        v = view_();
        eq(v.roundsToKeep.length, 1);
        eq(v.roundsToKeep[0], 2);
        voteAs(0, p, false);
        voteAs(1, p, false); // carried out
        eq(view_().acceptedRound, 2);
        eq(view_().roundsToKeep.length, 0);
        vm.prank(member(1));
        c.moveRevertTo(3);
        eq(c.viewFor(member(0), block.timestamp + 1000).roundsToKeep.length, 1);
        eq(c.viewFor(member(0), block.timestamp + 1001).roundsToKeep.length, 0); // lapsed
    }

    function test_secretVotes__revert() public {
        deploy(3, true, true);
        bytes32 p = proposeAs("a");
        uint256 round = view_().round;
        for (uint256 i; i < 3; ++i) {
            if (member(i) != view_().proposer) commitAs(i, p, true);
        }
        for (uint256 i; i < 3; ++i) {
            if (view_().round == round && member(i) != view_().proposer) revealAs(i, p, true);
        }
        eq(view_().acceptedRound, 1);
        vm.prank(member(0));
        approve(1, c.moveRevertTo(0));
        eq(view_().acceptedSha256, GENESIS);
    }

    function test_roundsToKeep__anotherMotionIsApproved__none() public {
        playRound("a");
        proposeAs("b"); // so that nothing is carried out
        vm.prank(member(3));
        bytes32 id = c.moveRules(defaultRules());
        approve(0, id);
        approve(1, id);
        eq(motion(0).state, I.MotionState.Approved);
        eq(view_().roundsToKeep.length, 0);
    }
}
