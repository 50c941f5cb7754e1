// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICollectiveLearning} from "../../contracts/ICollectiveLearning.sol";

/// @notice The few cheat codes that the tests use.
interface Vm {
    function warp(uint256 time) external;
    function chainId(uint256 id) external;
    function prank(address sender) external;
    function expectRevert(bytes calldata data) external;
    function expectEmit(bool, bool, bool, bool) external;
    function getCode(string calldata artifact) external view returns (bytes memory);
}

abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant START = 1_000_000;
    bytes32 internal constant GENESIS = keccak256("genesis");
    ICollectiveLearning internal c;

    function member(uint256 i) internal pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    function defaultRules() internal pure returns (ICollectiveLearning.Rules memory) {
        return ICollectiveLearning.Rules(1, 2, 100, 200, 300, 1000, 0, 0);
    }

    function genesisOf(uint256 n, bool secret, bool shuffled)
        internal
        pure
        returns (ICollectiveLearning.Genesis memory g)
    {
        g.members = new address[](n);
        for (uint256 i; i < n; ++i) {
            g.members[i] = member(i);
        }
        g.rules = defaultRules();
        g.secretVotes = secret;
        g.shuffled = shuffled;
        g.maxSize = 1 << 30;
        g.sha256Hash = GENESIS;
        g.cidDigest = GENESIS;
        g.size = 10;
    }

    function deploy(uint256 n, bool secret, bool shuffled) internal {
        vm.warp(START);
        c = create(genesisOf(n, secret, shuffled));
    }

    /// @dev By its compiled code, not by `new`: so a change of the contract needs none of the tests compiled again.
    function create(ICollectiveLearning.Genesis memory g) internal returns (ICollectiveLearning made) {
        bytes memory code = bytes.concat(vm.getCode("CollectiveLearning.sol:CollectiveLearning"), abi.encode(g));
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
            if iszero(made) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function now_() internal view returns (uint256) {
        return c.viewFor(address(0), 0).at;
    }

    function view_() internal view returns (ICollectiveLearning.NodeView memory) {
        return c.viewFor(member(0), 0);
    }

    /// @dev Whether there was something to advance.
    function advanced() internal returns (bool) {
        try c.advance() {
            return true;
        } catch (bytes memory reason) {
            eq(keccak256(reason), keccak256(abi.encodeWithSelector(ICollectiveLearning.NothingToAdvance.selector)));
            return false;
        }
    }

    function record(uint256 round) internal view returns (ICollectiveLearning.RoundRecord memory) {
        return c.rounds(round, 1, 0)[0];
    }

    function motion(uint256 index) internal view returns (ICollectiveLearning.MotionRecord memory) {
        return c.motions(index, 1)[0];
    }

    /// @dev The current round's proposer proposes small weights named by `tag`.
    function proposeAs(string memory tag) internal returns (bytes32 id) {
        ICollectiveLearning.NodeView memory v = view_();
        bytes32 sha = keccak256(bytes(tag));
        vm.prank(v.proposer);
        c.propose(v.round, v.acceptedSha256, sha, sha, 100, "");
        return c.proposalId(v.round, sha, sha, 100);
    }

    function voteAs(uint256 i, bytes32 id, bool approve) internal {
        vm.prank(member(i));
        c.vote(id, approve);
    }

    function commitAs(uint256 i, bytes32 id, bool approve) internal {
        bytes32 commitment = c.commitmentOf(id, member(i), approve, bytes32(i));
        vm.prank(member(i));
        c.commit(id, commitment);
    }

    function revealAs(uint256 i, bytes32 id, bool approve) internal {
        vm.prank(member(i));
        c.reveal(id, approve, bytes32(i));
    }

    /// @dev Plays one round in which everyone needed approves.
    function playRound(string memory tag) internal {
        ICollectiveLearning.NodeView memory v = view_();
        bytes32 id = proposeAs(tag);
        address[] memory list = c.members();
        for (uint256 i; i < list.length && view_().round == v.round; ++i) {
            if (list[i] == v.proposer) continue;
            vm.prank(list[i]);
            c.vote(id, true);
        }
    }

    function expect(bytes memory data) internal {
        vm.expectRevert(data);
    }

    function expect(bytes4 selector) internal {
        vm.expectRevert(abi.encodePacked(selector));
    }

    function eq(uint256 a, uint256 b) internal pure {
        if (a != b) revert NotEqual(a, b);
    }

    function eq(address a, address b) internal pure {
        eq(uint160(a), uint160(b));
    }

    function eq(bytes32 a, bytes32 b) internal pure {
        eq(uint256(a), uint256(b));
    }

    function eq(ICollectiveLearning.RoundState a, ICollectiveLearning.RoundState b) internal pure {
        eq(uint256(a), uint256(b));
    }

    function eq(ICollectiveLearning.MotionState a, ICollectiveLearning.MotionState b) internal pure {
        eq(uint256(a), uint256(b));
    }

    function check(bool holds) internal pure {
        if (!holds) revert DoesNotHold();
    }

    error NotEqual(uint256 a, uint256 b);
    error DoesNotHold();
}
