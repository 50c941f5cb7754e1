// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICollectiveLearning} from "./ICollectiveLearning.sol";

/// @title Implementation of ICollectiveLearning
/// @notice All documentation for callers is in the interface.
/// @dev Packed words. Every field has a shift (`..._AT`); what the words hold:
///
/// head   round 32 | openedAt 40 | acceptedRound 32 | n 8 | epoch 32 | epoch's first round 32 | epoch's first seat 8 |
///        motions waiting 32 | propose window 32
/// rules  six numbers of 32 | queue's front 32 | motions 32
/// tally  approvals 64 | rejections 64 | deadline 36 | size 36 | proposer seat 6 | need 6 | n 7 | status 3 | parent round 32
/// motion approvals 64 | rejections 64 | deadline 36 | mover's seat 6 | need 7 | n 7 | kind 2 | state 3 | epoch 32 | barred seat + 1 7
/// seat   seat + 1 8 | leaving 1 (at bit 8) | free 23 | commitment's first 224 bits
/// member address 160 | first round 32 | earlier holders of the seat 32 | its last motion's index + 1 32
/// epoch  first round 32 | n 8 | first seat 8
///
/// A vote touches two words (seat, tally). Secret votes take no more: a commitment sets the voter's bit in both bitmaps,
/// its reveal clears one of them; so hidden = A & R, approvals = A & ~R, rejections = R & ~A. A commitment counts only
/// while its bits are set, so what older rounds left in the seat's word is never read.
contract CollectiveLearning is ICollectiveLearning {
    uint256 private constant MOST_MEMBERS = 64;
    uint256 private constant LEAST_MEMBERS = 2;
    uint256 private constant MOST_NOTE = 256;
    /// @dev Up to here the weights are one raw block, so the CID's digest is the weights' sha256 and isn't stored.
    uint256 private constant ONE_BLOCK = 1 << 20;
    uint256 private constant U64 = type(uint64).max;
    uint256 private constant TAG = type(uint32).max;

    // head
    uint256 private constant OPENED_AT = 32;
    uint256 private constant ACCEPTED_AT = 72;
    uint256 private constant COUNT_AT = 104;
    uint256 private constant EPOCH_AT = 112;
    uint256 private constant START_AT = 144;
    uint256 private constant BASE_AT = 176;
    uint256 private constant WAITING_AT = 184;
    uint256 private constant WINDOW_AT = 216;

    // rules
    uint256 private constant FRONT_AT = 192;
    uint256 private constant MOTIONS_AT = 224;

    // member
    uint256 private constant SINCE_AT = 160;
    uint256 private constant FORMER_AT = 192;
    uint256 private constant MOVED_AT = 224;

    // tally
    uint256 private constant DEADLINE_AT = 128;
    uint256 private constant SIZE_AT = 164;
    uint256 private constant SEAT_AT = 200;
    uint256 private constant NEED_AT = 206;
    uint256 private constant N_AT = 212;
    uint256 private constant STATUS_AT = 219;
    uint256 private constant PARENT_AT = 222;
    uint256 private constant U36 = (1 << 36) - 1;
    bytes32 private constant KEY = ~bytes32(U36);

    // motion (approvals, rejections and deadline as in a tally)
    uint256 private constant MOVER_AT = 164;
    uint256 private constant MNEED_AT = 170;
    uint256 private constant MCOUNT_AT = 177;
    uint256 private constant KIND_AT = 184;
    uint256 private constant STATE_AT = 186;
    uint256 private constant MEPOCH_AT = 189;
    uint256 private constant BARRED_AT = 221;

    uint256 private constant NONE = 0;
    uint256 private constant VOTING = 1;
    uint256 private constant REVEALING = 2;
    uint256 private constant ACCEPTED = 3;
    uint256 private constant REJECTED = 4;

    /// @inheritdoc ICollectiveLearning
    bool public immutable secretVotes;
    /// @inheritdoc ICollectiveLearning
    bool public immutable shuffled;
    /// @inheritdoc ICollectiveLearning
    uint256 public immutable maxSize;

    uint256 private _head;
    uint256 private _rules;
    mapping(address member => uint256) private _seat;
    mapping(uint256 seat => uint256) private _member;
    mapping(uint256 seat => mapping(uint256 index => uint256)) private _formerMember;
    mapping(uint256 epoch => uint256) private _epoch;
    mapping(uint256 round => bytes32) private _sha;
    mapping(uint256 round => bytes32) private _cid;
    mapping(bytes32 key => uint256) private _tally; // by `_key`: a proposal's id without the size
    mapping(uint256 index => uint256) private _motion;
    mapping(uint256 index => uint256) private _motionContent;
    mapping(bytes32 id => uint256) private _motionIndex;
    mapping(uint256 position => uint256) private _queue;

    /// @dev The state at one time: what is stored, brought up to the clock.
    struct Now {
        uint256 round;
        uint256 start; // when the round opened
        RoundState state;
        uint256 deadline; // last second of the state
        bool closed; // the stored proposal is over by the clock
        bool overdue;
        uint256 missed; // rounds passed over by the clock
        bytes32 id; // of the stored proposal
        uint256 tally; // likewise; in its reveal phase as soon as the clock has opened that
    }

    constructor(Genesis memory genesis) {
        uint256 n = genesis.members.length;
        if (n < LEAST_MEMBERS || n > MOST_MEMBERS) revert BadMemberCount(n, LEAST_MEMBERS, MOST_MEMBERS);
        if (genesis.maxSize == 0 || genesis.maxSize > U36) revert BadMaxSize(genesis.maxSize);
        _checkWeights(genesis.sha256Hash, genesis.cidDigest, genesis.size, genesis.maxSize);
        _checkRules(genesis.rules);
        secretVotes = genesis.secretVotes;
        shuffled = genesis.shuffled;
        maxSize = genesis.maxSize;
        for (uint256 i; i < n; ++i) {
            address member = genesis.members[i];
            if (member == address(0)) revert ZeroAddress();
            if (_seat[member] != 0) revert AlreadyAMember(member);
            _seat[member] = i + 1;
            _member[i] = uint160(member);
        }
        _rules = _packRules(genesis.rules);
        _epoch[0] = 1 | (n << 32);
        _sha[0] = genesis.sha256Hash;
        if (genesis.size > ONE_BLOCK) _cid[0] = genesis.cidDigest;
        _tally[_key(0, genesis.sha256Hash, genesis.cidDigest)] = (block.timestamp << DEADLINE_AT)
            | (genesis.size << SIZE_AT) | (n << N_AT) | (ACCEPTED << STATUS_AT);
        uint256 head = 1 | (block.timestamp << OPENED_AT) | (n << COUNT_AT) | (1 << START_AT)
            | (uint256(genesis.rules.proposeWindow) << WINDOW_AT);
        _head = head;
        emit CollectiveCreated(
            genesis.sha256Hash,
            genesis.cidDigest,
            genesis.size,
            genesis.members,
            genesis.rules,
            genesis.secretVotes,
            genesis.shuffled,
            genesis.maxSize
        );
        _announce(head, genesis.shuffled);
    }

    // ------------------------------------------------------------------------------------------------- rounds

    /// @inheritdoc ICollectiveLearning
    function propose(
        uint256 round,
        bytes32 parent,
        bytes32 sha256Hash,
        bytes32 cidDigest,
        uint256 size,
        bytes calldata note
    ) external {
        uint256 seat = _seatOf(msg.sender);
        uint256 head = _head;
        Now memory n = _at(head, block.timestamp);
        if (n.overdue) revert RoundOverdue(n.round);
        if (round != n.round) revert WrongRound(round, n.round);
        if (n.state != RoundState.Proposing) revert AlreadyProposed(round, n.id);
        uint256 turn = _turn(head, round, shuffled);
        if (seat != turn) revert NotTheProposer(msg.sender, _memberAt(turn));
        uint256 acceptedRound = (head >> ACCEPTED_AT) & TAG;
        bytes32 accepted = _sha[acceptedRound];
        if (parent != accepted) revert StaleParent(parent, accepted);
        _checkWeights(sha256Hash, cidDigest, size, maxSize);
        if (note.length > MOST_NOTE) revert NoteTooLong(note.length, MOST_NOTE);

        if (n.closed || n.missed != 0) _head = _catchUp(head, n);
        bytes32 id = _key(round, sha256Hash, cidDigest) | bytes32(size);
        uint256 rulesWord = _rules;
        uint256 deadline = block.timestamp + ((rulesWord >> 96) & TAG);
        uint256 count = (head >> COUNT_AT) & 0xff;
        _sha[round] = sha256Hash;
        if (size > ONE_BLOCK) _cid[round] = cidDigest;
        _tally[id & KEY] = (deadline << DEADLINE_AT) | (size << SIZE_AT) | (seat << SEAT_AT)
            | (_need(rulesWord, count - 1) << NEED_AT) | (count << N_AT) | (VOTING << STATUS_AT)
            | (acceptedRound << PARENT_AT);
        emit WeightsProposed(round, msg.sender, id, parent, sha256Hash, cidDigest, size, deadline, note);
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
        if (!secretVotes) revert SecretVotesOnly();
        (uint256 tally, uint256 bit) = _ballot(id);
        if (tally & (bit | (bit << 64)) != 0) revert AlreadyVoted(msg.sender);
        if ((tally >> STATUS_AT) & 7 == REVEALING) revert CommitsClosed();
        uint256 deadline = (tally >> DEADLINE_AT) & U36;
        if (block.timestamp > deadline) {
            if (_count(tally & (tally >> 64) & U64) >= (tally >> NEED_AT) & 63) revert CommitsClosed();
            revert DeadlinePassed(deadline, block.timestamp);
        }
        commitment = commitment & ~bytes32(TAG);
        if (commitment == 0) revert EmptyCommitment();
        _seat[msg.sender] = (_seat[msg.sender] & TAG) | uint256(commitment);
        tally |= bit | (bit << 64);
        emit VoteCommitted(id, msg.sender, commitment);
        if (_count(tally & U64) == ((tally >> N_AT) & 127) - 1) {
            deadline = block.timestamp + ((_rules >> 128) & TAG);
            tally = _reopen(tally, deadline);
            emit RevealsOpened(id, deadline);
        }
        _tally[id & KEY] = tally;
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
        uint256 head = _head;
        Now memory n = _at(head, block.timestamp);
        if (n.overdue) {
            uint256 end = n.deadline + 1;
            if (n.closed) _reject(n);
            else emit RoundsMissed(n.round, n.round);
            _openNext(head, end);
        } else {
            if (!n.closed && n.missed == 0) revert NothingToAdvance();
            head = _catchUp(head, n);
            _head = head;
            _announce(head, shuffled);
        }
    }

    // ------------------------------------------------------------------------------------------------- motions

    /// @inheritdoc ICollectiveLearning
    function moveAddMember(address subject) external returns (bytes32 id) {
        if (subject == address(0)) revert ZeroAddress();
        if (subject == address(this)) revert NotAnAddition(subject);
        if (_seat[subject] != 0) revert AlreadyAMember(subject);
        uint256 count = (_head >> COUNT_AT) & 0xff;
        if (count == MOST_MEMBERS) revert BadMemberCount(count + 1, LEAST_MEMBERS, MOST_MEMBERS);
        return _move(MotionKind.AddMember, uint160(subject), 0, false);
    }

    /// @inheritdoc ICollectiveLearning
    function moveRemoveMember(address subject) external returns (bytes32 id) {
        uint256 seat = _seatOf(subject);
        if (subject == msg.sender) revert NotEligible(subject);
        return _move(MotionKind.RemoveMember, uint160(subject), seat + 1, false);
    }

    /// @inheritdoc ICollectiveLearning
    function moveRules(Rules calldata newRules) external returns (bytes32 id) {
        _checkRules(newRules);
        return _move(MotionKind.SetRules, _packRules(newRules), 0, false);
    }

    /// @inheritdoc ICollectiveLearning
    function leave() external returns (bytes32 id) {
        uint256 seat = _seatOf(msg.sender);
        // Once is enough, and each boundary takes one motion: a member must not fill the queue alone.
        if (_seat[msg.sender] & 256 != 0) revert TooManyMotions();
        id = _move(MotionKind.RemoveMember, uint160(msg.sender), seat + 1, true);
        _seat[msg.sender] |= 256;
    }

    /// @inheritdoc ICollectiveLearning
    function voteMotion(bytes32 id, bool approve) external {
        uint256 seat = _seatOf(msg.sender);
        uint256 index = _motionIndex[id];
        if (index == 0) revert NoSuchMotion(id);
        --index;
        uint256 head = _head;
        uint256 motion = _motion[index];
        MotionState state = _motionState(motion, head, block.timestamp);
        if (state != MotionState.Open) revert MotionNotOpen(id, state);
        if ((motion >> BARRED_AT) & 127 == seat + 1) revert NotEligible(msg.sender);
        uint256 bit = 1 << seat;
        if ((motion | (motion >> 64)) & bit != 0) revert AlreadyVoted(msg.sender);
        emit MotionVoteCast(id, msg.sender, approve);
        _motion[index] = _countMotion(index, id, head, motion | (approve ? bit : bit << 64));
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ICollectiveLearning
    function viewFor(address member, uint256 at) external view returns (NodeView memory v) {
        uint256 head = _head;
        at = _time(at);
        Now memory n = _at(head, at);
        v.at = at;
        v.round = n.round;
        v.state = n.state;
        v.proposer = _memberAt(_turn(head, n.round, shuffled));
        v.deadline = n.deadline;
        v.overdue = n.overdue;
        v.advanceable = n.overdue || n.closed || n.missed != 0;
        v.acceptedRound = (head >> ACCEPTED_AT) & TAG;
        v.acceptedSha256 = _sha[v.acceptedRound];
        v.acceptedCidDigest = _cidOf(v.acceptedRound);
        v.acceptedSize =
            (_tally[_key(v.acceptedRound, v.acceptedSha256, v.acceptedCidDigest)] >> SIZE_AT) & U36;
        v.memberCount = (head >> COUNT_AT) & 0xff;
        uint256 seat = _seat[member] & 0xff;
        v.isMember = seat != 0;
        if (v.isMember) v.seat = seat - 1;
        v.rules = _unpackRules(_rules);
        v.secretVotes = secretVotes;
        v.maxSize = maxSize;
        if (n.state != RoundState.Proposing) {
            v.proposals = new Proposal[](1);
            Proposal memory p = v.proposals[0];
            p.id = n.id;
            p.sha256Hash = _sha[n.round];
            p.cidDigest = _cidOf(n.round);
            p.size = (n.tally >> SIZE_AT) & U36;
            p.proposerSeat = (n.tally >> SEAT_AT) & 63;
            (p.approvals, p.rejections, p.hidden) = _bitmaps(n.tally);
            p.need = (n.tally >> NEED_AT) & 63;
            if (v.isMember) {
                uint256 bit = 1 << v.seat;
                bool cast = (p.approvals | p.rejections) & bit != 0;
                bool isHidden = p.hidden & bit != 0;
                v.voted = cast || (isHidden && n.state == RoundState.Voting);
                if (secretVotes && (cast || isHidden)) v.commitment = bytes32((_seat[member] & ~TAG) | n.round);
            }
        }
        for (uint256 i; i < v.memberCount; ++i) {
            uint256 index = _member[i] >> MOVED_AT;
            if (index == 0) continue;
            uint256 motion = _motion[index - 1];
            if (_motionState(motion, head, at) == MotionState.Open) ++v.openMotions;
        }
    }

    /// @inheritdoc ICollectiveLearning
    function rounds(uint256 first, uint256 count, uint256 at) external view returns (RoundRecord[] memory page) {
        uint256 head = _head;
        Now memory n = _at(head, _time(at));
        if (first > n.round) return page;
        uint256 left = n.round - first + 1;
        page = new RoundRecord[](count < left ? count : left);
        for (uint256 i; i < page.length; ++i) {
            _record(page[i], first + i, head, n);
        }
    }

    /// @inheritdoc ICollectiveLearning
    function membersAt(uint256 round) external view returns (address[] memory list) {
        (, uint256 epoch) = _epochOf(round, _head);
        list = new address[]((epoch >> 32) & 0xff);
        for (uint256 i; i < list.length; ++i) {
            list[i] = _memberIn(i, round);
        }
    }

    /// @inheritdoc ICollectiveLearning
    function members() external view returns (address[] memory list) {
        list = new address[]((_head >> COUNT_AT) & 0xff);
        for (uint256 i; i < list.length; ++i) {
            list[i] = _memberAt(i);
        }
    }

    /// @inheritdoc ICollectiveLearning
    function motions(uint256 first, uint256 count) external view returns (MotionRecord[] memory page) {
        uint256 head = _head;
        uint256 total = _rules >> MOTIONS_AT;
        if (first >= total) return page;
        uint256 left = total - first;
        page = new MotionRecord[](count < left ? count : left);
        for (uint256 i; i < page.length; ++i) {
            MotionRecord memory m = page[i];
            uint256 motion = _motion[first + i];
            uint256 content = _motionContent[first + i];
            uint256 epoch = (motion >> MEPOCH_AT) & TAG;
            m.id = _motionId(first + i, motion, content);
            m.kind = MotionKind((motion >> KIND_AT) & 3);
            m.state = _motionState(motion, head, block.timestamp);
            m.mover = _memberIn((motion >> MOVER_AT) & 63, _epoch[epoch] & TAG);
            if (m.kind == MotionKind.SetRules) m.rules = _unpackRules(content);
            else m.subject = address(uint160(content));
            m.deadline = (motion >> DEADLINE_AT) & U36;
            m.approvals = motion & U64;
            m.rejections = (motion >> 64) & U64;
            m.need = (motion >> MNEED_AT) & 127;
        }
    }

    /// @inheritdoc ICollectiveLearning
    function motionCount() external view returns (uint256) {
        return _rules >> MOTIONS_AT;
    }

    /// @inheritdoc ICollectiveLearning
    function rules() external view returns (Rules memory) {
        return _unpackRules(_rules);
    }

    /// @inheritdoc ICollectiveLearning
    function proposalId(uint256 round, bytes32 sha256Hash, bytes32 cidDigest, uint256 size)
        external
        pure
        returns (bytes32)
    {
        if (size > U36) revert SizeOutOfRange(size, U36);
        return _key(round, sha256Hash, cidDigest) | bytes32(size);
    }

    /// @inheritdoc ICollectiveLearning
    function commitmentOf(bytes32 id, address voter, bool approve, bytes32 salt) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), id, voter, approve, salt));
    }

    // ------------------------------------------------------------------------------------------------- votes

    function _vote(bytes32 id, bool approve) private {
        if (secretVotes) revert OpenVotesOnly();
        (uint256 tally, uint256 bit) = _ballot(id);
        if ((tally | (tally >> 64)) & bit != 0) revert AlreadyVoted(msg.sender);
        uint256 deadline = (tally >> DEADLINE_AT) & U36;
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
        _countVote(id, tally | (approve ? bit : bit << 64), msg.sender, approve);
    }

    function _reveal(bytes32 id, bool approve, bytes32 salt) private {
        if (!secretVotes) revert SecretVotesOnly();
        (uint256 tally, uint256 bit) = _ballot(id);
        uint256 deadline = (tally >> DEADLINE_AT) & U36;
        if ((tally >> STATUS_AT) & 7 == VOTING) {
            if (block.timestamp <= deadline) revert RevealsNotOpen(deadline + 1);
            if (_count(tally & (tally >> 64) & U64) < (tally >> NEED_AT) & 63) {
                revert DeadlinePassed(deadline, block.timestamp);
            }
            deadline += (_rules >> 128) & TAG;
            tally = _reopen(tally, deadline);
        }
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
        bool inA = tally & bit != 0;
        bool inR = (tally >> 64) & bit != 0;
        if (!inA && !inR) revert NotCommitted(msg.sender);
        if (inA != inR) revert AlreadyVoted(msg.sender);
        bytes32 stored = bytes32(_seat[msg.sender]);
        if ((commitmentOf(id, msg.sender, approve, salt) ^ stored) & ~bytes32(TAG) != 0) {
            revert CommitmentMismatch(msg.sender);
        }
        _countVote(id, tally & ~(approve ? bit << 64 : bit), msg.sender, approve);
    }

    /// @dev The open proposal `id` and the caller's bit; the caller is a member, and isn't its proposer.
    function _ballot(bytes32 id) private view returns (uint256 tally, uint256 bit) {
        uint256 seat = _seatOf(msg.sender);
        tally = _tally[id & KEY];
        uint256 status = (tally >> STATUS_AT) & 7;
        // The word's key has no size in it, so that is compared here: an id with another size is no proposal's.
        if (status == NONE || (uint256(id) ^ (tally >> SIZE_AT)) & U36 != 0) revert NoSuchProposal(id);
        if (status >= ACCEPTED) revert ProposalDecided(id, status == ACCEPTED);
        if (seat == (tally >> SEAT_AT) & 63) revert ProposerCannotVote(msg.sender);
        bit = 1 << seat;
    }

    /// @dev The one place where a vote counts: `tally` already has it. Decides the round when the outcome is certain.
    function _countVote(bytes32 id, uint256 tally, address voter, bool approve) private {
        emit VoteCast(id, voter, approve);
        uint256 need = (tally >> NEED_AT) & 63;
        uint256 a = tally & U64;
        uint256 r = (tally >> 64) & U64;
        bool accepted = approve && _count(a & ~r) >= need;
        // Still possible: hidden votes (bits in both) and, with open votes, seats that haven't voted.
        if (!accepted) {
            if (approve || (secretVotes ? _count(a) : ((tally >> N_AT) & 127) - 1 - _count(r)) >= need) {
                _tally[id & KEY] = tally;
                return;
            }
        }
        _tally[id & KEY] = _withStatus(tally, accepted ? ACCEPTED : REJECTED);
        uint256 head = _head;
        uint256 round = head & TAG;
        emit RoundDecided(round, id, accepted, a & ~r, r & ~a, false);
        if (accepted) head = (head & ~(TAG << ACCEPTED_AT)) | (round << ACCEPTED_AT);
        _openNext(head, block.timestamp);
    }

    // ------------------------------------------------------------------------------------------------- the clock

    /// @dev The one reading of the clock: what is stored, as of `time`.
    function _at(uint256 head, uint256 time) private view returns (Now memory n) {
        n.round = head & TAG;
        n.start = (head >> OPENED_AT) & type(uint40).max;
        bool waiting = (head >> WAITING_AT) & TAG != 0;
        bytes32 sha = _sha[n.round];
        if (sha != 0) {
            bytes32 key = _key(n.round, sha, _cidOf(n.round));
            uint256 tally = _tally[key];
            n.id = key | bytes32((tally >> SIZE_AT) & U36);
            n.tally = tally;
            n.deadline = (tally >> DEADLINE_AT) & U36;
            n.state = RoundState.Voting;
            if ((tally >> STATUS_AT) & 7 == REVEALING) {
                n.state = RoundState.Revealing;
            } else if (
                time > n.deadline && secretVotes && _count(tally & (tally >> 64) & U64) >= (tally >> NEED_AT) & 63
            ) {
                n.state = RoundState.Revealing;
                n.deadline += (_rules >> 128) & TAG;
                n.tally = _reopen(tally, n.deadline);
            }
            if (time <= n.deadline) return n;
            n.closed = true;
            if (waiting) {
                n.overdue = true;
                return n;
            }
            n.state = RoundState.Proposing;
            n.start = n.deadline + 1;
            ++n.round;
        }
        uint256 window = (head >> WINDOW_AT) & TAG;
        if (time >= n.start + window) {
            if (waiting) {
                n.overdue = true;
            } else {
                n.missed = (time - n.start) / window;
                n.round += n.missed;
                n.start += n.missed * window;
            }
        }
        n.deadline = n.start + window - 1;
    }

    /// @dev Write down what the clock did while nobody came, up to the round that is open now.
    function _catchUp(uint256 head, Now memory n) private returns (uint256) {
        if (n.closed) _reject(n);
        if (n.missed != 0) emit RoundsMissed(n.round - n.missed, n.round - 1);
        return _withRound(head, n.round, n.start);
    }

    /// @dev A round that is over by the clock is written as rejected, so that later rules can't bring it back.
    function _reject(Now memory n) private {
        _tally[n.id & KEY] = _withStatus(n.tally, REJECTED);
        (uint256 approvals, uint256 rejections,) = _bitmaps(n.tally);
        uint256 round = n.overdue ? n.round : n.round - n.missed - 1;
        emit RoundDecided(round, n.id, false, approvals, rejections, true);
    }

    /// @dev The boundary between rounds: enact at most one motion, and open the next round at `time`.
    function _openNext(uint256 head, uint256 time) private {
        uint256 round = (head & TAG) + 1;
        if ((head >> WAITING_AT) & TAG != 0) head = _enact(head, round);
        head = _withRound(head, round, time);
        _head = head;
        _announce(head, shuffled);
    }

    function _announce(uint256 head, bool inShuffledOrder) private {
        uint256 round = head & TAG;
        uint256 deadline = ((head >> OPENED_AT) & type(uint40).max) + ((head >> WINDOW_AT) & TAG) - 1;
        emit RoundOpened(round, _memberAt(_turn(head, round, inShuffledOrder)), deadline);
    }

    // ------------------------------------------------------------------------------------------------- motions

    function _move(MotionKind kind, uint256 content, uint256 barred, bool approved) private returns (bytes32 id) {
        uint256 seat = _seatOf(msg.sender);
        uint256 head = _head;
        uint256 rulesWord = _rules;
        uint256 index = rulesWord >> MOTIONS_AT;
        uint256 count = (head >> COUNT_AT) & 0xff;
        if (kind == MotionKind.RemoveMember && count == LEAST_MEMBERS) {
            revert BadMemberCount(count - 1, LEAST_MEMBERS, MOST_MEMBERS);
        }
        if (!approved) {
            // One motion a member, until it is decided and carried out: so nobody, alone, can bury the others' motions.
            uint256 word = _member[seat];
            uint256 last = word >> MOVED_AT;
            if (last != 0) {
                MotionState state = _motionState(_motion[last - 1], head, block.timestamp);
                if (state == MotionState.Open || state == MotionState.Approved) revert TooManyMotions();
            }
            _member[seat] = ((word << 32) >> 32) | ((index + 1) << MOVED_AT);
        }
        uint256 deadline = block.timestamp + ((rulesWord >> 160) & TAG);
        uint256 motion = (deadline << DEADLINE_AT) | (seat << MOVER_AT)
            | ((approved ? 0 : _need(rulesWord, barred == 0 ? count : count - 1)) << MNEED_AT) | (count << MCOUNT_AT)
            | (uint256(kind) << KIND_AT) | (((head >> EPOCH_AT) & TAG) << MEPOCH_AT) | (barred << BARRED_AT);
        id = _motionId(index, motion, content);
        _rules = rulesWord + (1 << MOTIONS_AT);
        _motionIndex[id] = index + 1;
        _motionContent[index] = content;
        Rules memory newRules;
        if (kind == MotionKind.SetRules) newRules = _unpackRules(content);
        emit MotionMoved(
            id,
            msg.sender,
            kind,
            kind == MotionKind.SetRules ? address(0) : address(uint160(content)),
            newRules,
            deadline
        );
        if (!approved) {
            motion |= 1 << seat;
            emit MotionVoteCast(id, msg.sender, true);
        }
        _motion[index] = _countMotion(index, id, head, motion);
    }

    /// @dev Decide the motion if its outcome is certain; gives its new word.
    function _countMotion(uint256 index, bytes32 id, uint256 head, uint256 motion) private returns (uint256) {
        uint256 need = (motion >> MNEED_AT) & 127;
        uint256 eligible = (motion >> MCOUNT_AT) & 127;
        if ((motion >> BARRED_AT) & 127 != 0) --eligible;
        if (_count(motion & U64) >= need) {
            // While a motion waits the clock opens no rounds: so what it has opened until now is written down first.
            Now memory n = _at(head, block.timestamp);
            if (!n.overdue && (n.closed || n.missed != 0)) {
                head = _catchUp(head, n);
                _announce(head, shuffled);
            }
            _queue[((_rules >> FRONT_AT) & TAG) + ((head >> WAITING_AT) & TAG)] = index;
            _head = head + (1 << WAITING_AT);
            emit MotionDecided(id, true);
            return motion | (uint256(MotionState.Approved) << STATE_AT);
        }
        if (eligible - _count((motion >> 64) & U64) < need) {
            emit MotionDecided(id, false);
            return motion | (uint256(MotionState.Rejected) << STATE_AT);
        }
        return motion;
    }

    function _motionState(uint256 motion, uint256 head, uint256 time) private pure returns (MotionState) {
        MotionState state = MotionState((motion >> STATE_AT) & 7);
        if (
            state == MotionState.Open
                && (time > (motion >> DEADLINE_AT) & U36 || (motion >> MEPOCH_AT) & TAG != (head >> EPOCH_AT) & TAG)
        ) return MotionState.Lapsed;
        return state;
    }

    function _motionId(uint256 index, uint256 motion, uint256 content) private pure returns (bytes32) {
        MotionKind kind = MotionKind((motion >> KIND_AT) & 3);
        Rules memory newRules;
        address subject;
        if (kind == MotionKind.SetRules) newRules = _unpackRules(content);
        else subject = address(uint160(content));
        return keccak256(abi.encode(index, (motion >> MEPOCH_AT) & TAG, kind, subject, newRules));
    }

    /// @dev Carry out the first motion of the queue, so that it holds from `round` on, if it still can be.
    function _enact(uint256 head, uint256 round) private returns (uint256) {
        uint256 rulesWord = _rules + (1 << FRONT_AT);
        uint256 index = _queue[((rulesWord >> FRONT_AT) & TAG) - 1];
        head -= 1 << WAITING_AT;
        uint256 motion = _motion[index];
        uint256 content = _motionContent[index];
        bytes32 id = _motionId(index, motion, content);
        MotionKind kind = MotionKind((motion >> KIND_AT) & 3);
        if (kind == MotionKind.SetRules) rulesWord = ((rulesWord >> FRONT_AT) << FRONT_AT) | content;
        _rules = rulesWord;
        uint256 count = (head >> COUNT_AT) & 0xff;
        bool possible = true;
        if (kind == MotionKind.AddMember) possible = _seat[address(uint160(content))] == 0 && count < MOST_MEMBERS;
        if (kind == MotionKind.RemoveMember) possible = _seat[address(uint160(content))] != 0 && count > LEAST_MEMBERS;
        motion &= ~(uint256(7) << STATE_AT);
        _motion[index] = motion | (uint256(possible ? MotionState.Enacted : MotionState.Void) << STATE_AT);
        if (!possible) {
            // A member that could not leave may ask again.
            if (kind == MotionKind.RemoveMember) {
                uint256 word = _seat[address(uint160(content))];
                if (word & 256 != 0) _seat[address(uint160(content))] = word & ~uint256(256);
            }
            emit MotionVoided(id);
            return head;
        }
        emit MotionEnacted(id, round);
        if (kind == MotionKind.SetRules) {
            head = (head & ~(TAG << WINDOW_AT)) | (((content >> 64) & TAG) << WINDOW_AT);
            emit RulesChanged(_unpackRules(content), round);
            return head;
        }
        uint256 turn = _turn(head, round - 1, shuffled);
        uint256 next = (turn + 1) % count;
        if (kind == MotionKind.AddMember) {
            // The newcomer sits last, so it follows the member that is last now.
            if (next == 0) next = count;
            _place(count, address(uint160(content)), round);
            _seat[address(uint160(content))] = count + 1;
            emit MemberAdded(address(uint160(content)), count, round);
            ++count;
        } else {
            --count;
            uint256 freed = _remove(address(uint160(content)), count, round);
            // Who had the last turn and now sits where it would go on has had it.
            if (turn == count && freed == next) ++next;
            next %= count;
        }
        uint256 epoch = ((head >> EPOCH_AT) & TAG) + 1;
        _epoch[epoch] = round | (count << 32) | (next << 40);
        head &= ~((uint256(0xff) << COUNT_AT) | (TAG << EPOCH_AT) | (TAG << START_AT) | (uint256(0xff) << BASE_AT));
        return head | (count << COUNT_AT) | (epoch << EPOCH_AT) | (round << START_AT) | (next << BASE_AT);
    }

    /// @dev Free the member's seat; the member of the last seat takes it over.
    function _remove(address member, uint256 last, uint256 round) private returns (uint256 seat) {
        seat = _seatOf(member);
        delete _seat[member];
        address moved;
        if (seat != last) {
            moved = _memberAt(last);
            _place(seat, moved, round);
            _seat[moved] = (_seat[moved] & ~uint256(0xff)) | (seat + 1);
        }
        // What is left on the last seat's word nobody reads, until the next member to join sits down there.
        emit MemberRemoved(member, seat, moved, round);
    }

    function _place(uint256 seat, address member, uint256 round) private {
        uint256 old = _member[seat];
        uint256 former = (old >> FORMER_AT) & TAG;
        _formerMember[seat][former] = old;
        _member[seat] = uint160(member) | (round << SINCE_AT) | ((former + 1) << FORMER_AT);
    }

    // ------------------------------------------------------------------------------------------------- history

    function _record(RoundRecord memory r, uint256 round, uint256 head, Now memory n) private view {
        r.round = round;
        (uint256 index, uint256 word) = _epochOf(round, head);
        r.memberCount = (word >> 32) & 0xff;
        bytes32 sha = _sha[round];
        if (sha != 0) {
            r.sha256Hash = sha;
            r.cidDigest = _cidOf(round);
            r.id = _key(round, sha, r.cidDigest);
            uint256 tally = r.id == n.id & KEY ? n.tally : _tally[r.id];
            r.size = (tally >> SIZE_AT) & U36;
            r.id |= bytes32(r.size);
            r.deadline = (tally >> DEADLINE_AT) & U36;
            r.proposerSeat = (tally >> SEAT_AT) & 63;
            (r.approvals, r.rejections, r.hidden) = _bitmaps(tally);
            r.need = (tally >> NEED_AT) & 63;
            if (round != 0) {
                r.parentRound = (tally >> PARENT_AT) & TAG;
                r.parent = _sha[r.parentRound];
            }
            uint256 status = (tally >> STATUS_AT) & 7;
            if (status == ACCEPTED) r.state = RoundState.Accepted;
            else if (status == REJECTED || round < n.round || n.overdue) r.state = RoundState.Rejected;
            else r.state = n.state;
        } else {
            r.proposerSeat = _turnIn(word, index, round, shuffled);
            if (round == n.round && !n.overdue) (r.state, r.deadline) = (RoundState.Proposing, n.deadline);
            else r.state = RoundState.Missed;
        }
        if (round != 0) r.proposer = _memberIn(r.proposerSeat, round);
    }

    /// @dev By bisection: the epochs' first rounds grow.
    function _epochIndex(uint256 round, uint256 head) private view returns (uint256 low) {
        uint256 high = (head >> EPOCH_AT) & TAG;
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if (_epoch[middle] & TAG <= round) low = middle;
            else high = middle - 1;
        }
    }

    function _epochOf(uint256 round, uint256 head) private view returns (uint256 index, uint256 word) {
        index = _epochIndex(round, head);
        word = _epoch[index];
    }

    function _memberAt(uint256 seat) private view returns (address) {
        return address(uint160(_member[seat]));
    }

    function _memberIn(uint256 seat, uint256 round) private view returns (address) {
        uint256 word = _member[seat];
        if ((word >> SINCE_AT) & TAG <= round) return address(uint160(word));
        // By bisection, too: the first rounds of a seat's holders grow, and the first holder's is 0.
        uint256 low;
        uint256 high = ((word >> FORMER_AT) & TAG) - 1;
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if ((_formerMember[seat][middle] >> SINCE_AT) & TAG <= round) low = middle;
            else high = middle - 1;
        }
        return address(uint160(_formerMember[seat][low]));
    }

    // ------------------------------------------------------------------------------------------------- helpers

    /// @dev The seat whose turn `round` is, in the current epoch.
    function _turn(uint256 head, uint256 round, bool inShuffledOrder) private view returns (uint256) {
        uint256 word = ((head >> START_AT) & TAG) | (((head >> COUNT_AT) & 0xff) << 32) | (((head >> BASE_AT) & 0xff) << 40);
        return _turnIn(word, (head >> EPOCH_AT) & TAG, round, inShuffledOrder);
    }

    function _turnIn(uint256 word, uint256 epoch, uint256 round, bool inShuffledOrder) private view returns (uint256) {
        uint256 start = word & TAG;
        uint256 count = (word >> 32) & 0xff;
        if (round < start) return 0;
        uint256 offset = round - start;
        if (!inShuffledOrder) return (((word >> 40) & 0xff) + offset) % count;
        // Fisher-Yates from the end; all that it depends on was fixed before the cycle, so no member can steer it.
        uint256[] memory order = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            order[i] = i;
        }
        bytes32 seed = keccak256(abi.encode(address(this), offset / count, epoch));
        for (uint256 i = count - 1; i > 0; --i) {
            uint256 j = uint256(keccak256(abi.encode(seed, i))) % (i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order[offset % count];
    }

    function _seatOf(address account) private view returns (uint256 seat) {
        seat = _seat[account] & 0xff;
        if (seat == 0) revert NotAMember(account);
        unchecked {
            --seat;
        }
    }

    /// @dev A proposal's id without its size, which is in the word stored under this.
    function _key(uint256 round, bytes32 sha256Hash, bytes32 cidDigest) private pure returns (bytes32) {
        return keccak256(abi.encode(round, sha256Hash, cidDigest)) & KEY;
    }

    function _cidOf(uint256 round) private view returns (bytes32 cid) {
        cid = _cid[round];
        if (cid == 0) cid = _sha[round];
    }

    function _time(uint256 at) private view returns (uint256) {
        if (at == 0) return block.timestamp;
        return at < type(uint40).max ? at : type(uint40).max;
    }

    function _need(uint256 rulesWord, uint256 eligible) private pure returns (uint256) {
        return ((rulesWord & TAG) * eligible) / ((rulesWord >> 32) & TAG) + 1;
    }

    function _withRound(uint256 head, uint256 round, uint256 openedAt) private pure returns (uint256) {
        return ((head >> ACCEPTED_AT) << ACCEPTED_AT) | (openedAt << OPENED_AT) | round;
    }

    function _withStatus(uint256 tally, uint256 status) private pure returns (uint256) {
        return (tally & ~(uint256(7) << STATUS_AT)) | (status << STATUS_AT);
    }

    function _reopen(uint256 tally, uint256 deadline) private pure returns (uint256) {
        return _withStatus(tally & ~(U36 << DEADLINE_AT), REVEALING) | (deadline << DEADLINE_AT);
    }

    function _bitmaps(uint256 tally) private pure returns (uint256 approvals, uint256 rejections, uint256 hidden) {
        uint256 a = tally & U64;
        uint256 r = (tally >> 64) & U64;
        return (a & ~r, r & ~a, a & r);
    }

    /// @dev How many of 64 bits are set.
    function _count(uint256 x) private pure returns (uint256) {
        unchecked {
            x -= (x >> 1) & 0x5555555555555555;
            x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
            x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
            return ((x * 0x0101010101010101) >> 56) & 0xff;
        }
    }

    function _checkWeights(bytes32 sha256Hash, bytes32 cidDigest, uint256 size, uint256 most) private pure {
        if (sha256Hash == 0 || cidDigest == 0) revert EmptyHash();
        if (size == 0 || size > most) revert SizeOutOfRange(size, most);
        if (size <= ONE_BLOCK && cidDigest != sha256Hash) revert CidMismatch(cidDigest, sha256Hash);
    }

    function _checkRules(Rules memory r) private pure {
        if (
            r.thresholdNumerator == 0 || r.thresholdNumerator >= r.thresholdDenominator || r.proposeWindow == 0
                || r.voteWindow == 0 || r.revealWindow == 0 || r.motionWindow == 0
        ) revert BadRules(r);
    }

    function _packRules(Rules memory r) private pure returns (uint256) {
        return uint256(r.thresholdNumerator) | (uint256(r.thresholdDenominator) << 32) | (uint256(r.proposeWindow) << 64)
            | (uint256(r.voteWindow) << 96) | (uint256(r.revealWindow) << 128) | (uint256(r.motionWindow) << 160);
    }

    function _unpackRules(uint256 word) private pure returns (Rules memory r) {
        r.thresholdNumerator = uint32(word);
        r.thresholdDenominator = uint32(word >> 32);
        r.proposeWindow = uint32(word >> 64);
        r.voteWindow = uint32(word >> 96);
        r.revealWindow = uint32(word >> 128);
        r.motionWindow = uint32(word >> 160);
    }
}
