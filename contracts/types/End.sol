// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ROUND_MASK, TIME_MASK} from "./Bits.sol";

/// @dev The end that members agreed on, after which nothing is proposed: last round 32 | last second 36 | free 188
///
/// 0 of each for none.
type End is uint256;

using {lastRound, lastSecond, isOver, missed} for End global;

uint256 constant ROUND_AT = 0;
uint256 constant SECOND_AT = 32;
uint256 constant END_BITS = 68;

function lastRound(End end) pure returns (uint256) {
    return (End.unwrap(end) >> ROUND_AT) & ROUND_MASK;
}

function lastSecond(End end) pure returns (uint256) {
    return (End.unwrap(end) >> SECOND_AT) & TIME_MASK;
}

/// @dev Whether nothing is proposed any more in `round` at `time`.
function isOver(End end, uint256 round, uint256 time) pure returns (bool) {
    uint256 second = end.lastSecond();
    uint256 last = end.lastRound();
    return (second != 0 && time > second) || (last != 0 && round > last);
}

/// @dev How many of the turns of `window` seconds, of which that of `round` began at `start`, are over at `time`: after the
/// end none goes by.
function missed(End end, uint256 round, uint256 start, uint256 window, uint256 time) pure returns (uint256 turns) {
    unchecked {
        uint256 second = end.lastSecond();
        if (second != 0 && time > second) time = second + 1;
        if (time >= start + window) turns = (time - start) / window;
        uint256 last = end.lastRound();
        if (last != 0 && round + turns > last) turns = round > last ? 0 : last + 1 - round;
    }
}
