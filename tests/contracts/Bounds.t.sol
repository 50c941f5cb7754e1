// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Joint} from "./Joint.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

/// @notice The contract adds and subtracts without overflow checks. Here everything is as early, as late, as short and as long
/// as it can be, and is compared with the same arithmetic with checks.
contract BoundsTest is Joint {
    uint256 internal constant LONGEST = (1 << 25) - 1; // of windows, and of the pause
    uint256 internal constant LAST_DEPLOYMENT = (1 << 35) - 1;
    uint256 internal constant LAST_TIME = (1 << 36) - 1 - 8 * (LONGEST + 1); // whatever begins then, ends in 36 bits
    uint256 internal constant LAST_VIEW = type(uint40).max;

    struct Expected {
        uint256 round;
        uint256 opensAt;
        uint256 deadline;
        bool ended;
    }

    /// @dev Extremes and their neighbours half of the time.
    function some(uint256 seed, uint256 least, uint256 most) internal pure returns (uint256) {
        uint256 x = uint256(keccak256(abi.encode(seed, least, most)));
        uint256 near = x >> 8 & 1;
        if (x % 4 == 0) return least + near > most ? most : least + near;
        if (x % 4 == 1) return most < least + near ? least : most - near;
        return least + (x >> 16) % (most - least + 1);
    }

    function foundExtreme(uint256 seed, bool joint) internal {
        vm.warp(some(seed, 1, LAST_DEPLOYMENT));
        I.Genesis memory g = genesisOf(2, false, seed % 2 == 0);
        g.rules.proposeWindow = uint32(some(seed + 1, 1, LONGEST));
        g.rules.voteWindow = uint32(some(seed + 2, 1, LONGEST));
        g.rules.motionWindow = uint32(some(seed + 3, 1, LONGEST));
        g.rules.pause = uint32(some(seed + 4, 0, LONGEST));
        if (joint) (g.rules.trainWindow, g.mergeOrder) = (uint32(some(seed + 5, 1, LONGEST)), ORDER);
        c = create(g);
    }

    function agreeOnEnd(bytes32 word) internal {
        vm.prank(member(0));
        bytes32 id = c.moveToAgreeOn(I.MotionKind.SetEnd, word);
        vm.prank(member(1));
        c.voteMotion(id, true);
    }

    /// @dev Every sum and difference with checks. `turns`: when those of `round` begin to count; `opens`: the end of the pause.
    function expected(uint256 word, uint256 round, uint256 opens, uint256 turns, uint256 at)
        internal
        view
        returns (Expected memory e)
    {
        uint256 window = view_().rules.proposeWindow;
        (uint256 last, uint256 second) = (uint32(word), word >> 32);
        uint256 until = second != 0 && at > second ? second + 1 : at;
        uint256 missed = until < turns ? 0 : (until - turns) / window;
        if (last != 0 && round + missed > last) missed = round > last ? 0 : last - round + 1;
        e.round = round + missed;
        e.opensAt = missed == 0 ? opens : turns + missed * window;
        e.deadline = turns + (missed + 1) * window - 1;
        e.ended = (last != 0 && e.round > last) || (second != 0 && at > second);
    }

    function same(uint256 at, Expected memory e) internal view {
        I.NodeView memory v = c.viewFor(member(0), at);
        eq(v.round, e.round);
        eq(v.opensAt, e.opensAt);
        eq(v.deadline, e.deadline);
        check(v.ended == e.ended && v.state == I.RoundState.Proposing && !v.overdue);
    }

    /// @dev An end in the past, at once, soon, or in a far future that no field can hold more of.
    function someEnd(uint256 seed, uint256 time) internal pure returns (bytes32 word) {
        uint256 last = some(seed, 0, seed % 3 == 0 ? 4 : type(uint32).max);
        uint256 second = some(seed + 1, seed % 5 == 0 ? time - 1 : 0, seed % 5 == 0 ? time + 3 : (1 << 36) - 1);
        if (seed % 7 == 0) (last, second) = (seed & 8 == 0 ? 0 : last, seed & 8 == 0 ? second : 0);
        word = bytes32(last | (second << 32));
        if (word == 0) word = bytes32(uint256(1));
    }

    function testFuzz_clock__anyRules_anyEnd_anyTime__asWithChecks(uint256 seed, bool joint, bool proposed) public {
        seed >>= 8;
        foundExtreme(seed, joint);
        uint256 trained = view_().training.until;
        vm.warp(now_() + some(seed + 7, 0, 5) * view_().rules.proposeWindow); // some turns go by first
        uint256 begun = now_();
        bytes32 word = someEnd(seed + 6, begun);
        uint256 round = view_().round + 1;
        agreeOnEnd(word);
        I.NodeView memory v = view_();
        // A turn has ended by the motion; there was no pause before it, so the next has none.
        uint256 opens = begun;
        proposed = proposed && !joint && !v.ended;
        if (proposed) {
            proposeAs("w");
            (round, opens) = (round + 1, begun + v.rules.voteWindow + 1 + v.rules.pause);
        }
        uint256 turns = opens < trained ? trained : opens;
        for (uint256 i; i < 12; ++i) {
            uint256 first = proposed ? begun + v.rules.voteWindow + 1 : begun;
            uint256 at = some(seed + 10 + i, first, LAST_VIEW);
            if (i < 4 && turns + i > first) at = turns + i - 1;
            same(at, expected(uint256(word), round, opens, turns, at));
        }
        same(type(uint256).max, expected(uint256(word), round, opens, turns, LAST_VIEW));

        // What is written down is what was seen, as long as round numbers have 32 bits.
        uint256 later = some(seed + 30, proposed ? begun + v.rules.voteWindow + 1 : begun, LAST_TIME);
        if ((later - begun) / v.rules.proposeWindow >= type(uint32).max - 4) later = begun + v.rules.voteWindow + 1;
        vm.warp(later);
        bytes32 seen = keccak256(abi.encode(view_()));
        advanced();
        eq(keccak256(abi.encode(view_())), seen);
        same(LAST_VIEW, expected(uint256(word), round, opens, turns, LAST_VIEW));
    }

    function longest(bool joint) internal {
        vm.warp(LAST_DEPLOYMENT);
        I.Genesis memory g = genesisOf(64, false, false);
        uint32 w = uint32(LONGEST);
        g.rules = I.Rules(1, 2, w, w, w, w, joint ? w : 0, w);
        if (joint) g.mergeOrder = ORDER;
        c = create(g);
    }

    function test_longestPause__latestDeployment__afterAVote() public {
        longest(false);
        playRound("w");
        I.NodeView memory v = view_();
        eq(v.round, 2);
        eq(v.acceptedRound, 1);
        eq(v.opensAt, LAST_DEPLOYMENT + LONGEST);
        eq(v.deadline, LAST_DEPLOYMENT + 2 * LONGEST - 1);
        eq(v.memberCount, 64);
        vm.warp(v.opensAt - 1);
        expect(abi.encodeWithSelector(I.Resting.selector, v.opensAt));
        vm.prank(v.proposer);
        c.propose(2, v.acceptedSha256, "x", "x", 100, "");
        vm.warp(v.deadline);
        playRound("x");
        eq(view_().acceptedRound, 2);
    }

    /// @dev The proposal, the last there can be, is over by the clock: then the pause, the next training, and its turn.
    function test_longestPause__latestDeployment__aTrainingThatTheClockBegan() public {
        longest(true);
        contribute(0, "mine");
        vm.warp(LAST_DEPLOYMENT + LONGEST);
        uint256 over = now_() + LONGEST + 1;
        merge("w");
        vm.warp(over);
        uint256 opens = over + LONGEST;
        eq(view_().opensAt, opens);
        eq(training().firstRound, 2);
        eq(training().until, opens + LONGEST);
        eq(training().rulesLeft, ORDER);
        eq(view_().deadline, opens + 2 * LONGEST - 1);
        check(advanced());
        eq(view_().opensAt, opens);
        eq(training().until, opens + LONGEST);
        eq(view_().deadline, opens + 2 * LONGEST - 1);
    }

    /// @dev Nobody waits for a turn that won't run, but for the pause: its last second is the deadline.
    function test_end__inThePast__inTheLongestPause__aLeaverWaitsForThePauseAlone() public {
        longest(false);
        playRound("w");
        uint256 opens = LAST_DEPLOYMENT + LONGEST;
        vm.warp(LAST_DEPLOYMENT + 1);
        vm.prank(member(0));
        bytes32 id = c.moveToAgreeOn(I.MotionKind.SetEnd, bytes32(uint256(1) << 32));
        for (uint256 i = 1; i < 33; ++i) {
            vm.prank(member(i));
            c.voteMotion(id, true);
        }
        vm.prank(member(63));
        c.leave();
        I.NodeView memory v = view_();
        check(v.ended && !v.overdue);
        eq(v.opensAt, opens);
        eq(v.deadline, opens + LONGEST - 1);
        vm.warp(opens - 1);
        check(!view_().overdue && !advanced());
        vm.warp(opens);
        check(view_().overdue);
        eq(view_().deadline, opens - 1);
        check(advanced());
        eq(c.members().length, 63);
        v = view_();
        check(v.ended && !v.overdue);
        eq(v.opensAt, opens);
        eq(v.deadline, opens + LONGEST - 1);
    }

    function test_founding__valuesNextToTheLargest() public {
        vm.warp(LAST_DEPLOYMENT + 1);
        expect(abi.encodeWithSelector(I.BlockTimeNotInSeconds.selector, LAST_DEPLOYMENT + 1, LAST_DEPLOYMENT + 1));
        create(genesisOf(2, false, false));
        vm.warp(LAST_DEPLOYMENT);
        for (uint256 i; i < 6; ++i) {
            I.Genesis memory g = genesisOf(2, false, false);
            uint32 w = uint32(LONGEST + 1);
            if (i == 0) g.rules.proposeWindow = w;
            if (i == 1) g.rules.voteWindow = w;
            if (i == 2) g.rules.revealWindow = w;
            if (i == 3) g.rules.motionWindow = w;
            if (i == 4) (g.rules.trainWindow, g.mergeOrder) = (w, ORDER);
            if (i == 5) g.rules.pause = type(uint32).max;
            expect(abi.encodeWithSelector(I.WindowTooLong.selector, g.rules, LONGEST));
            create(g);
        }
    }
}
