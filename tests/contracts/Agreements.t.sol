// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {Joint} from "./Joint.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

/// @notice A pause of 50 seconds, and what else is agreed on by one word.
abstract contract Agreed is Base {
    uint256 internal constant PAUSE = 50;

    function foundWith(I.Rules memory rules, bool secret, uint256 order) internal {
        vm.warp(START);
        I.Genesis memory g = genesisOf(3, secret, false);
        rules.pause = uint32(PAUSE);
        (g.rules, g.mergeOrder) = (rules, order);
        c = create(g);
    }

    function end(uint256 round, uint256 second) internal pure returns (bytes32) {
        return bytes32(round | (second << 32));
    }

    /// @dev Moved by one, approved by another.
    function agree(uint256 mover, I.MotionKind kind, bytes32 word) internal returns (bytes32 id) {
        vm.prank(member(mover));
        id = c.moveToAgreeOn(kind, word);
        vm.prank(member((mover + 1) % 3));
        c.voteMotion(id, true);
    }

    function set(uint256 mover, I.Rules memory r) internal {
        vm.prank(member(mover));
        bytes32 id = c.moveRules(r);
        vm.prank(member((mover + 1) % 3));
        c.voteMotion(id, true);
    }

    function resting(uint256 until) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(I.Resting.selector, until);
    }

    function ended() internal pure returns (bytes memory) {
        return abi.encodePacked(I.Ended.selector);
    }

    function tryPropose() internal {
        tryPropose("");
    }

    /// @dev `refusal`: what it reverts with, if it does.
    function tryPropose(bytes memory refusal) internal {
        I.NodeView memory v = view_();
        if (refusal.length != 0) expect(refusal);
        vm.prank(v.proposer);
        c.propose(v.round, v.acceptedSha256, "w", "w", 100, "");
    }
}

