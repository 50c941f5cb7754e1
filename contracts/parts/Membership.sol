// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {State} from "./State.sol";
import {PLACE_MASK} from "../types/Bits.sol";
import {Epoch} from "../types/Epoch.sol";
import {Head} from "../types/Head.sol";
import {Holder, NO_HOLDER, toHolder} from "../types/Holder.sol";
import {NO_SEAT, Seat, toSeat} from "../types/Seat.sol";

/// @title Who sits where, now and in any round, and whose turn it is
abstract contract Membership is State {
    function _seatOf(address account) internal view returns (uint256) {
        Seat seat = _seat[account];
        if (!seat.isMember()) revert NotAMember(account);
        return seat.number();
    }

    function _memberAt(uint256 seat) internal view returns (address) {
        return _holder[seat].account();
    }

    function _memberIn(uint256 seat, uint256 round) internal view returns (address) {
        unchecked {
            Holder holder = _holder[seat];
            if (holder.firstRound() <= round) return holder.account();
            // By bisection: the first rounds of a seat's holders grow, and the first holder's is 0.
            uint256 low;
            uint256 high = holder.earlier() - 1;
            while (low < high) {
                uint256 middle = (low + high + 1) / 2;
                if (_formerHolder[seat][middle].firstRound() <= round) low = middle;
                else high = middle - 1;
            }
            return _formerHolder[seat][low].account();
        }
    }

    /// @dev Who held the seat when so many had held it before, of whom the last 25 bits are known.
    function _holderAt(uint256 seat, uint256 place) internal view returns (address) {
        unchecked {
            Holder holder = _holder[seat];
            uint256 earlier = holder.earlier();
            uint256 back = (earlier - place) & PLACE_MASK;
            return (back == 0 ? holder : _formerHolder[seat][earlier - back]).account();
        }
    }

    /// @dev By bisection, too: the epochs' first rounds grow.
    function _epochOf(uint256 round, Head head) internal view returns (Epoch epoch) {
        unchecked {
            uint256 number;
            uint256 high = head.epochNumber();
            while (number < high) {
                uint256 middle = (number + high + 1) / 2;
                if (_epoch[middle].firstRound() <= round) number = middle;
                else high = middle - 1;
            }
            epoch = _epoch[number];
        }
    }

    /// @dev The seat whose turn `round` is, in the current epoch.
    function _turn(Head head, uint256 round) internal view returns (uint256 seat) {
        uint256 number = head.epochNumber();
        // The head has all of the first epoch, in which nothing runs on.
        return _turnIn(shuffled && number != 0 ? _epoch[number] : head.epoch(), round);
    }

    function _turnIn(Epoch epoch, uint256 round) internal view returns (uint256 seat) {
        return shuffled ? epoch.shuffledTurn(round, address(this)) : epoch.turn(round);
    }

    /// @dev The newcomer sits down on the seat after the last.
    function _add(address member, uint256 seat, uint256 round) internal {
        _place(seat, member, round, NO_HOLDER);
        _seat[member] = toSeat(seat);
        emit MemberAdded(member, seat, round);
    }

    /// @dev Free the member's seat; the member of the last seat takes it over.
    function _remove(address member, uint256 last, uint256 round) internal returns (uint256 seat) {
        seat = _seatOf(member);
        _seat[member] = NO_SEAT;
        address moved;
        if (seat != last) {
            moved = _memberAt(last);
            _place(seat, moved, round, _holder[last]);
            _seat[moved] = _seat[moved].withNumber(seat);
        }
        // What is left on the last seat's word nobody reads, until the next member to join sits down there.
        emit MemberRemoved(member, seat, moved, round);
    }

    /// @dev The successor takes the member's seat.
    function _replace(address member, address successor, uint256 round) internal {
        uint256 seat = _seatOf(member);
        _seat[member] = NO_SEAT;
        _place(seat, successor, round, _holder[seat]);
        _seat[successor] = toSeat(seat);
        emit MemberReplaced(member, successor, seat, round);
    }

    /// @dev `before` has the last motion of who sits down.
    function _place(uint256 seat, address member, uint256 round, Holder before) private {
        unchecked {
            Holder old = _holder[seat];
            uint256 earlier = old.earlier();
            _formerHolder[seat][earlier] = old;
            _holder[seat] = toHolder(member, round, earlier + 1).withMotionOf(before);
        }
    }
}
