// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

/// @notice What storage still tells about rounds, members and motions that are over; and whose turn it is.
contract HistoryTest is Base {
    function setUp() public {
        deploy(4, false, false);
    }

    function rejectRound(string memory tag) internal {
        bytes32 id = proposeAs(tag);
        address[] memory list = c.members();
        uint256 round = view_().round;
        for (uint256 i; i < list.length && view_().round == round; ++i) {
            if (list[i] == view_().proposer) continue;
            vm.prank(list[i]);
            c.vote(id, false);
        }
    }

    function approveByAll(bytes32 id) internal {
        address[] memory list = c.members();
        for (uint256 i; i < list.length; ++i) {
            vm.prank(list[i]);
            try c.voteMotion(id, true) {} catch {}
        }
    }

    function voteByAll(bytes32 p) internal {
        uint256 round = view_().round;
        address[] memory list = c.members();
        for (uint256 i; i < list.length && view_().round == round; ++i) {
            if (list[i] == view_().proposer) continue;
            vm.prank(list[i]);
            c.vote(p, true);
        }
    }

    /// @dev A round in which weights are accepted, and in which `newcomer` is voted in.
    function playRoundIn(string memory tag, address newcomer) internal {
        bytes32 p = proposeAs(tag);
        vm.prank(c.members()[1]);
        approveByAll(c.moveAddMember(newcomer));
        voteByAll(p);
    }

    // ------------------------------------------------------------------------------------------- records

    function test_records__lineage() public {
        playRound("a"); // 1, accepted
        rejectRound("b"); // 2
        vm.warp(START + 250); // 3 and 4 are missed
        playRound("c"); // 5, accepted
        rejectRound("d"); // 6
        proposeAs("e"); // 7, open
        I.RoundRecord[] memory page = c.rounds(0, 100, 0);
        eq(page.length, 8);
        uint256[8] memory states = [uint256(3), 3, 4, 5, 5, 3, 4, 1];
        uint256[8] memory parents = [uint256(0), 0, 1, 0, 0, 1, 5, 5];
        bytes32[8] memory hashes =
            [bytes32(0), GENESIS, keccak256("a"), 0, 0, keccak256("a"), keccak256("c"), keccak256("c")];
        for (uint256 i; i < 8; ++i) {
            eq(page[i].round, i);
            eq(uint256(page[i].state), states[i]);
            eq(page[i].parentRound, parents[i]);
            eq(page[i].parent, hashes[i]);
            eq(page[i].proposer, i == 0 ? address(0) : member((i - 1) % 4));
            eq(page[i].memberCount, 4);
            // Whatever page it is on, a record is the same.
            eq(keccak256(abi.encode(page[i])), keccak256(abi.encode(record(i))));
        }
        eq(page[3].deadline, 0);
        eq(page[2].approvals, 0);
        eq(page[2].rejections, 5);
    }

    /// @dev Whose turn a missed round was is worked out, and stays what it was when members change.
    function test_records__missedRoundsOfEarlierMembers__keepTheirProposers() public {
        vm.warp(START + 350); // 1, 2 and 3 are missed
        vm.prank(member(0));
        c.leave();
        playRound("a"); // 4
        eq(c.members()[0], member(3));
        for (uint256 round = 1; round < 5; ++round) {
            eq(record(round).proposerSeat, round - 1);
            eq(record(round).proposer, member(round - 1));
        }
        eq(record(3).state, I.RoundState.Missed);
    }

    function test_records__pages() public {
        playRound("a");
        playRound("b");
        eq(c.rounds(0, 0, 0).length, 0);
        eq(c.rounds(1, 1, 0).length, 1);
        eq(c.rounds(1, 2, 0).length, 2);
        eq(c.rounds(3, 5, 0).length, 1);
        eq(c.rounds(4, 5, 0).length, 0);
        eq(uint256(c.rounds(3, 5, 0)[0].state), 0);
        eq(c.rounds(3, 5, 0)[0].deadline, START + 99);
        eq(c.rounds(3, 5, START + 100).length, 2);
        eq(c.motions(0, 5).length, 0);
        vm.prank(member(1));
        c.leave();
        vm.prank(member(2));
        c.leave();
        eq(c.motions(0, 1).length, 1);
        eq(c.motions(0, 9).length, 2);
        eq(c.motions(1, 9)[0].subject, member(2));
        eq(c.motions(2, 9).length, 0);
        eq(c.motionCount(), 2);
    }

    /// @dev A long sleep must not make a page of what was before or after it, or of itself, dearer.
    function test_records__longSleep__pagesCostTheSame() public {
        playRound("a");
        uint256 before = gasOfPage(1);
        vm.warp(START + 10_000_000);
        proposeAs("b");
        eq(view_().round, 100_002);
        gasOfPage(1); // warm
        uint256 inside = gasOfPage(50_000);
        uint256 end = gasOfPage(100_001);
        check(inside < before + 30_000 && end < before + 30_000);
        eq(record(50_000).state, I.RoundState.Missed);
        eq(record(100_002).parent, keccak256("a"));
    }

    function gasOfPage(uint256 first) internal view returns (uint256) {
        uint256 left = gasleft();
        c.rounds(first, 2, 0);
        return left - gasleft();
    }

    function test_records__deadlinesOfWhatTheClockEnded() public {
        proposeAs("a");
        vm.prank(member(1));
        c.leave();
        vm.warp(START + 250);
        eq(record(1).deadline, START + 200);
        eq(record(1).state, I.RoundState.Rejected);
        c.advance();
        eq(record(1).deadline, START + 200);
        vm.prank(member(2));
        c.leave();
        vm.warp(START + 310);
        check(view_().overdue);
        eq(record(2).state, I.RoundState.Missed);
        eq(record(2).deadline, 0);
    }

    function test_views__genesisLarge__keepsItsCid() public {
        I.Genesis memory g = genesisOf(3, false, false);
        g.size = 5 << 20;
        g.cidDigest = keccak256("cid");
        c = create(g);
        I.NodeView memory v = view_();
        eq(v.acceptedCidDigest, g.cidDigest);
        eq(v.acceptedSha256, GENESIS);
        eq(v.acceptedSize, 5 << 20);
        eq(record(0).cidDigest, g.cidDigest);
        eq(record(0).id, c.proposalId(0, GENESIS, g.cidDigest, 5 << 20));
    }

    function test_views__timeIsCapped() public view {
        I.NodeView memory v = c.viewFor(member(0), type(uint256).max);
        eq(v.at, type(uint40).max);
        eq(c.rounds(1, 1, type(uint256).max).length, 1);
    }

    function test_advance__whateverTheClockDid__onceAndNoMore() public {
        check(!advanced());
        proposeAs("a");
        check(!advanced());
        vm.warp(START + 201); // closed, and nothing missed
        check(advanced() && !advanced());
        vm.warp(START + 301); // missed, and nothing closed
        check(advanced() && !advanced());
        vm.prank(member(0));
        c.leave();
        vm.warp(START + 401);
        check(view_().overdue);
        check(advanced() && !advanced());
    }

    // ------------------------------------------------------------------------------------------- members

    function test_members__everyRoundKeepsItsOwn() public {
        for (uint256 i; i < 3; ++i) {
            playRoundIn(string(abi.encode(i)), member(10 + i)); // in rounds 1, 2, 3
        }
        vm.prank(member(0));
        c.leave(); // in round 4: member 12 takes over seat 0
        playRound("x");
        vm.prank(member(12));
        c.leave(); // in round 5: member 11 takes over seat 0
        playRound("y");
        playRoundIn("z", member(0)); // comes back in round 7
        address[] memory list = c.membersAt(4);
        eq(list.length, 7);
        eq(list[0], member(0));
        eq(list[6], member(12));
        list = c.membersAt(5);
        eq(list.length, 6);
        eq(list[0], member(12));
        eq(list[5], member(11));
        list = c.membersAt(6);
        eq(list.length, 5);
        eq(list[0], member(11));
        list = c.membersAt(7);
        eq(list.length, 6);
        eq(list[0], member(11));
        eq(list[5], member(0));
        eq(c.membersAt(1).length, 4);
        eq(c.membersAt(1)[0], member(0));
        eq(c.membersAt(2)[4], member(10));
        eq(c.viewFor(member(0), 0).seat, 5);
        eq(c.viewFor(member(11), 0).seat, 0);
        eq(c.viewFor(member(12), 0).isMember ? 1 : 0, 0);
        eq(record(5).memberCount, 6);
        // Motions name who moved them, whoever sits there now.
        eq(motion(0).mover, member(1));
        eq(motion(3).mover, member(0));
        eq(motion(4).mover, member(12));
        for (uint256 r = 1; r < 7; ++r) {
            I.RoundRecord memory at = record(r);
            eq(at.proposer, c.membersAt(r)[at.proposerSeat]);
        }
    }

    /// @dev One seat with a new holder every round: each round still knows its own, wherever the search for it begins.
    function test_members__manyHoldersOfASeat__everyRoundKeepsItsOwn() public {
        playRound("first"); // round 1
        address[30] memory holder; // of seat 0, by round
        for (uint256 i; i < 12; ++i) {
            holder[view_().round] = c.members()[0];
            playRoundIn(string(abi.encode("in", i)), member(100 + i));
            holder[view_().round] = c.members()[0];
            vm.prank(c.members()[0]);
            c.leave(); // the newcomer, on the last seat, takes over seat 0
            playRound(string(abi.encode("out", i)));
            eq(c.members()[0], member(100 + i));
        }
        for (uint256 round = 2; round < 26; ++round) {
            eq(c.membersAt(round)[0], holder[round]);
            eq(c.membersAt(round)[0], round < 4 ? member(0) : member(100 + round / 2 - 2));
        }
        eq(c.membersAt(1)[0], member(0));
        eq(c.membersAt(26)[0], member(111));
        eq(c.membersAt(1_000)[0], member(111));
    }

    function test_members__turnsGoOnWhereTheyWere() public {
        // Rounds 1, 2, 3 by members 0, 1, 2; in round 3 a member joins: member 3 is next, then the newcomer.
        playRound("a");
        playRound("b");
        playRoundIn("c", member(9));
        address[4] memory expected = [member(3), member(9), member(0), member(1)];
        for (uint256 i; i < 4; ++i) {
            eq(view_().proposer, expected[i]);
            playRound(string(abi.encode(i)));
        }
    }

    function test_members__newcomerInTheLastSeatsRound__isNext() public {
        for (uint256 i; i < 3; ++i) {
            playRound(string(abi.encode(i)));
        }
        eq(view_().proposer, member(3));
        playRoundIn("d", member(9));
        eq(view_().proposer, member(9));
        playRound("e");
        eq(view_().proposer, member(0));
    }

    function test_members__lastSeatLeavesWhenItIsNext() public {
        playRound("a");
        playRound("b");
        eq(view_().proposer, member(2));
        vm.prank(member(3));
        c.leave();
        playRound("c"); // by member 2; member 3 would be next
        eq(view_().proposer, member(0));
        eq(view_().round, 4);
        eq(record(3).proposer, member(2));
        eq(record(4).proposer, member(0));
    }

    /// @dev Member 3, on the last seat, has the turn and takes over seat 0, which would be next: it isn't its turn again.
    function test_members__lastSeatMovesToWhereTurnsGoOn__noSecondTurnInARow() public {
        for (uint256 i; i < 3; ++i) {
            playRound(string(abi.encode(i)));
        }
        eq(view_().proposer, member(3));
        vm.prank(member(0));
        c.leave();
        playRound("d");
        eq(c.members()[0], member(3));
        eq(view_().proposer, member(1));
        playRound("e");
        eq(view_().proposer, member(2));
        playRound("f");
        eq(view_().proposer, member(3));
    }

    /// @dev Member 3, on the last seat, has the turn, and another than seat 0 is freed: seat 0 is next, as ever.
    function test_members__lastSeatsTurn__anotherSeatFreed__seat0IsNext() public {
        for (uint256 gone = 1; gone < 4; ++gone) {
            deploy(4, false, false);
            for (uint256 i; i < 3; ++i) {
                playRound(string(abi.encode(i)));
            }
            eq(view_().proposer, member(3));
            vm.prank(member(gone));
            c.leave();
            playRound("d");
            eq(c.members().length, 3);
            eq(view_().proposer, member(0));
        }
    }

    // ------------------------------------------------------------------------------------------- shuffled turns

    /// @dev The order of a cycle, worked out here: seat after seat is put in at a place among those before it.
    function orderOf(uint256 n, uint256 cycle) internal view returns (uint256[] memory order) {
        order = new uint256[](n);
        bytes32 seed = keccak256(abi.encode(address(c), cycle));
        for (uint256 i; i < n; ++i) {
            uint256 at = uint256(keccak256(abi.encode(seed, i))) % (i + 1);
            for (uint256 k = i; k > at; --k) {
                order[k] = order[k - 1];
            }
            order[at] = i;
        }
    }

    function seatOf(address account) internal view returns (uint256) {
        I.NodeView memory v = c.viewFor(account, 0);
        check(v.isMember);
        return v.seat;
    }

    function test_shuffled__asDocumented() public {
        deploy(7, false, true);
        for (uint256 round = 1; round <= 21; ++round) {
            eq(view_().proposer, member(orderOf(7, 1 + (round - 1) / 7)[(round - 1) % 7]));
            playRound(string(abi.encode(round)));
        }
        check(keccak256(abi.encode(orderOf(7, 1))) != keccak256(abi.encode(orderOf(7, 2))));
        // In the middle of the fourth cycle a member joins: the cycle goes on, and the next one has the newcomer in it.
        playRound("22");
        playRoundIn("23", member(7));
        eq(c.members().length, 8);
        for (uint256 round = 24; round <= 28; ++round) {
            eq(view_().proposer, member(orderOf(7, 4)[round - 22]));
            playRound(string(abi.encode(round)));
        }
        for (uint256 round = 29; round < 29 + 16; ++round) {
            eq(view_().proposer, member(orderOf(8, 5 + (round - 29) / 8)[(round - 29) % 8]));
            playRound(string(abi.encode(round)));
        }
        for (uint256 round = 1; round <= 28; ++round) {
            eq(record(round).proposer, member(orderOf(7, 1 + (round - 1) / 7)[(round - 1) % 7]));
        }
        vm.warp(START + 1_000); // missed rounds: the same order
        for (uint256 round = 45; round < 53; ++round) {
            eq(record(round).proposer, member(orderOf(8, 7)[round - 45]));
            eq(record(round).state, I.RoundState.Missed);
        }
    }

    /// @dev Whenever in a cycle a member leaves: everybody else has one turn in that cycle, in its order, where only who takes over
    /// the seat takes the place that goes with it; and the next cycle's order is the same.
    function test_shuffled__aLeaverSteersNothing() public {
        for (uint256 gone; gone < 6; ++gone) {
            for (uint256 when = 1; when < 6; ++when) {
                deploy(6, false, true);
                uint256[6] memory turns;
                for (uint256 round = 1; round < when; ++round) {
                    ++turns[index(view_().proposer)];
                    playRound(string(abi.encode(round)));
                }
                vm.prank(member(gone));
                c.leave();
                ++turns[index(view_().proposer)];
                playRound("boundary");
                eq(c.members().length, 5);
                uint256[] memory order = orderOf(5, 1);
                for (uint256 i; i < 5; ++i) {
                    if (turns[index(c.members()[order[i]])] == 1) continue;
                    eq(seatOf(view_().proposer), order[i]);
                    ++turns[index(view_().proposer)];
                    playRound(string(abi.encode("rest", i)));
                }
                for (uint256 i; i < 6; ++i) {
                    if (i != gone) eq(turns[i], 1);
                }
                order = orderOf(5, 2);
                for (uint256 i; i < 5; ++i) {
                    eq(seatOf(view_().proposer), order[i]);
                    playRound(string(abi.encode("next", i)));
                }
            }
        }
    }

    function index(address account) internal pure returns (uint256) {
        return uint160(account) - 0x1000;
    }

    /// @dev The order of those who stay is the same with the leaver and without it: here the last seat's member goes.
    function test_shuffled__theLastSeatLeaves__theOthersKeepTheirOrder() public {
        deploy(6, false, true);
        uint256[] memory order = orderOf(6, 1);
        vm.prank(member(5));
        c.leave();
        uint256 i;
        for (uint256 round = 1; round <= 5; ++round) {
            if (round > 1 && order[i] == 5) ++i; // its turn is nobody's
            eq(view_().proposer, member(order[i++]));
            playRound(string(abi.encode(round)));
        }
    }

    function test_shuffled__anotherContract__anotherOrder() public {
        deploy(16, false, true);
        address[16] memory first;
        for (uint256 i; i < 16; ++i) {
            first[i] = c.viewFor(member(0), START + i * 100).proposer;
        }
        deploy(16, false, true);
        uint256 same;
        for (uint256 i; i < 16; ++i) {
            if (first[i] == c.viewFor(member(0), START + i * 100).proposer) ++same;
        }
        check(same < 16);
    }

    function test_pages__haveAnEnd() public {
        vm.warp(START + 400 * 100);
        eq(c.rounds(0, 1000, 0).length, 256);
        eq(c.rounds(300, 1000, 0).length, view_().round - 299);
    }
}