contract PauseTest is Agreed {
    function setUp() public {
        foundWith(defaultRules(), false, 0);
    }

    function test_pause__roundOneHasNone() public {
        eq(view_().opensAt, START);
        tryPropose();
    }

    function test_pause__afterAnAcceptedRound() public {
        vm.warp(START + 7);
        bytes32 id = proposeAs("a");
        vm.warp(START + 9);
        voteAs(1, id, true);
        voteAs(2, id, true);
        eq(view_().opensAt, START + 9 + PAUSE);
        eq(view_().deadline, START + 9 + PAUSE + 99);
        tryPropose(resting(START + 9 + PAUSE));
        vm.warp(START + 9 + PAUSE - 1);
        tryPropose(resting(START + 9 + PAUSE));
        vm.warp(START + 9 + PAUSE);
        tryPropose();
    }

    function test_pause__afterARejectedRound() public {
        bytes32 id = proposeAs("a");
        voteAs(1, id, false);
        vm.warp(START + PAUSE - 1);
        tryPropose(resting(START + PAUSE));
        vm.warp(START + PAUSE);
        tryPropose();
    }

    /// @dev Also before anybody has written down that the clock has rejected it.
    function test_pause__afterARejectionByTheClock() public {
        proposeAs("a");
        vm.warp(START + 201);
        eq(view_().round, 2);
        eq(view_().opensAt, START + 201 + PAUSE);
        tryPropose(resting(START + 201 + PAUSE));
        c.advance();
        eq(view_().opensAt, START + 201 + PAUSE);
        vm.warp(START + 201 + PAUSE);
        tryPropose();
        eq(record(2).state, I.RoundState.Voting);
    }

    function test_pause__theTurnHasItsWholeWindowAfterIt() public {
        playRound("a");
        vm.warp(START + PAUSE + 99);
        eq(view_().round, 2);
        vm.warp(START + PAUSE + 100);
        eq(view_().round, 3);
        eq(view_().opensAt, START + PAUSE + 100); // a missed round has none
        tryPropose();
    }

    /// @dev A motion waits while the round is decided: the boundary has the pause, by the rules that hold from then on.
    function test_pause__withAMotionThatWaits() public {
        bytes32 id = proposeAs("a");
        I.Rules memory r = defaultRules();
        r.pause = 7;
        set(1, r);
        voteAs(1, id, true);
        voteAs(2, id, true);
        eq(view_().opensAt, START + 7);
        eq(view_().rules.pause, 7);
    }

    function test_pause__ofAnOverdueRoundThatIsRejected() public {
        proposeAs("a");
        set(1, withPause(60));
        vm.warp(START + 210);
        check(view_().overdue);
        c.advance();
        eq(view_().opensAt, START + 201 + 60);
    }

    function test_pause__ofAnOverdueRoundThatWasMissed_isNone() public {
        vm.prank(member(1));
        c.replaceMember(member(9));
        vm.warp(START + 110);
        c.advance();
        eq(view_().opensAt, START + 100);
    }

    function withPause(uint256 pause) internal pure returns (I.Rules memory r) {
        r = defaultRules();
        r.pause = uint32(pause);
    }

    function test_motion__inAPause__endsTheTurnAndLetsThePauseGoOn() public {
        playRound("a");
        vm.warp(START + 10);
        agree(1, I.MotionKind.SetPlan, "plan");
        eq(view_().round, 3);
        eq(record(2).state, I.RoundState.Missed);
        eq(view_().opensAt, START + PAUSE);
    }

    function test_motion__toALongerPause__theOneThatGoesOnStays() public {
        playRound("a");
        vm.warp(START + 10);
        set(1, withPause(1000));
        eq(view_().opensAt, START + PAUSE);
    }

    function test_motion__toAShorterPause__shortensTheOneThatGoesOn() public {
        playRound("a");
        vm.warp(START + 10);
        set(1, withPause(5));
        eq(view_().opensAt, START + 15);
    }

    function test_motion__toNone__endsIt() public {
        playRound("a");
        vm.warp(START + 10);
        set(1, withPause(0));
        eq(view_().opensAt, START + 10);
        tryPropose();
    }

    function test_motion__inATurnThatIsOpen__opensTheNextAtOnce() public {
        vm.warp(START + 10);
        agree(1, I.MotionKind.SetPlan, "plan");
        eq(view_().opensAt, START + 10);
    }

    function test_pause__ofMoreThan25Bits() public {
        I.Rules memory r = withPause((1 << 25) - 1);
        vm.prank(member(0));
        c.moveRules(r);
        r.pause = 1 << 25;
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.WindowTooLong.selector, r, (1 << 25) - 1));
        c.moveRules(r);
    }

    /// @dev Between a decision and the next proposal lie that many seconds, whatever happens between.
    function testFuzz_pause__atLeast(uint256 seed, uint256 pause) public {
        pause = 1 + pause % 300;
        set(1, withPause(pause));
        uint256 decided;
        uint256 time = START;
        for (uint256 i; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            time += seed % 120;
            vm.warp(time);
            I.NodeView memory v = view_();
            if (v.overdue) {
                c.advance();
            } else if (v.state == I.RoundState.Voting) {
                bytes32 id = v.proposal.id;
                for (uint256 m; m < 3 && view_().round == v.round; ++m) {
                    if (member(m) != v.proposer) voteAs(m, id, seed % 3 != 0);
                }
                decided = time;
            } else if (seed % 5 == 0) {
                vm.prank(member(i % 3));
                try c.moveToAgreeOn(I.MotionKind.SetPlan, bytes32(seed)) returns (bytes32 id) {
                    vm.prank(member((i + 1) % 3));
                    c.voteMotion(id, true);
                } catch {}
            } else {
                vm.prank(v.proposer);
                try c.propose(v.round, v.acceptedSha256, bytes32(seed), bytes32(seed), 1, "") {
                    check(decided == 0 || time >= decided + pause);
                } catch (bytes memory reason) {
                    eq(keccak256(reason), keccak256(abi.encodeWithSelector(I.Resting.selector, v.opensAt)));
                    check(time < v.opensAt && v.opensAt <= decided + pause);
                }
            }
        }
    }
}

