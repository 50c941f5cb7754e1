// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Collective learning: rounds, votes and weights of one collective
/// @notice Members train one shared model without a central authority. In each round one member, the proposer, records
/// the hash, size and content id of new weights; every other member tests them on its own data and votes; when the
/// majority approves they become the accepted weights. The contract has no owner, no upgrade, holds no ether and makes
/// no external call.
///
/// Time. A round number is a *turn*: a turn lasts `proposeWindow` seconds for its proposer to propose, and, once it has
/// proposed, until the votes decide or the deadline has passed. A proposer that stays away is passed over by the clock
/// alone: no transaction is needed, the round counts as Missed, and the next member's turn has begun. So the state
/// that matters is a function of what is stored *and of the time*; every view computes it for the time it is asked for.
///
/// Members sit on seats 0 … n-1 (at most 64), so that a set of members is one 64-bit bitmap, bit i for seat i.
interface ICollectiveLearning {
    // ------------------------------------------------------------------------------------------------- types

    /// @notice What a round is in. `Proposing → Voting (→ Revealing) → Accepted | Rejected`, or `Proposing → Missed`.
    enum RoundState {
        Proposing, // waiting for the proposer's weights
        Voting, // weights are proposed; votes (or, with secret votes, commitments) are taken
        Revealing, // secret votes only: commitments are closed, votes are being revealed
        Accepted,
        Rejected,
        Missed // nobody proposed in the round's window
    }

    /// @notice What a motion asks for.
    enum MotionKind {
        AddMember,
        RemoveMember,
        SetRules
    }

    /// @notice What became of a motion. `Open → Approved → Enacted | Void`, or `Open → Rejected | Lapsed`.
    enum MotionState {
        Open,
        Approved, // waits for the next boundary between rounds
        Enacted,
        Rejected, // approval became impossible
        Lapsed, // the deadline has passed, or the membership changed while it was open
        Void // when its turn came it could not be carried out any more (already a member, no longer one, too few left, ...)
    }

    /// @notice The rules that motions can change.
    /// @param thresholdNumerator,thresholdDenominator weights are accepted iff approvals > numerator/denominator × eligible
    /// voters; 0 < numerator < denominator. Compared as integers.
    /// @param proposeWindow seconds that a proposer has
    /// @param voteWindow seconds for votes (or commitments) after the proposal
    /// @param revealWindow seconds for reveals after the commitments closed (secret votes only; still > 0 otherwise)
    /// @param motionWindow seconds that a motion stays open
    struct Rules {
        uint32 thresholdNumerator;
        uint32 thresholdDenominator;
        uint32 proposeWindow;
        uint32 voteWindow;
        uint32 revealWindow;
        uint32 motionWindow;
    }

    /// @notice What a deployment fixes for ever, and what it starts with.
    struct Genesis {
        address[] members; // 2 to 64, no duplicates, no zero address; seat i is members[i]
        Rules rules;
        bool secretVotes; // commit and reveal instead of open votes
        bool shuffled; // proposers in a fresh order each cycle instead of seat by seat
        uint256 maxSize; // largest size of proposed weights in bytes, > 0, < 2**36
        bytes32 sha256Hash; // of the genesis weights, which are round 0's, accepted
        bytes32 cidDigest;
        uint256 size;
    }

    /// @notice A proposal under decision, as a node needs it.
    struct Proposal {
        bytes32 id; // binds round and content: see `proposalId`
        bytes32 sha256Hash; // of the weights' bytes
        bytes32 cidDigest; // sha2-256 digest of the root block; CIDv1, raw for size <= 1 MiB (then equal to sha256Hash), else dag-pb
        uint256 size; // bytes
        uint256 proposerSeat;
        uint256 approvals; // bitmap of seats that approved
        uint256 rejections; // bitmap of seats that rejected
        uint256 hidden; // bitmap of seats that committed and have not revealed
        uint256 need; // approvals that accept it
    }

    /// @notice Everything that one member's node needs to decide, for the time `at`.
    struct NodeView {
        uint256 at; // the time (seconds) this view holds for
        uint256 round; // the current round at that time
        RoundState state; // Proposing, Voting or Revealing
        address proposer; // whose turn the current round is
        uint256 deadline; // when the current state ends by the clock (seconds)
        bool overdue; // an approved motion waits and the round is over by the clock: only `advance` goes on
        bool advanceable; // `advance` would change what is stored
        uint256 acceptedRound; // the round whose weights are the accepted ones (0: genesis)
        bytes32 acceptedSha256; // this is the parent of the next proposal
        bytes32 acceptedCidDigest;
        uint256 acceptedSize;
        Proposal[] proposals; // under decision now: none while Proposing, one while Voting or Revealing
        uint256 memberCount;
        bool isMember;
        uint256 seat; // of the member asked about (0 if it is none)
        bool voted; // it has voted on (or committed to, while Voting; or revealed, while Revealing) the proposal
        bytes32 commitment; // its commitment to the proposal under decision, 0 if none
        Rules rules;
        bool secretVotes;
        uint256 maxSize;
        uint256 openMotions; // motions a member might still vote on
    }

