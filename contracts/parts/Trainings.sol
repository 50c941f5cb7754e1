// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Membership} from "./Membership.sol";
import {SEATS_MASK} from "../types/Bits.sol";
import {NO_CONTRIBUTION} from "../types/ContributionWord.sol";
import {vacated} from "../types/Epoch.sol";
import {Head} from "../types/Head.sol";
import {TrainingWord, toTraining} from "../types/TrainingWord.sol";

/// @title Joint rounds: what all train for, and how one training follows another
abstract contract Trainings is Membership {
    /// @dev The training that follows `old`. Expected are those who contributed, and those who came late unexpectedly (so a
    /// seat that is always late makes the others wait every second time at most); all at the start.
    function _following(TrainingWord old, Head head, uint256 first, uint256 time) internal view returns (TrainingWord) {
        unchecked {
            uint256 expected = old.contributed();
            if (old.hasLate()) expected |= _lateSeats & ~old.expected();
            if (time < old.until()) expected |= old.expected(); // it was cut short: nobody was late
            if (expected == 0) expected = SEATS_MASK >> (64 - head.members());
            return toTraining(first, head.acceptedRound(), time + _rules.trainWindow(), expected, mergeOrder)
                .withLimits(head.hasLimits());
        }
    }

    /// @dev Between rounds, when `head` is what the next one has: whether it begins a training.
    function _follow(Head head, uint256 time) internal {
        TrainingWord training = _training;
        if (training.parentRound() != head.acceptedRound() || training.isOver()) {
            _begin(_following(training, head, head.round(), time));
        } else if (time < training.until() && training.isComplete()) {
            _training = training.withUntil(time); // who was missing has left
        }
    }

    function _begin(TrainingWord training) internal {
        _training = training;
        emit TrainingBegan(training.firstRound(), training.expected());
    }

    /// @dev The seats of those who came late, or have joined.
    function _noteLate(TrainingWord training, uint256 bit) internal {
        _lateSeats = training.hasLate() ? _lateSeats | bit : bit;
        _training = training.withLate();
    }

    /// @dev A member has left `freed`, which the one of the `last` seat has taken over.
    function _vacate(uint256 freed, uint256 last) internal {
        TrainingWord training = _training;
        _training = training.withSeats(
            vacated(training.contributed(), freed, last), vacated(training.expected(), freed, last)
        );
        _lateSeats = vacated(_lateSeats, freed, last);
        _contribution[freed] = _contribution[last];
        _contribution[last].word = NO_CONTRIBUTION;
    }
}