contract EndsTest is Agreed {
    function setUp() public {
        deploy(3, false, false);
    }

    function test_lastRound__isPlayed_andNoneAfterIt() public {
        agree(1, I.MotionKind.SetEnd, end(3, 0));
        playRound("b");
        check(!view_().ended);
        playRound("c");
        eq(view_().round, 4);
        check(view_().ended);
        tryPropose(ended());
        eq(view_().acceptedRound, 3);
    }

    function test_lastRound__missed__theClockStandsStill() public {
        agree(1, I.MotionKind.SetEnd, end(3, 0));
        vm.warp(START + 250);
        eq(view_().round, 4);
        check(view_().ended && !view_().overdue);
        vm.warp(START + 100_000);
        eq(view_().round, 4);
        tryPropose(ended());
        c.advance();
        eq(record(3).state, I.RoundState.Missed);
        eq(record(4).state, I.RoundState.Proposing);
        check(!advanced());
    }

    function test_lastSecond__countsAndTheNextDoesNot() public {
        agree(1, I.MotionKind.SetEnd, end(0, START + 50));
        vm.warp(START + 51);
        check(view_().ended);
        tryPropose(ended());
        vm.warp(START + 50);
        check(!view_().ended);
        tryPropose();
    }

    function test_lastSecond__inAVote__theRoundIsDecided() public {
        agree(1, I.MotionKind.SetEnd, end(0, START + 50));
        bytes32 id = proposeAs("a");
        vm.warp(START + 60);
        check(!view_().ended);
        voteAs(0, id, true);
        voteAs(2, id, true);
        eq(view_().acceptedRound, 2);
        check(view_().ended);
    }

    function test_lastSecond__roundsPassUntilThen() public {
        agree(1, I.MotionKind.SetEnd, end(0, START + 349));
        vm.warp(START + 5000);
        eq(view_().round, 2 + 3);
        check(view_().ended);
    }

    function test_end__inThePast__isAtOnce() public {
        playRound("a");
        agree(1, I.MotionKind.SetEnd, end(1, 0));
        check(view_().ended);
        eq(view_().round, 3);
    }

    function test_ended__motionsGoOn_eachAtOnce() public {
        agree(1, I.MotionKind.SetEnd, end(1, 0));
        vm.warp(START + 10_000);
        agree(2, I.MotionKind.SetPlan, "plan");
        eq(c.currentAgreement(I.MotionKind.SetPlan), "plan");
        agree(1, I.MotionKind.SetSuccessor, bytes32(uint256(uint160(member(77)))));
        eq(motion(2).state, I.MotionState.Enacted);
        check(view_().ended && !view_().overdue);
    }

    /// @dev A wish ends no turn, but after the end there is none for which it would wait: anybody may advance.
    function test_ended__aWish__anybodyAdvances() public {
        agree(1, I.MotionKind.SetEnd, end(1, 0));
        vm.warp(START + 10_000);
        vm.prank(member(0));
        c.leave();
        check(view_().overdue && view_().ended);
        eq(view_().deadline, START - 1);
        tryPropose(ended());
        c.advance();
        eq(c.members().length, 2);
        eq(view_().opensAt, START + 10_000);
        check(view_().ended && !view_().overdue);
    }

    function test_ended__severalThatWait__oneAnAdvance() public {
        agree(1, I.MotionKind.SetEnd, end(1, 0));
        vm.prank(member(0));
        c.replaceMember(member(9));
        agree(1, I.MotionKind.SetPlan, "plan");
        eq(c.currentAgreement(I.MotionKind.SetPlan), 0);
        c.advance();
        check(view_().overdue);
        c.advance();
        eq(c.currentAgreement(I.MotionKind.SetPlan), "plan");
        check(!view_().overdue);
    }

    function test_ended__aLaterEnd__roundsGoOnFromNow() public {
        agree(1, I.MotionKind.SetEnd, end(1, 0));
        vm.warp(START + 10_000);
        vm.prank(member(0));
        c.replaceMember(member(9));
        agree(1, I.MotionKind.SetEnd, end(9, 0));
        c.advance();
        vm.warp(START + 20_000);
        c.advance();
        eq(view_().round, 4);
        check(!view_().ended);
        eq(view_().opensAt, START + 20_000);
        tryPropose();
    }

    function test_ended__noEndAnyMore__roundsGoOn() public {
        agree(1, I.MotionKind.SetEnd, end(1, 0));
        vm.warp(START + 10_000);
        agree(2, I.MotionKind.SetEnd, 0);
        check(!view_().ended);
        tryPropose();
        vm.warp(START + 10_201);
        eq(view_().round, 4);
        vm.warp(START + 10_301);
        eq(view_().round, 5);
    }

    /// @dev The flag in the head is of both: one may go while the other stays.
    function test_end__ofARestingCollective__outlivesThePause() public {
        agree(1, I.MotionKind.SetEnd, end(9, 0));
        I.Rules memory r = defaultRules();
        r.pause = 10;
        set(1, r);
        eq(view_().rules.pause, 10);
        set(1, defaultRules());
        vm.warp(START + 10_000);
        eq(view_().round, 10);
        check(view_().ended);
    }

    function test_pause__ofAnEndedCollective__outlivesTheEnd() public {
        I.Rules memory r = defaultRules();
        r.pause = 10;
        set(1, r);
        agree(1, I.MotionKind.SetEnd, end(9, 0));
        agree(1, I.MotionKind.SetEnd, 0);
        playRound("a");
        eq(view_().opensAt, START + 10);
    }

    function test_end__afterAPause__waitsForNobody() public {
        foundWith(defaultRules(), false, 0);
        agree(1, I.MotionKind.SetEnd, end(2, 0));
        playRound("a");
        check(view_().ended);
        vm.prank(member(0));
        c.leave();
        check(!view_().overdue);
        vm.warp(START + PAUSE);
        check(view_().overdue);
        eq(view_().deadline, START + PAUSE - 1);
        c.advance();
        eq(c.members().length, 2);
    }
}