    /// @notice One round as it can be read from storage alone. A round without a proposal (Missed, or still Proposing)
    /// has no parent, id, hashes, size, votes or need: these are 0; what it could have built on is the nearest accepted
    /// round before it.
    struct RoundRecord {
        uint256 round;
        RoundState state; // for the time of the call
        address proposer;
        uint256 parentRound; // the accepted round its proposal builds on
        bytes32 parent; // sha256 of that round's weights
        bytes32 id;
        bytes32 sha256Hash;
        bytes32 cidDigest;
        uint256 size;
        uint256 deadline; // last second for votes, or for reveals once these were open; of the turn while Proposing; 0 if Missed
        uint256 memberCount;
        uint256 proposerSeat;
        uint256 approvals; // bitmaps, see Proposal
        uint256 rejections;
        uint256 hidden; // committed, never revealed
        uint256 need;
    }

    /// @notice One motion as it can be read from storage alone.
    struct MotionRecord {
        bytes32 id;
        MotionKind kind;
        MotionState state; // for the time of the call
        address mover;
        address subject; // the member to add or remove, else 0
        Rules rules; // the rules to set, else zeros
        uint256 deadline;
        uint256 approvals; // bitmaps of seats at the time it was moved
        uint256 rejections;
        uint256 need;
    }

    // ------------------------------------------------------------------------------------------------- events

    /// @notice The collective exists; round 1 is open.
    event CollectiveCreated(bytes32 sha256Hash, bytes32 cidDigest, uint256 size, address[] members, Rules rules, bool secretVotes, bool shuffled, uint256 maxSize);
    /// @notice A round was opened by a transaction, and `proposer` was selected. (Rounds that the clock opens have no event: see `RoundsMissed`.)
    event RoundOpened(uint256 indexed round, address indexed proposer, uint256 deadline);
    /// @notice Nobody proposed in rounds `first` to `last`; said by the first transaction that comes after them.
    event RoundsMissed(uint256 first, uint256 last);
    event WeightsProposed(uint256 indexed round, address indexed proposer, bytes32 indexed id, bytes32 parent, bytes32 sha256Hash, bytes32 cidDigest, uint256 size, uint256 deadline, bytes note);
    event VoteCast(bytes32 indexed id, address indexed voter, bool approve);
    /// @notice A voter published its scores beside its vote, in millionths.
    event ScoresPublished(bytes32 indexed id, address indexed voter, int64 currentScore, int64 proposedScore);
    event VoteCommitted(bytes32 indexed id, address indexed voter, bytes32 commitment);
    /// @notice Every voter has committed: reveals are open until `deadline`.
    event RevealsOpened(bytes32 indexed id, uint256 deadline);
    /// @notice A round was decided. `byClock`: the deadline had passed with the outcome open, which rejects.
    event RoundDecided(uint256 indexed round, bytes32 indexed id, bool accepted, uint256 approvals, uint256 rejections, bool byClock);
    event MotionMoved(bytes32 indexed id, address indexed mover, MotionKind kind, address subject, Rules rules, uint256 deadline);
    event MotionVoteCast(bytes32 indexed id, address indexed voter, bool approve);
    event MotionDecided(bytes32 indexed id, bool approved);
    event MotionEnacted(bytes32 indexed id, uint256 firstRound);
    event MotionVoided(bytes32 indexed id);
    event MemberAdded(address indexed member, uint256 seat, uint256 firstRound);
    /// @notice `moved` (0 if none) is the member of the last seat, which took over the freed seat.
    event MemberRemoved(address indexed member, uint256 seat, address moved, uint256 firstRound);
    event RulesChanged(Rules rules, uint256 firstRound);

    // ------------------------------------------------------------------------------------------------- errors

    error NotAMember(address account);
    error AlreadyAMember(address account);
    error ZeroAddress();
    error BadMemberCount(uint256 count, uint256 least, uint256 most);
    error BadRules(Rules rules);
    error BadMaxSize(uint256 maxSize);
    /// @notice The round named is not the current one.
    error WrongRound(uint256 named, uint256 current);
    error NotTheProposer(address account, address proposer);
    /// @notice The parent named is not the accepted weights' hash: the proposal was trained on weights that are not current.
    error StaleParent(bytes32 named, bytes32 accepted);
    error SizeOutOfRange(uint256 size, uint256 most);
    error EmptyHash();
    /// @notice Weights of at most 1 MiB are one raw block, whose digest is their sha256.
    error CidMismatch(bytes32 cidDigest, bytes32 sha256Hash);
    error NoteTooLong(uint256 length, uint256 most);
    /// @notice This round has a proposal already.
    error AlreadyProposed(uint256 round, bytes32 id);
    error NoSuchProposal(bytes32 id);
    error ProposalDecided(bytes32 id, bool accepted);
    error AlreadyVoted(address voter);
    error ProposerCannotVote(address proposer);
    error DeadlinePassed(uint256 deadline, uint256 time);
    /// @notice The deployment votes in secret (or openly), and this call is for the other kind.
    error SecretVotesOnly();
    error OpenVotesOnly();
    error RevealsNotOpen(uint256 opensAt);
    error CommitsClosed();
    error EmptyCommitment();
    error NotCommitted(address voter);
    error CommitmentMismatch(address voter);
    /// @notice The round is over by the clock and an approved motion waits: call `advance` first.
    error RoundOverdue(uint256 round);
    error NothingToAdvance();
    error NoSuchMotion(bytes32 id);
    error MotionNotOpen(bytes32 id, MotionState state);
    error NotEligible(address account);
    error NotAnAddition(address account);
    /// @notice One motion a member at a time, until it is decided and, if approved, carried out; and one wish to leave.
    error TooManyMotions();

