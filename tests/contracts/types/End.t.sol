// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {End} from "../../../contracts/types/End.sol";

contract EndTest is Fields {
    function some(uint256 last, uint256 second) internal pure returns (End) {
        return End.wrap((last & type(uint32).max) | ((second & U36) << 32));
    }

    function testFuzz_end__isWhatItSays(uint256 last, uint256 second, uint256 above) public pure {
        End end = End.wrap(End.unwrap(some(last, second)) | (above << 68));
        eq(end.lastRound(), last & type(uint32).max);
        eq(end.lastSecond(), second & U36);
    }

    function testFuzz_isOver__eitherIsOver(uint256 last, uint256 second, uint256 round, uint256 time) public pure {
        (last, second, round, time) = (last % 5, second % 5, round % 6, time % 6);
        check(some(last, second).isOver(round, time) == ((last != 0 && round > last) || (second != 0 && time > second)));
    }

    /// @dev Counted one by one: a turn is over when its window has passed, unless it is after the end, or the end comes in it.
    function testFuzz_missed__asManyAsPassBeforeTheEnd(
        uint256 last,
        uint256 second,
        uint256 start,
        uint256 window,
        uint256 time
    ) public pure {
        (last, second) = (last % 12, second % 60);
        (start, window, time) = (1 + start % 20, 1 + window % 7, 1 + time % 80);
        End end = some(last, second);
        uint256 turns;
        while (time >= start + (turns + 1) * window && !end.isOver(3 + turns, start + (turns + 1) * window - 1)) ++turns;
        eq(end.missed(3, start, window, time), turns);
        if (end.isOver(3 + turns, time)) eq(end.missed(3, start, window, time + 1000), turns);
    }

    function testFuzz_noEnd__theClockAlone(uint256 round, uint32 start, uint24 window, uint32 time) public pure {
        if (window == 0) window = 1;
        check(!End.wrap(0).isOver(round, time));
        eq(End.wrap(0).missed(round, start, window, time), time < start ? 0 : (time - start) / window);
    }
}
