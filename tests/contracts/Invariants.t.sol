// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Base} from "./Base.sol";
import {ICollectiveLearning as I} from "../../contracts/ICollectiveLearning.sol";

/// @notice Cheat codes that only this file needs.
interface VmState {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function load(address account, bytes32 slot) external view returns (bytes32);
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function snapshotState() external returns (uint256);
    function revertToState(uint256 id) external returns (bool);
}

/// @notice Does anything that anybody may do, and remembers in `broken` what must never be seen.
contract Handler is Base {
    VmState internal constant vmState = VmState(address(vm));
    string public broken;
    bool internal immutable secret;
    uint256 internal time = START;
    uint256 internal tag;
    uint256 internal lastAccepted;
    mapping(uint256 => bytes32) internal decided; // the record of a decided round, hashed
    mapping(uint256 => bytes32) internal membersOf;
    mapping(bytes32 => mapping(address => bool)) internal counted;
    mapping(bytes32 => mapping(address => uint256)) internal committed; // 1 + vote
    uint256 internal decidedUpTo;
    bytes32[] internal motionIds;
    mapping(uint256 => bool) internal saidDecided;
    mapping(uint256 => bytes32) internal agreedOn; // by the kind of motion, as events have it
    uint256 internal restUntil; // at least, by decisions and the rules
    uint256 internal pauseBefore;
    // How far the random actions came: a test asks, since invariants that nothing reaches prove nothing.
    uint256 public acceptedRounds;
    uint256 public decisions;
    uint256 public byClock;
    uint256 public reveals;
    uint256 public liveProofs;
    uint256 public reverted;
    uint256 public replaced;
    uint256 public agreements;
    uint256 public rests;
    uint256 public ends;
    uint256 public refusedAfterEnd;

    constructor(uint256 n, bool secret_, bool shuffled) {
        secret = secret_;
        vm.warp(START);
        c = create(genesis(n, secret_, shuffled));
        vmState.recordLogs();
    }

    function genesis(uint256 n, bool secret_, bool shuffled) internal pure virtual returns (I.Genesis memory g) {
        g = genesisOf(n, secret_, shuffled);
        g.rules.pause = 20;
    }

    function trainWindow() internal pure virtual returns (uint32) {
        return 0;
    }

    /// @dev What a proposal says beside its weights.
    function noteOf(uint256) internal view virtual returns (bytes memory) {}

    /// @dev What a proposer does before it proposes: it waits for the end of the pause.
    function prepare() internal virtual {
        I.NodeView memory v = view_();
        if (v.state == I.RoundState.Proposing && !v.overdue && time < v.opensAt) {
            time = v.opensAt;
            vm.warp(time);
        }
    }

    /// @dev Whether the end that events tell of is over for this round, now.
    function pastEnd(uint256 round) internal view returns (bool) {
        uint256 word = uint256(agreedOn[uint256(I.MotionKind.SetEnd)]);
        (uint256 last, uint256 second) = (uint32(word), word >> 32);
        return (last != 0 && round > last) || (second != 0 && time > second);
    }

    /// @dev What else must always be so.
    function watchMore() internal virtual {}

    function collective() external view returns (I) {
        return c;
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
        vmState.getRecordedLogs();
        I.NodeView memory before = view_();
        bytes32 membersBefore = keccak256(abi.encode(c.members()));
        pauseBefore = before.rules.pause;
        _;
        readDecisions();
        I.NodeView memory v = view_();
        if (v.rules.pause != pauseBefore) rest(time + v.rules.pause); // what goes on may have been shortened
        watchLimits(v);
        if (v.round < before.round) fail("a round number went back");
        if (v.round == before.round && keccak256(abi.encode(c.members())) != membersBefore) {
            fail("members changed inside a round");
        }
        if (v.acceptedRound != lastAccepted) fail("accepted weights changed without a round and without a motion");
        if (v.acceptedSha256 != record(lastAccepted).sha256Hash) fail("accepted weights of another round");
        uint256 first = decidedUpTo > 3 ? decidedUpTo - 3 : 0;
        I.RoundRecord[] memory page = c.rounds(first, 40, 0);
        for (uint256 i; i < page.length; ++i) {
            I.RoundRecord memory r = page[i];
            if (r.approvals & r.rejections != 0) fail("a seat both approved and rejected");
            if (r.round != 0 && r.id != 0 && bits(r.approvals) + bits(r.rejections) + bits(r.hidden) > r.memberCount - 1) {
                fail("more votes than voters");
            }
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
        I.NodeView memory later = c.viewFor(member(0), time + 1_000_000);
        if (!later.overdue && later.state != I.RoundState.Proposing) fail("stuck after the deadline");
        if (later.proposer == address(0)) fail("nobody's turn");
        watchMore();
    }

    function rest(uint256 until) internal {
        if (until < restUntil) restUntil = until;
    }

    /// @dev Agreements, the pause and the end, as the events have told.
    function watchLimits(I.NodeView memory v) internal {
        for (uint256 kind = uint256(I.MotionKind.SetPlan); kind <= uint256(I.MotionKind.SetSuccessor); ++kind) {
            if (c.currentAgreement(I.MotionKind(kind)) != agreedOn[kind]) fail("agreed on something that no event tells");
        }
        if (v.state != I.RoundState.Proposing) {
            if (v.ended) fail("ended in the midst of a round");
            return;
        }
        if (v.ended != pastEnd(v.round) && !v.overdue) fail("ended, or not, against what was agreed on");
        if (v.opensAt < restUntil && v.opensAt > time) fail("the pause is too short");
        if (v.opensAt > time + 1000) fail("a pause without an end");
        if (v.ended) {
            ++ends;
            I.NodeView memory later = c.viewFor(member(0), time + 1_000_000);
            if (!later.ended && !later.overdue) fail("after the end it goes on by the clock");
            if (later.round != v.round) fail("turns go by after the end");
        }
    }

    /// @dev Accepted weights are followed by weights that build on them, or by what an enacted motion went back to.
    function readLink(VmState.Log memory log) internal {
        if (log.topics[0] == I.RoundDecided.selector && abi.decode(log.data, (bool))) {
            I.RoundRecord memory r = record(uint256(log.topics[1]));
            if (r.parentRound != lastAccepted || r.parent != record(lastAccepted).sha256Hash) fail("lineage broken");
            if (bits(r.approvals) < r.need) fail("accepted without enough approvals");
            lastAccepted = r.round;
            ++acceptedRounds;
        } else if (log.topics[0] == I.WeightsReverted.selector) {
            uint256 to = uint256(log.topics[2]);
            I.RoundRecord memory r = record(to);
            if (r.state != I.RoundState.Accepted) fail("back to a round that wasn't accepted");
            if (r.sha256Hash != abi.decode(log.data, (bytes32))) fail("back to other weights than it says");
            if (r.sha256Hash == record(lastAccepted).sha256Hash) fail("back to where it was");
            lastAccepted = to;
            ++reverted;
        } else if (log.topics[0] == I.MemberReplaced.selector) {
            ++replaced;
        } else if (log.topics[0] == I.AgreementChanged.selector) {
            (uint256 kind, bytes32 word,) = abi.decode(log.data, (uint256, bytes32, uint256));
            if (word == agreedOn[kind]) fail("agreed on the same again");
            agreedOn[kind] = word;
            ++agreements;
        }
    }

    /// @dev The same from storage alone: every proposal's parent, and what is accepted now.
    function checkLineage() internal {
        I.MotionRecord[] memory motions = c.motions(0, 256);
        uint256 last = view_().round;
        uint256 current;
        for (uint256 round; round <= last; ++round) {
            for (uint256 i; i < motions.length; ++i) {
                I.MotionRecord memory m = motions[i];
                bool back = m.kind == I.MotionKind.RevertTo && m.state == I.MotionState.Enacted;
                if (back != (m.firstRound != 0)) fail("a motion holds from a round, and shouldn't, or the other way round");
                if (back && m.firstRound == round) current = m.toRound;
            }
            I.RoundRecord memory r = record(round);
            if (round != 0 && r.id != 0 && r.parentRound != current) fail("a parent that storage doesn't explain");
            if (r.state == I.RoundState.Accepted) current = round;
        }
        if (motions.length < 256 && current != view_().acceptedRound) fail("storage tells of another accepted round");
    }

    /// @dev What the last action said about decisions: once a round, and as the record has it.
    function readDecisions() internal {
        VmState.Log[] memory logs = vmState.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != address(c)) continue;
            readLink(logs[i]);
            if (logs[i].topics[0] != I.RoundDecided.selector) continue;
            uint256 round = uint256(logs[i].topics[1]);
            (bool accepted, uint256 approvals, uint256 rejections, bool clock) =
                abi.decode(logs[i].data, (bool, uint256, uint256, bool));
            if (saidDecided[round]) fail("a round was decided twice");
            saidDecided[round] = true;
            ++decisions;
            if (clock) ++byClock;
            if (clock && accepted) fail("the clock accepted");
            I.RoundRecord memory r = record(round);
            noteRest(clock ? r.deadline + 1 : time);
            if (r.id != logs[i].topics[2] || r.approvals != approvals || r.rejections != rejections) fail("decision not as recorded");
            if ((r.state == I.RoundState.Accepted) != accepted) fail("outcome not as recorded");
            if (!accepted && r.state != I.RoundState.Rejected) fail("decided, and neither accepted nor rejected");
        }
    }

    /// @dev By the shorter of the rules before the action and after it: a motion may have been carried out in between.
    function noteRest(uint256 decidedAt) internal {
        uint256 pause = view_().rules.pause;
        restUntil = decidedAt + (pause < pauseBefore ? pause : pauseBefore);
    }

    /// @dev Liveness: from here, when the clock has passed every deadline, the collective can go on to accept new weights.
    /// Tried out for real, and taken back.
    function goesOn() external watched {
        checkLineage();
        uint256 here = vmState.snapshotState();
        string memory trouble = tryToGoOn();
        vmState.revertToState(here); // takes back this contract's own notes too
        vmState.getRecordedLogs(); // but not the logs
        ++liveProofs;
        if (bytes(trouble).length != 0) fail(trouble);
    }

    function tryToGoOn() internal returns (string memory) {
        vm.warp(time + 1_000_000);
        for (uint256 i; view_().overdue; ++i) {
            if (i > 200) return "advance doesn't end";
            try c.advance() {} catch { return "overdue, and advance was refused"; }
        }
        time += 1_000_000; // taken back, too
        if (view_().ended) {
            endNoMore();
            if (view_().ended) return "all voted that there is no end, and it is still ended";
        }
        prepare();
        I.NodeView memory v = view_();
        bytes32 sha = keccak256("goes on");
        bytes memory note = noteOf(0);
        vm.prank(v.proposer);
        try c.propose(v.round, v.acceptedSha256, sha, sha, 100, note) {} catch { return "after all deadlines nobody can propose"; }
        bytes32 id = view_().proposal.id;
        address[] memory list = c.members();
        for (uint256 i; i < list.length && view_().round == v.round; ++i) {
            if (list[i] == v.proposer) continue;
            bytes32 commitment = c.commitmentOf(id, list[i], true, 0);
            vm.prank(list[i]);
            if (secret) c.commit(id, commitment);
            else c.vote(id, true);
        }
        for (uint256 i; secret && i < list.length && view_().round == v.round; ++i) {
            if (list[i] == v.proposer) continue;
            vm.prank(list[i]);
            c.reveal(id, true, 0);
        }
        return view_().acceptedRound == v.round ? "" : "everyone approved, and the weights weren't accepted";
    }

    /// @dev All vote for it. Whatever they moved before has lapsed, or was carried out.
    function endNoMore() internal {
        address[] memory list = c.members();
        vm.prank(list[0]);
        bytes32 id = c.moveToAgreeOn(I.MotionKind.SetEnd, 0);
        for (uint256 i = 1; i < list.length && motion(c.motionCount() - 1).state == I.MotionState.Open; ++i) {
            vm.prank(list[i]);
            c.voteMotion(id, true);
        }
    }

    function bits(uint256 x) internal pure returns (uint256 k) {
        for (; x != 0; x &= x - 1) {
            ++k;
        }
    }

    function pass(uint16 seconds_) external watched {
        I.NodeView memory before = view_();
        // Mostly a short while, so that rounds come to something; now and then past every deadline.
        time += uint256(seconds_) % (seconds_ % 8 == 0 ? 700 : 40);
        vm.warp(time);
        I.NodeView memory v = view_();
        if (before.ended && (!v.ended || v.round != before.round)) fail("time alone goes on after the end");
        if (v.round == before.round && v.state == before.state && v.opensAt != before.opensAt) fail("time alone moves a pause");
    }

    function propose(uint256 seed) external watched {
        _propose(seed % 4 == 0 ? someone(seed / 4) : view_().proposer);
    }

    function _propose(address by) internal {
        if (by == view_().proposer) {
            tooEarly(by);
            prepare();
        }
        I.NodeView memory v = view_();
        bytes32 sha = keccak256(abi.encode("w", ++tag));
        bytes memory note = noteOf(tag);
        vm.prank(by);
        try c.propose(v.round, v.acceptedSha256, v.acceptedSha256, v.acceptedSha256, 100, note) {
            fail("the accepted weights were proposed");
        } catch {}
        vm.prank(by);
        try c.propose(v.round, v.acceptedSha256, sha, sha, 100, note) {
            if (by != v.proposer) fail("proposed out of turn");
            if (v.state != I.RoundState.Proposing || v.overdue) fail("proposed while not proposing");
            if (pastEnd(v.round)) fail("proposed after the end");
            if (time < restUntil || time < v.opensAt) fail("proposed in a pause");
        } catch {
            bool may = by == v.proposer && v.state == I.RoundState.Proposing && !v.overdue && !v.ended;
            if (may && time >= v.opensAt && tag % 16 != 1) fail("the proposer was refused");
        }
    }

    /// @dev In a pause, or after the end, everything else is as it should be.
    function tooEarly(address by) internal {
        I.NodeView memory v = view_();
        bool resting = time < v.opensAt;
        if (v.state != I.RoundState.Proposing || v.overdue || !(resting || v.ended)) return;
        bytes memory note = noteOf(0);
        bytes32 sha = keccak256(abi.encode("early", tag));
        vm.prank(by);
        try c.propose(v.round, v.acceptedSha256, sha, sha, 100, note) {
            fail("proposed in a pause, or after the end");
        } catch (bytes memory why) {
            if (bytes4(why) != (v.ended ? I.Ended.selector : I.Resting.selector)) fail("refused for another reason");
        }
        if (v.ended) ++refusedAfterEnd;
        else ++rests;
    }

    function vote(uint256 seed, bool approve) external watched {
        _vote(someone(seed), seed, approve);
    }

    function _vote(address by, uint256 seed, bool approve) internal {
        I.NodeView memory v = view_();
        if ((v.state == I.RoundState.Proposing) != (v.proposal.id == 0)) fail("a proposal while proposing, or none later");
        bytes32 id = v.proposal.id;
        if (id == 0) return;
        if (!secret) {
            vm.prank(by);
            try c.vote(id, approve) {
                if (counted[id][by]) fail("voted twice");
                if (by == v.proposer) fail("the proposer's vote counted");
                if (time > v.deadline) fail("voted late");
                counted[id][by] = true;
            } catch {}
        } else if (v.state == I.RoundState.Voting) {
            bytes32 commitment = c.commitmentOf(id, by, approve, bytes32(seed >> 1));
            vm.prank(by);
            try c.commit(id, commitment) {
                if (committed[id][by] != 0) fail("committed twice");
                if (by == v.proposer) fail("the proposer committed");
                committed[id][by] = (seed >> 1 << 1) | (approve ? 1 : 0);
            } catch {}
        } else {
            uint256 kept = committed[id][by];
            bool lie = seed % 5 == 0;
            bool revealed = (kept & 1 == 1) != lie;
            vm.prank(by);
            try c.reveal(id, revealed, bytes32(kept >> 1)) {
                if (lie) fail("a false reveal counted");
                if (counted[id][by]) fail("revealed twice");
                if (time > v.deadline) fail("revealed late");
                counted[id][by] = true;
                ++reveals;
            } catch {}
        }
    }

    /// @dev A round as honest members play it, most of the time: without this random actions hardly ever get anything accepted.
    function play(uint256 seed) external watched {
        if (view_().overdue) return;
        if (view_().state == I.RoundState.Proposing) _propose(view_().proposer);
        uint256 round = view_().round;
        address[] memory list = c.members();
        for (uint256 phase; phase < (secret ? 2 : 1); ++phase) {
            for (uint256 i; i < list.length && view_().round == round; ++i) {
                uint256 mood = uint256(keccak256(abi.encode(seed, phase, i)));
                if (mood % 8 != 0) _vote(list[i], mood, mood >> 8 & 3 != 0);
            }
        }
    }

    function advance() external watched {
        // The round that is written down: the first 32 bits of the contract's first word.
        uint256 written = uint32(uint256(vmState.load(address(c), bytes32(0))));
        bool could = view_().overdue || view_().round != written;
        try c.advance() {
            if (!could) fail("advanced out of turn");
        } catch {
            if (could) fail("the clock has gone on, and advance was refused");
        }
    }

    function move(uint256 seed, uint8 what) external watched {
        _move(seed, what);
    }

    function _move(uint256 seed, uint8 what) internal {
        address by = someone(seed);
        bytes32 id;
        address subject = someone(seed / 32); // before the prank, which the next call uses up
        uint32 pause = uint32(seed / 3 % 4 * 20);
        I.Rules memory r = I.Rules(1 + uint32(seed % 3), 4, 100, 200, 300, 1000, trainWindow(), pause);
        uint256 round = seed / 64 % (view_().round + 1);
        if (what / 16 % 4 == 0) return _moveToAgreeOn(by, seed, I.MotionKind(uint256(I.MotionKind.SetPlan) + what % 3));
        vm.prank(by);
        if (what % 16 > 12) try c.moveRevertTo(round) returns (bytes32 x) { id = x; } catch {}
        else if (what % 16 > 10) try c.replaceMember(member(20 + seed / 16 % 5)) returns (bytes32 x) { id = x; } catch {}
        else if (what % 8 < 3) try c.moveAddMember(member(seed / 16 % 7)) returns (bytes32 x) { id = x; } catch {}
        else if (what % 8 < 5) try c.moveRemoveMember(subject) returns (bytes32 x) { id = x; } catch {}
        else if (what % 8 < 7) try c.moveRules(r) returns (bytes32 x) { id = x; } catch {}
        else try c.leave() returns (bytes32 x) { id = x; } catch {}
        if (id != 0) motionIds.push(id);
    }

    /// @dev An end soon, by round or by time, or both; none once it is there.
    function _moveToAgreeOn(address by, uint256 seed, I.MotionKind kind) internal {
        bytes32 word = keccak256(abi.encode(seed));
        if (kind == I.MotionKind.SetSuccessor) word >>= 32;
        if (kind == I.MotionKind.SetEnd) {
            I.NodeView memory v = view_();
            uint256 last = seed / 16 % 3 == 0 ? 0 : v.round + seed / 256 % 4;
            uint256 second = seed / 16 % 3 == 1 ? 0 : time + seed / 256 % 500;
            word = v.ended ? bytes32(0) : bytes32(last | (second << 32));
        }
        vm.prank(by);
        try c.moveToAgreeOn(kind, word) returns (bytes32 id) { motionIds.push(id); } catch {}
    }

    function voteMotion(uint256 seed, bool approve) external watched {
        _voteMotion(someone(seed), approve || seed % 3 != 0);
    }

    function _voteMotion(address by, bool approve) internal {
        if (motionIds.length == 0) return;
        I.MotionRecord memory before = c.motions(c.motionCount() - 1, 1)[0];
        uint256 before_ = view_().round;
        vm.prank(by);
        try c.voteMotion(motionIds[motionIds.length - 1], approve) {
            if (before.state != I.MotionState.Open) fail("a vote counted on a motion that wasn't open");
            if (by == before.subject) fail("the member to remove voted");
            I.MotionRecord memory m = c.motions(c.motionCount() - 1, 1)[0];
            if (bits(m.approvals) + bits(m.rejections) != bits(before.approvals) + bits(before.rejections) + 1) {
                fail("one vote on a motion wasn't counted once");
            }
            bool approved = m.state == I.MotionState.Approved || m.state == I.MotionState.Enacted || m.state == I.MotionState.Void;
            if (approved != (bits(m.approvals) >= m.need)) fail("motion approved wrongly");
            if (2 * m.need <= c.membersAt(before_).length - (m.kind == I.MotionKind.RemoveMember ? 1 : 0)) fail("less than a majority");
        } catch {}
    }

    /// @dev A motion on which most members vote.
    function moveAndVote(uint256 seed, uint8 what) external watched {
        uint256 before = c.motionCount();
        _move(seed, what);
        if (c.motionCount() == before) return;
        address[] memory list = c.members();
        for (uint256 i; i < list.length; ++i) {
            _voteMotion(list[i], uint256(keccak256(abi.encode(seed, i))) % 4 != 0);
        }
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

    /// @dev A fixed course of the same actions, to see that they reach what the invariants are about.
    function test_handler__reachesWhatMatters() public {
        for (uint256 i; i < 150; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            uint8 what = uint8(seed >> 128);
            if (i % 5 == 4) handler.moveAndVote(seed, what);
            else if (i % 5 == 3) handler.pass(uint16(seed));
            else if (i % 5 == 2) handler.propose(seed);
            else handler.play(seed);
            if (i % 4 == 3) handler.advance();
            if (i % 50 == 49) handler.goesOn();
        }
        require(bytes(handler.broken()).length == 0, handler.broken());
        I c = handler.collective();
        I.MotionRecord[] memory motions = c.motions(0, 1000);
        uint256[6] memory states;
        for (uint256 i; i < motions.length; ++i) {
            ++states[uint256(motions[i].state)];
        }
        require(handler.acceptedRounds() > 3, "hardly a round was accepted");
        require(handler.decisions() > handler.acceptedRounds() + handler.byClock(), "no round was rejected by votes");
        require(handler.byClock() > 0, "no round was closed by the clock");
        require(handler.reveals() > 5 || !c.viewFor(address(0), 0).secretVotes, "hardly a vote was revealed");
        require(states[uint256(I.MotionState.Enacted)] > 3, "hardly a motion was enacted");
        require(states[uint256(I.MotionState.Rejected)] + states[uint256(I.MotionState.Lapsed)] > 0, "no motion failed");
        require(handler.liveProofs() == 3, "liveness wasn't tried");
        require(handler.reverted() > 0, "the accepted weights never went back");
        require(handler.replaced() > 0, "no account was replaced");
        require(handler.agreements() > 2, "hardly anything was agreed on");
        require(handler.rests() > 2, "it hardly rested");
        require(handler.ends() > 2 && handler.refusedAfterEnd() > 0, "it hardly ended");
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

/// @notice The same with joint rounds: members contribute, and proposals are merges.
contract JointHandler is Handler {
    uint256 public contributed;
    uint256 public late;
    uint256 public trainings;
    mapping(uint256 => mapping(address => bool)) internal did; // by training
    mapping(uint256 => bytes32) internal parentOf; // of a training

    constructor() Handler(4, false, false) {}

    function genesis(uint256 n, bool secret_, bool shuffled) internal pure override returns (I.Genesis memory g) {
        g = super.genesis(n, secret_, shuffled);
        g.rules.trainWindow = 50;
        g.mergeOrder = 0x21;
    }

    function trainWindow() internal pure override returns (uint32) {
        return 50;
    }

    function noteOf(uint256 seed) internal view override returns (bytes memory) {
        I.Training memory t = view_().training;
        uint256 seats = t.contributed;
        if (seats == 0) seats = 1 << c.viewFor(view_().proposer, 0).seat;
        if (seed % 16 == 1) seats ^= 1 << (seed % 5);
        return abi.encode((uint256(keccak256("digest")) << 68) | ((t.rulesLeft & 15) << 64) | seats, 0);
    }

    /// @dev What the proposer needs first: it waits for the end of the training, and contributes if it hasn't.
    function prepare() internal override {
        I.NodeView memory v = view_();
        if (v.state != I.RoundState.Proposing || v.overdue) return;
        super.prepare();
        if (v.ended) return;
        if (time < v.training.until) {
            time = v.training.until;
            vm.warp(time);
        }
        if (v.training.contributed == 0) _contribute(v.proposer);
    }

    function contribute(uint256 seed) external watched {
        _contribute(someone(seed));
    }

    function contributeMany(uint256 seed) external watched {
        address[] memory list = c.members();
        for (uint256 i; i < list.length; ++i) {
            if ((seed >> i) & 3 != 0) _contribute(list[i]);
        }
    }

    function _contribute(address by) internal {
        I.NodeView memory v = view_();
        I.Training memory t = v.training;
        bytes32 before = whatIsDecided(v);
        bytes32 sha = keccak256(abi.encode("c", ++tag));
        readDecisions(); // what is refused has left logs, too, when it had caught up before
        bytes32 wrong = keccak256("another parent");
        vm.prank(by);
        try c.contribute(t.firstRound, wrong, sha, sha, 100, "") {
            fail("contributed to another parent");
        } catch {}
        vm.prank(by);
        try c.contribute(t.firstRound + 1, v.acceptedSha256, sha, sha, 100, "") {
            fail("contributed to another training");
        } catch {}
        vmState.getRecordedLogs();
        vm.prank(by);
        try c.contribute(t.firstRound, v.acceptedSha256, sha, sha, 100, "") {
            if (did[t.firstRound][by] && !v.overdue && c.motionCount() == 0) fail("contributed twice");
            did[t.firstRound][by] = true;
            ++contributed;
            if (v.state == I.RoundState.Proposing && (v.ended || time < v.opensAt)) {
                fail("contributed in a pause, or after the end");
            }
            I.NodeView memory w = c.viewFor(by, 0);
            if (w.contributions[w.seat].sha256Hash != sha) fail("a contribution isn't in the view");
            bool inTime = (w.training.contributed >> w.seat) & 1 == 1;
            if (inTime != (time < t.until)) fail("late and in time mixed up");
            if (!inTime) ++late;
            if (w.training.firstRound != t.firstRound) fail("a contribution began a training");
        } catch {
            vmState.getRecordedLogs();
        }
        I.NodeView memory later = view_();
        if (whatIsDecided(later) != before) fail("a contribution decided something");
    }

    /// @dev The last rounds and the open one, but for its deadline, which moves when the training closes.
    function whatIsDecided(I.NodeView memory v) internal view returns (bytes32) {
        I.RoundRecord[] memory last = c.rounds(v.round < 4 ? 0 : v.round - 4, v.round < 4 ? v.round : 4, 0);
        I.RoundRecord memory open = v.proposal;
        return keccak256(
            abi.encode(last, v.acceptedRound, v.round, v.state, open.id, open.approvals, open.rejections, open.need)
        );
    }

    function watchMore() internal override {
        I.NodeView memory v = view_();
        I.Training memory t = v.training;
        if (t.firstRound == 0 || t.firstRound > v.round) fail("no training, or one to come");
        if (t.contributed >> v.memberCount != 0 || t.expected >> v.memberCount != 0) fail("a seat that there isn't");
        if (t.expected == 0 && c.motionCount() == 0) fail("nobody is expected");
        if (t.rulesLeft == 0 && !v.overdue) fail("no rule is left, and no training has begun");
        if (parentOf[t.firstRound] == 0) ++trainings;
        else if (parentOf[t.firstRound] != v.acceptedSha256) fail("a training's parent changed");
        parentOf[t.firstRound] = v.acceptedSha256;
        for (uint256 i; i < v.memberCount; ++i) {
            if ((t.contributed >> i) & 1 == 1 && v.contributions[i].sha256Hash == 0) fail("contributed, and nothing is there");
        }
        if (v.state != I.RoundState.Proposing && v.proposal.claim == 0) fail("a merge without a claim");
    }
}

contract JointInvariants is InvariantsBase {
    function setUp() public {
        handler = new JointHandler();
    }

    function test_joint__reachesWhatMatters() public {
        JointHandler h = JointHandler(address(handler));
        for (uint256 i; i < 120; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("joint", i)));
            if (i % 3 == 0) h.contributeMany(seed);
            else if (i % 3 == 1) h.play(seed);
            else if (i % 9 == 2) h.moveAndVote(seed, uint8(seed >> 128));
            else h.pass(uint16(seed));
            if (i % 7 == 6) h.contribute(seed);
            if (i % 40 == 39) h.goesOn();
        }
        require(bytes(h.broken()).length == 0, h.broken());
        require(h.contributed() > 20 && h.late() > 3, "hardly a contribution");
        require(h.trainings() > 5 && h.acceptedRounds() > 3, "hardly a training");
    }
}
