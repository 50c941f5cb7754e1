// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICollectiveLearning} from "../ICollectiveLearning.sol";
import {Agenda} from "../types/Agenda.sol";
import {SIZE_MASK} from "../types/Bits.sol";
import {Claim, NO_CLAIM} from "../types/Claim.sol";
import {Content} from "../types/Content.sol";
import {ContributionWord} from "../types/ContributionWord.sol";
import {Epoch} from "../types/Epoch.sol";
import {Head} from "../types/Head.sol";
import {Holder} from "../types/Holder.sol";
import {MotionWord} from "../types/MotionWord.sol";
import {Queued} from "../types/Queued.sol";
import {RulesWord} from "../types/RulesWord.sol";
import {Seat} from "../types/Seat.sol";
import {Tally} from "../types/Tally.sol";
import {TrainingWord} from "../types/TrainingWord.sol";

/// @title What is stored, and under which keys
/// @dev A vote touches two words: its voter's seat and the proposal's tally.
abstract contract State is ICollectiveLearning {
    uint256 internal constant MOST_MEMBERS = 64;
    uint256 internal constant LEAST_MEMBERS = 2;
    uint256 internal constant MOST_NOTE = 256;
    uint256 internal constant MOST_SIZE = SIZE_MASK;
    /// @dev A chain that counts seconds gets here in the year 3058, one that counts milliseconds was here in 1971.
    uint256 internal constant MOST_TIME = 1 << 35;
    uint256 internal constant MOST_PAGE = 256;
    /// @dev Up to here the weights are one raw block, so the CID's digest is the weights' sha256 and isn't stored.
    uint256 internal constant ONE_BLOCK = 1 << 20;
    /// @dev The part of a proposal's id under which its tally is stored; the rest is the size.
    bytes32 internal constant KEY = ~bytes32(MOST_SIZE);

    bool internal immutable secretVotes;
    /// @inheritdoc ICollectiveLearning
    bool public immutable shuffled;
    uint256 internal immutable maxSize;
    uint256 internal immutable mergeOrder;

    Head internal _head;
    RulesWord internal _rules;
    Agenda internal _agenda;
    mapping(address account => Seat) internal _seat;
    mapping(uint256 seat => Holder) internal _holder;
    mapping(uint256 seat => mapping(uint256 earlier => Holder)) internal _formerHolder;
    mapping(uint256 number => Epoch) internal _epoch;
    mapping(uint256 round => bytes32) internal _sha;
    mapping(uint256 round => bytes32) internal _cid;
    mapping(bytes32 key => Tally) internal _tally;
    mapping(uint256 index => MotionWord) internal _motion;
    mapping(uint256 index => Content) internal _content;
    mapping(bytes32 id => uint256 indexPlusOne) internal _motionIndex;
    mapping(uint256 place => Queued) internal _queue;
    TrainingWord internal _training;
    uint256 internal _lateSeats; // of this training, if its word says that there are any
    mapping(uint256 seat => Contributed) internal _contribution;
    mapping(uint256 round => Claim) internal _claim;
    mapping(MotionKind kind => bytes32) internal _agreement; // those of one word

    /// @dev What the member on a seat has contributed last. The digest is stale where `word` says at most one block.
    struct Contributed {
        ContributionWord word;
        bytes32 sha256Hash;
        bytes32 cidDigest;
    }

    /// @dev The state at one time: what is stored, brought up to the clock.
    struct Now {
        uint256 round;
        uint256 start; // when the round opened, or, in a pause, opens
        RoundState state;
        uint256 deadline; // last second of the state
        bool closed; // the stored proposal is over by the clock
        bool overdue;
        bool ended; // it is Proposing, and after the end
        uint256 missed; // rounds passed over by the clock
        bytes32 id; // of the stored proposal
        Tally tally; // likewise; in its reveal phase as soon as the clock has opened that
        TrainingWord training; // in joint rounds, unless a proposal is under decision
    }

    constructor(bool secretVotes_, bool shuffled_, uint256 maxSize_, uint256 mergeOrder_) {
        secretVotes = secretVotes_;
        shuffled = shuffled_;
        maxSize = maxSize_;
        mergeOrder = mergeOrder_;
    }

    /// @dev A proposal's id without its size, which is in the tally that is stored under this. `bound` is the CID's digest, or
    /// what a claim makes of it.
    function _key(uint256 round, bytes32 sha256Hash, bytes32 bound) internal pure returns (bytes32) {
        return keccak256(abi.encode(round, sha256Hash, bound)) & KEY;
    }

    /// @dev The key of the proposal of a round that has one, whose hash is `sha`.
    function _keyOf(uint256 round, bytes32 sha) internal view returns (bytes32) {
        return _key(round, sha, _claimOf(round).bind(_cidOf(round)));
    }

    /// @dev Least seconds from a decision to the next proposal; without a read where the head says that there are none.
    function _pause(Head head) internal view returns (uint256) {
        return head.hasLimits() ? _rules.pause() : 0;
    }

    function _claimOf(uint256 round) internal view returns (Claim) {
        return _head.isJoint() ? _claim[round] : NO_CLAIM;
    }

    function _cidOf(uint256 round) internal view returns (bytes32 cid) {
        cid = _cid[round];
        if (cid == 0) cid = _sha[round];
    }
}
