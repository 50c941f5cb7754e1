// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {State} from "./parts/State.sol";
import {Views} from "./parts/Views.sol";
import {ORDER_MASK, RULE_MASK} from "./types/Bits.sol";
import {Epoch, toEpoch} from "./types/Epoch.sol";
import {Head, firstHead} from "./types/Head.sol";
import {toHolder} from "./types/Holder.sol";
import {RulesWord, pack} from "./types/RulesWord.sol";
import {toSeat} from "./types/Seat.sol";
import {ACCEPTED, toTally} from "./types/Tally.sol";
import {RULE_BITS} from "./types/TrainingWord.sol";

/// @title Implementation of ICollectiveLearning
/// @notice All documentation for callers is in the interface.
/// @dev It is made of parts, each of which knows only those before it:
///
/// State        what is stored, and under which keys
/// Membership   seats, epochs, turns
/// Trainings    joint rounds: one training after another
/// Clock        what time has made of what is stored; the boundary between rounds
/// Contributions, Rounds   contributions; proposals and votes       Motions   what members can change by their votes
/// Views        what can be asked
///
/// What is packed into one word is a type of its own, in types/, with its layout, its getters and its setters.
contract CollectiveLearning is Views {
    constructor(Genesis memory genesis) State(genesis.secretVotes, genesis.shuffled, genesis.maxSize, genesis.mergeOrder) {
        if (block.timestamp >= MOST_TIME) revert BlockTimeNotInSeconds(block.timestamp, MOST_TIME);
        uint256 count = genesis.members.length;
        if (count < LEAST_MEMBERS || count > MOST_MEMBERS) revert BadMemberCount(count, LEAST_MEMBERS, MOST_MEMBERS);
        if (genesis.maxSize == 0 || genesis.maxSize > MOST_SIZE) revert BadMaxSize(genesis.maxSize);
        _checkWeights(genesis.sha256Hash, genesis.cidDigest, genesis.size, genesis.maxSize);
        _checkOrder(genesis.mergeOrder);
        _checkRules(genesis.rules, genesis.mergeOrder != 0);
        for (uint256 i; i < count; ++i) {
            address member = genesis.members[i];
            if (member == address(0)) revert ZeroAddress();
            if (_seat[member].isMember()) revert AlreadyAMember(member);
            _seat[member] = toSeat(i);
            _holder[i] = toHolder(member, 0, 0);
        }
        Epoch epoch = toEpoch(1, count, 0);
        _epoch[0] = epoch;
        RulesWord terms = pack(genesis.rules);
        _rules = terms;
        Head head = firstHead(block.timestamp, epoch, terms);
        _head = head;
        _keep(genesis);
        if (head.isJoint()) _begin(_following(_training, head, 1, block.timestamp));
        _announce(head);
    }

    /// @dev Round 0: accepted before there were rounds. (On its own, so that the constructor has stack to spare.)
    function _keep(Genesis memory genesis) private {
        _sha[0] = genesis.sha256Hash;
        if (genesis.size > ONE_BLOCK) _cid[0] = genesis.cidDigest;
        _tally[_key(0, genesis.sha256Hash, genesis.cidDigest)] =
            toTally(block.timestamp, genesis.size, 0, 0, genesis.members.length, ACCEPTED, 0);
        if (genesis.plan != 0) _agreement[MotionKind.SetPlan] = genesis.plan;
        emit CollectiveCreated(
            genesis.sha256Hash,
            genesis.cidDigest,
            genesis.size,
            genesis.members,
            genesis.rules,
            genesis.secretVotes,
            genesis.shuffled,
            genesis.maxSize,
            genesis.mergeOrder,
            genesis.plan
        );
    }

    /// @dev It goes up to the first rule that is 0.
    function _checkOrder(uint256 order) private pure {
        if (order > ORDER_MASK) revert BadMergeOrder(order);
        for (uint256 left = order; left != 0; left >>= RULE_BITS) {
            if (left & RULE_MASK == 0) revert BadMergeOrder(order);
        }
    }
}
