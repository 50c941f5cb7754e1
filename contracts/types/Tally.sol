// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {MEMBERS_MASK, ROUND_MASK, SEATS_MASK, SEAT_MASK, SIZE_MASK, TIME_MASK, countBits} from "./Bits.sol";

/// @dev A proposal's terms and votes:
/// approving 64 | rejecting 64 | deadline 36 | size 36 | proposer's seat 6 | need 6 | members 7 | status 3 | parent round 32
///
/// Secret votes take no more than open ones: a commitment sets the voter's bit in both of the first two, and its reveal
/// clears one of them. So a seat's bit in both is hidden, in one alone a vote.
type Tally is uint256;

using {
    approvals,
    rejections,
    hidden,
    votes,
    mostApprovals,
    deadline,
    size,
    proposerSeat,
    need,
    members,
    status,
    parentRound,
    sizeDiffers,
    withVote,
    withCommitment,
    withReveal,
    withStatus,
    revealing
} for Tally global;

uint256 constant NONE = 0; // no such proposal
uint256 constant VOTING = 1;
uint256 constant REVEALING = 2;
uint256 constant ACCEPTED = 3;
uint256 constant REJECTED = 4;

uint256 constant STATUS_MASK = (1 << 3) - 1;

uint256 constant APPROVING_AT = 0;
uint256 constant REJECTING_AT = 64;
uint256 constant DEADLINE_AT = 128;
uint256 constant SIZE_AT = 164;
uint256 constant PROPOSER_AT = 200;
uint256 constant NEED_AT = 206;
uint256 constant MEMBERS_AT = 212;
uint256 constant STATUS_AT = 219;
uint256 constant PARENT_AT = 222;

/// @dev A tally without votes. `need` is at most 63, since the proposer has no vote.
function toTally(
    uint256 deadline_,
    uint256 size_,
    uint256 proposerSeat_,
    uint256 need_,
    uint256 members_,
    uint256 status_,
    uint256 parentRound_
) pure returns (Tally) {
    return Tally.wrap(
        (deadline_ << DEADLINE_AT) | (size_ << SIZE_AT) | (proposerSeat_ << PROPOSER_AT) | (need_ << NEED_AT)
            | (members_ << MEMBERS_AT) | (status_ << STATUS_AT) | (parentRound_ << PARENT_AT)
    );
}

// ----------------------------------------------------------------------------------------------------- votes

function approvals(Tally tally) pure returns (uint256 seats) {
    return _approving(tally) & ~_rejecting(tally);
}

function rejections(Tally tally) pure returns (uint256 seats) {
    return _rejecting(tally) & ~_approving(tally);
}

/// @dev Who has committed, and not revealed.
function hidden(Tally tally) pure returns (uint256 seats) {
    return _approving(tally) & _rejecting(tally);
}

/// @dev Who has voted or committed. Read it with `&`: above the seats are other fields.
function votes(Tally tally) pure returns (uint256 seats) {
    return Tally.unwrap(tally) | (Tally.unwrap(tally) >> REJECTING_AT);
}

/// @dev The most approvals that can still come about: with secret votes only those that are hidden can be added (all
/// others were too late to commit), with open ones those of all who haven't rejected.
function mostApprovals(Tally tally, bool secret) pure returns (uint256) {
    unchecked {
        return secret ? countBits(_approving(tally)) : members(tally) - 1 - countBits(_rejecting(tally));
    }
}

function withVote(Tally tally, uint256 bit, bool approve) pure returns (Tally) {
    return Tally.wrap(Tally.unwrap(tally) | (approve ? bit << APPROVING_AT : bit << REJECTING_AT));
}

function withCommitment(Tally tally, uint256 bit) pure returns (Tally) {
    return Tally.wrap(Tally.unwrap(tally) | (bit << APPROVING_AT) | (bit << REJECTING_AT));
}

function withReveal(Tally tally, uint256 bit, bool approve) pure returns (Tally) {
    return Tally.wrap(Tally.unwrap(tally) & ~(approve ? bit << REJECTING_AT : bit << APPROVING_AT));
}

function _approving(Tally tally) pure returns (uint256) {
    return (Tally.unwrap(tally) >> APPROVING_AT) & SEATS_MASK;
}

function _rejecting(Tally tally) pure returns (uint256) {
    return (Tally.unwrap(tally) >> REJECTING_AT) & SEATS_MASK;
}

// ----------------------------------------------------------------------------------------------------- terms

/// @dev The last second for votes or commitments; once reveals are open, for these.
function deadline(Tally tally) pure returns (uint256) {
    return (Tally.unwrap(tally) >> DEADLINE_AT) & TIME_MASK;
}

function size(Tally tally) pure returns (uint256) {
    return (Tally.unwrap(tally) >> SIZE_AT) & SIZE_MASK;
}

/// @dev Whether `id`, whose last bits are a size, names weights of another size.
function sizeDiffers(Tally tally, bytes32 id) pure returns (bool) {
    return (uint256(id) ^ (Tally.unwrap(tally) >> SIZE_AT)) & SIZE_MASK != 0;
}

function proposerSeat(Tally tally) pure returns (uint256) {
    return (Tally.unwrap(tally) >> PROPOSER_AT) & SEAT_MASK;
}

/// @dev Approvals that accept it.
function need(Tally tally) pure returns (uint256) {
    return (Tally.unwrap(tally) >> NEED_AT) & SEAT_MASK;
}

/// @dev Of its round.
function members(Tally tally) pure returns (uint256) {
    return (Tally.unwrap(tally) >> MEMBERS_AT) & MEMBERS_MASK;
}

function status(Tally tally) pure returns (uint256) {
    return (Tally.unwrap(tally) >> STATUS_AT) & STATUS_MASK;
}

/// @dev The accepted round that its weights build on.
function parentRound(Tally tally) pure returns (uint256) {
    return (Tally.unwrap(tally) >> PARENT_AT) & ROUND_MASK;
}

function withStatus(Tally tally, uint256 value) pure returns (Tally) {
    return Tally.wrap((Tally.unwrap(tally) & ~(STATUS_MASK << STATUS_AT)) | (value << STATUS_AT));
}

/// @dev Commitments are closed, and votes are revealed `until` then.
function revealing(Tally tally, uint256 until) pure returns (Tally) {
    uint256 word = Tally.unwrap(tally.withStatus(REVEALING));
    return Tally.wrap((word & ~(TIME_MASK << DEADLINE_AT)) | (until << DEADLINE_AT));
}
