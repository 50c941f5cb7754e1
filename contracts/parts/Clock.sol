// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Membership} from "./Membership.sol";
import {countBits} from "../types/Bits.sol";
import {Head} from "../types/Head.sol";
import {REJECTED, REVEALING, Tally} from "../types/Tally.sol";

/// @title What the clock has made of what is stored, and the boundary between rounds
abstract contract Clock is Membership {
    /// @dev The one reading of the clock: what is stored, as of `time`.
    function _at(Head head, uint256 time) internal view returns (Now memory present) {
        present.round = head.round();
        present.start = head.openedAt();
        bool waiting = head.motionsWait();
        bytes32 sha = _sha[present.round];
        if (sha != 0) {
            bytes32 key = _key(present.round, sha, _cidOf(present.round));
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
            if (waiting) {
                present.overdue = true;
                return present;
            }
            present.state = RoundState.Proposing;
            present.start = present.deadline + 1;
            ++present.round;
        }
        uint256 window = head.proposeWindow();
        if (time >= present.start + window) {
            if (waiting) {
                present.overdue = true;
            } else {
                present.missed = (time - present.start) / window;
                present.round += present.missed;
                present.start += present.missed * window;
            }
        }
        present.deadline = present.start + window - 1;
    }

    /// @dev Whether the clock has opened rounds that aren't written down.
    function _isBehind(Now memory present) internal pure returns (bool) {
        return present.closed || present.missed != 0;
    }

    /// @dev Write down what the clock did while nobody came, up to the round that is open now.
    function _catchUp(Head head, Now memory present) internal returns (Head) {
        if (present.closed) _reject(present);
        if (present.missed != 0) emit RoundsMissed(present.round - present.missed, present.round - 1);
        return head.withRound(present.round, present.start);
    }

    /// @dev A round that is over by the clock is written as rejected, so that later rules can't bring it back.
    function _reject(Now memory present) internal {
        _tally[present.id & KEY] = present.tally.withStatus(REJECTED);
        uint256 round = present.overdue ? present.round : present.round - present.missed - 1;
        emit RoundDecided(round, present.id, false, present.tally.approvals(), present.tally.rejections(), true);
    }

    /// @dev The boundary between rounds: enact at most one motion, and open the next round at `time`.
    function _openNext(Head head, uint256 time) internal {
        uint256 round = head.round() + 1;
        if (head.motionsWait()) head = _enact(head, round);
        head = head.withRound(round, time);
        _head = head;
        _announce(head);
    }

    /// @dev Carry out the motion that has waited longest, so that it holds from `round` on. Here rounds meet motions, and
    /// nowhere else.
    function _enact(Head head, uint256 round) internal virtual returns (Head);

    function _announce(Head head) internal {
        uint256 round = head.round();
        emit RoundOpened(round, _turn(head, round), head.openedAt() + head.proposeWindow() - 1);
    }
}
