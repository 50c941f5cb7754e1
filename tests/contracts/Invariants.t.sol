// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

/// @notice Does anything that anybody may do, and remembers in `broken` what must never be seen.
contract Handler is Base {
    string public broken;
    bool internal immutable secret;
    uint256 internal time = START;
    uint256 internal tag;
    uint256 internal lastAccepted;
    bytes32 internal lastAcceptedSha = GENESIS;
    mapping(uint256 => bytes32) internal decided; // the record of a decided round, hashed
    mapping(uint256 => bytes32) internal membersOf;
    mapping(bytes32 => mapping(address => bool)) internal counted;
    mapping(bytes32 => mapping(address => uint256)) internal committed; // 1 + vote
    uint256 internal decidedUpTo;
    bytes32[] internal motionIds;
    uint256 public acceptedRounds;

    constructor(uint256 n, bool secret_, bool shuffled) {
        secret = secret_;
        deploy(n, secret_, shuffled);
    }

    function fail(string memory what) internal {
        if (bytes(broken).length == 0) broken = what;
    }

    function someone(uint256 seed) internal view returns (address) {
        address[] memory list = c.members();
        return seed % 16 == 15 ? member(50) : list[seed % list.length];
    }

    /// @dev Runs before and after every action.
    modifier watched() {
        vm.warp(time);
        I.NodeView memory before = view_();
        bytes32 membersBefore = keccak256(abi.encode(c.members()));
        _;
        I.NodeView memory v = view_();
        if (v.round < before.round) fail("a round number went back");
        if (v.round == before.round && keccak256(abi.encode(c.members())) != membersBefore) {
            fail("members changed inside a round");
        }
        if (v.acceptedRound != lastAccepted) {
            I.RoundRecord memory r = record(v.acceptedRound);
            if (r.state != I.RoundState.Accepted) fail("accepted weights of a round that wasn't accepted");
            if (r.parent != lastAcceptedSha || r.parentRound != lastAccepted) fail("lineage broken");
            if (bits(r.approvals) < r.need) fail("accepted without enough approvals");
            lastAccepted = v.acceptedRound;
            lastAcceptedSha = r.sha256Hash;
            ++acceptedRounds;
        }
        if (v.acceptedSha256 != lastAcceptedSha) fail("accepted weights changed without a round");
        uint256 first = decidedUpTo > 3 ? decidedUpTo - 3 : 0;
        I.RoundRecord[] memory page = c.rounds(first, 40, 0);
        for (uint256 i; i < page.length; ++i) {
            I.RoundRecord memory r = page[i];
            if (r.approvals & r.rejections != 0) fail("a seat both approved and rejected");
            if (r.round != 0 && (r.approvals | r.rejections | r.hidden) >> r.memberCount != 0) fail("a vote of no seat");
            if (r.round != 0 && r.id != 0 && (r.approvals | r.rejections | r.hidden) & (1 << r.proposerSeat) != 0) {
                fail("the proposer voted");
            }
            if (r.state == I.RoundState.Accepted && r.round != 0 && bits(r.approvals) < r.need) fail("accepted too early");
            if (r.round != v.round && uint256(r.state) < 3 && !v.overdue) fail("a past round is open");
            bytes32 m = keccak256(abi.encode(c.membersAt(r.round)));
            if (membersOf[r.round] != 0 && membersOf[r.round] != m) fail("history of members changed");
            membersOf[r.round] = m;
            if (uint256(r.state) >= 3) {
                bytes32 h = keccak256(
                    abi.encode(r.state, r.proposer, r.id, r.parent, r.approvals, r.rejections, r.hidden, r.need)
                );
                if (decided[r.round] != 0 && decided[r.round] != h) fail("a decided round changed");
                decided[r.round] = h;
                if (r.round > decidedUpTo) decidedUpTo = r.round;
            }
        }
        // Liveness: once the clock has passed everything, somebody can propose, or advance and then propose.
        uint256 later = time + 1_000_000;
        I.NodeView memory w = c.viewFor(member(0), later);
        if (!w.overdue && w.state != I.RoundState.Proposing) fail("stuck after the deadline");
        if (w.overdue && !w.advanceable) fail("overdue and can't be advanced");
        if (w.proposer == address(0)) fail("nobody's turn");
    }

    function bits(uint256 x) internal pure returns (uint256 k) {
        for (; x != 0; x &= x - 1) {
            ++k;
        }
    }

    function pass(uint16 seconds_) external watched {
        time += uint256(seconds_) % 400;
        vm.warp(time);
    }

    function propose(uint256 seed) external watched {
        I.NodeView memory v = view_();
        address by = seed % 4 == 0 ? someone(seed / 4) : v.proposer;
        bytes32 sha = keccak256(abi.encode("w", ++tag));
        vm.prank(by);
        try c.propose(v.round, v.acceptedSha256, sha, sha, 100, "") {
            if (by != v.proposer) fail("proposed out of turn");
            if (v.state != I.RoundState.Proposing || v.overdue) fail("proposed while not proposing");
        } catch {
            if (by == v.proposer && v.state == I.RoundState.Proposing && !v.overdue) fail("the proposer was refused");
        }
    }

    function vote(uint256 seed, bool approve) external watched {
        I.NodeView memory v = view_();
        if (v.proposals.length == 0) return;
        bytes32 id = v.proposals[0].id;
        address by = someone(seed);
        if (!secret) {
            vm.prank(by);
            try c.vote(id, approve) {
                if (counted[id][by]) fail("voted twice");
                if (by == v.proposer) fail("the proposer's vote counted");
                if (time > v.deadline) fail("voted late");
                counted[id][by] = true;
            } catch {}
        } else if (v.state == I.RoundState.Voting) {
            bytes32 commitment = c.commitmentOf(id, by, approve, bytes32(seed));
            vm.prank(by);
            try c.commit(id, commitment) {
                if (committed[id][by] != 0) fail("committed twice");
                committed[id][by] = seed << 1 | (approve ? 1 : 0);
            } catch {}
        } else {
            uint256 kept = committed[id][by];
            bool lie = seed % 5 == 0;
            bool vote_ = (kept & 1 == 1) != lie;
            vm.prank(by);
            try c.reveal(id, vote_, bytes32(kept >> 1)) {
                if (lie) fail("a false reveal counted");
                if (counted[id][by]) fail("revealed twice");
                counted[id][by] = true;
            } catch {}
        }
    }

    function advance() external watched {
        bool could = view_().advanceable;
        try c.advance() {
            if (!could) fail("advanced out of turn");
        } catch {
            if (could) fail("advanceable, and advance was refused");
        }
    }

    function move(uint256 seed, uint8 what) external watched {
        address by = someone(seed);
        bytes32 id;
        address subject = someone(seed / 32); // before the prank, which the next call uses up
        I.Rules memory r = I.Rules(1 + uint32(seed % 3), 4, 100, 200, 300, 1000);
        vm.prank(by);
        if (what % 8 < 3) try c.moveAddMember(member(seed / 16 % 7)) returns (bytes32 x) { id = x; } catch {}
        else if (what % 8 < 5) try c.moveRemoveMember(subject) returns (bytes32 x) { id = x; } catch {}
        else if (what % 8 < 7) try c.moveRules(r) returns (bytes32 x) { id = x; } catch {}
        else try c.leave() returns (bytes32 x) { id = x; } catch {}
        if (id != 0) motionIds.push(id);
    }

    function voteMotion(uint256 seed, bool approve) external watched {
        if (motionIds.length == 0) return;
        vm.prank(someone(seed));
        try c.voteMotion(motionIds[motionIds.length - 1], approve || seed % 3 != 0) {} catch {}
    }
}

abstract contract InvariantsBase {
    Handler internal handler;

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(handler);
    }

    function invariant_nothingBroken() public view {
        require(bytes(handler.broken()).length == 0, handler.broken());
    }
}

contract OpenInvariants is InvariantsBase {
    function setUp() public {
        handler = new Handler(4, false, false);
    }
}

contract SecretInvariants is InvariantsBase {
    function setUp() public {
        handler = new Handler(4, true, true);
    }
}

contract ShuffledInvariants is InvariantsBase {
    function setUp() public {
        handler = new Handler(3, false, true);
    }
}
