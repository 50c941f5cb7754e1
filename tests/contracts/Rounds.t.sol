// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

contract RoundsTest is Base {
    function setUp() public {
        deploy(4, false, false);
    }

    // ------------------------------------------------------------------------------------------- deployment

    /// @dev It must be refused with `data`.
    function expectNoCreation(I.Genesis memory g, bytes memory data) internal {
        try this.createFor(g) {
            revert DoesNotHold();
        } catch (bytes memory got) {
            eq(keccak256(got), keccak256(data));
        }
    }

    function createFor(I.Genesis memory g) external returns (I) {
        return create(g);
    }

    function test_deploy__bounds__refused() public {
        I.Genesis memory g = genesisOf(1, false, false);
        expectNoCreation(g, abi.encodeWithSelector(I.BadMemberCount.selector, 1, 2, 64));
        g = genesisOf(65, false, false);
        expectNoCreation(g, abi.encodeWithSelector(I.BadMemberCount.selector, 65, 2, 64));
        g = genesisOf(3, false, false);
        g.members[2] = g.members[0];
        expectNoCreation(g, abi.encodeWithSelector(I.AlreadyAMember.selector, member(0)));
        g.members[2] = address(0);
        expectNoCreation(g, abi.encodePacked(I.ZeroAddress.selector));
        g = genesisOf(3, false, false);
        g.maxSize = 0;
        expectNoCreation(g, abi.encodeWithSelector(I.BadMaxSize.selector, 0));
        g.maxSize = 1 << 36;
        expectNoCreation(g, abi.encodeWithSelector(I.BadMaxSize.selector, 1 << 36));
        g.maxSize = 9;
        expectNoCreation(g, abi.encodeWithSelector(I.SizeOutOfRange.selector, 10, 9));
        g.sha256Hash = 0;
        g.maxSize = (1 << 36) - 1;
        expectNoCreation(g, abi.encodePacked(I.EmptyHash.selector));
        g.sha256Hash = GENESIS;
        eq(create(g).viewFor(address(0), 0).maxSize, (1 << 36) - 1);
        create(genesisOf(64, false, false));
        create(genesisOf(2, false, false));
    }

    function test_deploy__badRules__refused() public {
        for (uint256 i; i < 7; ++i) {
            I.Genesis memory g = genesisOf(3, false, false);
            if (i == 0) g.rules.thresholdNumerator = 0;
            if (i == 1) g.rules.thresholdNumerator = 2;
            if (i == 2) g.rules.thresholdDenominator = 0;
            if (i == 3) g.rules.proposeWindow = 0;
            if (i == 4) g.rules.voteWindow = 0;
            if (i == 5) g.rules.revealWindow = 0;
            if (i == 6) g.rules.motionWindow = 0;
            expectNoCreation(g, abi.encodeWithSelector(I.BadRules.selector, g.rules));
        }
    }

    function test_deploy__genesis__isRoundZeroAccepted() public view {
        I.RoundRecord memory r = record(0);
        eq(r.state, I.RoundState.Accepted);
        eq(r.sha256Hash, GENESIS);
        eq(r.size, 10);
        I.NodeView memory v = view_();
        eq(v.round, 1);
        eq(v.acceptedRound, 0);
        eq(v.acceptedSize, 10);
        eq(v.deadline, START + 99);
        eq(v.proposer, member(0));
    }

    // ------------------------------------------------------------------------------------------- proposing

    function test_propose__refusals() public {
        bytes32 h = keccak256("w");
        expect(abi.encodeWithSelector(I.NotAMember.selector, address(this)));
        c.propose(1, GENESIS, h, h, 5, "");
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.NotTheProposer.selector, member(1), member(0)));
        c.propose(1, GENESIS, h, h, 5, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.WrongRound.selector, 2, 1));
        c.propose(2, GENESIS, h, h, 5, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.StaleParent.selector, h, GENESIS));
        c.propose(1, h, h, h, 5, "");
        vm.prank(member(0));
        expect(I.EmptyHash.selector);
        c.propose(1, GENESIS, 0, 0, 5, "");
        vm.prank(member(0));
        expect(I.EmptyHash.selector);
        c.propose(1, GENESIS, h, 0, 2 << 20, "");
        vm.prank(member(0));
        expect(I.EmptyHash.selector);
        c.propose(1, GENESIS, 0, h, 2 << 20, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.SizeOutOfRange.selector, 0, 1 << 30));
        c.propose(1, GENESIS, h, h, 0, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.SizeOutOfRange.selector, (1 << 30) + 1, 1 << 30));
        c.propose(1, GENESIS, h, h, (1 << 30) + 1, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.CidMismatch.selector, GENESIS, h));
        c.propose(1, GENESIS, h, GENESIS, 1 << 20, "");
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.NoteTooLong.selector, 257, 256));
        c.propose(1, GENESIS, h, h, 5, new bytes(257));
        vm.prank(member(0));
        c.propose(1, GENESIS, h, h, 5, new bytes(256));
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.AlreadyProposed.selector, 1, idOf(1, h, h, 5)));
        c.propose(1, GENESIS, h, h, 5, "");
    }

    function test_propose__largestSize() public {
        vm.prank(member(0));
        c.propose(1, GENESIS, keccak256("w"), keccak256("cid"), 1 << 30, "");
        eq(record(1).size, 1 << 30);
    }

    /// @dev A proposal's id, worked out here.
    function idOf(uint256 round, bytes32 h, bytes32 cid, uint256 size) internal pure returns (bytes32) {
        return bytes32((uint256(keccak256(abi.encode(round, h, cid))) >> 36 << 36) + size);
    }

    function testFuzz_id__bindsRoundContentAndSize(uint256 round, bytes32 h, bytes32 cid, uint256 size) public {
        size %= 1 << 36;
        eq(c.proposalId(round, h, cid, size), idOf(round, h, cid, size));
        expect(abi.encodeWithSelector(I.SizeOutOfRange.selector, size + (1 << 36), (1 << 36) - 1));
        c.proposalId(round, h, cid, size + (1 << 36));
    }

    /// @dev A proposer could propose the same bytes with a false size after a re-org, which nobody could adopt.
    function test_vote__sameBytesOfAnotherSize__refused() public {
        bytes32 id = proposeAs("a"); // 100 bytes
        bytes32[4] memory others = [
            c.proposalId(1, keccak256("a"), keccak256("a"), 101),
            c.proposalId(1, keccak256("a"), keccak256("a"), 0),
            c.proposalId(1, keccak256("a"), keccak256("a"), (1 << 36) - 1 - 100),
            c.proposalId(1, keccak256("b"), keccak256("b"), 0) // nothing is there at all
        ];
        for (uint256 i; i < 4; ++i) {
            vm.prank(member(1));
            expect(abi.encodeWithSelector(I.NoSuchProposal.selector, others[i]));
            c.vote(others[i], true);
        }
        eq(view_().proposal.id, id);
        eq(record(1).id, id);
        voteAs(1, id, true);
        voteAs(2, id, true);
        eq(record(1).id, id);
        eq(view_().acceptedSize, 100);
        vm.prank(member(3));
        expect(abi.encodeWithSelector(I.NoSuchProposal.selector, others[0]));
        c.vote(others[0], true);
    }

    function test_propose__largeWeights__keepTheirOwnCid() public {
        bytes32 h = keccak256("w");
        bytes32 cid = keccak256("cid");
        vm.prank(member(0));
        c.propose(1, GENESIS, h, cid, (1 << 20) + 1, "");
        I.RoundRecord memory r = record(1);
        eq(r.cidDigest, cid);
        eq(r.sha256Hash, h);
        eq(r.size, (1 << 20) + 1);
        eq(r.id, idOf(1, h, cid, (1 << 20) + 1));
        eq(r.deadline, START + 200);
    }

    // ------------------------------------------------------------------------------------------- voting

    function test_vote__majority__acceptsAtOnceAndOpensTheNext() public {
        bytes32 id = proposeAs("a");
        voteAs(1, id, true);
        eq(view_().round, 1);
        voteAs(3, id, true);
        I.NodeView memory v = view_();
        eq(v.round, 2);
        eq(v.acceptedRound, 1);
        eq(v.acceptedSha256, keccak256("a"));
        eq(v.proposer, member(1));
        I.RoundRecord memory r = record(1);
        eq(r.state, I.RoundState.Accepted);
        eq(r.approvals, 10);
        eq(r.parent, GENESIS);
        eq(r.need, 2);
        vm.prank(member(2));
        expect(abi.encodeWithSelector(I.ProposalDecided.selector, id, true));
        c.vote(id, true);
    }

    function test_vote__acceptanceImpossible__rejectsAtOnce() public {
        bytes32 id = proposeAs("a");
        voteAs(1, id, false);
        voteAs(2, id, false);
        eq(record(1).state, I.RoundState.Rejected);
        eq(view_().acceptedSha256, GENESIS);
        vm.prank(member(3));
        expect(abi.encodeWithSelector(I.ProposalDecided.selector, id, false));
        c.vote(id, true);
    }

    function test_vote__64members__theLastSeatsCountToo() public {
        deploy(64, false, false);
        bytes32 id = proposeAs("a");
        for (uint256 i = 63; i > 32; --i) {
            voteAs(i, id, true);
        }
        eq(view_().round, 1);
        voteAs(32, id, true);
        eq(view_().acceptedRound, 1);
        eq(record(1).approvals, uint256(type(uint32).max) << 32);
        eq(record(1).need, 32);
        id = proposeAs("b"); // by member 1
        for (uint256 i = 63; i > 32; --i) {
            voteAs(i, id, false);
        }
        eq(view_().round, 2);
        voteAs(32, id, false);
        eq(record(2).state, I.RoundState.Rejected);
    }

    function test_vote__tie__rejects() public {
        deploy(5, false, false);
        bytes32 id = proposeAs("a");
        voteAs(1, id, true);
        voteAs(2, id, true);
        voteAs(3, id, false);
        eq(view_().round, 1);
        voteAs(4, id, false);
        eq(record(1).state, I.RoundState.Rejected);
    }

    function test_vote__refusals() public {
        bytes32 id = proposeAs("a");
        expect(abi.encodeWithSelector(I.NotAMember.selector, address(this)));
        c.vote(id, true);
        vm.prank(member(0));
        expect(abi.encodeWithSelector(I.ProposerCannotVote.selector, member(0)));
        c.vote(id, true);
        voteAs(1, id, false);
        vm.prank(member(1));
        expect(abi.encodeWithSelector(I.AlreadyVoted.selector, member(1)));
        c.vote(id, true);
        vm.prank(member(2));
        expect(abi.encodeWithSelector(I.NoSuchProposal.selector, bytes32(uint256(1))));
        c.vote(bytes32(uint256(1)), true);
        vm.prank(member(2));
        expect(I.SecretVotesOnly.selector);
        c.commit(id, bytes32(uint256(1) << 200));
        vm.prank(member(2));
        expect(I.SecretVotesOnly.selector);
        c.reveal(id, true, 0);
        vm.warp(START + 201);
        vm.prank(member(2));
        expect(abi.encodeWithSelector(I.DeadlinePassed.selector, START + 200, START + 201));
        c.vote(id, true);
        vm.warp(START + 200);
        voteAs(2, id, true);
    }

    function test_vote__twice__refusedWhateverTheVotes() public {
        deploy(7, false, false);
        bytes32 id = proposeAs("a");
        voteAs(1, id, true);
        voteAs(2, id, false);
        for (uint256 i = 1; i < 3; ++i) {
            for (uint256 again; again < 2; ++again) {
                vm.prank(member(i));
                expect(abi.encodeWithSelector(I.AlreadyVoted.selector, member(i)));
                c.vote(id, again == 1);
            }
        }
        eq(view_().proposal.approvals, 2);
        eq(view_().proposal.rejections, 4);
    }

    function test_vote__withScores__countsTheSame() public {
        bytes32 id = proposeAs("a");
        vm.prank(member(1));
        c.voteWithScores(id, true, -1, 2);
        vm.prank(member(2));
        c.voteWithScores(id, true, 1, 2);
        eq(view_().acceptedRound, 1);
    }

    function testFuzz_threshold__acceptedIffMoreThanTheShare(uint8 n, uint16 a, uint16 b, uint64 votes) public {
        n = uint8(2 + n % 63);
        uint32 den = 2 + uint32(b) % 1000;
        uint32 num = 1 + uint32(a) % (den - 1);
        I.Genesis memory g = genesisOf(n, false, false);
        g.rules.thresholdNumerator = num;
        g.rules.thresholdDenominator = den;
        vm.warp(START);
        c = create(g);
        bytes32 id = proposeAs("a");
        uint256 yes;
        uint256 no;
        for (uint256 i = 1; i < n && view_().round == 1; ++i) {
            bool approve = (votes >> i) & 1 == 1;
            approve ? ++yes : ++no;
            voteAs(i, id, approve);
        }
        bool accepted = view_().acceptedRound == 1;
        eq(view_().round, 2);
        check(accepted == (yes * den > uint256(num) * (n - 1)));
        check(accepted || (n - 1 - no) * den <= uint256(num) * (n - 1));
    }

    // ------------------------------------------------------------------------------------------- the clock

    function test_clock__absentProposers__passedOverWithoutATransaction() public {
        vm.warp(START + 99);
        eq(view_().round, 1);
        vm.warp(START + 100);
        eq(view_().round, 2);
        eq(view_().deadline, START + 199);
        vm.warp(START + 250);
        I.NodeView memory v = view_();
        eq(v.round, 3);
        eq(v.proposer, member(2));
        proposeAs("a");
        eq(record(1).state, I.RoundState.Missed);
        eq(record(1).proposer, member(0));
        eq(record(2).proposer, member(1));
        eq(record(3).state, I.RoundState.Voting);
        eq(record(3).parent, GENESIS);
    }

    function test_clock__undecided__rejectedAtItsDeadlineAndTheNextProposerGoesOn() public {
        bytes32 id = proposeAs("a");
        voteAs(1, id, true);
        vm.warp(START + 200);
        eq(view_().round, 1);
        vm.warp(START + 201);
        eq(view_().round, 2);
        eq(view_().deadline, START + 300);
        eq(record(1).state, I.RoundState.Rejected);
        proposeAs("b");
        eq(record(1).state, I.RoundState.Rejected);
        eq(record(2).state, I.RoundState.Voting);
        vm.prank(member(2));
        expect(abi.encodeWithSelector(I.ProposalDecided.selector, id, false));
        c.vote(id, true);
    }

    function test_advance__changesNothingThatAViewSays() public {
        expect(I.NothingToAdvance.selector);
        c.advance();
        proposeAs("a");
        expect(I.NothingToAdvance.selector);
        c.advance();
        vm.warp(START + 201 + 250);
        bytes32 before = keccak256(abi.encode(c.rounds(0, 10, 0), view_().round, view_().proposer, view_().deadline));
        c.advance();
        eq(before, keccak256(abi.encode(c.rounds(0, 10, 0), view_().round, view_().proposer, view_().deadline)));
        check(!advanced());
        eq(view_().round, 4);
        expect(I.NothingToAdvance.selector);
        c.advance();
    }

    function testFuzz_view__atALaterTime__isTheViewThen(uint16 later, bool proposed) public {
        if (proposed) proposeAs("a");
        I.NodeView memory early = c.viewFor(member(1), START + later);
        I.RoundRecord[] memory earlyRounds = c.rounds(0, 100, START + later);
        vm.warp(START + later);
        eq(keccak256(abi.encode(early)), keccak256(abi.encode(c.viewFor(member(1), 0))));
        eq(keccak256(abi.encode(earlyRounds)), keccak256(abi.encode(c.rounds(0, 100, 0))));
    }

    // ------------------------------------------------------------------------------------------- selection

    function test_turn__roundRobin() public {
        for (uint256 r = 1; r < 10; ++r) {
            eq(view_().proposer, member((r - 1) % 4));
            playRound(string(abi.encode(r)));
            eq(record(r).proposer, member((r - 1) % 4));
        }
    }

    function testFuzz_turn__shuffled__everyoneOnceACycle(uint8 n) public {
        n = uint8(2 + n % 63);
        deploy(n, false, true);
        for (uint256 cycle; cycle < 2; ++cycle) {
            uint256 seen;
            for (uint256 i; i < n; ++i) {
                uint256 round = cycle * n + i + 1;
                I.NodeView memory v = c.viewFor(member(0), START + (round - 1) * 100);
                eq(v.round, round);
                seen |= 1 << (uint160(v.proposer) - 0x1000);
            }
            eq(seen, n == 64 ? type(uint64).max : (1 << n) - 1);
        }
    }
}
