// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

/// @notice What tests of joint rounds share. Rules to merge by: 1, then 2, then 3.
abstract contract Joint is Base {
    uint256 internal constant ORDER = 0x321;
    uint256 internal constant TRAIN = 50;
    uint256 internal constant MERGE = 100; // the propose window

    function jointRules() internal pure returns (I.Rules memory r) {
        r = defaultRules();
        r.trainWindow = uint32(TRAIN);
    }

    function found(uint256 n, bool secret) internal {
        vm.warp(START);
        I.Genesis memory g = genesisOf(n, secret, false);
        g.rules = jointRules();
        g.mergeOrder = ORDER;
        c = create(g);
    }

    function training() internal view returns (I.Training memory) {
        return view_().training;
    }

    function contribute(uint256 i, string memory tag) internal {
        I.NodeView memory v = view_();
        bytes32 sha = keccak256(bytes(tag));
        vm.prank(member(i));
        c.contribute(v.training.firstRound, v.acceptedSha256, sha, sha, 100 + i, "");
    }

    function contributeAll(uint256 n) internal {
        for (uint256 i; i < n; ++i) {
            contribute(i, "mine");
        }
    }

    function claimOf(uint256 seats, uint256 rule) internal pure returns (bytes32) {
        return bytes32((uint256(keccak256("digest")) << 68) | (rule << 64) | seats);
    }

    /// @dev The current round's proposer proposes a merge of these seats, named by `tag`.
    function mergeAs(string memory tag, uint256 seats, uint256 rule) internal returns (bytes32 id) {
        I.NodeView memory v = view_();
        bytes32 sha = keccak256(bytes(tag));
        bytes32 claim = claimOf(seats, rule);
        vm.prank(v.proposer);
        c.propose(v.round, v.acceptedSha256, sha, sha, 100, bytes.concat(claim, bytes32(0)));
        return c.proposalId(v.round, sha, keccak256(abi.encode(sha, claim)), 100);
    }

    /// @dev A merge of all that was contributed, by the rule whose turn it is.
    function merge(string memory tag) internal returns (bytes32 id) {
        I.Training memory t = training();
        return mergeAs(tag, t.contributed, t.rulesLeft & 15);
    }

    /// @dev All who have a vote vote, until it is decided.
    function decide(bytes32 id, bool approve) internal {
        I.NodeView memory v = view_();
        address[] memory list = c.members();
        for (uint256 i; i < list.length && view_().round == v.round; ++i) {
            if (list[i] == v.proposer) continue;
            vm.prank(list[i]);
            c.vote(id, approve);
        }
    }

    /// @dev It does so, and the motion is enacted.
    function enact(bytes32 id, uint256 n) internal {
        I.NodeView memory v = view_();
        for (uint256 i; i < n && motion(c.motionCount() - 1).state == I.MotionState.Open; ++i) {
            vm.prank(member(i));
            try c.voteMotion(id, true) {} catch {}
        }
        check(view_().round > v.round);
    }
}
