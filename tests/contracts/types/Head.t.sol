// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {ICollectiveLearning as I} from "../../../contracts/ICollectiveLearning.sol";
import {Epoch, toEpoch} from "../../../contracts/types/Epoch.sol";
import {Head, firstHead} from "../../../contracts/types/Head.sol";
import {RulesWord, pack} from "../../../contracts/types/RulesWord.sol";

contract HeadTest is Fields {
    uint256 internal constant ROUND = 1 << 0;
    uint256 internal constant OPENED = 1 << 1;
    uint256 internal constant ACCEPTED = 1 << 2;
    uint256 internal constant EPOCH = (1 << 3) | (1 << 4);
    uint256 internal constant WAIT = 1 << 5;
    uint256 internal constant TERMS = (1 << 6) | (1 << 7) | (1 << 8);
    uint256 internal constant LIMITS = 1 << 10;

    function fields(Head h) internal pure returns (uint256[] memory f) {
        f = new uint256[](11);
        (f[0], f[1], f[2], f[3]) = (h.round(), h.openedAt(), h.acceptedRound(), h.epochNumber());
        (f[4], f[5], f[6], f[7]) = (Epoch.unwrap(h.epoch()), flag(h.motionsWait()), h.proposeWindow(), h.voteWindow());
        (f[8], f[9], f[10]) = (h.need(), flag(h.isJoint()), flag(h.hasLimits()));
    }

    function some(I.Rules memory rules) internal pure returns (RulesWord) {
        return pack(taken(rules));
    }

    function checkTerms(Head h, RulesWord rules) internal pure {
        eq(h.proposeWindow(), rules.proposeWindow());
        eq(h.voteWindow(), rules.voteWindow());
        eq(h.need(), rules.need(h.members() - 1));
    }

    function testFuzz_firstHead__roundOneOnTheGenesis(uint256 opened, uint256 members, I.Rules memory rules)
        public
        pure
    {
        opened &= U36;
        Epoch epoch = toEpoch(1, 2 + members % 63, 0);
        RulesWord terms = some(rules);
        Head h = firstHead(opened, epoch, terms);
        eq(h.round(), 1);
        eq(h.openedAt(), opened);
        eq(h.acceptedRound(), 0);
        eq(h.epochNumber(), 0);
        eq(Epoch.unwrap(h.epoch()), Epoch.unwrap(epoch));
        eq(h.members(), 2 + members % 63);
        check(!h.motionsWait() && h.isJoint() == (terms.trainWindow() != 0));
        check(h.hasLimits() == (terms.pause() != 0));
        checkTerms(h, terms);
    }

    function testFuzz_withRound__changesRoundAndTimeAlone(uint256 word, uint32 round, uint256 opened) public pure {
        opened &= U36;
        Head h = Head.wrap(word).withRound(round, opened);
        eq(h.round(), round);
        eq(h.openedAt(), opened);
        onlyChanged(fields(Head.wrap(word)), fields(h), ROUND | OPENED);
    }

    function testFuzz_withAcceptedRound__changesNothingElse(uint256 word, uint32 round) public pure {
        Head h = Head.wrap(word).withAcceptedRound(round);
        eq(h.acceptedRound(), round);
        onlyChanged(fields(Head.wrap(word)), fields(h), ACCEPTED);
    }

    function testFuzz_withEpoch__changesNothingElse(
        uint256 word,
        uint32 number,
        uint32 firstRound,
        uint256 members,
        uint256 firstSeat
    ) public pure {
        Epoch epoch = toEpoch(firstRound, members & 127, firstSeat & 63);
        // What only the epoch's own word has, and the head has no room for, stays out.
        Head h = Head.wrap(word).withEpoch(number, epoch.withCycle(number, uint64(word)));
        eq(h.epochNumber(), number);
        eq(Epoch.unwrap(h.epoch()), Epoch.unwrap(epoch));
        eq(h.members(), members & 127);
        onlyChanged(fields(Head.wrap(word)), fields(h), EPOCH);
    }

    function testFuzz_withMotionsWait__changesNothingElse(uint256 word, bool value) public pure {
        Head h = Head.wrap(word).withMotionsWait(value);
        check(h.motionsWait() == value);
        onlyChanged(fields(Head.wrap(word)), fields(h), WAIT);
    }

    function testFuzz_withLimits__changesNothingElse(uint256 word, bool value) public pure {
        Head h = Head.wrap(word).withLimits(value);
        check(h.hasLimits() == value);
        onlyChanged(fields(Head.wrap(word)), fields(h), LIMITS);
    }

    function testFuzz_withTerms__changesNothingElse(uint256 word, uint256 members, I.Rules memory rules) public pure {
        Head before = Head.wrap(word).withEpoch(1, toEpoch(1, 2 + members % 63, 0));
        RulesWord terms = some(rules);
        Head h = before.withTerms(terms);
        checkTerms(h, terms);
        onlyChanged(fields(before), fields(h), TERMS);
    }
}
