"""Faults to plant in the contract, one at a time; scripts/mutate_contract.py shows that the tests see each of them.

Each is (group, what is broken, source text that occurs exactly once, its replacement). Faults that nobody could observe
(equivalent mutants) don't belong here.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MUTANTS", "Mutant"]


class Mutant(NamedTuple):
    """One fault. ``old`` occurs once in contracts/CollectiveLearning.sol."""

    group: str
    name: str
    old: str
    new: str


def _group(group: str, *mutants: tuple[str, str, str]) -> list[Mutant]:
    return [Mutant(group, *m) for m in mutants]


_BOUNDS = _group(
    "bounds",
    ("one member will do", "if (n < LEAST_MEMBERS || n > MOST_MEMBERS)", "if (n < 1 || n > MOST_MEMBERS)"),
    ("65 members", "if (n < LEAST_MEMBERS || n > MOST_MEMBERS)", "if (n < LEAST_MEMBERS || n > MOST_MEMBERS + 1)"),
    ("a member twice", "if (_seat[member] != 0) revert AlreadyAMember(member);", ""),
    ("member zero", "if (member == address(0)) revert ZeroAddress();", ""),
    ("maxSize may be 0", "if (genesis.maxSize == 0 || genesis.maxSize > U36)", "if (genesis.maxSize > U36)"),
    ("maxSize may be 2**36", "if (genesis.maxSize == 0 || genesis.maxSize > U36)", "if (genesis.maxSize == 0)"),
    ("maxSize stops below 2**36 - 1", "genesis.maxSize > U36)", "genesis.maxSize >= U36)"),
    (
        "genesis weights unchecked",
        "_checkWeights(genesis.sha256Hash, genesis.cidDigest, genesis.size, genesis.maxSize);",
        "",
    ),
    ("genesis rules unchecked", "_checkRules(genesis.rules);", ""),
    ("moved rules unchecked", "_checkRules(newRules);", ""),
    ("threshold 0", "r.thresholdNumerator == 0 || r.thresholdN", "r.thresholdN"),
    ("threshold 1", "r.thresholdNumerator >= r.thresholdDenominator", "r.thresholdNumerator > r.thresholdDenominator"),
    ("propose window 0", " || r.proposeWindow == 0", ""),
    ("vote window 0", "|| r.voteWindow == 0 ||", "||"),
    ("reveal window 0", "r.revealWindow == 0 || ", ""),
    ("motion window 0", " || r.motionWindow == 0", ""),
    ("size 0", "if (size == 0 || size > most)", "if (size > most)"),
    ("size above the cap", "if (size == 0 || size > most)", "if (size == 0)"),
    ("size at the cap refused", "if (size == 0 || size > most)", "if (size == 0 || size >= most)"),
    ("no sha256", "if (sha256Hash == 0 || cidDigest == 0)", "if (cidDigest == 0)"),
    ("no CID", "if (sha256Hash == 0 || cidDigest == 0)", "if (sha256Hash == 0)"),
    ("one block: any CID", "if (size <= ONE_BLOCK && cidDigest != sha256Hash)", "if (false)"),
    ("just under one block: any CID", "if (size <= ONE_BLOCK && cid", "if (size < ONE_BLOCK && cid"),
    ("above one block: the CID must be the sha256", "if (size <= ONE_BLOCK && cid", "if (size <= ONE_BLOCK + 1 && cid"),
    ("note of any length", "if (note.length > MOST_NOTE) revert", "if (false) revert"),
    ("note at the cap refused", "if (note.length > MOST_NOTE) revert", "if (note.length >= MOST_NOTE) revert"),
)

_PROPOSING = _group(
    "proposing",
    ("anybody's turn", "if (seat != turn) revert", "if (false) revert"),
    ("any parent", "if (parent != accepted) revert", "if (false) revert"),
    ("any round", "if (round != n.round) revert", "if (false) revert"),
    ("a second proposal", "if (n.state != RoundState.Proposing) revert", "if (false) revert"),
    ("while overdue", "if (n.overdue) revert RoundOverdue(n.round);", ""),
    ("clock not written down", "if (n.closed || n.missed != 0) _head = _catchUp(head, n);", ""),
    ("closed round not written down", "if (n.closed || n.missed != 0) _head", "if (n.missed != 0) _head"),
    ("missed rounds not written down", "if (n.closed || n.missed != 0) _head", "if (n.closed) _head"),
    (
        "deadline by the propose window",
        "uint256 deadline = block.timestamp + ((rulesWord >> 96) & TAG);",
        "uint256 deadline = block.timestamp + ((rulesWord >> 64) & TAG);",
    ),
    ("CID not kept", "        if (size > ONE_BLOCK) _cid[round] = cidDigest;\n", ""),
    ("genesis CID not kept", "if (genesis.size > ONE_BLOCK) _cid[0] = genesis.cidDigest;", ""),
    ("parent not kept", "\n            | (acceptedRound << PARENT_AT);", ";"),
    ("proposer not kept", " | (seat << SEAT_AT)\n", "\n"),
    (
        "size not kept",
        "_tally[id & KEY] = (deadline << DEADLINE_AT) | (size << SIZE_AT)",
        "_tally[id & KEY] = (deadline << DEADLINE_AT)",
    ),
)

_VOTING = _group(
    "voting",
    ("a tie accepts", "/ ((rulesWord >> 32) & TAG) + 1;", "/ ((rulesWord >> 32) & TAG);"),
    (
        "threshold upside down",
        "((rulesWord & TAG) * eligible)",
        "((((rulesWord >> 32) & TAG) - (rulesWord & TAG)) * eligible)",
    ),
    (
        "the proposer counts as a voter",
        "(_need(rulesWord, count - 1) << NEED_AT)",
        "(_need(rulesWord, count) << NEED_AT)",
    ),
    ("bits miscounted", "x = (x + (x >> 4)) & 0x0f", "x = (x + (x >> 3)) & 0x0f"),
    ("high bits not counted", "x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f", "x = (x + (x >> 4)) & 0x000f0f0f0f0f0f0f"),
    (
        "vote as often as you like",
        "if ((tally | (tally >> 64)) & bit != 0) revert",
        "if (false) revert",
    ),
    ("reject, then approve", "if ((tally | (tally >> 64)) & bit != 0)", "if (tally & bit != 0)"),
    ("approve, then reject", "if ((tally | (tally >> 64)) & bit != 0)", "if ((tally >> 64) & bit != 0)"),
    (
        "vote after the deadline",
        "        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);\n        _countVote",
        "        _countVote",
    ),
    (
        "no vote in the deadline's last second",
        "> deadline) revert DeadlinePassed(deadline, block.timestamp);\n        _countVote",
        ">= deadline) revert DeadlinePassed(deadline, block.timestamp);\n        _countVote",
    ),
    ("open votes in a secret collective", "if (secretVotes) revert OpenVotesOnly();", ""),
    ("the proposer votes", "if (seat == (tally >> SEAT_AT) & 63) revert", "if (false) revert"),
    ("votes on nothing", "if (status == NONE || (uint256", "if ((uint256"),
    ("votes on a decided round", "if (status >= ACCEPTED) revert", "if (false) revert"),
    ("votes on a rejected round", "if (status >= ACCEPTED) revert", "if (status == ACCEPTED) revert"),
    ("outsiders vote", "if (seat == 0) revert NotAMember(account);", "if (seat == 0) return 5;"),
    (
        "votes turned round",
        "_countVote(id, tally | (approve ? bit : bit << 64)",
        "_countVote(id, tally | (approve ? bit << 64 : bit)",
    ),
    ("one approval more than needed", "_count(a & ~r) >= need;", "_count(a & ~r) > need;"),
    ("one approval is enough", "_count(a & ~r) >= need;", "_count(a & ~r) >= 1;"),
    ("rejected while acceptance is possible", "- 1 - _count(r)) >= need) {", "- 1 - _count(r)) > need) {"),
    ("never rejected by votes", "- 1 - _count(r)) >= need) {", "- 1 - _count(r)) >= 0) {"),
    ("accepted weights not adopted", "if (accepted) head = ", "if (false) head = "),
    ("rejected weights adopted", "if (accepted) head = ", "if (true) head = "),
    (
        "outcome turned round",
        "_withStatus(tally, accepted ? ACCEPTED : REJECTED)",
        "_withStatus(tally, accepted ? REJECTED : ACCEPTED)",
    ),
    ("the next round opens late", "_openNext(head, block.timestamp);", "_openNext(head, block.timestamp + 1);"),
    (
        "scores under another id",
        "emit ScoresPublished(id, msg.sender, currentScore, proposedScore);\n        _vote",
        "emit ScoresPublished(0, msg.sender, currentScore, proposedScore);\n        _vote",
    ),
    ("scores alone, no vote", "proposedScore);\n        _vote(id, approve);", "proposedScore);"),
    ("event says the opposite", "emit VoteCast(id, voter, approve);", "emit VoteCast(id, voter, !approve);"),
    ("decision's event without hidden bits taken out", "accepted, a & ~r, r & ~a, false);", "accepted, a, r, false);"),
)

_BINDING = _group(
    "binding",
    (
        "id without the round",
        "keccak256(abi.encode(round, sha256Hash, cidDigest))",
        "keccak256(abi.encode(uint256(0), sha256Hash, cidDigest))",
    ),
    (
        "id without the sha256",
        "keccak256(abi.encode(round, sha256Hash, cidDigest))",
        "keccak256(abi.encode(round, cidDigest, cidDigest))",
    ),
    (
        "id without the CID",
        "keccak256(abi.encode(round, sha256Hash, cidDigest))",
        "keccak256(abi.encode(round, sha256Hash, sha256Hash))",
    ),
    ("votes on the same bytes of another size", " || (uint256(id) ^ (tally >> SIZE_AT)) & U36 != 0)", ")"),
    (
        "the size is compared up to its last bit",
        "(uint256(id) ^ (tally >> SIZE_AT)) & U36 != 0)",
        "(uint256(id) ^ (tally >> SIZE_AT)) & (U36 - 1) != 0)",
    ),
    (
        "the proposal's id without the size",
        "cidDigest) | bytes32(size);\n        uint256 r",
        "cidDigest);\n        uint256 r",
    ),
    ("a record's id without the size", "            r.id |= bytes32(r.size);\n", ""),
    ("the view's id without the size", "n.id = key | bytes32((tally >> SIZE_AT) & U36);", "n.id = key;"),
    ("an id of any size", "if (size > U36) revert SizeOutOfRange(size, U36);", ""),
    (
        "commitment without the chain",
        "abi.encode(block.chainid, address(this), id",
        "abi.encode(uint256(0), address(this), id",
    ),
    (
        "commitment without the contract",
        "abi.encode(block.chainid, address(this), id",
        "abi.encode(block.chainid, address(0), id",
    ),
    (
        "commitment without the proposal",
        "address(this), id, voter, approve, salt)",
        "address(this), bytes32(0), voter, approve, salt)",
    ),
    ("commitment without the voter", "id, voter, approve, salt)", "id, address(0), approve, salt)"),
    ("commitment without the vote", "id, voter, approve, salt)", "id, voter, true, salt)"),
    ("commitment without the salt", "id, voter, approve, salt)", "id, voter, approve, bytes32(0))"),
    ("motion id without its index", "keccak256(abi.encode(index, (motion", "keccak256(abi.encode(uint256(0), (motion"),
    ("motion id without the subject", "kind, subject, newRules)", "kind, address(0), newRules)"),
)

_CLOCK = _group(
    "clock",
    ("a round ends in its deadline's second", "if (time <= n.deadline) return n;", "if (time < n.deadline) return n;"),
    ("a turn lasts a second longer", "if (time >= n.start + window) {", "if (time > n.start + window) {"),
    ("the next turn starts in the last one's second", "n.start = n.deadline + 1;", "n.start = n.deadline;"),
    ("a turn's deadline is a second late", "n.deadline = n.start + window - 1;", "n.deadline = n.start + window;"),
    ("the round after a closed one has its number", "            ++n.round;\n", ""),
    ("missed rounds don't count", "n.round += n.missed;", ""),
    ("missed rounds take no time", "n.start += n.missed * window;", ""),
    ("motions don't stop the clock", "bool waiting = (head >> WAITING_AT) & TAG != 0;", "bool waiting = false;"),
    ("advance whenever you like", "if (!n.closed && n.missed == 0) revert NothingToAdvance();", ""),
    ("advance doesn't close rounds", "if (!n.closed && n.missed == 0) revert", "if (n.missed == 0) revert"),
    ("the boundary is when advance comes", "uint256 end = n.deadline + 1;", "uint256 end = block.timestamp;"),
    (
        "overdue round not written as rejected",
        "            if (n.closed) _reject(n);\n            else emit",
        "            if (!n.closed) emit",
    ),
    (
        "closed round not written as rejected",
        "        if (n.closed) _reject(n);\n        if (n.missed",
        "        if (n.missed",
    ),
    (
        "the clock accepts",
        "_tally[n.id & KEY] = _withStatus(n.tally, REJECTED);",
        "_tally[n.id & KEY] = _withStatus(n.tally, ACCEPTED);",
    ),
    (
        "the open round starts when somebody came",
        "return _withRound(head, n.round, n.start);",
        "return _withRound(head, n.round, block.timestamp);",
    ),
    (
        "event of a closed round names another",
        "n.overdue ? n.round : n.round - n.missed - 1;",
        "n.overdue ? n.round : n.round - 1;",
    ),
    (
        "event of missed rounds says one more",
        "emit RoundsMissed(n.round - n.missed, n.round - 1);",
        "emit RoundsMissed(n.round - n.missed, n.round);",
    ),
    ("missed rounds without an event", "if (n.missed != 0) emit RoundsMissed", "if (false) emit RoundsMissed"),
    (
        "event of an opened round: deadline off by one",
        "((head >> WINDOW_AT) & TAG) - 1;\n        emit",
        "((head >> WINDOW_AT) & TAG);\n        emit",
    ),
    (
        "decided by the clock isn't said",
        "emit RoundDecided(round, n.id, false, approvals, rejections, true);",
        "emit RoundDecided(round, n.id, false, approvals, rejections, false);",
    ),
    ("a view's time isn't capped", "return at < type(uint40).max ? at : type(uint40).max;", "return at;"),
)

_SECRET = _group(
    "secret votes",
    ("commits in an open collective", "external {\n        if (!secretVotes) revert SecretVotesOnly();", "external {"),
    ("reveals in an open collective", "private {\n        if (!secretVotes) revert SecretVotesOnly();", "private {"),
    ("commit as often as you like", "if (tally & (bit | (bit << 64)) != 0) revert", "if (false) revert"),
    ("commit after somebody revealed", "if ((tally >> STATUS_AT) & 7 == REVEALING) revert CommitsClosed();", ""),
    ("commit after the deadline", "        if (block.timestamp > deadline) {\n", "        if (false) {\n"),
    (
        "no commit in the deadline's second",
        "        if (block.timestamp > deadline) {\n",
        "        if (block.timestamp >= deadline) {\n",
    ),
    ("commitments run into the seat's word", "commitment = commitment & ~bytes32(TAG);", ""),
    ("an empty commitment", "if (commitment == 0) revert EmptyCommitment();", ""),
    (
        "old commitments shine through",
        "(_seat[msg.sender] & TAG) | uint256(commitment)",
        "_seat[msg.sender] | uint256(commitment)",
    ),
    ("a commitment counts as an approval", "tally |= bit | (bit << 64);", "tally |= bit;"),
    (
        "reveals don't open when all have committed",
        "== ((tally >> N_AT) & 127) - 1) {",
        "== ((tally >> N_AT) & 127)) {",
    ),
    ("reveals open one commitment early", "== ((tally >> N_AT) & 127) - 1) {", "== ((tally >> N_AT) & 127) - 2) {"),
    (
        "reveal window of the vote window's length, all committed",
        "deadline = block.timestamp + ((_rules >> 128) & TAG);",
        "deadline = block.timestamp + ((_rules >> 96) & TAG);",
    ),
    (
        "reveal window of the vote window's length, seen by the view",
        "n.deadline += (_rules >> 128) & TAG;",
        "n.deadline += (_rules >> 96) & TAG;",
    ),
    (
        "reveal window of the vote window's length, at the first reveal",
        "            deadline += (_rules >> 128) & TAG;\n            tally = _reopen",
        "            deadline += (_rules >> 96) & TAG;\n            tally = _reopen",
    ),
    ("reveal while commits are open", "if (block.timestamp <= deadline) revert RevealsNotOpen(deadline + 1);", ""),
    (
        "reveal in the commits' last second",
        "if (block.timestamp <= deadline) revert RevealsNotOpen",
        "if (block.timestamp < deadline) revert RevealsNotOpen",
    ),
    (
        "reveals with too few commitments",
        "if (_count(tally & (tally >> 64) & U64) < (tally >> NEED_AT) & 63) {",
        "if (false) {",
    ),
    ("just enough commitments aren't", "U64) < (tally >> NEED_AT) & 63) {", "U64) <= (tally >> NEED_AT) & 63) {"),
    (
        "just enough commitments aren't, in the view",
        "& (tally >> 64) & U64) >= (tally >> NEED_AT) & 63\n            ) {",
        "& (tally >> 64) & U64) > (tally >> NEED_AT) & 63\n            ) {",
    ),
    (
        "reveal after the deadline",
        "        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);\n        bool inA",
        "        bool inA",
    ),
    (
        "no reveal in the deadline's second",
        "        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);\n        bool inA",
        "        if (block.timestamp >= deadline) revert DeadlinePassed(deadline, block.timestamp);\n        bool inA",
    ),
    ("reveal without a commitment", "if (!inA && !inR) revert NotCommitted(msg.sender);", ""),
    ("reveal twice", "if (inA != inR) revert AlreadyVoted(msg.sender);", ""),
    (
        "reveal anything",
        "& ~bytes32(TAG) != 0) {\n            revert CommitmentMismatch",
        "& 0 != 0) {\n            revert CommitmentMismatch",
    ),
    ("reveals turned round", "tally & ~(approve ? bit << 64 : bit)", "tally & ~(approve ? bit : bit << 64)"),
    ("hidden votes count as rejections", "secretVotes ? _count(a) : ", "secretVotes ? _count(a & ~r) : "),
    ("hidden votes count as approvals", "approve && _count(a & ~r) >= need;", "approve && _count(a) >= need;"),
    ("who only committed has voted while revealing", "(isHidden && n.state == RoundState.Voting)", "isHidden"),
    ("who committed hasn't voted", "(isHidden && n.state == RoundState.Voting)", "false"),
    ("the view's commitment names no round", "(_seat[member] & ~TAG) | n.round)", "(_seat[member] & ~TAG))"),
    (
        "an older round's commitment is shown",
        "if (secretVotes && (cast || isHidden)) v.commitment",
        "if (secretVotes) v.commitment",
    ),
)

_MOTIONS = _group(
    "motions",
    ("add address zero", "if (subject == address(0)) revert ZeroAddress();", ""),
    ("add the contract", "if (subject == address(this)) revert NotAnAddition(subject);", ""),
    ("add a member", "if (_seat[subject] != 0) revert AlreadyAMember(subject);", ""),
    ("add a 65th", "if (count == MOST_MEMBERS) revert", "if (false) revert"),
    ("remove oneself by vote", "if (subject == msg.sender) revert NotEligible(subject);", ""),
    ("remove down to one", "if (kind == MotionKind.RemoveMember && count == LEAST_MEMBERS) {", "if (false) {"),
    ("leave twice", "if (_seat[msg.sender] & 256 != 0) revert TooManyMotions();", ""),
    ("leaving isn't noted", "        _seat[msg.sender] |= 256;\n", ""),
    ("leaving needs votes", "(approved ? 0 : _need(", "(false ? 0 : _need("),
    ("vote on no motion", "if (index == 0) revert NoSuchMotion(id);", "if (index == 0) index = 1;"),
    ("vote on a closed motion", "if (state != MotionState.Open) revert MotionNotOpen(id, state);", ""),
    ("vote on one's own removal", "if ((motion >> BARRED_AT) & 127 == seat + 1) revert", "if (false) revert"),
    ("vote twice on a motion", "if ((motion | (motion >> 64)) & bit != 0) revert", "if (false) revert"),
    ("reject, then approve a motion", "if ((motion | (motion >> 64)) & bit != 0)", "if (motion & bit != 0)"),
    ("votes on motions turned round", "motion | (approve ? bit : bit << 64)", "motion | (approve ? bit << 64 : bit)"),
    (
        "any number of open motions each",
        "if (state == MotionState.Open || state == MotionState.Approved) revert TooManyMotions();",
        "if (state == MotionState.Approved) revert TooManyMotions();",
    ),
    (
        "any number of waiting motions each",
        "if (state == MotionState.Open || state == MotionState.Approved) revert TooManyMotions();",
        "if (state == MotionState.Open) revert TooManyMotions();",
    ),
    (
        "one motion each for ever",
        "if (state == MotionState.Open || state == MotionState.Approved) revert TooManyMotions();",
        "revert TooManyMotions();",
    ),
    ("the member to remove counts as a voter", "barred == 0 ? count : count - 1", "count"),
    ("the mover doesn't approve", "            motion |= 1 << seat;\n", ""),
    ("motion window of the reveal window's length", "((rulesWord >> 160) & TAG);", "((rulesWord >> 128) & TAG);"),
    ("one approval more than needed", "if (_count(motion & U64) >= need) {", "if (_count(motion & U64) > need) {"),
    ("one approval is enough", "if (_count(motion & U64) >= need) {", "if (_count(motion & U64) >= 1) {"),
    (
        "rejected while approval is possible",
        "if (eligible - _count((motion >> 64) & U64) < need) {",
        "if (eligible - _count((motion >> 64) & U64) <= need) {",
    ),
    ("never rejected", "if (eligible - _count((motion >> 64) & U64) < need) {", "if (false) {"),
    ("the member to remove could still have voted", "if ((motion >> BARRED_AT) & 127 != 0) --eligible;", ""),
    ("missed rounds forgotten at approval", "if (!n.overdue && (n.closed || n.missed != 0)) {", "if (false) {"),
    ("a motion never lapses by the clock", "time > (motion >> DEADLINE_AT) & U36 || ", ""),
    (
        "a motion lapses in its last second",
        "time > (motion >> DEADLINE_AT) & U36 || ",
        "time >= (motion >> DEADLINE_AT) & U36 || ",
    ),
    ("a motion outlives its membership", " || (motion >> MEPOCH_AT) & TAG != (head >> EPOCH_AT) & TAG", ""),
    (
        "enacted inside a round",
        "_head = head + (1 << WAITING_AT);",
        "_head = _enact(head + (1 << WAITING_AT), (head & TAG) + 1);",
    ),
    ("the queue's last place is taken again", "+ ((head >> WAITING_AT) & TAG)] = index;", "] = index;"),
    (
        "the last in the queue is first",
        "uint256 index = _queue[((rulesWord >> FRONT_AT) & TAG) - 1];",
        "uint256 index = _queue[((rulesWord >> FRONT_AT) & TAG) + ((head >> WAITING_AT) & TAG) - 2];",
    ),
    ("approved and never enacted", "& TAG != 0) head = _enact(head, round);", "& TAG != 0) head = head;"),
    ("the queue doesn't get shorter", "        head -= 1 << WAITING_AT;\n", ""),
    (
        "the queue's front doesn't move on",
        "= _rules + (1 << FRONT_AT);\n        uint256 index = _queue[((rulesWord >> FRONT_AT) & TAG) - 1];",
        "= _rules;\n        uint256 index = _queue[(rulesWord >> FRONT_AT) & TAG];",
    ),
    (
        "a member added twice",
        "possible = _seat[address(uint160(content))] == 0 && count < MOST_MEMBERS;",
        "possible = count < MOST_MEMBERS;",
    ),
    (
        "a 65th enacted",
        "possible = _seat[address(uint160(content))] == 0 && count < MOST_MEMBERS;",
        "possible = _seat[address(uint160(content))] == 0;",
    ),
    (
        "removed twice",
        "possible = _seat[address(uint160(content))] != 0 && count > LEAST_MEMBERS;",
        "possible = count > LEAST_MEMBERS;",
    ),
    (
        "down to one enacted",
        "possible = _seat[address(uint160(content))] != 0 && count > LEAST_MEMBERS;",
        "possible = _seat[address(uint160(content))] != 0;",
    ),
    ("who couldn't leave may never ask again", "if (word & 256 != 0) _seat", "if (false) _seat"),
    ("void motions called enacted", "possible ? MotionState.Enacted : MotionState.Void", "MotionState.Enacted"),
    ("new rules not stored", "((rulesWord >> FRONT_AT) << FRONT_AT) | content;", "rulesWord;"),
    ("new rules overwrite the queue", "((rulesWord >> FRONT_AT) << FRONT_AT) | content;", "content;"),
    ("motions aren't counted", "        _rules = rulesWord + (1 << MOTIONS_AT);\n", ""),
    (
        "new propose window not used",
        "            head = (head & ~(TAG << WINDOW_AT)) | (((content >> 64) & TAG) << WINDOW_AT);\n",
        "",
    ),
    ("the same proposer again after a change of members", "next = (turn + 1) % count;", "next = turn % count;"),
    ("the member that moves down has two turns in a row", "if (turn == count && freed == next) ++next;", ""),
    ("a member is skipped when seat 0 is freed", "if (turn == count && freed == next)", "if (freed == next)"),
    ("a member is skipped after the last seat's turn", "if (turn == count && freed == next)", "if (turn == count)"),
    ("the newcomer isn't last", "if (next == 0) next = count;", ""),
    # Not here, since nobody can see it: leaving out "next %= count". The turn is taken modulo the members again; the
    # line is there so that what is stored is a seat.
    (
        "the epoch isn't new",
        "uint256 epoch = ((head >> EPOCH_AT) & TAG) + 1;",
        "uint256 epoch = (head >> EPOCH_AT) & TAG;",
    ),
    ("a removed member stays one", "        delete _seat[member];\n", ""),
    ("the moved member keeps its old seat", "_seat[moved] = (_seat[moved] & ~uint256(0xff)) | (seat + 1);", ""),
    ("the freed seat isn't filled", "            _place(seat, moved, round);\n", ""),
)

_SELECTION = _group(
    "selection",
    (
        "round-robin skips the first seat",
        "(((word >> 40) & 0xff) + offset) % count;",
        "(((word >> 40) & 0xff) + offset + 1) % count;",
    ),
    ("round-robin ignores the first seat", "(((word >> 40) & 0xff) + offset) % count;", "offset % count;"),
    ("never shuffled", "if (!inShuffledOrder) return", "if (true) return"),
    (
        "every cycle in the same order",
        "abi.encode(address(this), offset / count, epoch)",
        "abi.encode(address(this), uint256(0), epoch)",
    ),
    (
        "every contract in the same order",
        "abi.encode(address(this), offset / count, epoch)",
        "abi.encode(address(0), offset / count, epoch)",
    ),
    (
        "every membership in the same order",
        "abi.encode(address(this), offset / count, epoch)",
        "abi.encode(address(this), offset / count, uint256(0))",
    ),
    ("a cycle that isn't a permutation", "return order[offset % count];", "return order[(offset * 2) % count];"),
    (
        "seat 0 stays where it is",
        "for (uint256 i = count - 1; i > 0; --i) {",
        "for (uint256 i = count - 1; i > 1; --i) {",
    ),
)

_HISTORY = _group(
    "history and views",
    (
        "members of the round before",
        "if ((word >> SINCE_AT) & TAG <= round) return",
        "if ((word >> SINCE_AT) & TAG < round) return",
    ),
    ("members as they are now", "if ((word >> SINCE_AT) & TAG <= round) return", "if (true) return"),
    (
        "an earlier holder of a seat begins a round late",
        "if ((_formerMember[seat][middle] >> SINCE_AT) & TAG <= round) low = middle;",
        "if ((_formerMember[seat][middle] >> SINCE_AT) & TAG < round) low = middle;",
    ),
    (
        "the last of a seat's earlier holders is never found",
        "uint256 high = ((word >> FORMER_AT) & TAG) - 1;",
        "uint256 high = ((word >> FORMER_AT) & TAG) - 2;",
    ),
    (
        "a seat's first holder always",
        "return address(uint160(_formerMember[seat][low]));",
        "return address(uint160(_formerMember[seat][0]));",
    ),
    ("earlier holders of a seat forgotten", "        _formerMember[seat][former] = old;\n", ""),
    (
        "an epoch begins a round late",
        "if (_epoch[middle] & TAG <= round) low = middle;",
        "if (_epoch[middle] & TAG < round) low = middle;",
    ),
    ("small weights have no CID", "if (cid == 0) cid = _sha[round];", ""),
    ("no parent in the record", "r.parentRound = (tally >> PARENT_AT) & TAG;", ""),
    (
        "the accepted round's tally is read under another id",
        "uint256 tally = r.id == n.id & KEY ? n.tally : _tally[r.id];",
        "uint256 tally = n.tally;",
    ),
    (
        "a silent reveal phase's deadline isn't shown",
        "uint256 tally = r.id == n.id & KEY ? n.tally : _tally[r.id];",
        "uint256 tally = _tally[r.id];",
    ),
    ("a silent reveal phase's deadline isn't kept", "                n.tally = _reopen(tally, n.deadline);\n", ""),
    (
        "a page is one too long",
        "page = new RoundRecord[](count < left ? count : left);",
        "page = new RoundRecord[](count < left ? count + 1 : left);",
    ),
    ("the current round is left out", "uint256 left = n.round - first + 1;", "uint256 left = n.round - first;"),
    (
        "a page of motions is one too long",
        "page = new MotionRecord[](count < left ? count : left);",
        "page = new MotionRecord[](count < left ? count + 1 : left);",
    ),
    (
        "a round closed by the clock looks open",
        "else if (status == REJECTED || round < n.round || n.overdue)",
        "else if (status == REJECTED)",
    ),
    (
        "an overdue round looks open",
        "else if (status == REJECTED || round < n.round || n.overdue)",
        "else if (status == REJECTED || round < n.round)",
    ),
    ("an overdue turn looks open", "if (round == n.round && !n.overdue) (r.state", "if (round == n.round) (r.state"),
    ("hidden votes are shown as cast", "return (a & ~r, r & ~a, a & r);", "return (a, r, a & r);"),
    (
        "overdue isn't advanceable",
        "v.advanceable = n.overdue || n.closed || n.missed != 0;",
        "v.advanceable = n.closed || n.missed != 0;",
    ),
    (
        "closed isn't advanceable",
        "v.advanceable = n.overdue || n.closed || n.missed != 0;",
        "v.advanceable = n.overdue || n.missed != 0;",
    ),
    (
        "missed isn't advanceable",
        "v.advanceable = n.overdue || n.closed || n.missed != 0;",
        "v.advanceable = n.overdue || n.closed;",
    ),
    (
        "closed motions count as open",
        "if (_motionState(motion, head, at) == MotionState.Open) ++v.openMotions;",
        "++v.openMotions;",
    ),
    (
        "the mover of a motion looked up now",
        "m.mover = _memberIn((motion >> MOVER_AT) & 63, _epoch[epoch] & TAG);",
        "m.mover = _memberAt((motion >> MOVER_AT) & 63);",
    ),
    (
        "a round's turn looked up now",
        "r.proposerSeat = _turnIn(word, index, round, shuffled);",
        "r.proposerSeat = _turn(head, round, shuffled);",
    ),
)

MUTANTS: tuple[Mutant, ...] = (
    *_BOUNDS,
    *_PROPOSING,
    *_VOTING,
    *_BINDING,
    *_CLOCK,
    *_SECRET,
    *_MOTIONS,
    *_SELECTION,
    *_HISTORY,
)
