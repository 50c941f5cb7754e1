// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Trainings} from "./Trainings.sol";
import {countBits} from "../types/Bits.sol";
import {End} from "../types/End.sol";
import {Head} from "../types/Head.sol";
import {REJECTED, REVEALING, Tally} from "../types/Tally.sol";
import {TrainingWord} from "../types/TrainingWord.sol";

/// @title What the clock has made of what is stored, and the boundary between rounds
abstract contract Clock is Trainings {
    /// @dev The one reading of the clock: what is stored, as of `time`.
    function _at(Head head, uint256 time) internal view returns (Now memory present) {
        unchecked {
            present.round = head.round();
            present.start = head.openedAt();
            bool waiting = head.motionsWait();
            bytes32 sha = _sha[present.round];
            if (sha != 0) {
                bytes32 key = _keyOf(present.round, sha);
                Tally tally = _tally[key];
                present.id = key | bytes32(tally.size());
                present.tally = tally;
                present.deadline = tally.deadline();
                present.state = RoundState.Voting;
                if (tally.status() == REVEALING) {
                    present.state = RoundState.Revealing;
                } else if (time > present.deadline && secretVotes && countBits(tally.hidden()) >= tally.need()) {
                    present.state = RoundState.Revealing;
                    present.deadline += _rules.revealWindow();
                    present.tally = tally.revealing(present.deadline);
                }
                if (time <= present.deadline) return present;
                present.closed = true;
                if (head.isJoint()) present.training = _training.withOneRejected();
                if (waiting) {
                    present.overdue = true;
                    return present;
                }
                present.state = RoundState.Proposing;
                present.start = present.deadline + 1 + _pause(head);
                ++present.round;
                if (head.isJoint() && present.training.isOver()) {
                    present.training = _following(present.training, head, present.round, present.start);
                }
            }
            uint256 start = present.start;
            if (head.isJoint()) {
                if (!present.closed) present.training = _training;
                start = _later(start, present.training);
            }
            uint256 window = head.proposeWindow();
            uint256 missed;
            if (head.hasLimits()) {
                End end = End.wrap(uint256(_agreement[MotionKind.SetEnd]));
                missed = end.missed(present.round, start, window, time);
                present.ended = end.isOver(present.round + missed, time);
            } else if (time >= start + window) {
                missed = (time - start) / window;
            }
            if (waiting) {
                // After the end no turn runs for which a motion would have to wait.
                present.overdue = missed != 0 || (present.ended && time >= present.start);
            } else if (missed != 0) {
                present.missed = missed;
                present.round += missed;
                start += missed * window;
                present.start = start;
            }
            present.deadline = (present.overdue && present.ended ? present.start : start + window) - 1;
        }
    }

    /// @dev Whether the clock has opened rounds that aren't written down.
    function _isBehind(Now memory present) internal pure returns (bool) {
        return present.closed || present.missed != 0;
    }

    /// @dev Write down what the clock did while nobody came, up to the round that is open now.
    function _catchUp(Head head, Now memory present) internal returns (Head) {
        unchecked {
            if (present.closed) {
                _reject(present);
                if (present.training.firstRound() > head.round()) _begin(present.training);
            }
            if (present.missed != 0) emit RoundsMissed(present.round - present.missed, present.round - 1);
            return head.withRound(present.round, present.start);
        }
    }

    /// @dev A round that is over by the clock is written as rejected, so that later rules can't bring it back.
    function _reject(Now memory present) internal {
        unchecked {
            _tally[present.id & KEY] = present.tally.withStatus(REJECTED);
            if (!present.training.isNone()) _training = present.training;
            uint256 round = present.overdue ? present.round : present.round - present.missed - 1;
            emit RoundDecided(round, present.id, false, present.tally.approvals(), present.tally.rejections(), true);
        }
    }

    /// @dev The boundary between rounds: enact at most one motion, and open the next round, at `time` or after a pause, but at
    /// `latest` if that is earlier.
    function _openNext(Head head, uint256 time, uint256 latest) internal {
        unchecked {
            uint256 round = head.round() + 1;
            if (head.motionsWait()) head = _enact(head, round);
            if (head.hasLimits()) {
                uint256 opens = time + _rules.pause();
                if (opens > latest) opens = latest;
                if (opens > time) time = opens;
            }
            head = head.withRound(round, time);
            _head = head;
            if (head.isJoint()) _follow(head, time);
            _announce(head);
        }
    }

    /// @dev Carry out the motion that has waited longest, so that it holds from `round` on. Here rounds meet motions, and
    /// nowhere else.
    function _enact(Head head, uint256 round) internal virtual returns (Head);

    function _announce(Head head) internal {
        unchecked {
            uint256 round = head.round();
            uint256 start = head.openedAt();
            if (head.isJoint()) start = _later(start, _training);
            emit RoundOpened(round, _turn(head, round), start + head.proposeWindow() - 1);
        }
    }

    /// @dev A turn's time to merge runs from when there is something to merge.
    function _later(uint256 start, TrainingWord training) private pure returns (uint256) {
        uint256 until = training.until();
        return start < until ? until : start;
    }
}
