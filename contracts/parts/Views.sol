// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICollectiveLearning} from "../ICollectiveLearning.sol";
import {Motions} from "./Motions.sol";
import {Rounds} from "./Rounds.sol";
import {Agenda} from "../types/Agenda.sol";
import {Claim} from "../types/Claim.sol";
import {Content} from "../types/Content.sol";
import {Epoch} from "../types/Epoch.sol";
import {Head} from "../types/Head.sol";
import {Holder} from "../types/Holder.sol";
import {MotionWord} from "../types/MotionWord.sol";
import {Seat} from "../types/Seat.sol";
import {ACCEPTED, REJECTED, Tally} from "../types/Tally.sol";
import {TrainingWord} from "../types/TrainingWord.sol";

/// @title What can be asked: the present for a node, the past from storage alone
abstract contract Views is Rounds, Motions {
    /// @inheritdoc ICollectiveLearning
    function viewFor(address member, uint256 at) external view returns (NodeView memory v) {
        Head head = _head;
        at = _time(at);
        Now memory present = _at(head, at);
        v.at = at;
        v.round = present.round;
        v.state = present.state;
        _record(v.proposal, present.round, head, present);
        v.proposer = v.proposal.proposer;
        v.deadline = present.deadline;
        v.overdue = present.overdue;
        v.acceptedRound = head.acceptedRound();
        v.acceptedSha256 = _sha[v.acceptedRound];
        v.acceptedCidDigest = _cidOf(v.acceptedRound);
        v.memberCount = v.proposal.memberCount;
        v.acceptedSize = _tally[_keyOf(v.acceptedRound, v.acceptedSha256)].size();
        Seat seat = _seat[member];
        v.isMember = seat.isMember();
        v.rules = _rules.unpack();
        v.secretVotes = secretVotes;
        v.maxSize = maxSize;
        v.mergeOrder = mergeOrder;
        if (head.isJoint()) {
            // While it is under decision nothing of it changes, and the clock doesn't look at it.
            (v.training, v.contributions) =
                _trained(present.training.isNone() ? _training : present.training, v.memberCount);
        }
        if (v.isMember) {
            v.seat = seat.number();
            v.motionsToVote = _motionsToVote(v.seat, head, at);
        }
        if (v.isMember && present.state != RoundState.Proposing) {
            uint256 bit = 1 << v.seat;
            bool cast = (v.proposal.approvals | v.proposal.rejections) & bit != 0;
            bool isHidden = v.proposal.hidden & bit != 0;
            v.voted = cast || (isHidden && present.state == RoundState.Voting);
            if (secretVotes && (cast || isHidden)) v.commitment = seat.commitment() | bytes32(present.round);
        }
        v.roundsToKeep = _roundsToKeep(head, at);
        v.opensAt = present.start;
        v.ended = present.ended;
    }

    /// @inheritdoc ICollectiveLearning
    function rounds(uint256 first, uint256 count, uint256 at) external view returns (RoundRecord[] memory page) {
        unchecked {
            Head head = _head;
            Now memory present = _at(head, _time(at));
            if (first > present.round) return page;
            page = new RoundRecord[](_lengthOf(count, present.round - first + 1));
            for (uint256 i; i < page.length; ++i) {
                _record(page[i], first + i, head, present);
            }
        }
    }

    /// @inheritdoc ICollectiveLearning
    function membersAt(uint256 round) external view returns (address[] memory list) {
        Epoch epoch = _epochOf(round, _head);
        list = new address[](epoch.members());
        for (uint256 i; i < list.length; ++i) {
            list[i] = _memberIn(i, round);
        }
    }

    /// @inheritdoc ICollectiveLearning
    function members() external view returns (address[] memory list) {
        list = new address[](_head.members());
        for (uint256 i; i < list.length; ++i) {
            list[i] = _memberAt(i);
        }
    }

    /// @inheritdoc ICollectiveLearning
    function motions(uint256 first, uint256 count) external view returns (MotionRecord[] memory page) {
        unchecked {
            uint256 epochNumber = _head.epochNumber();
            uint256 total = _agenda.moved();
            if (first >= total) return page;
            page = new MotionRecord[](_lengthOf(count, total - first));
            for (uint256 i; i < page.length; ++i) {
                MotionRecord memory m = page[i];
                MotionWord motion = _motion[first + i];
                Content content = _content[first + i];
                m.id = _motionId(first + i, motion, content);
                m.kind = motion.kind();
                m.state = motion.stateAt(block.timestamp, epochNumber);
                m.mover = _holderAt(motion.moverSeat(), motion.moverPlace());
                (m.subject, m.rules, m.toRound, m.word) = _said(m.kind, content);
                if (m.kind == MotionKind.RevertTo) m.firstRound = content.firstRound();
                m.deadline = motion.deadline();
                m.approvals = motion.approvals();
                m.rejections = motion.rejections();
                m.need = motion.need();
            }
        }
    }

    /// @inheritdoc ICollectiveLearning
    function motionCount() external view returns (uint256) {
        return _agenda.moved();
    }

    /// @inheritdoc ICollectiveLearning
    function currentAgreement(MotionKind kind) external view returns (bytes32) {
        return _agreement[kind];
    }

    /// @inheritdoc ICollectiveLearning
    function proposalId(uint256 round, bytes32 sha256Hash, bytes32 cidDigest, uint256 size)
        external
        pure
        returns (bytes32)
    {
        if (size > MOST_SIZE) revert SizeOutOfRange(size, MOST_SIZE);
        return _key(round, sha256Hash, cidDigest) | bytes32(size);
    }

    /// @dev A training in the words of the interface, and what was contributed to it, by seat.
    function _trained(TrainingWord word, uint256 count)
        private
        view
        returns (Training memory training, Contribution[] memory list)
    {
        training.firstRound = word.firstRound();
        training.until = word.until();
        training.rulesLeft = word.rulesLeft();
        training.contributed = word.contributed();
        training.expected = word.expected();
        list = new Contribution[](count);
        for (uint256 i; i < count; ++i) {
            Contributed storage said = _contribution[i];
            if (said.word.training() != training.firstRound) continue;
            Contribution memory one = list[i];
            one.sha256Hash = said.sha256Hash;
            one.size = said.word.size();
            one.cidDigest = one.size > ONE_BLOCK ? said.cidDigest : one.sha256Hash;
        }
    }

    /// @dev At most one a member: each has one motion at a time. (And those of earlier members have lapsed.)
    function _motionsToVote(uint256 seat, Head head, uint256 time) private view returns (bytes32[] memory ids) {
        unchecked {
            (uint256[] memory open, uint256 count) = _openMotions(head, time, 0);
            ids = new bytes32[](count);
            uint256 found;
            for (uint256 i; i < count; ++i) {
                MotionWord motion = _motion[open[i]];
                if (motion.isBarred(seat) || motion.hasVoted(1 << seat)) continue;
                ids[found++] = _motionId(open[i], motion, _content[open[i]]);
            }
            assembly ("memory-safe") {
                mstore(ids, found)
            }
        }
    }

    /// @dev The indexes of the `count` motions that are open, in a list that has room for so many `more`.
    function _openMotions(Head head, uint256 time, uint256 more)
        private
        view
        returns (uint256[] memory list, uint256 count)
    {
        unchecked {
            uint256 seats = head.members();
            list = new uint256[](seats + more);
            for (uint256 i; i < seats; ++i) {
                Holder holder = _holder[i];
                if (!holder.hasMoved()) continue;
                uint256 index = holder.lastMotion();
                if (_motion[index].stateAt(time, head.epochNumber()) == MotionState.Open) list[count++] = index;
            }
        }
    }

    /// @dev The rounds that motions would go back to which are open, or wait for their boundary.
    function _roundsToKeep(Head head, uint256 time) private view returns (uint256[] memory list) {
        unchecked {
            Agenda agenda = _agenda;
            uint256 count;
            (list, count) = _openMotions(head, time, agenda.back() - agenda.front());
            for (uint256 place = agenda.front(); place < agenda.back(); ++place) {
                list[count++] = _queue[place].index();
            }
            uint256 found;
            for (uint256 i; i < count; ++i) {
                if (_motion[list[i]].kind() == MotionKind.RevertTo) list[found++] = _content[list[i]].asRound();
            }
            assembly ("memory-safe") {
                mstore(list, found)
            }
        }
    }

    function _record(RoundRecord memory r, uint256 round, Head head, Now memory present) private view {
        r.round = round;
        Epoch epoch = _epochOf(round, head);
        r.memberCount = epoch.members();
        bytes32 sha = _sha[round];
        if (sha != 0) {
            r.sha256Hash = sha;
            r.cidDigest = _cidOf(round);
            Claim claim = _claimOf(round);
            r.claim = Claim.unwrap(claim);
            r.id = _key(round, sha, claim.bind(r.cidDigest));
            Tally tally = r.id == present.id & KEY ? present.tally : _tally[r.id];
            r.size = tally.size();
            r.id |= bytes32(r.size);
            r.deadline = tally.deadline();
            r.proposerSeat = tally.proposerSeat();
            r.approvals = tally.approvals();
            r.rejections = tally.rejections();
            r.hidden = tally.hidden();
            r.need = tally.need();
            if (round != 0) {
                r.parentRound = tally.parentRound();
                r.parent = _sha[r.parentRound];
            }
            uint256 status = tally.status();
            if (status == ACCEPTED) r.state = RoundState.Accepted;
            else if (status == REJECTED || round < present.round || present.overdue) r.state = RoundState.Rejected;
            else r.state = present.state;
        } else {
            r.proposerSeat = _turnIn(epoch, round);
            if (round == present.round && !present.overdue) {
                (r.state, r.deadline) = (RoundState.Proposing, present.deadline);
            } else {
                r.state = RoundState.Missed;
            }
        }
        if (round != 0) r.proposer = _memberIn(r.proposerSeat, round);
    }

    /// @dev Of a page: memory's price grows with the square of what is taken, so pages have an end.
    function _lengthOf(uint256 count, uint256 left) private pure returns (uint256) {
        if (count > MOST_PAGE) count = MOST_PAGE;
        return count < left ? count : left;
    }

    function _time(uint256 at) private view returns (uint256) {
        if (at == 0) return block.timestamp;
        return at < type(uint40).max ? at : type(uint40).max;
    }
}