contract AgreementsTest is Agreed {
    I.Rules internal none;

    function setUp() public {
        deploy(3, false, false);
    }

    function test_founding__hasThePlan() public {
        I.Genesis memory g = genesisOf(3, false, false);
        g.plan = "plan";
        vm.expectEmit(true, true, true, true);
        emit I.CollectiveCreated(GENESIS, GENESIS, 10, g.members, g.rules, false, false, 1 << 30, 0, "plan");
        c = create(g);
        eq(c.currentAgreement(I.MotionKind.SetPlan), "plan");
        eq(c.currentAgreement(I.MotionKind.SetEnd), 0);
        eq(c.currentAgreement(I.MotionKind.SetRules), 0);
    }

    function testFuzz_agreement__ofEachKind__changesByItsMotionAlone(uint256 seed, bytes32 word) public {
        I.MotionKind kind = I.MotionKind(5 + seed % 3);
        if (kind == I.MotionKind.SetEnd) word &= bytes32(uint256((1 << 68) - 1));
        if (kind == I.MotionKind.SetSuccessor) word &= bytes32(uint256((1 << 224) - 1));
        if (word == 0) word = bytes32(uint256(1));
        bytes32 id = keccak256(abi.encode(uint256(0), uint256(0), kind, address(0), none, uint256(0), word));
        vm.prank(member(1));
        vm.expectEmit(true, true, true, true);
        emit I.MotionMoved(id, member(1), kind, address(0), none, 0, word, START + 1000);
        eq(c.moveToAgreeOn(kind, word), id);
        eq(c.currentAgreement(kind), 0);
        I.MotionRecord memory m = motion(0);
        check(m.id == id && m.kind == kind && m.word == word && m.toRound == 0 && m.subject == address(0));
        eq(keccak256(abi.encode(m.rules)), keccak256(abi.encode(none)));
        vm.prank(member(2));
        vm.expectEmit(true, true, true, true);
        emit I.AgreementChanged(kind, word, 2);
        c.voteMotion(id, true);
        for (uint256 other = 5; other < 8; ++other) {
            eq(c.currentAgreement(I.MotionKind(other)), I.MotionKind(other) == kind ? word : bytes32(0));
        }
        eq(keccak256(abi.encode(view_().rules)), keccak256(abi.encode(defaultRules())));
    }

    function test_moveToAgreeOn__thatChangesNothing() public {
        agree(0, I.MotionKind.SetPlan, "plan");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NothingChanged.selector, bytes32("plan")));
        c.moveToAgreeOn(I.MotionKind.SetPlan, "plan");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NothingChanged.selector, bytes32(0)));
        c.moveToAgreeOn(I.MotionKind.SetEnd, 0);
    }

    function test_moveToAgreeOn__ofAnotherKind() public {
        for (uint256 kind; kind < 5; ++kind) {
            vm.prank(member(0));
            expect(I.BadAgreement.selector);
            c.moveToAgreeOn(I.MotionKind(kind), "w");
        }
    }

    function test_moveToAgreeOn__bitsWithoutAField() public {
        uint256[3] memory bits = [uint256(256), 68, 224];
        for (uint256 kind = 1; kind < 3; ++kind) {
            for (uint256 bit = bits[kind]; bit < 256; ++bit) {
                vm.prank(member(0));
                expect(I.BadAgreement.selector);
                c.moveToAgreeOn(I.MotionKind(5 + kind), bytes32(1 << bit));
            }
            vm.prank(member(kind));
            c.moveToAgreeOn(I.MotionKind(5 + kind), bytes32((1 << bits[kind]) - 1));
        }
    }

    function test_moveToAgreeOn__byNobody() public {
        vm.prank(member(9));
        expect(abi.encodeWithSelector(I.NotAMember.selector, member(9)));
        c.moveToAgreeOn(I.MotionKind.SetPlan, "plan");
    }

    function test_successor__changesNothingElse() public {
        agree(0, I.MotionKind.SetSuccessor, bytes32(uint256(uint160(member(5))) | (uint256(10) << 160)));
        check(!view_().ended);
        tryPropose();
    }

    function test_name__isSaidAndNotKept() public {
        vm.prank(member(1));
        vm.expectEmit(true, true, true, true);
        emit I.NameSet(member(1), "Clinic");
        c.nameMyself("Clinic");
        vm.prank(member(9));
        expect(abi.encodeWithSelector(I.NotAMember.selector, member(9)));
        c.nameMyself("Nobody");
    }
}

