// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICollectiveLearning} from "../ICollectiveLearning.sol";
import {Clock} from "./Clock.sol";
import {Agenda} from "../types/Agenda.sol";
import {Content, ofAccount, ofRules} from "../types/Content.sol";
import {Epoch, toEpoch} from "../types/Epoch.sol";
import {Head} from "../types/Head.sol";
import {Holder} from "../types/Holder.sol";
import {MotionWord, toMotionWord} from "../types/MotionWord.sol";
import {RulesWord, pack} from "../types/RulesWord.sol";

/// @title What members can change by their votes, and how it is carried out
abstract contract Motions is Clock {
    uint256 private constant NOBODY = 0;

    /// @inheritdoc ICollectiveLearning
    function moveAddMember(address subject) external returns (bytes32 id) {
        if (subject == address(0)) revert ZeroAddress();
        if (subject == address(this)) revert NotAnAddition(subject);
        if (_seat[subject].isMember()) revert AlreadyAMember(subject);
        uint256 count = _head.members();
        if (count == MOST_MEMBERS) revert BadMemberCount(count + 1, LEAST_MEMBERS, MOST_MEMBERS);
        return _move(MotionKind.AddMember, ofAccount(subject), NOBODY, false);
    }

    /// @inheritdoc ICollectiveLearning
    function moveRemoveMember(address subject) external returns (bytes32 id) {
        uint256 seat = _seatOf(subject);
        if (subject == msg.sender) revert NotEligible(subject);
        return _move(MotionKind.RemoveMember, ofAccount(subject), seat + 1, false);
    }

    /// @inheritdoc ICollectiveLearning
    function moveRules(Rules calldata newRules) external returns (bytes32 id) {
        _checkRules(newRules);
        return _move(MotionKind.SetRules, ofRules(pack(newRules)), NOBODY, false);
    }

    /// @inheritdoc ICollectiveLearning
    function leave() external returns (bytes32 id) {
        uint256 seat = _seatOf(msg.sender);
        // Once is enough, and each boundary takes one motion: a member must not fill the queue alone.
        if (_seat[msg.sender].leaving()) revert TooManyMotions();
        id = _move(MotionKind.RemoveMember, ofAccount(msg.sender), seat + 1, true);
        _seat[msg.sender] = _seat[msg.sender].withLeaving(true);
    }

    /// @inheritdoc ICollectiveLearning
    function voteMotion(bytes32 id, bool approve) external {
        uint256 seat = _seatOf(msg.sender);
        uint256 index = _motionIndex[id];
        if (index == 0) revert NoSuchMotion(id);
        --index;
        Head head = _head;
        MotionWord motion = _motion[index];
        MotionState state = motion.stateAt(block.timestamp, head.epochNumber());
        if (state != MotionState.Open) revert MotionNotOpen(id, state);
        if (motion.isBarred(seat)) revert NotEligible(msg.sender);
        uint256 bit = 1 << seat;
        if (motion.hasVoted(bit)) revert AlreadyVoted(msg.sender);
        emit MotionVoteCast(id, msg.sender, approve);
        _motion[index] = _decide(index, id, head, motion.withVote(bit, approve));
    }

    /// @dev `barred` is the seat + 1 of who has no vote on it. A `wish` needs nobody's vote.
    function _move(MotionKind kind, Content content, uint256 barred, bool wish) private returns (bytes32 id) {
        uint256 seat = _seatOf(msg.sender);
        Head head = _head;
        Agenda agenda = _agenda;
        RulesWord terms = _rules;
        uint256 index = agenda.moved();
        uint256 count = head.members();
        if (kind == MotionKind.RemoveMember && count == LEAST_MEMBERS) {
            revert BadMemberCount(count - 1, LEAST_MEMBERS, MOST_MEMBERS);
        }
        if (!wish) {
            // One motion a member, until it is decided and carried out: so nobody, alone, can bury the others' motions.
            Holder mover = _holder[seat];
            if (mover.hasMoved()) {
                MotionState state = _motion[mover.lastMotion()].stateAt(block.timestamp, head.epochNumber());
                if (state == MotionState.Open || state == MotionState.Approved) revert TooManyMotions();
            }
            _holder[seat] = mover.withLastMotion(index);
        }
        uint256 deadline = block.timestamp + terms.motionWindow();
        uint256 need = wish ? 0 : terms.need(barred == NOBODY ? count : count - 1);
        MotionWord motion = toMotionWord(deadline, seat, need, count, kind, head.epochNumber(), barred);
        id = _motionId(index, motion, content);
        _agenda = agenda.withOneMoved();
        _motionIndex[id] = index + 1;
        _content[index] = content;
        (address subject, Rules memory newRules) = _said(kind, content);
        emit MotionMoved(id, msg.sender, kind, subject, newRules, deadline);
        if (!wish) {
            motion = motion.withVote(1 << seat, true);
            emit MotionVoteCast(id, msg.sender, true);
        }
        _motion[index] = _decide(index, id, head, motion);
    }

    /// @dev Decide the motion if its outcome is certain; gives its new word.
    function _decide(uint256 index, bytes32 id, Head head, MotionWord motion) private returns (MotionWord) {
        if (motion.isCarried()) {
            // While a motion waits the clock opens no rounds: so what it has opened until now is written down first.
            Now memory present = _at(head, block.timestamp);
            if (!present.overdue && _isBehind(present)) {
                head = _catchUp(head, present);
                _announce(head);
            }
            Agenda agenda = _agenda;
            _queue[agenda.back()] = index;
            _agenda = agenda.withOneApproved();
            _head = head.withMotionsWait(true);
            emit MotionDecided(id, true);
            return motion.withState(MotionState.Approved);
        }
        if (motion.isLost()) {
            emit MotionDecided(id, false);
            return motion.withState(MotionState.Rejected);
        }
        return motion;
    }

    /// @inheritdoc Clock
    function _enact(Head head, uint256 round) internal override returns (Head) {
        Agenda agenda = _agenda;
        uint256 index = _queue[agenda.front()];
        agenda = agenda.withOneTaken();
        _agenda = agenda;
        head = head.withMotionsWait(!agenda.isEmpty());
        MotionWord motion = _motion[index];
        Content content = _content[index];
        MotionKind kind = motion.kind();
        bool possible = _isPossible(kind, content.asAccount(), head.members());
        _motion[index] = motion.withState(possible ? MotionState.Enacted : MotionState.Void);
        bytes32 id = _motionId(index, motion, content);
        if (!possible) {
            // A member that could not leave may ask again.
            if (kind == MotionKind.RemoveMember) {
                _seat[content.asAccount()] = _seat[content.asAccount()].withLeaving(false);
            }
            emit MotionVoided(id);
            return head;
        }
        emit MotionEnacted(id, round);
        if (kind != MotionKind.SetRules) return _changeMembers(head, kind, content.asAccount(), round);
        _rules = content.asRules();
        emit RulesChanged(content.asRules().unpack(), round);
        return head.withTerms(content.asRules());
    }

    function _isPossible(MotionKind kind, address subject, uint256 count) private view returns (bool) {
        if (kind == MotionKind.AddMember) return !_seat[subject].isMember() && count < MOST_MEMBERS;
        if (kind == MotionKind.RemoveMember) return _seat[subject].isMember() && count > LEAST_MEMBERS;
        return true;
    }

    /// @dev Another member or one less, from `round` on: which begins an epoch, in which turns go on where they were.
    function _changeMembers(Head head, MotionKind kind, address subject, uint256 round) private returns (Head) {
        uint256 count = head.members();
        uint256 turn = _turn(head, round - 1);
        uint256 next = (turn + 1) % count;
        if (kind == MotionKind.AddMember) {
            // The newcomer sits last, so it follows the member that is last now.
            if (next == 0) next = count;
            _add(subject, count, round);
            ++count;
        } else {
            --count;
            uint256 freed = _remove(subject, count, round);
            // Who had the last turn and now sits where it would go on has had it.
            if (turn == count && freed == next) ++next;
            next %= count;
        }
        uint256 number = head.epochNumber() + 1;
        Epoch epoch = toEpoch(round, count, next);
        _epoch[number] = epoch;
        return head.withEpoch(number, epoch).withTerms(_rules);
    }

    function _motionId(uint256 index, MotionWord motion, Content content) internal pure returns (bytes32) {
        MotionKind kind = motion.kind();
        (address subject, Rules memory newRules) = _said(kind, content);
        return keccak256(abi.encode(index, motion.epochNumber(), kind, subject, newRules));
    }

    /// @dev A motion's content in the words of the interface.
    function _said(MotionKind kind, Content content) internal pure returns (address subject, Rules memory newRules) {
        if (kind == MotionKind.SetRules) newRules = content.asRules().unpack();
        else subject = content.asAccount();
    }

    function _checkRules(Rules memory r) internal pure {
        if (
            r.thresholdNumerator == 0 || r.thresholdNumerator >= r.thresholdDenominator || r.proposeWindow == 0
                || r.voteWindow == 0 || r.revealWindow == 0 || r.motionWindow == 0
        ) revert BadRules(r);
    }
}
