// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICollectiveLearning} from "../ICollectiveLearning.sol";
import {Clock} from "./Clock.sol";
import {toContribution} from "../types/ContributionWord.sol";
import {Head} from "../types/Head.sol";
import {TrainingWord} from "../types/TrainingWord.sol";

/// @title What members contribute to the training that goes on
abstract contract Contributions is Clock {
    /// @inheritdoc ICollectiveLearning
    function contribute(
        uint256 training,
        bytes32 parent,
        bytes32 sha256Hash,
        bytes32 cidDigest,
        uint256 size,
        bytes calldata note
    ) external {
        uint256 seat = _seatOf(msg.sender);
        TrainingWord word = _training;
        if (word.isNone()) revert JointRoundsOnly();
        // One rejection more by the clock would be the last: so perhaps another training has begun.
        if (block.timestamp >= word.until() && word.withOneRejected().isOver()) word = _caughtUp(word);
        if (word.hasLimits()) _checkOpen();
        if (training != word.firstRound()) revert StaleTraining(training, word.firstRound());
        bytes32 accepted = _sha[word.parentRound()];
        if (parent != accepted) revert StaleParent(parent, accepted);
        Contributed storage mine = _contribution[seat];
        if (mine.word.training() == training) revert AlreadyContributed(msg.sender);
        if (sha256Hash == accepted) revert NothingChanged(accepted);
        _checkWeights(sha256Hash, cidDigest, size, maxSize);
        if (note.length > MOST_NOTE) revert NoteTooLong(note.length, MOST_NOTE);

        mine.word = toContribution(training, size);
        mine.sha256Hash = sha256Hash;
        if (size > ONE_BLOCK) mine.cidDigest = cidDigest;
        bool late = block.timestamp >= word.until();
        if (late) {
            _noteLate(word, 1 << seat);
        } else {
            word = word.withContribution(1 << seat);
            _training = word.isComplete() ? word.withUntil(block.timestamp) : word;
        }
        emit WeightsContributed(training, msg.sender, sha256Hash, cidDigest, size, late, note);
    }

    /// @dev The training that goes on, where the clock may have ended the one that is stored.
    function _caughtUp(TrainingWord stored) private returns (TrainingWord) {
        Head head = _head;
        Now memory present = _at(head, block.timestamp);
        if (!present.closed) return stored;
        if (present.overdue) revert RoundOverdue(present.round);
        head = _catchUp(head, present);
        _head = head;
        _announce(head);
        return present.training;
    }

    function _checkOpen() private view {
        _checkOpen(_at(_head, block.timestamp));
    }

    /// @dev Neither after the end, nor in a pause.
    function _checkOpen(Now memory present) internal view {
        if (present.ended) revert Ended();
        if (block.timestamp < present.start) revert Resting(present.start);
    }

    function _checkWeights(bytes32 sha256Hash, bytes32 cidDigest, uint256 size, uint256 most) internal pure {
        if (sha256Hash == 0 || cidDigest == 0) revert EmptyHash();
        if (size == 0 || size > most) revert SizeOutOfRange(size, most);
        if (size <= ONE_BLOCK && cidDigest != sha256Hash) revert CidMismatch(cidDigest, sha256Hash);
    }
}
