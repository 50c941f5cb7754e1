// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICollectiveLearning} from "../ICollectiveLearning.sol";
import {Contributions} from "./Contributions.sol";
import {RULE_MASK, countBits} from "../types/Bits.sol";
import {Claim} from "../types/Claim.sol";
import {Head} from "../types/Head.sol";
import {KEPT} from "../types/Seat.sol";
import {ACCEPTED, NONE, REJECTED, REVEALING, Tally, VOTING, toTally} from "../types/Tally.sol";
import {TrainingWord} from "../types/TrainingWord.sol";

/// @title Proposals and the votes on them
abstract contract Rounds is Contributions {
    /// @dev In a joint round, what a note begins with: the claim, and the reasons why others are left out.
    uint256 private constant CLAIM_BYTES = 64;

    /// @inheritdoc ICollectiveLearning
    function propose(
        uint256 round,
        bytes32 parent,
        bytes32 sha256Hash,
        bytes32 cidDigest,
        uint256 size,
        bytes calldata note
    ) external {
        unchecked {
            uint256 seat = _seatOf(msg.sender);
            Head head = _head;
            Now memory present = _at(head, block.timestamp);
            if (head.hasLimits()) _checkOpen(present);
            if (present.overdue) revert RoundOverdue(present.round);
            if (round != present.round) revert WrongRound(round, present.round);
            if (present.state != RoundState.Proposing) revert AlreadyProposed(round, present.id);
            uint256 turn = _turn(head, round);
            if (seat != turn) revert NotTheProposer(msg.sender, _memberAt(turn));
            uint256 acceptedRound = head.acceptedRound();
            bytes32 accepted = _sha[acceptedRound];
            if (parent != accepted) revert StaleParent(parent, accepted);
            if (sha256Hash == accepted) revert NothingChanged(accepted);
            _checkWeights(sha256Hash, cidDigest, size, maxSize);
            if (note.length > MOST_NOTE) revert NoteTooLong(note.length, MOST_NOTE);
            bytes32 bound = cidDigest;
            if (head.isJoint()) {
                Claim claim = _claimIn(note, present.training, seat);
                _claim[round] = claim;
                bound = claim.bind(cidDigest);
            }

            if (_isBehind(present)) _head = _catchUp(head, present);
            bytes32 id = _key(round, sha256Hash, bound) | bytes32(size);
            uint256 deadline = block.timestamp + head.voteWindow();
            _sha[round] = sha256Hash;
            if (size > ONE_BLOCK) _cid[round] = cidDigest;
            _tally[id & KEY] = toTally(deadline, size, seat, head.need(), head.members(), VOTING, acceptedRound);
            emit WeightsProposed(round, msg.sender, id, parent, sha256Hash, cidDigest, size, deadline, note);
        }
    }

    /// @inheritdoc ICollectiveLearning
    function vote(bytes32 id, bool approve) external {
        _vote(id, approve);
    }

    /// @inheritdoc ICollectiveLearning
    function voteWithScores(bytes32 id, bool approve, int64 currentScore, int64 proposedScore) external {
        emit ScoresPublished(id, msg.sender, currentScore, proposedScore);
        _vote(id, approve);
    }

    /// @inheritdoc ICollectiveLearning
    function commit(bytes32 id, bytes32 commitment) external {
        unchecked {
            if (!secretVotes) revert SecretVotesOnly();
            (Tally tally, uint256 bit) = _ballot(id);
            if (tally.votes() & bit != 0) revert AlreadyVoted(msg.sender);
            if (tally.status() == REVEALING) revert CommitsClosed();
            uint256 deadline = tally.deadline();
            if (block.timestamp > deadline) {
                if (countBits(tally.hidden()) >= tally.need()) revert CommitsClosed();
                revert DeadlinePassed(deadline, block.timestamp);
            }
            commitment &= KEPT;
            if (commitment == 0) revert EmptyCommitment();
            _seat[msg.sender] = _seat[msg.sender].withCommitment(commitment);
            tally = tally.withCommitment(bit);
            emit VoteCommitted(id, msg.sender, commitment);
            if (countBits(tally.hidden()) == tally.members() - 1) {
                deadline = block.timestamp + _rules.revealWindow();
                tally = tally.revealing(deadline);
                emit RevealsOpened(id, deadline);
            }
            _tally[id & KEY] = tally;
        }
    }

    /// @inheritdoc ICollectiveLearning
    function reveal(bytes32 id, bool approve, bytes32 salt) external {
        _reveal(id, approve, salt);
    }

    /// @inheritdoc ICollectiveLearning
    function revealWithScores(bytes32 id, bool approve, bytes32 salt, int64 currentScore, int64 proposedScore)
        external
    {
        emit ScoresPublished(id, msg.sender, currentScore, proposedScore);
        _reveal(id, approve, salt);
    }

    /// @inheritdoc ICollectiveLearning
    function advance() external {
        unchecked {
            Head head = _head;
            Now memory present = _at(head, block.timestamp);
            if (present.overdue) {
                uint256 end = present.ended ? block.timestamp : present.deadline + 1;
                if (present.closed) _reject(present);
                else emit RoundsMissed(present.round, present.round);
                _openNext(head, end, present.closed ? type(uint256).max : 0);
            } else {
                if (!_isBehind(present)) revert NothingToAdvance();
                head = _catchUp(head, present);
                _head = head;
                _announce(head);
            }
        }
    }

    /// @inheritdoc ICollectiveLearning
    function commitmentOf(bytes32 id, address voter, bool approve, bytes32 salt) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), id, voter, approve, salt));
    }

    function _vote(bytes32 id, bool approve) private {
        if (secretVotes) revert OpenVotesOnly();
        (Tally tally, uint256 bit) = _ballot(id);
        if (tally.votes() & bit != 0) revert AlreadyVoted(msg.sender);
        uint256 deadline = tally.deadline();
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
        _countVote(id, tally.withVote(bit, approve), approve);
    }

    function _reveal(bytes32 id, bool approve, bytes32 salt) private {
        unchecked {
            if (!secretVotes) revert SecretVotesOnly();
            (Tally tally, uint256 bit) = _ballot(id);
            uint256 deadline = tally.deadline();
            if (tally.status() == VOTING) {
                if (block.timestamp <= deadline) revert RevealsNotOpen(deadline + 1);
                if (countBits(tally.hidden()) < tally.need()) revert DeadlinePassed(deadline, block.timestamp);
                deadline += _rules.revealWindow();
                tally = tally.revealing(deadline);
            }
            if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
            if (tally.votes() & bit == 0) revert NotCommitted(msg.sender);
            if (tally.hidden() & bit == 0) revert AlreadyVoted(msg.sender);
            if (commitmentOf(id, msg.sender, approve, salt) & KEPT != _seat[msg.sender].commitment()) {
                revert CommitmentMismatch(msg.sender);
            }
            _countVote(id, tally.withReveal(bit, approve), approve);
        }
    }

    /// @dev The open proposal `id` and the caller's bit; the caller is a member, and isn't its proposer.
    function _ballot(bytes32 id) private view returns (Tally tally, uint256 bit) {
        uint256 seat = _seatOf(msg.sender);
        tally = _tally[id & KEY];
        uint256 status = tally.status();
        // The word's key has no size in it, so that is compared here: an id with another size is no proposal's.
        if (status == NONE || tally.sizeDiffers(id)) revert NoSuchProposal(id);
        if (status >= ACCEPTED) revert ProposalDecided(id, status == ACCEPTED);
        if (seat == tally.proposerSeat()) revert ProposerCannotVote(msg.sender);
        bit = 1 << seat;
    }

    /// @dev The one place where the caller's vote counts: `tally` already has it. Decides the round when the outcome is
    /// certain.
    function _countVote(bytes32 id, Tally tally, bool approve) private {
        emit VoteCast(id, msg.sender, approve);
        uint256 need = tally.need();
        bool accepted = approve && countBits(tally.approvals()) >= need;
        if (!accepted && (approve || tally.mostApprovals(secretVotes) >= need)) {
            _tally[id & KEY] = tally;
            return;
        }
        _tally[id & KEY] = tally.withStatus(accepted ? ACCEPTED : REJECTED);
        Head head = _head;
        uint256 round = head.round();
        emit RoundDecided(round, id, accepted, tally.approvals(), tally.rejections(), false);
        if (accepted) head = head.withAcceptedRound(round);
        else if (head.isJoint()) _training = _training.withOneRejected();
        _openNext(head, block.timestamp, type(uint256).max);
    }

    /// @dev What the proposal of a joint round claims: it merges what was contributed in time, by the rule whose turn it is. A
    /// proposer's own contribution counts when it is late, too: so there is always something that it can propose.
    function _claimIn(bytes calldata note, TrainingWord training, uint256 seat) private view returns (Claim claim) {
        uint256 until = training.until();
        if (block.timestamp < until) revert TrainingGoesOn(until);
        if (note.length < CLAIM_BYTES) revert NoClaim();
        assembly ("memory-safe") {
            claim := calldataload(note.offset)
        }
        uint256 due = training.rulesLeft() & RULE_MASK;
        if (claim.rule() != due) revert WrongRule(claim.rule(), due);
        uint256 others = claim.seats() & ~training.contributed();
        if (others == 1 << seat && _contribution[seat].word.training() == training.firstRound()) return claim;
        if (others != 0 || claim.seats() == 0) revert NotContributed(others);
    }
}