    // ------------------------------------------------------------------------------------------------- rounds

    /// @notice Propose weights for the current round. Only the round's proposer, in its window, on the accepted parent.
    /// @param round the current round
    /// @param parent sha256 of the accepted weights it was trained from
    /// @param sha256Hash sha256 of the weights' bytes
    /// @param cidDigest sha2-256 digest of the CID's root block
    /// @param size bytes, 1 to maxSize
    /// @param note at most 256 bytes for people and indexers (training summary), in the event alone
    function propose(uint256 round, bytes32 parent, bytes32 sha256Hash, bytes32 cidDigest, uint256 size, bytes calldata note) external;

    /// @notice Vote on the proposal `id`, which binds the round and the content. The vote that makes the outcome certain
    /// decides the round and opens the next one.
    function vote(bytes32 id, bool approve) external;

    /// @notice `vote`, and publish one's scores in the event alone (millionths; the current model's and the proposal's).
    function voteWithScores(bytes32 id, bool approve, int64 currentScore, int64 proposedScore) external;

    /// @notice Commit to a secret vote: `commitment` as `commitmentOf` computes it. Its last 32 bits are replaced by the round's number.
    function commit(bytes32 id, bytes32 commitment) external;

    /// @notice Reveal a committed vote.
    function reveal(bytes32 id, bool approve, bytes32 salt) external;

    /// @notice `reveal`, and publish one's scores.
    function revealWithScores(bytes32 id, bool approve, bytes32 salt, int64 currentScore, int64 proposedScore) external;

    /// @notice Anyone: bring what is stored up to the clock (reject a round whose deadline has passed, pass over proposers
    /// that stayed away, enact the next approved motion at the boundary). Reverts with NothingToAdvance if nothing changes.
    function advance() external;

    // ------------------------------------------------------------------------------------------------- motions

    /// @notice Move to add a member. The mover approves with it. Takes effect between rounds, when approved.
    function moveAddMember(address subject) external returns (bytes32 id);

    /// @notice Move to remove a member, who has no vote on it.
    function moveRemoveMember(address subject) external returns (bytes32 id);

    /// @notice Move to change the rules.
    function moveRules(Rules calldata newRules) external returns (bytes32 id);

    /// @notice Vote on a motion. Approved iff approvals > threshold × eligible members.
    function voteMotion(bytes32 id, bool approve) external;

    /// @notice Leave the collective at the next boundary between rounds; needs nobody's vote.
    function leave() external returns (bytes32 id);

    // ------------------------------------------------------------------------------------------------- views

    /// @notice Everything that `member`'s node needs to decide, as of time `at` (0: the block's time).
    function viewFor(address member, uint256 at) external view returns (NodeView memory);

    /// @notice Records of rounds `first`, `first + 1`, ... : at most `count`, none past the current round; as of time `at` (0: the block's time).
    /// What a page costs grows with its length alone, not with the history before or after it.
    function rounds(uint256 first, uint256 count, uint256 at) external view returns (RoundRecord[] memory);

    /// @notice The members of `round`, by seat.
    function membersAt(uint256 round) external view returns (address[] memory);

    /// @notice The members now, by seat.
    function members() external view returns (address[] memory);

    /// @notice Motions in the order they were moved: at most `count` from index `first`.
    function motions(uint256 first, uint256 count) external view returns (MotionRecord[] memory);

    function motionCount() external view returns (uint256);

    function rules() external view returns (Rules memory);

    function secretVotes() external view returns (bool);

    function shuffled() external view returns (bool);

    function maxSize() external view returns (uint256);

    /// @notice keccak256(abi.encode(round, sha256Hash, cidDigest)): the name that a vote gives to what it is about.
    function proposalId(uint256 round, bytes32 sha256Hash, bytes32 cidDigest) external pure returns (bytes32);

    /// @notice keccak256(abi.encode(chain id, this contract, id, voter, approve, salt)); the id binds round and content.
    /// For tests and other implementations: a voter computes it by itself, for whoever sees the salt sees the vote.
    function commitmentOf(bytes32 id, address voter, bool approve, bytes32 salt) external view returns (bytes32);
}
