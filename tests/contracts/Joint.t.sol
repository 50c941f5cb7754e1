// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Joint} from "./Joint.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

contract JointTest is Joint {
    function setUp() public {
        found(4, false);
    }

    // ------------------------------------------------------------------------------------------- deployment

    function test_deployment__joint__theFirstTrainingExpectsAll() public view {
        I.Training memory t = training();
        eq(t.firstRound, 1);
        eq(t.until, START + TRAIN);
        eq(t.contributed, 0);
        eq(t.expected, 15);
        eq(t.rulesLeft, ORDER);
        eq(view_().mergeOrder, ORDER);
        eq(view_().contributions.length, 4);
        eq(view_().deadline, START + TRAIN + MERGE - 1);
        eq(view_().rules.trainWindow, TRAIN);
    }

    function test_deployment__solo__hasNoTraining() public {
        deploy(4, false, false);
        eq(training().firstRound, 0);
        eq(training().expected, 0);
        eq(view_().contributions.length, 0);
        eq(view_().mergeOrder, 0);
        vm.prank(member(0));
        expect(I.JointRoundsOnly.selector);
        c.contribute(0, GENESIS, bytes32(uint256(1)), bytes32(uint256(1)), 100, "");
    }

    function test_deployment__orderAndWindow__bothOrNone() public {
        I.Genesis memory g = genesisOf(4, false, false);
        g.mergeOrder = 1;
        expect(abi.encodeWithSelector(I.BadRules.selector, g.rules));
        this.tryCreate(g);
        g.rules.trainWindow = 1;
        g.mergeOrder = 0;
        expect(abi.encodeWithSelector(I.BadRules.selector, g.rules));
        this.tryCreate(g);
        g.mergeOrder = 1;
        this.tryCreate(g);
    }

    function test_deployment__order__atMostSixWithoutGaps() public {
        I.Genesis memory g = genesisOf(4, false, false);
        g.rules = jointRules();
        g.mergeOrder = 0x654321;
        this.tryCreate(g);
        g.mergeOrder = 0x1654321;
        expect(abi.encodeWithSelector(I.BadMergeOrder.selector, 0x1654321));
        this.tryCreate(g);
        g.mergeOrder = 0x301;
        expect(abi.encodeWithSelector(I.BadMergeOrder.selector, 0x301));
        this.tryCreate(g);
        g.mergeOrder = 0x10;
        expect(abi.encodeWithSelector(I.BadMergeOrder.selector, 0x10));
        this.tryCreate(g);
    }

    function test_deployment__trainWindow__hasTheSameCap() public {
        I.Genesis memory g = genesisOf(4, false, false);
        g.rules = jointRules();
        g.mergeOrder = ORDER;
        g.rules.trainWindow = 1 << 25;
        expect(abi.encodeWithSelector(I.WindowTooLong.selector, g.rules, (1 << 25) - 1));
        this.tryCreate(g);
        --g.rules.trainWindow;
        this.tryCreate(g);
    }

    function tryCreate(I.Genesis memory g) external {
        create(g);
    }

    // ------------------------------------------------------------------------------------------- contributing

    function test_contribute__inTime__isInTheView() public {
        bytes32 sha = keccak256("large");
        bytes32 cid = keccak256("root");
        vm.expectEmit(true, true, true, true);
        emit I.WeightsContributed(1, member(2), sha, cid, 2 << 20, false, "hi");
        vm.prank(member(2));
        c.contribute(1, GENESIS, sha, cid, 2 << 20, "hi");
        I.NodeView memory v = view_();
        eq(v.training.contributed, 4);
        eq(v.training.until, START + TRAIN);
        eq(v.contributions[2].sha256Hash, sha);
        eq(v.contributions[2].cidDigest, cid);
        eq(v.contributions[2].size, 2 << 20);
        eq(v.contributions[1].sha256Hash, 0);
        eq(v.contributions[1].size, 0);
        contribute(1, "small");
        eq(view_().contributions[1].cidDigest, keccak256("small"));
    }

    function test_contribute__smallAfterLarge__hasItsOwnDigest() public {
        vm.prank(member(2));
        c.contribute(1, GENESIS, keccak256("large"), keccak256("root"), 2 << 20, "");
        vm.warp(START + TRAIN);
        decide(merge("m1"), true);
        contribute(2, "small");
        eq(view_().contributions[2].cidDigest, keccak256("small"));
    }

    function test_contribute__refusals() public {
        bytes32 sha = keccak256("x");
        vm.prank(member(50));
        expect(abi.encodeWithSelector(I.NotAMember.selector, member(50)));
        c.contribute(1, GENESIS, sha, sha, 100, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.StaleTraining.selector, 2, 1));
        c.contribute(2, GENESIS, sha, sha, 100, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.StaleParent.selector, sha, GENESIS));
        c.contribute(1, sha, sha, sha, 100, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NothingChanged.selector, GENESIS));
        c.contribute(1, GENESIS, GENESIS, GENESIS, 100, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.SizeOutOfRange.selector, 0, 1 << 30));
        c.contribute(1, GENESIS, sha, sha, 0, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.CidMismatch.selector, GENESIS, sha));
        c.contribute(1, GENESIS, sha, GENESIS, 100, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NoteTooLong.selector, 257, 256));
        c.contribute(1, GENESIS, sha, sha, 100, new bytes(257));
        eq(training().contributed, 0);
    }

    function test_contribute__twice__isRefusedWithAnyBytes() public {
        contribute(0, "mine");
        expect(abi.encodeWithSelector(I.AlreadyContributed.selector, member(0)));
        this.contributeFrom(0, "mine");
        expect(abi.encodeWithSelector(I.AlreadyContributed.selector, member(0)));
        this.contributeFrom(0, "other");
        vm.warp(START + TRAIN);
        contribute(1, "late");
        expect(abi.encodeWithSelector(I.AlreadyContributed.selector, member(1)));
        this.contributeFrom(1, "late");
        eq(view_().contributions[0].sha256Hash, keccak256("mine"));
    }

    function contributeFrom(uint256 i, string memory tag) external {
        I.NodeView memory v = view_();
        bytes32 sha = keccak256(bytes(tag));
        vm.prank(member(i));
        c.contribute(v.training.firstRound, v.acceptedSha256, sha, sha, 100, "");
    }

    function test_contribute__theLastExpected__closesTheTraining() public {
        vm.warp(START + 7);
        contributeAll(3);
        eq(training().until, START + TRAIN);
        vm.warp(START + 9);
        contribute(3, "mine");
        eq(training().until, START + 9);
        eq(training().contributed, 15);
        eq(view_().deadline, START + 9 + MERGE - 1);
        merge("m1"); // in the same second
    }

    function test_contribute__atTheEnd__isLate() public {
        vm.warp(START + TRAIN - 1);
        contribute(0, "mine");
        eq(training().contributed, 1);
        vm.warp(START + TRAIN);
        vm.expectEmit(true, true, true, true);
        emit I.WeightsContributed(1, member(1), keccak256("late"), keccak256("late"), 101, true, "");
        contribute(1, "late");
        I.NodeView memory v = view_();
        eq(v.training.contributed, 1);
        eq(v.training.until, START + TRAIN);
        eq(v.contributions[1].sha256Hash, keccak256("late"));
    }

    /// @dev Nothing that is under decision, nor what is accepted, depends on what is contributed.
    function testFuzz_contribute__anyTime__decidesNothing(uint16 after_, uint8 who) public {
        contribute(0, "mine");
        contribute(1, "mine");
        vm.warp(START + TRAIN);
        bytes32 id = merge("m1");
        vm.warp(START + TRAIN + uint256(after_) % 201);
        bytes32 before = keccak256(abi.encode(c.rounds(0, 10, 0), view_().round, view_().acceptedRound, view_().deadline));
        contribute(2 + who % 2, "late");
        eq(keccak256(abi.encode(c.rounds(0, 10, 0), view_().round, view_().acceptedRound, view_().deadline)), before);
        eq(training().contributed, 3);
        decide(id, true);
        eq(view_().acceptedRound, 1);
    }

    // ------------------------------------------------------------------------------------------- merging

    function test_propose__merge__isBoundByItsClaim() public {
        contributeAll(4);
        bytes32 id = merge("m1");
        I.NodeView memory v = view_();
        eq(v.proposal.id, id);
        eq(v.proposal.claim, claimOf(15, 1));
        eq(record(1).id, id);
        eq(record(1).claim, claimOf(15, 1));
        check(id != c.proposalId(1, keccak256("m1"), keccak256("m1"), 100));
        bytes32 unbound = c.proposalId(1, keccak256("m1"), keccak256("m1"), 100);
        expect(abi.encodeWithSelector(I.NoSuchProposal.selector, unbound));
        this.voteFrom(1, unbound);
        decide(id, true);
        eq(view_().acceptedRound, 1);
        eq(record(0).claim, 0);
        eq(record(1).claim, claimOf(15, 1));
        eq(view_().acceptedSize, 100);
    }

    function voteFrom(uint256 i, bytes32 id) external {
        voteAs(i, id, true);
    }

    function test_propose__beforeTheTrainingIsOver__isRefused() public {
        contributeAll(3);
        vm.warp(START + TRAIN - 1);
        expect(abi.encodeWithSelector(I.TrainingGoesOn.selector, START + TRAIN));
        this.mergeFrom(7, 1);
        vm.warp(START + TRAIN);
        this.mergeFrom(7, 1);
    }

    function mergeFrom(uint256 seats, uint256 rule) external {
        mergeAs("m", seats, rule);
    }

    function test_propose__withoutAClaim__isRefused() public {
        contributeAll(4);
        bytes memory note = bytes.concat(claimOf(15, 1), bytes32(0));
        assembly {
            mstore(note, 63)
        }
        vm.prank(member(0));
        expect(I.NoClaim.selector);
        c.propose(1, GENESIS, keccak256("m"), keccak256("m"), 100, note);
        vm.prank(member(0));
        expect(I.NoClaim.selector);
        c.propose(1, GENESIS, keccak256("m"), keccak256("m"), 100, "");
    }

    function test_propose__anotherRule__isRefused() public {
        contributeAll(4);
        expect(abi.encodeWithSelector(I.WrongRule.selector, 2, 1));
        this.mergeFrom(15, 2);
        decide(merge("m1"), false);
        expect(abi.encodeWithSelector(I.WrongRule.selector, 1, 2));
        this.mergeFrom(15, 1);
        this.mergeFrom(15, 2);
    }

    function test_propose__seatsThatDidNotContribute__areNamed() public {
        contributeAll(2);
        vm.warp(START + TRAIN);
        contribute(2, "late");
        expect(abi.encodeWithSelector(I.NotContributed.selector, 12));
        this.mergeFrom(15, 1);
        expect(abi.encodeWithSelector(I.NotContributed.selector, 1 << 63));
        this.mergeFrom(3 | (1 << 63), 1);
        expect(abi.encodeWithSelector(I.NotContributed.selector, 0));
        this.mergeFrom(0, 1);
        this.mergeFrom(2, 1); // leaving some out is for the voters to judge
    }

    function test_propose__ownLateContribution__maybeMergedInItsTurnAlone() public {
        contribute(1, "mine");
        vm.warp(START + TRAIN);
        expect(abi.encodeWithSelector(I.NotContributed.selector, 1));
        this.mergeFrom(3, 1);
        contribute(2, "late");
        contribute(0, "late");
        expect(abi.encodeWithSelector(I.NotContributed.selector, 5));
        this.mergeFrom(7, 1);
        expect(abi.encodeWithSelector(I.NotContributed.selector, 4));
        this.mergeFrom(6, 1);
        this.mergeFrom(3, 1);
    }

    function test_propose__ownContributionToAnotherTraining__doesNotCount() public {
        vm.warp(START + TRAIN);
        contribute(0, "late");
        decide(mergeAs("m1", 1, 1), true);
        contribute(0, "mine");
        vm.warp(START + 2 * TRAIN);
        expect(abi.encodeWithSelector(I.NotContributed.selector, 2));
        this.mergeFrom(3, 1); // it is member 1's turn, which contributed nothing
    }

    // ------------------------------------------------------------------------------------------- one training after another

    function test_accepted__nextTraining__fromTheNewParent() public {
        contributeAll(4);
        vm.warp(START + 20);
        bytes32 id = merge("m1");
        voteAs(1, id, true);
        vm.expectEmit(true, true, true, true);
        emit I.TrainingBegan(2, 15);
        voteAs(2, id, true);
        I.NodeView memory v = view_();
        eq(v.training.firstRound, 2);
        eq(v.training.until, START + 20 + TRAIN);
        eq(v.training.contributed, 0);
        eq(v.training.rulesLeft, ORDER);
        eq(v.contributions[0].sha256Hash, 0);
        eq(v.deadline, START + 20 + TRAIN + MERGE - 1);
        vm.prank(member(3));
        expect(abi.encodeWithSelector(I.StaleTraining.selector, 1, 2));
        c.contribute(1, GENESIS, keccak256("x"), keccak256("x"), 100, "");
        vm.prank(member(3));
        expect(abi.encodeWithSelector(I.StaleParent.selector, GENESIS, keccak256("m1")));
        c.contribute(2, GENESIS, keccak256("x"), keccak256("x"), 100, "");
    }

    function test_rejected__nextRule__ofTheSameContributions() public {
        contributeAll(4);
        decide(merge("m1"), false);
        I.NodeView memory v = view_();
        eq(v.training.firstRound, 1);
        eq(v.training.rulesLeft, 0x32);
        eq(v.training.contributed, 15);
        eq(v.contributions[3].sha256Hash, keccak256("mine"));
        eq(v.deadline, START + MERGE - 1);
        decide(merge("m2"), true);
        eq(view_().acceptedRound, 2);
        eq(training().firstRound, 3);
    }

    function test_rejected__byEachRule__aNewTrainingFromTheSameParent() public {
        contributeAll(4);
        decide(merge("m1"), false);
        decide(merge("m2"), false);
        eq(training().rulesLeft, 0x3);
        decide(merge("m3"), false);
        I.NodeView memory v = view_();
        eq(v.training.firstRound, 4);
        eq(v.training.contributed, 0);
        eq(v.training.rulesLeft, ORDER);
        eq(v.acceptedSha256, GENESIS);
        contributeAll(4);
        decide(merge("m4"), true);
        eq(view_().acceptedRound, 4);
    }

    function test_rejected__oneContribution__noOtherRuleIsTried() public {
        contribute(2, "mine");
        vm.warp(START + TRAIN);
        decide(merge("m1"), false);
        eq(training().firstRound, 2);
        eq(training().expected, 4);
        contributeAll(1);
        eq(training().until, START + 2 * TRAIN);
        contribute(2, "mine");
        eq(training().contributed, 5);
        eq(training().until, START + TRAIN); // all who were expected are there
        decide(merge("m2"), false);
        eq(training().firstRound, 2);
    }

    function test_rejectedByTheClock__countsBeforeItIsWritten() public {
        contributeAll(4);
        merge("m1");
        uint256 over = START + 200 + 1;
        vm.warp(over);
        I.NodeView memory v = view_();
        eq(v.round, 2);
        eq(v.training.rulesLeft, 0x32);
        eq(v.training.contributed, 15);
        eq(v.deadline, over + MERGE - 1);
        merge("m2");
        eq(training().rulesLeft, 0x32);
        decide(view_().proposal.id, false);
        eq(training().rulesLeft, 0x3);
    }

    function test_rejectedByTheClock__theLastRule__aTrainingBeginsInThatSecond() public {
        contributeAll(2);
        vm.warp(START + TRAIN);
        decide(merge("m1"), false);
        decide(merge("m2"), false);
        merge("m3");
        uint256 over = START + TRAIN + 200 + 1;
        vm.warp(over + 3);
        I.NodeView memory v = view_();
        eq(v.round, 4);
        eq(v.training.firstRound, 4);
        eq(v.training.until, over + TRAIN);
        eq(v.training.expected, 3);
        eq(v.training.rulesLeft, ORDER);
        eq(v.contributions[0].sha256Hash, 0);
        eq(v.deadline, over + TRAIN + MERGE - 1);
        // Who contributes writes it down.
        vm.expectEmit(true, true, true, true);
        emit I.TrainingBegan(4, 3);
        vm.expectEmit(true, true, true, true);
        emit I.RoundOpened(4, 3, over + TRAIN + MERGE - 1);
        contribute(0, "mine");
        eq(training().firstRound, 4);
        eq(training().contributed, 1);
        eq(record(3).state, I.RoundState.Rejected);
        contribute(1, "mine");
        eq(training().until, over + 3);
        eq(view_().round, 4);
        decide(merge("m4"), true);
    }

    function test_rejectedByTheClock__theLastRule__advanceBeginsTheSameTraining() public {
        contributeAll(1);
        vm.warp(START + TRAIN);
        merge("m1");
        vm.warp(START + TRAIN + 201 + 10);
        bytes32 before = keccak256(abi.encode(view_()));
        check(advanced());
        eq(keccak256(abi.encode(view_())), before);
        check(!advanced());
        eq(training().firstRound, 2);
    }

    function test_missedTurns__costNoTrainingAndNoRule() public {
        contributeAll(3);
        vm.warp(START + TRAIN + 2 * MERGE);
        I.NodeView memory v = view_();
        eq(v.round, 3);
        eq(v.proposer, member(2));
        eq(v.deadline, START + TRAIN + 3 * MERGE - 1);
        eq(v.training.firstRound, 1);
        eq(v.training.rulesLeft, ORDER);
        eq(v.training.contributed, 7);
        decide(merge("m1"), true);
        eq(view_().acceptedRound, 3);
        eq(record(1).state, I.RoundState.Missed);
    }

    // ------------------------------------------------------------------------------------------- who is expected

    function next() internal returns (uint256 expected) {
        decide(merge("next"), true);
        return training().expected;
    }

    function test_expected__whoContributedInTime() public {
        contributeAll(3);
        vm.warp(START + TRAIN);
        eq(next(), 7);
    }

    function test_expected__alwaysLate__everySecondTraining() public {
        contributeAll(3);
        vm.warp(START + TRAIN);
        contribute(3, "late");
        eq(next(), 7); // it was waited for
        contributeAll(3);
        contribute(3, "late"); // nobody waited
        decide(merge("second"), true);
        eq(training().expected, 15);
        contributeAll(3);
        vm.warp(START + 3 * TRAIN);
        contribute(3, "late");
        decide(merge("third"), true);
        eq(training().expected, 7);
    }

    function test_expected__lateInAnOlderTraining__isForgotten() public {
        contributeAll(2);
        vm.warp(START + TRAIN);
        eq(next(), 3);
        contributeAll(2);
        contribute(2, "late");
        decide(merge("second"), true);
        eq(training().expected, 7);
        contributeAll(3);
        decide(merge("third"), true);
        eq(training().expected, 7);
        contributeAll(2);
        vm.warp(START + 3 * TRAIN);
        decide(merge("fourth"), true);
        eq(training().expected, 3);
    }

    function test_expected__severalLateUnexpectedly__allAreExpected() public {
        contributeAll(2);
        vm.warp(START + TRAIN);
        eq(next(), 3);
        contributeAll(2);
        contribute(3, "late");
        contribute(2, "late");
        decide(merge("second"), true);
        eq(training().expected, 15);
    }

    function test_expected__lateBeforeAndAnotherLateNow__onlyTheOneOfNow() public {
        contributeAll(2);
        vm.warp(START + TRAIN);
        eq(next(), 3);
        contributeAll(2);
        contribute(2, "late");
        decide(merge("second"), true);
        contributeAll(2);
        vm.warp(training().until);
        decide(merge("third"), true);
        eq(training().expected, 3); // the one that was late then is away
        contributeAll(2);
        contribute(3, "late");
        decide(merge("fourth"), true);
        eq(training().expected, 11);
    }

    function test_expected__unexpectedInTime__isMergedAndExpected() public {
        contributeAll(2);
        vm.warp(START + TRAIN);
        eq(next(), 3);
        contribute(3, "mine");
        contributeAll(2);
        eq(training().contributed, 11);
        decide(merge("second"), true);
        eq(training().expected, 11);
    }

    function test_expected__nobodyContributed__all() public {
        vm.warp(START + TRAIN);
        contribute(0, "late");
        decide(mergeAs("own", 1, 1), true);
        eq(training().expected, 15);
    }

    // ------------------------------------------------------------------------------------------- membership, motions

    function test_joins__duringATraining__mayContributeAndIsExpectedNext() public {
        contributeAll(3);
        vm.prank(member(0));
        enact(c.moveAddMember(member(9)), 4);
        I.NodeView memory v = view_();
        eq(v.training.firstRound, 1);
        eq(v.training.expected, 15);
        eq(v.training.contributed, 7);
        eq(v.contributions.length, 5);
        eq(v.contributions[4].sha256Hash, 0);
        vm.warp(START + TRAIN);
        uint256 expected = next();
        eq(expected, 7 | 16);
        contribute(9, "new");
        eq(training().contributed, 16);
    }

    function test_leaves__itsContributionIsVoid_andTheMovedOnesStays() public {
        contribute(1, "one");
        contribute(3, "three");
        vm.warp(START + TRAIN);
        contribute(2, "late");
        vm.prank(member(0));
        enact(c.moveRemoveMember(member(1)), 4);
        I.NodeView memory v = view_();
        eq(v.training.firstRound, 1);
        eq(v.training.contributed, 2); // member 3 has taken seat 1
        eq(v.training.expected, 7);
        eq(v.contributions.length, 3);
        eq(v.contributions[1].sha256Hash, keccak256("three"));
        eq(v.contributions[1].size, 103);
        eq(v.contributions[2].sha256Hash, keccak256("late"));
        expect(abi.encodeWithSelector(I.AlreadyContributed.selector, member(3)));
        this.contributeFrom(3, "again");
        // Who comes back has contributed nothing.
        vm.prank(member(0));
        enact(c.moveAddMember(member(1)), 4);
        eq(view_().contributions[3].sha256Hash, 0);
        contribute(1, "again");
        eq(view_().contributions[3].sha256Hash, keccak256("again"));
    }

    function test_leaves__lateSeats__moveToo() public {
        contribute(0, "mine");
        vm.warp(START + TRAIN);
        decide(merge("m1"), true); // expected is member 0 alone
        contribute(0, "mine");
        contribute(3, "late");
        vm.prank(member(0));
        enact(c.moveRemoveMember(member(1)), 4);
        eq(next(), 1 | 2); // member 3 sits on seat 1
    }

    function test_leaves__theOneThatWasMissing__closesTheTraining() public {
        contributeAll(3);
        vm.warp(START + 5);
        vm.prank(member(0));
        enact(c.moveRemoveMember(member(3)), 4);
        eq(training().until, START + 5);
        eq(training().contributed, 7);
        merge("m1");
    }

    function test_leaves__onlyTheMissing__anEmptyTrainingStaysOpen() public {
        vm.warp(START + 5);
        vm.prank(member(0));
        enact(c.moveRemoveMember(member(3)), 4);
        eq(training().until, START + TRAIN);
    }

    function test_replaced__theContributionStays() public {
        contribute(2, "mine");
        vm.prank(member(2));
        c.replaceMember(member(9));
        vm.warp(START + TRAIN + MERGE);
        check(advanced());
        eq(c.members()[2], member(9));
        I.NodeView memory v = view_();
        eq(v.training.contributed, 4);
        eq(v.contributions[2].sha256Hash, keccak256("mine"));
        expect(abi.encodeWithSelector(I.AlreadyContributed.selector, member(9)));
        this.contributeFrom(9, "again");
    }

    function test_goesBack__aNewTrainingOfThoseWhoWereExpected() public {
        contributeAll(3);
        vm.warp(START + TRAIN);
        eq(next(), 7);
        contribute(1, "mine");
        vm.prank(member(0));
        enact(c.moveRevertTo(0), 4);
        I.NodeView memory v = view_();
        eq(v.acceptedSha256, GENESIS);
        eq(v.training.firstRound, v.round);
        eq(v.training.contributed, 0);
        eq(v.training.expected, 7); // cut short: nobody was late
        eq(v.training.rulesLeft, ORDER);
        contribute(1, "mine");
        eq(view_().training.contributed, 2);
    }

    function test_goesBack__whereMergesAreProposed__absentOnesAreNotExpected() public {
        contributeAll(3);
        vm.warp(START + TRAIN);
        decide(merge("m1"), true);
        contributeAll(2);
        vm.warp(START + 2 * TRAIN);
        vm.prank(member(0));
        enact(c.moveRevertTo(0), 4);
        eq(training().expected, 3);
    }

    function test_newRules__holdFromTheNextTraining() public {
        I.Rules memory r = jointRules();
        r.trainWindow = 500;
        r.proposeWindow = 300;
        contributeAll(3);
        vm.prank(member(0));
        enact(c.moveRules(r), 4);
        eq(training().until, START + TRAIN);
        eq(view_().deadline, START + TRAIN + 300 - 1);
        vm.warp(START + TRAIN);
        next();
        eq(training().until, START + TRAIN + 500);
    }

    function test_newRules__jointStaysJoint_andSoloStaysSolo() public {
        I.Rules memory r = defaultRules();
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.BadRules.selector, r));
        c.moveRules(r);
        deploy(4, false, false);
        r = jointRules();
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.BadRules.selector, r));
        c.moveRules(r);
    }

    function test_overdue__theLastRule__isCountedOnce() public {
        contributeAll(2);
        vm.warp(START + TRAIN);
        decide(merge("m1"), false);
        merge("m2");
        vm.prank(member(3));
        c.leave();
        uint256 over = START + TRAIN + 200 + 1;
        vm.warp(over + 30);
        check(view_().overdue);
        contribute(2, "late"); // the training goes on
        check(advanced());
        eq(training().rulesLeft, 0x3);
        eq(training().firstRound, 1);
        eq(view_().deadline, over + MERGE - 1);
    }

    function test_overdue__theTrainingIsOver__advanceComesFirst() public {
        contribute(1, "mine");
        vm.warp(START + TRAIN);
        merge("m1");
        vm.prank(member(3));
        c.leave();
        uint256 over = START + TRAIN + 200 + 1;
        vm.warp(over + 30);
        expect(abi.encodeWithSelector(I.RoundOverdue.selector, 1));
        this.contributeFrom(2, "x");
        check(advanced());
        eq(training().firstRound, 2);
        eq(training().until, over + TRAIN);
        eq(training().expected, 2);
        contribute(2, "x");
        eq(training().contributed, 4);
    }

    /// @dev All others have gone: it costs windows, and no more.
    function test_loneMember__goesOn() public {
        for (uint256 k; k < 3; ++k) {
            uint256 first = training().firstRound;
            vm.warp(training().until); // also late its own contribution serves, in its turn
            contribute(2, "mine");
            while (view_().proposer != member(2)) {
                vm.warp(view_().deadline + 1);
            }
            mergeAs("mine", 4, 1);
            vm.warp(view_().deadline + 1);
            check(training().firstRound > first);
            check(training().expected != 0);
        }
    }

    function test_moveRevertTo__aMergedRound__isFound() public {
        contributeAll(4);
        decide(merge("m1"), true);
        contributeAll(4);
        decide(merge("m2"), true);
        vm.prank(member(0));
        enact(c.moveRevertTo(1), 4);
        eq(view_().acceptedSha256, keccak256("m1"));
        eq(view_().acceptedRound, 1);
    }
}

contract JointSecretTest is Joint {
    function setUp() public {
        found(4, true);
    }

    function test_secretVotes__decideAMerge() public {
        contributeAll(4);
        bytes32 id = merge("m1");
        for (uint256 i = 1; i < 4; ++i) {
            commitAs(i, id, true);
        }
        revealAs(1, id, true);
        revealAs(2, id, true);
        eq(view_().acceptedRound, 1);
        eq(training().firstRound, 2);
    }

    function test_secretVotes__nobodyReveals__theNextRule() public {
        contributeAll(4);
        bytes32 id = merge("m1");
        commitAs(1, id, true);
        commitAs(2, id, true);
        vm.warp(START + 201);
        check(view_().state == I.RoundState.Revealing);
        eq(training().rulesLeft, ORDER);
        vm.warp(START + 200 + 300 + 1);
        eq(training().rulesLeft, 0x32);
        merge("m2");
    }
}