contract SecretPauseTest is Agreed {
    function test_pause__afterReveals_andAfterReveals_thatNobodyMade() public {
        foundWith(defaultRules(), true, 0);
        bytes32 id = proposeAs("a");
        commitAs(1, id, true);
        commitAs(2, id, true);
        vm.warp(START + 10);
        revealAs(1, id, true);
        revealAs(2, id, true);
        eq(view_().opensAt, START + 10 + PAUSE);
        tryPropose(resting(START + 10 + PAUSE));
        vm.warp(START + 10 + PAUSE);
        id = proposeAs("b");
        commitAs(0, id, true);
        commitAs(2, id, true);
        vm.warp(START + 10 + PAUSE + 301);
        eq(view_().round, 3);
        eq(view_().opensAt, START + 10 + PAUSE + 301 + PAUSE);
    }
}

contract JointPauseTest is Agreed, Joint {
    function setUp() public {
        foundWith(jointRules(), false, ORDER);
    }

    /// @dev All that contribute, merged and accepted at START.
    function accept() internal returns (uint256 opens) {
        contributeAll(3);
        decide(merge("a"), true);
        return START + PAUSE;
    }

    function tryContribute() internal {
        tryContribute("");
    }

    function tryContribute(bytes memory refusal) internal {
        I.NodeView memory v = view_();
        if (refusal.length != 0) expect(refusal);
        vm.prank(member(0));
        c.contribute(v.training.firstRound, v.acceptedSha256, "w", "w", 100, "");
    }

    function test_pause__theTrainingBeginsAfterIt() public {
        uint256 opens = accept();
        eq(training().firstRound, 2);
        eq(training().until, opens + TRAIN);
        eq(view_().deadline, opens + TRAIN + MERGE - 1);
        tryContribute(resting(opens));
        vm.warp(opens - 1);
        tryContribute(resting(opens));
        vm.warp(opens);
        tryContribute();
        eq(training().contributed, 1);
    }

    /// @dev After a rejection the same training goes on: by merges, and by what comes late.
    function test_pause__afterARejection() public {
        contribute(0, "mine");
        contribute(1, "mine");
        vm.warp(START + TRAIN);
        decide(merge("a"), false);
        eq(view_().opensAt, START + TRAIN + PAUSE);
        I.NodeView memory v = view_();
        vm.prank(member(2));
        expect(resting(START + TRAIN + PAUSE));
        c.contribute(1, v.acceptedSha256, "w", "w", 100, "");
        vm.prank(v.proposer);
        expect(resting(START + TRAIN + PAUSE));
        c.propose(2, v.acceptedSha256, "x", "x", 100, bytes.concat(claimOf(3, 2), bytes32(0)));
        vm.warp(START + TRAIN + PAUSE);
        mergeAs("b", 3, 2);
        contribute(2, "late");
    }

    /// @dev The clock has rejected the last rule's merge, and begun another training, which nobody has written down.
    function test_pause__afterARejectionByTheClock() public {
        contribute(0, "mine");
        vm.warp(START + TRAIN);
        merge("a");
        vm.warp(START + TRAIN + 201);
        uint256 opens = START + TRAIN + 201 + PAUSE;
        eq(training().firstRound, 2);
        eq(training().until, opens + TRAIN);
        tryContribute(resting(opens));
        vm.warp(opens);
        tryContribute();
    }

    function test_ended__nobodyContributes() public {
        agree(1, I.MotionKind.SetEnd, end(2, 0));
        accept();
        check(view_().ended);
        tryContribute(ended());
        vm.warp(START + 10_000);
        tryContribute(ended());
    }

    /// @dev In a training that was open before: its word has the flag, too.
    function test_ended__inATraining() public {
        found(3, false);
        contribute(0, "mine");
        agree(1, I.MotionKind.SetEnd, end(1, 0));
        eq(training().firstRound, 1);
        vm.prank(member(1));
        expect(I.Ended.selector);
        c.contribute(1, GENESIS, "w", "w", 100, "");
        agree(2, I.MotionKind.SetEnd, 0);
        contribute(1, "mine");
    }

    function test_ended__aWish__isNoLongerWaitedForThanTheStart() public {
        found(3, false);
        agree(1, I.MotionKind.SetEnd, end(1, 0));
        vm.prank(member(0));
        c.leave();
        check(view_().overdue);
        c.advance();
        eq(c.members().length, 2);
    }

    function test_ended__inAVote__isDecided() public {
        contributeAll(3);
        bytes32 id = merge("a");
        agree(1, I.MotionKind.SetEnd, end(0, START + 5));
        vm.warp(START + 20);
        decide(id, true);
        eq(view_().acceptedRound, 1);
        check(view_().ended);
    }
}
