// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Fields} from "./Fields.sol";
import {countBits} from "../../../contracts/types/Bits.sol";

contract BitsTest is Fields {
    function testFuzz_countBits__asOneByOne(uint64 seats) public pure {
        eq(countBits(seats), count(seats));
    }

    function test_countBits__everySeatAndAllOfThem() public pure {
        eq(countBits(0), 0);
        for (uint256 i; i < 64; ++i) {
            eq(countBits(1 << i), 1);
            eq(countBits(U64 >> i), 64 - i);
            eq(countBits(U64 ^ (1 << i)), 63);
        }
    }
}
