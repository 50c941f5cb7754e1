// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICollectiveLearning} from "../ICollectiveLearning.sol";
import {Clock} from "./Clock.sol";
import {Agenda} from "../types/Agenda.sol";
import {WINDOW_MASK} from "../types/Bits.sol";
import {Content, ofAccount, ofRound, ofRules, ofWord} from "../types/Content.sol";
import {END_BITS} from "../types/End.sol";
import {Epoch, toEpoch, vacated} from "../types/Epoch.sol";
import {Head} from "../types/Head.sol";
import {Holder} from "../types/Holder.sol";
import {MotionWord, toMotionWord} from "../types/MotionWord.sol";
import {Queued, toQueued} from "../types/Queued.sol";
import {RulesWord, pack} from "../types/RulesWord.sol";
import {Seat} from "../types/Seat.sol";
import {ACCEPTED} from "../types/Tally.sol";

/// @title What members can change by their votes, and how it is carried out
abstract contract Motions is Clock {
    uint256 private constant NOBODY = 0;
    uint256 private constant SUCCESSOR_BITS = 224; // an address 160, a chain's id 64

    /// @inheritdoc ICollectiveLearning
    function moveAddMember(address subject) external returns (bytes32 id) {
        unchecked {
            _checkNewcomer(subject);
            uint256 count = _head.members();
            if (count == MOST_MEMBERS) revert BadMemberCount(count + 1, LEAST_MEMBERS, MOST_MEMBERS);
            return _move(MotionKind.AddMember, ofAccount(subject), NOBODY, false);
        }
    }

    /// @inheritdoc ICollectiveLearning
    function moveRemoveMember(address subject) external returns (bytes32 id) {
        uint256 seat = _seatOf(subject);
        if (subject == msg.sender) revert NotEligible(subject);
        unchecked {
            return _move(MotionKind.RemoveMember, ofAccount(subject), seat + 1, false);
        }
    }

    /// @inheritdoc ICollectiveLearning
    function moveRules(Rules memory newRules) external returns (bytes32 id) {
        _checkRules(newRules, _head.isJoint());
        return _move(MotionKind.SetRules, ofRules(pack(newRules)), NOBODY, false);
    }

    /// @inheritdoc ICollectiveLearning
    function moveRevertTo(uint256 round) external returns (bytes32 id) {
        bytes32 sha = _sha[round];
        if (sha == 0 || _tally[_keyOf(round, sha)].status() != ACCEPTED) revert RoundNotAccepted(round);
        if (sha == _sha[_head.acceptedRound()]) revert NothingChanged(sha);
        return _move(MotionKind.RevertTo, ofRound(round), NOBODY, false);
    }

    /// @inheritdoc ICollectiveLearning
    function moveToAgreeOn(MotionKind kind, bytes32 word) external returns (bytes32 id) {
        uint256 bits = kind == MotionKind.SetEnd ? END_BITS : kind == MotionKind.SetSuccessor ? SUCCESSOR_BITS : 256;
        if (kind < MotionKind.SetPlan || uint256(word) >> bits != 0) revert BadAgreement();
        if (word == _agreement[kind]) revert NothingChanged(word);
        return _move(kind, ofWord(word), NOBODY, false);
    }

    /// @inheritdoc ICollectiveLearning
    function nameMyself(bytes32 name) external {
        _seatOf(msg.sender);
        emit NameSet(msg.sender, name);
    }

    /// @inheritdoc ICollectiveLearning
    function leave() external returns (bytes32 id) {
        uint256 seat = _seatOf(msg.sender);
        // Once is enough, and each boundary takes one motion: a member must not fill the queue alone.
        if (_seat[msg.sender].leaving()) revert TooManyMotions();
        unchecked {
            return _move(MotionKind.RemoveMember, ofAccount(msg.sender), seat + 1, true);
        }
    }

    /// @inheritdoc ICollectiveLearning
    function replaceMember(address successor) external returns (bytes32 id) {
        _checkNewcomer(successor);
        Seat seat = _seat[msg.sender];
        if (seat.leaving() || seat.replacing()) revert TooManyMotions();
        return _move(MotionKind.ReplaceMember, ofAccount(successor), NOBODY, true);
    }

    /// @inheritdoc ICollectiveLearning
    function voteMotion(bytes32 id, bool approve) external {
        unchecked {
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
            _decide(index, id, head, motion.withVote(bit, approve));
        }
    }

    /// @dev `barred` is the seat + 1 of who has no vote on it. A `wish` needs nobody's vote.
    function _move(MotionKind kind, Content content, uint256 barred, bool wish) private returns (bytes32 id) {
        unchecked {
            uint256 seat = _seatOf(msg.sender);
            Head head = _head;
            Agenda agenda = _agenda;
            RulesWord terms = _rules;
            uint256 index = agenda.moved();
            uint256 count = head.members();
            if (kind == MotionKind.RemoveMember && count == LEAST_MEMBERS) {
                revert BadMemberCount(count - 1, LEAST_MEMBERS, MOST_MEMBERS);
            }
            Holder mover = _holder[seat];
            if (!wish) {
                // One motion a member, until it is decided and carried out: so nobody, alone, can bury the others' motions.
                if (mover.hasMoved()) {
                    MotionState state = _motion[mover.lastMotion()].stateAt(block.timestamp, head.epochNumber());
                    if (state == MotionState.Open || state == MotionState.Approved) revert TooManyMotions();
                }
                _holder[seat] = mover.withLastMotion(index);
            }
            uint256 deadline = block.timestamp + terms.motionWindow();
            uint256 need = wish ? 0 : terms.motionNeed(barred == NOBODY ? count : count - 1);
            MotionWord motion =
                toMotionWord(deadline, seat, need, count, kind, head.epochNumber(), barred).withMoverPlace(mover.earlier());
            id = _motionId(index, motion, content);
            _agenda = agenda.withOneMoved();
            _motionIndex[id] = index + 1;
            _content[index] = content;
            (address subject, Rules memory newRules, uint256 toRound, bytes32 word) = _said(kind, content);
            emit MotionMoved(id, msg.sender, kind, subject, newRules, toRound, word, deadline);
            if (!wish) {
                motion = motion.withVote(1 << seat, true);
                emit MotionVoteCast(id, msg.sender, true);
            }
            _decide(index, id, head, motion);
        }
    }

    /// @dev Decide the motion if its outcome is certain, and write its new word down.
    function _decide(uint256 index, bytes32 id, Head head, MotionWord motion) private {
        if (!motion.isCarried()) {
            if (motion.isLost()) {
                motion = motion.withState(MotionState.Rejected);
                emit MotionDecided(id, false);
            }
            _motion[index] = motion;
            return;
        }
        _motion[index] = motion.withState(MotionState.Approved);
        Now memory present = _at(head, block.timestamp);
        // The members need not wait for a proposer that is away. A wish ends nobody's turn: it is one member's alone.
        bool ends = present.state == RoundState.Proposing && !present.overdue && !motion.isWish();
        // While a motion waits the clock opens no rounds: so what it has opened until now is written down first.
        if (!present.overdue && _isBehind(present)) {
            head = _catchUp(head, present);
            if (!ends) _announce(head);
        }
        Agenda agenda = _agenda;
        _queue[agenda.back()] = toQueued(index, _flagged(motion));
        _agenda = agenda.withOneApproved();
        head = head.withMotionsWait(true);
        emit MotionDecided(id, true);
        if (ends) {
            emit RoundsMissed(present.round, present.round);
            // A pause that goes on is shortened where the motion sets a shorter one, and else stays.
            _openNext(head, block.timestamp, present.start);
        } else {
            _head = head;
        }
    }

    /// @dev The member that an approved motion is about, if it is about one; that this is so is noted at its seat.
    function _flagged(MotionWord motion) private returns (address account) {
        MotionKind kind = motion.kind();
        if (kind == MotionKind.RemoveMember) {
            account = _memberAt(motion.barredSeat());
            _seat[account] = _seat[account].withLeaving(true);
        } else if (kind == MotionKind.ReplaceMember) {
            account = msg.sender;
            _seat[account] = _seat[account].withReplacing(true);
        }
    }

    /// @inheritdoc Clock
    function _enact(Head head, uint256 round) internal override returns (Head) {
        Agenda agenda = _agenda;
        Queued queued = _queue[agenda.front()];
        agenda = agenda.withOneTaken();
        _agenda = agenda;
        head = head.withMotionsWait(!agenda.isEmpty());
        uint256 index = queued.index();
        address account = queued.account();
        MotionWord motion = _motion[index];
        Content content = _content[index];
        MotionKind kind = motion.kind();
        bool possible = _isPossible(kind, account, content, head);
        _motion[index] = motion.withState(possible ? MotionState.Enacted : MotionState.Void);
        bytes32 id = _motionId(index, motion, content);
        if (!possible) {
            // A member that could not go, or not be replaced, may ask again.
            if (kind == MotionKind.RemoveMember) _seat[account] = _seat[account].withLeaving(false);
            else if (kind == MotionKind.ReplaceMember) _seat[account] = _seat[account].withReplacing(false);
            emit MotionVoided(id);
            return head;
        }
        emit MotionEnacted(id, round);
        if (kind == MotionKind.AddMember) return _changeMembers(head, kind, content.asAccount(), round);
        if (kind == MotionKind.RemoveMember) return _changeMembers(head, kind, account, round);
        if (kind == MotionKind.ReplaceMember) {
            _replace(account, content.asAccount(), round);
            return head;
        }
        if (kind == MotionKind.RevertTo) {
            uint256 to = content.asRound();
            _content[index] = content.withFirstRound(round);
            emit WeightsReverted(round, to, _sha[to]);
            return head.withAcceptedRound(to);
        }
        if (kind == MotionKind.SetRules) {
            _rules = content.asRules();
            emit RulesChanged(content.asRules().unpack(), round);
            head = head.withTerms(content.asRules());
        } else {
            _agreement[kind] = content.asWord();
            emit AgreementChanged(kind, content.asWord(), round);
        }
        bool limited = _rules.pause() != 0 || _agreement[MotionKind.SetEnd] != 0;
        if (head.isJoint()) _training = _training.withLimits(limited);
        return head.withLimits(limited);
    }

    /// @dev `account`: the member to go, or to be replaced.
    function _isPossible(MotionKind kind, address account, Content content, Head head) private view returns (bool) {
        if (kind == MotionKind.AddMember) {
            return !_seat[content.asAccount()].isMember() && head.members() < MOST_MEMBERS;
        }
        if (kind == MotionKind.RemoveMember) return _seat[account].isMember() && head.members() > LEAST_MEMBERS;
        if (kind == MotionKind.ReplaceMember) {
            // Who is to go doesn't get away under another name.
            Seat seat = _seat[account];
            return seat.isMember() && !seat.leaving() && !_seat[content.asAccount()].isMember();
        }
        if (kind == MotionKind.RevertTo) return _sha[content.asRound()] != _sha[head.acceptedRound()];
        return true;
    }

    /// @dev Another member or one less, from `round` on: which begins an epoch, in which turns go on where they were.
    function _changeMembers(Head head, MotionKind kind, address subject, uint256 round) private returns (Head) {
        unchecked {
            uint256 count = head.members();
            uint256 number = head.epochNumber();
            (uint256 cycle, uint256 due) = shuffled ? _epoch[number].running(round, address(this)) : (0, 0);
            uint256 turn = shuffled ? 0 : _turn(head, round - 1);
            uint256 next = (turn + 1) % count;
            if (kind == MotionKind.AddMember) {
                // The newcomer sits last, so it follows the member that is last now; in shuffled order the next cycle has it.
                if (next == 0) next = count;
                _add(subject, count, round);
                if (head.isJoint()) _noteLate(_training, 1 << count);
                ++count;
            } else {
                --count;
                uint256 freed = _remove(subject, count, round);
                if (head.isJoint()) _vacate(freed, count);
                // Who had the last turn and now sits where it would go on has had it.
                if (turn == count && freed == next) ++next;
                next %= count;
                due = vacated(due, freed, count);
            }
            ++number;
            Epoch epoch = toEpoch(round, count, next).withCycle(cycle, due);
            _epoch[number] = epoch;
            return head.withEpoch(number, epoch).withTerms(_rules);
        }
    }

    function _motionId(uint256 index, MotionWord motion, Content content) internal pure returns (bytes32) {
        MotionKind kind = motion.kind();
        (address subject, Rules memory newRules, uint256 toRound, bytes32 word) = _said(kind, content);
        return keccak256(abi.encode(index, motion.epochNumber(), kind, subject, newRules, toRound, word));
    }

    /// @dev A motion's content in the words of the interface.
    function _said(MotionKind kind, Content content)
        internal
        pure
        returns (address subject, Rules memory newRules, uint256 toRound, bytes32 word)
    {
        if (kind == MotionKind.SetRules) newRules = content.asRules().unpack();
        else if (kind == MotionKind.RevertTo) toRound = content.asRound();
        else if (kind >= MotionKind.SetPlan) word = content.asWord();
        else subject = content.asAccount();
    }

    function _checkNewcomer(address account) private view {
        if (account == address(0)) revert ZeroAddress();
        if (account == address(this)) revert NotAnAddition(account);
        if (_seat[account].isMember()) revert AlreadyAMember(account);
    }

    function _checkRules(Rules memory r, bool joint) internal pure {
        if (
            r.thresholdNumerator == 0 || r.thresholdNumerator >= r.thresholdDenominator || r.proposeWindow == 0
                || r.voteWindow == 0 || r.revealWindow == 0 || r.motionWindow == 0
                || (r.trainWindow != 0) != joint
        ) revert BadRules(r);
        if (
            r.proposeWindow | r.voteWindow | r.revealWindow | r.motionWindow | r.trainWindow | r.pause
                > WINDOW_MASK
        ) revert WindowTooLong(r, WINDOW_MASK);
    }
}
