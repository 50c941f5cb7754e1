"""Faults to plant in the contract, one at a time; scripts/mutate_contract.py shows that the tests see each of them.

Each is (group, what is broken, source text that occurs exactly once, its replacement), and the file under contracts/
where the text occurs in others too. Faults that nobody could observe (equivalent mutants) don't belong here.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MUTANTS", "Mutant"]


class Mutant(NamedTuple):
    """One fault. ``old`` occurs once in ``contracts/<file>``; in the whole contract where no file is named."""

    group: str
    name: str
    old: str
    new: str
    file: str = ""


def _group(group: str, *mutants: tuple[str, str, str] | tuple[str, str, str, str]) -> list[Mutant]:
    return [Mutant(group, *m) for m in mutants]


_BOUNDS = _group(
    "bounds",
    (
        "one member will do",
        "if (count < LEAST_MEMBERS || count > MOST_MEMBERS)",
        "if (count < 1 || count > MOST_MEMBERS)",
    ),
    (
        "65 members",
        "if (count < LEAST_MEMBERS || count > MOST_MEMBERS)",
        "if (count < LEAST_MEMBERS || count > MOST_MEMBERS + 1)",
    ),
    ("a member twice", "if (_seat[member].isMember()) revert AlreadyAMember(member);", ""),
    ("member zero", "if (member == address(0)) revert ZeroAddress();", ""),
    (
        "maxSize may be 0",
        "if (genesis.maxSize == 0 || genesis.maxSize > MOST_SIZE)",
        "if (genesis.maxSize > MOST_SIZE)",
    ),
    ("maxSize may be 2**36", "if (genesis.maxSize == 0 || genesis.maxSize > MOST_SIZE)", "if (genesis.maxSize == 0)"),
    ("maxSize stops below 2**36 - 1", "genesis.maxSize > MOST_SIZE)", "genesis.maxSize >= MOST_SIZE)"),
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
    ("any round", "if (round != present.round) revert", "if (false) revert"),
    ("a second proposal", "if (present.state != RoundState.Proposing) revert", "if (false) revert"),
    ("while overdue", "if (present.overdue) revert RoundOverdue(present.round);", ""),
    ("clock not written down", "if (_isBehind(present)) _head = _catchUp(head, present);", ""),
    ("closed round not written down", "if (_isBehind(present)) _head", "if (present.missed != 0) _head"),
    ("missed rounds not written down", "if (_isBehind(present)) _head", "if (present.closed) _head"),
    (
        "deadline by the propose window",
        "block.timestamp + head.voteWindow();",
        "block.timestamp + head.proposeWindow();",
    ),
    ("CID not kept", "        if (size > ONE_BLOCK) _cid[round] = cidDigest;\n", ""),
    ("genesis CID not kept", "if (genesis.size > ONE_BLOCK) _cid[0] = genesis.cidDigest;", ""),
    ("parent not kept", "VOTING, acceptedRound);", "VOTING, 0);"),
    ("proposer not kept", "toTally(deadline, size, seat,", "toTally(deadline, size, 0,"),
    ("size not kept", "toTally(deadline, size, seat,", "toTally(deadline, 0, seat,"),
)

_VOTING = _group(
    "voting",
    ("a tie accepts", "/ denominator + 1;", "/ denominator;"),
    ("threshold upside down", "(numerator * eligible)", "((denominator - numerator) * eligible)"),
    ("the proposer counts as a voter", "rules.need(head.members() - 1)", "rules.need(head.members())"),
    ("bits miscounted", "x = (x + (x >> 4)) & 0x0f", "x = (x + (x >> 3)) & 0x0f"),
    ("high bits not counted", "x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f", "x = (x + (x >> 4)) & 0x000f0f0f0f0f0f0f"),
    (
        "vote as often as you like",
        "if (tally.votes() & bit != 0) revert AlreadyVoted(msg.sender);\n        uint256 deadline",
        "uint256 deadline",
    ),
    (
        "reject, then approve",
        "if (tally.votes() & bit != 0) revert AlreadyVoted(msg.sender);\n        uint256 deadline",
        "if (tally.approvals() & bit != 0) revert AlreadyVoted(msg.sender);\n        uint256 deadline",
    ),
    (
        "approve, then reject",
        "if (tally.votes() & bit != 0) revert AlreadyVoted(msg.sender);\n        uint256 deadline",
        "if (tally.rejections() & bit != 0) revert AlreadyVoted(msg.sender);\n        uint256 deadline",
    ),
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
    ("the proposer votes", "if (seat == tally.proposerSeat()) revert", "if (false) revert"),
    ("votes on nothing", "if (status == NONE || tally", "if (tally"),
    ("votes on a decided round", "if (status >= ACCEPTED) revert", "if (false) revert"),
    ("votes on a rejected round", "if (status >= ACCEPTED) revert", "if (status == ACCEPTED) revert"),
    ("outsiders vote", "if (!seat.isMember()) revert NotAMember(account);", "if (!seat.isMember()) return 5;"),
    (
        "votes turned round",
        "_countVote(id, tally.withVote(bit, approve)",
        "_countVote(id, tally.withVote(bit, !approve)",
    ),
    ("one approval more than needed", "countBits(tally.approvals()) >= need;", "countBits(tally.approvals()) > need;"),
    ("one approval is enough", "countBits(tally.approvals()) >= need;", "countBits(tally.approvals()) >= 1;"),
    (
        "rejected while acceptance is possible",
        "tally.mostApprovals(secretVotes) >= need",
        "tally.mostApprovals(secretVotes) > need",
    ),
    ("never rejected by votes", "tally.mostApprovals(secretVotes) >= need", "tally.mostApprovals(secretVotes) >= 0"),
    ("accepted weights not adopted", "if (accepted) head = ", "if (false) head = "),
    ("rejected weights adopted", "if (accepted) head = ", "if (true) head = "),
    (
        "outcome turned round",
        "tally.withStatus(accepted ? ACCEPTED : REJECTED)",
        "tally.withStatus(accepted ? REJECTED : ACCEPTED)",
    ),
    ("the next round opens late", "_openNext(head, block.timestamp);", "_openNext(head, block.timestamp + 1);"),
    (
        "scores under another id",
        "emit ScoresPublished(id, msg.sender, currentScore, proposedScore);\n        _vote",
        "emit ScoresPublished(0, msg.sender, currentScore, proposedScore);\n        _vote",
    ),
    ("scores alone, no vote", "proposedScore);\n        _vote(id, approve);", "proposedScore);"),
    ("event says the opposite", "emit VoteCast(id, msg.sender, approve);", "emit VoteCast(id, msg.sender, !approve);"),
    (
        "decision's event without hidden bits taken out",
        "accepted, tally.approvals(), tally.rejections(), false)",
        "accepted, tally.approvals() | tally.hidden(), tally.rejections(), false)",
    ),
)

_BINDING = _group(
    "binding",
    (
        "id without the round",
        "keccak256(abi.encode(round, sha256Hash, cidDigest))",
        "keccak256(abi.encode(uint256(0), sha256Hash, cidDigest))",
        "parts/State.sol",
    ),
    (
        "id without the sha256",
        "keccak256(abi.encode(round, sha256Hash, cidDigest))",
        "keccak256(abi.encode(round, cidDigest, cidDigest))",
        "parts/State.sol",
    ),
    (
        "id without the CID",
        "keccak256(abi.encode(round, sha256Hash, cidDigest))",
        "keccak256(abi.encode(round, sha256Hash, sha256Hash))",
        "parts/State.sol",
    ),
    ("votes on the same bytes of another size", " || tally.sizeDiffers(id))", ")"),
    ("the size is compared up to its last bit", "& SIZE_MASK != 0;", "& (SIZE_MASK - 1) != 0;"),
    (
        "the proposal's id without the size",
        "bytes32 id = _key(round, sha256Hash, cidDigest) | bytes32(size);",
        "bytes32 id = _key(round, sha256Hash, cidDigest);",
    ),
    ("a record's id without the size", "            r.id |= bytes32(r.size);\n", ""),
    ("the view's id without the size", "present.id = key | bytes32(tally.size());", "present.id = key;"),
    ("an id of any size", "if (size > MOST_SIZE) revert SizeOutOfRange(size, MOST_SIZE);", ""),
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
    (
        "commitment without the voter",
        "address(this), id, voter, approve, salt)",
        "address(this), id, address(0), approve, salt)",
    ),
    (
        "commitment without the vote",
        "address(this), id, voter, approve, salt)",
        "address(this), id, voter, true, salt)",
    ),
    (
        "commitment without the salt",
        "address(this), id, voter, approve, salt)",
        "address(this), id, voter, approve, bytes32(0))",
    ),
    (
        "motion id without its index",
        "abi.encode(index, motion.epochNumber()",
        "abi.encode(uint256(0), motion.epochNumber()",
    ),
    ("motion id without the subject", "kind, subject, newRules)", "kind, address(0), newRules)"),
)

_CLOCK = _group(
    "clock",
    (
        "a round ends in its deadline's second",
        "if (time <= present.deadline) return present;",
        "if (time < present.deadline) return present;",
    ),
    ("a turn lasts a second longer", "if (time >= present.start + window) {", "if (time > present.start + window) {"),
    (
        "the next turn starts in the last one's second",
        "present.start = present.deadline + 1;",
        "present.start = present.deadline;",
    ),
    (
        "a turn's deadline is a second late",
        "present.deadline = present.start + window - 1;",
        "present.deadline = present.start + window;",
    ),
    ("the round after a closed one has its number", "            ++present.round;\n", ""),
    ("missed rounds don't count", "present.round += present.missed;", ""),
    ("missed rounds take no time", "present.start += present.missed * window;", ""),
    ("motions don't stop the clock", "bool waiting = head.motionsWait();", "bool waiting = false;"),
    ("advance whenever you like", "if (!_isBehind(present)) revert NothingToAdvance();", ""),
    ("advance doesn't close rounds", "if (!_isBehind(present)) revert", "if (present.missed == 0) revert"),
    ("the boundary is when advance comes", "uint256 end = present.deadline + 1;", "uint256 end = block.timestamp;"),
    (
        "overdue round not written as rejected",
        "            if (present.closed) _reject(present);\n            else emit",
        "            if (!present.closed) emit",
    ),
    (
        "closed round not written as rejected",
        "        if (present.closed) _reject(present);\n        if (present.missed",
        "        if (present.missed",
    ),
    ("the clock accepts", "present.tally.withStatus(REJECTED);", "present.tally.withStatus(REJECTED - 1);"),
    (
        "the open round starts when somebody came",
        "return head.withRound(present.round, present.start);",
        "return head.withRound(present.round, block.timestamp);",
    ),
    (
        "event of a closed round names another",
        "present.overdue ? present.round : present.round - present.missed - 1;",
        "present.overdue ? present.round : present.round - 1;",
    ),
    (
        "event of missed rounds says one more",
        "emit RoundsMissed(present.round - present.missed, present.round - 1);",
        "emit RoundsMissed(present.round - present.missed, present.round);",
    ),
    ("missed rounds without an event", "if (present.missed != 0) emit RoundsMissed", "if (false) emit RoundsMissed"),
    (
        "event of an opened round: deadline off by one",
        "head.openedAt() + head.proposeWindow() - 1);",
        "head.openedAt() + head.proposeWindow());",
    ),
    ("decided by the clock isn't said", "present.tally.rejections(), true);", "present.tally.rejections(), false);"),
    ("a view's time isn't capped", "return at < type(uint40).max ? at : type(uint40).max;", "return at;"),
)

_SECRET = _group(
    "secret votes",
    ("commits in an open collective", "external {\n        if (!secretVotes) revert SecretVotesOnly();", "external {"),
    ("reveals in an open collective", "private {\n        if (!secretVotes) revert SecretVotesOnly();", "private {"),
    (
        "commit as often as you like",
        "if (tally.votes() & bit != 0) revert AlreadyVoted(msg.sender);\n        if (tally.status()",
        "if (tally.status()",
    ),
    ("commit after somebody revealed", "if (tally.status() == REVEALING) revert CommitsClosed();", ""),
    ("commit after the deadline", "        if (block.timestamp > deadline) {\n", "        if (false) {\n"),
    (
        "no commit in the deadline's second",
        "        if (block.timestamp > deadline) {\n",
        "        if (block.timestamp >= deadline) {\n",
    ),
    ("commitments run into the seat's word", "commitment &= KEPT;", ""),
    ("an empty commitment", "if (commitment == 0) revert EmptyCommitment();", ""),
    (
        "old commitments shine through",
        "(Seat.unwrap(seat) & OWN_MASK) | uint256(value)",
        "Seat.unwrap(seat) | uint256(value)",
    ),
    ("a commitment counts as an approval", "tally = tally.withCommitment(bit);", "tally = tally.withVote(bit, true);"),
    ("reveals don't open when all have committed", "== tally.members() - 1) {", "== tally.members()) {"),
    ("reveals open one commitment early", "== tally.members() - 1) {", "== tally.members() - 2) {"),
    (
        "reveal window of the vote window's length, all committed",
        "deadline = block.timestamp + _rules.revealWindow();",
        "deadline = block.timestamp + _rules.voteWindow();",
    ),
    (
        "reveal window of the vote window's length, seen by the view",
        "present.deadline += _rules.revealWindow();",
        "present.deadline += _rules.voteWindow();",
    ),
    (
        "reveal window of the vote window's length, at the first reveal",
        "            deadline += _rules.revealWindow();",
        "            deadline += _rules.voteWindow();",
    ),
    ("reveal while commits are open", "if (block.timestamp <= deadline) revert RevealsNotOpen(deadline + 1);", ""),
    (
        "reveal in the commits' last second",
        "if (block.timestamp <= deadline) revert RevealsNotOpen",
        "if (block.timestamp < deadline) revert RevealsNotOpen",
    ),
    ("reveals with too few commitments", "if (countBits(tally.hidden()) < tally.need()) revert", "if (false) revert"),
    (
        "just enough commitments aren't",
        "if (countBits(tally.hidden()) < tally.need()) revert",
        "if (countBits(tally.hidden()) <= tally.need()) revert",
    ),
    (
        "just enough commitments aren't, in the view",
        "secretVotes && countBits(tally.hidden()) >= tally.need()",
        "secretVotes && countBits(tally.hidden()) > tally.need()",
    ),
    (
        "reveal after the deadline",
        "if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);\n        if (tally.votes()",
        "if (tally.votes()",
    ),
    (
        "no reveal in the deadline's second",
        "block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);\n        if (tally.votes()",
        "block.timestamp >= deadline) revert DeadlinePassed(deadline, block.timestamp);\n        if (tally.votes()",
    ),
    ("reveal without a commitment", "if (tally.votes() & bit == 0) revert NotCommitted(msg.sender);", ""),
    ("reveal twice", "if (tally.hidden() & bit == 0) revert AlreadyVoted(msg.sender);", ""),
    (
        "reveal anything",
        "if (commitmentOf(id, msg.sender, approve, salt) & KEPT != _seat[msg.sender].commitment()) {",
        "if (false) {",
    ),
    ("reveals turned round", "tally.withReveal(bit, approve)", "tally.withReveal(bit, !approve)"),
    (
        "hidden votes count as rejections",
        "secret ? countBits(_approving(tally))",
        "secret ? countBits(approvals(tally))",
    ),
    (
        "hidden votes count as approvals",
        "countBits(tally.approvals()) >= need;",
        "countBits(tally.approvals() | tally.hidden()) >= need;",
    ),
    ("who only committed has voted while revealing", "(isHidden && present.state == RoundState.Voting)", "isHidden"),
    ("who committed hasn't voted", "(isHidden && present.state == RoundState.Voting)", "false"),
    ("the view's commitment names no round", "seat.commitment() | bytes32(present.round)", "seat.commitment()"),
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
    ("add a member", "if (_seat[subject].isMember()) revert AlreadyAMember(subject);", ""),
    ("add a 65th", "if (count == MOST_MEMBERS) revert", "if (false) revert"),
    ("remove oneself by vote", "if (subject == msg.sender) revert NotEligible(subject);", ""),
    ("remove down to one", "if (kind == MotionKind.RemoveMember && count == LEAST_MEMBERS) {", "if (false) {"),
    ("leave twice", "if (_seat[msg.sender].leaving()) revert TooManyMotions();", ""),
    ("leaving isn't noted", "        _seat[msg.sender] = _seat[msg.sender].withLeaving(true);\n", ""),
    ("leaving needs votes", "wish ? 0 : terms.need", "false ? 0 : terms.need"),
    ("vote on no motion", "if (index == 0) revert NoSuchMotion(id);", "if (index == 0) index = 1;"),
    ("vote on a closed motion", "if (state != MotionState.Open) revert MotionNotOpen(id, state);", ""),
    ("vote on one's own removal", "if (motion.isBarred(seat)) revert", "if (false) revert"),
    ("vote twice on a motion", "if (motion.hasVoted(bit)) revert", "if (false) revert"),
    ("reject, then approve a motion", "if (motion.hasVoted(bit)) revert", "if (motion.approvals() & bit != 0) revert"),
    ("votes on motions turned round", "motion.withVote(bit, approve)", "motion.withVote(bit, !approve)"),
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
    ("the member to remove counts as a voter", "barred == NOBODY ? count : count - 1", "count"),
    ("the mover doesn't approve", "            motion = motion.withVote(1 << seat, true);\n", ""),
    ("motion window of the reveal window's length", "terms.motionWindow();", "terms.revealWindow();"),
    (
        "one approval more than needed",
        "countBits(motion.approvals()) >= motion.need();",
        "countBits(motion.approvals()) > motion.need();",
    ),
    (
        "one approval is enough",
        "countBits(motion.approvals()) >= motion.need();",
        "countBits(motion.approvals()) >= 1;",
    ),
    (
        "rejected while approval is possible",
        "countBits(motion.rejections()) < motion.need();",
        "countBits(motion.rejections()) <= motion.need();",
    ),
    ("never rejected", "if (motion.isLost()) {", "if (false) {"),
    (
        "the member to remove could still have voted",
        "if ((MotionWord.unwrap(motion) >> BARRED_AT) & MEMBERS_MASK != 0) --eligible;",
        "",
    ),
    ("missed rounds forgotten at approval", "if (!present.overdue && _isBehind(present)) {", "if (false) {"),
    ("a motion never lapses by the clock", "time > motion.deadline() || ", ""),
    ("a motion lapses in its last second", "time > motion.deadline() || ", "time >= motion.deadline() || "),
    ("a motion outlives its membership", " || motion.epochNumber() != currentEpoch", ""),
    (
        "enacted inside a round",
        "_head = head.withMotionsWait(true);",
        "_head = _enact(head.withMotionsWait(true), head.round() + 1);",
    ),
    ("the queue's last place is taken again", "_queue[agenda.back()] = index;", "_queue[agenda.front()] = index;"),
    ("the last in the queue is first", "_queue[agenda.front()];", "_queue[agenda.back() - 1];"),
    ("approved and never enacted", "if (head.motionsWait()) head = _enact(head, round);", ""),
    ("the queue doesn't get shorter", "head.withMotionsWait(!agenda.isEmpty())", "head.withMotionsWait(true)"),
    ("the queue's front doesn't move on", "        agenda = agenda.withOneTaken();\n", ""),
    (
        "a member added twice",
        "return !_seat[subject].isMember() && count < MOST_MEMBERS;",
        "return count < MOST_MEMBERS;",
    ),
    (
        "a 65th enacted",
        "return !_seat[subject].isMember() && count < MOST_MEMBERS;",
        "return !_seat[subject].isMember();",
    ),
    ("removed twice", "return _seat[subject].isMember() && count > LEAST_MEMBERS;", "return count > LEAST_MEMBERS;"),
    (
        "down to one enacted",
        "return _seat[subject].isMember() && count > LEAST_MEMBERS;",
        "return _seat[subject].isMember();",
    ),
    ("who couldn't leave may never ask again", "].withLeaving(false);", "];"),
    ("void motions called enacted", "possible ? MotionState.Enacted : MotionState.Void", "MotionState.Enacted"),
    ("new rules not stored", "        _rules = content.asRules();\n", ""),
    (
        "a queue of two counts as empty after one",
        "head.withMotionsWait(!agenda.isEmpty())",
        "head.withMotionsWait(false)",
    ),
    ("motions aren't counted", "        _agenda = agenda.withOneMoved();\n", ""),
    ("new windows not used", "return head.withTerms(content.asRules());", "return head;"),
    ("the same proposer again after a change of members", "next = (turn + 1) % count;", "next = turn % count;"),
    ("the member that moves down has two turns in a row", "if (turn == count && freed == next) ++next;", ""),
    ("a member is skipped when seat 0 is freed", "if (turn == count && freed == next)", "if (freed == next)"),
    ("a member is skipped after the last seat's turn", "if (turn == count && freed == next)", "if (turn == count)"),
    ("the newcomer isn't last", "if (next == 0) next = count;", ""),
    # Not here, since nobody can see it: leaving out "next %= count". The turn is taken modulo the members again; the
    # line is there so that what is stored is a seat.
    ("the epoch isn't new", "uint256 number = head.epochNumber() + 1;", "uint256 number = head.epochNumber();"),
    ("a removed member stays one", "        _seat[member] = NO_SEAT;\n", ""),
    ("the moved member keeps its old seat", "_seat[moved] = _seat[moved].withNumber(seat);", ""),
    ("the freed seat isn't filled", "            _place(seat, moved, round);\n", ""),
)

_SELECTION = _group(
    "selection",
    (
        "round-robin skips the first seat",
        "(epoch.firstSeat() + round - start) % epoch.members();",
        "(epoch.firstSeat() + round - start + 1) % epoch.members();",
    ),
    (
        "round-robin ignores the first seat",
        "(epoch.firstSeat() + round - start) % epoch.members();",
        "(round - start) % epoch.members();",
    ),
    ("never shuffled", "return shuffled ? epoch", "return false ? epoch"),
    (
        "every cycle in the same order",
        "abi.encode(contract_, offset / count, number)",
        "abi.encode(contract_, uint256(0), number)",
    ),
    (
        "every contract in the same order",
        "abi.encode(contract_, offset / count, number)",
        "abi.encode(address(0), offset / count, number)",
    ),
    (
        "every membership in the same order",
        "abi.encode(contract_, offset / count, number)",
        "abi.encode(contract_, offset / count, uint256(0))",
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
        "if (holder.firstRound() <= round) return",
        "if (holder.firstRound() < round) return",
    ),
    ("members as they are now", "if (holder.firstRound() <= round) return", "if (true) return"),
    (
        "an earlier holder of a seat begins a round late",
        "if (_formerHolder[seat][middle].firstRound() <= round)",
        "if (_formerHolder[seat][middle].firstRound() < round)",
    ),
    (
        "the last of a seat's earlier holders is never found",
        "uint256 high = holder.earlier() - 1;",
        "uint256 high = holder.earlier() - 2;",
    ),
    (
        "a seat's first holder always",
        "return _formerHolder[seat][low].account();",
        "return _formerHolder[seat][0].account();",
    ),
    ("earlier holders of a seat forgotten", "        _formerHolder[seat][earlier] = old;\n", ""),
    (
        "an epoch begins a round late",
        "if (_epoch[middle].firstRound() <= round)",
        "if (_epoch[middle].firstRound() < round)",
    ),
    ("small weights have no CID", "if (cid == 0) cid = _sha[round];", ""),
    ("no parent in the record", "r.parentRound = tally.parentRound();", ""),
    (
        "the accepted round's tally is read under another id",
        "Tally tally = r.id == present.id & KEY ? present.tally : _tally[r.id];",
        "Tally tally = present.tally;",
    ),
    (
        "a silent reveal phase's deadline isn't shown",
        "Tally tally = r.id == present.id & KEY ? present.tally : _tally[r.id];",
        "Tally tally = _tally[r.id];",
    ),
    (
        "a silent reveal phase's deadline isn't kept",
        "                present.tally = tally.revealing(present.deadline);\n",
        "",
    ),
    (
        "a page is one too long",
        "page = new RoundRecord[](count < left ? count : left);",
        "page = new RoundRecord[](count < left ? count + 1 : left);",
    ),
    (
        "the current round is left out",
        "uint256 left = present.round - first + 1;",
        "uint256 left = present.round - first;",
    ),
    (
        "a page of motions is one too long",
        "page = new MotionRecord[](count < left ? count : left);",
        "page = new MotionRecord[](count < left ? count + 1 : left);",
    ),
    (
        "a round closed by the clock looks open",
        "else if (status == REJECTED || round < present.round || present.overdue)",
        "else if (status == REJECTED)",
    ),
    (
        "an overdue round looks open",
        "else if (status == REJECTED || round < present.round || present.overdue)",
        "else if (status == REJECTED || round < present.round)",
    ),
    (
        "an overdue turn looks open",
        "if (round == present.round && !present.overdue) {",
        "if (round == present.round) {",
    ),
    (
        "hidden votes are shown as approvals",
        "return _approving(tally) & ~_rejecting(tally);",
        "return _approving(tally);",
    ),
    (
        "closed motions are still to be voted on",
        "if (motion.stateAt(time, head.epochNumber()) != MotionState.Open) continue;",
        "",
    ),
    (
        "one's own removal is to be voted on",
        "if (motion.isBarred(seat) || motion.hasVoted(1 << seat)) continue;",
        "if (motion.hasVoted(1 << seat)) continue;",
    ),
    (
        "what one has voted on is to be voted on",
        "if (motion.isBarred(seat) || motion.hasVoted(1 << seat)) continue;",
        "if (motion.isBarred(seat)) continue;",
    ),
    ("outsiders may vote on motions, says the view", "if (v.isMember) v.motionsToVote", "v.motionsToVote"),
    ("motions to vote on are those of the first seats", "open[found++] = holder.lastMotion();", "open[found++] = i;"),
    (
        "a proposal while proposing",
        "if (present.state != RoundState.Proposing) {\n            Proposal",
        "if (present.id != 0) {\n            Proposal",
    ),
    (
        "the mover of a motion looked up now",
        "_memberIn(motion.moverSeat(), _epoch[motion.epochNumber()].firstRound())",
        "_memberAt(motion.moverSeat())",
    ),
    (
        "a round's turn looked up now",
        "r.proposerSeat = _turnIn(epoch, number, round);",
        "r.proposerSeat = _turn(head, round);",
    ),
)

# A field too narrow or too wide, a field that begins where another has not ended, a setter that leaves the old value:
# each is seen by the types' own tests, which set every field to its extremes and read all the others.
_WORDS = _group(
    "words",
    ("SEATS_MASK is too narrow", "SEATS_MASK = (1 << 64) - 1;", "SEATS_MASK = (1 << 63) - 1;", "types/Bits.sol"),
    ("SEATS_MASK is too wide", "SEATS_MASK = (1 << 64) - 1;", "SEATS_MASK = (1 << 65) - 1;", "types/Bits.sol"),
    ("SEAT_MASK is too narrow", "SEAT_MASK = (1 << 6) - 1;", "SEAT_MASK = (1 << 5) - 1;", "types/Bits.sol"),
    ("SEAT_MASK is too wide", "SEAT_MASK = (1 << 6) - 1;", "SEAT_MASK = (1 << 7) - 1;", "types/Bits.sol"),
    ("MEMBERS_MASK is too narrow", "MEMBERS_MASK = (1 << 7) - 1;", "MEMBERS_MASK = (1 << 6) - 1;", "types/Bits.sol"),
    ("MEMBERS_MASK is too wide", "MEMBERS_MASK = (1 << 7) - 1;", "MEMBERS_MASK = (1 << 8) - 1;", "types/Bits.sol"),
    ("ROUND_MASK is too narrow", "ROUND_MASK = (1 << 32) - 1;", "ROUND_MASK = (1 << 31) - 1;", "types/Bits.sol"),
    ("ROUND_MASK is too wide", "ROUND_MASK = (1 << 32) - 1;", "ROUND_MASK = (1 << 33) - 1;", "types/Bits.sol"),
    ("TIME_MASK is too narrow", "TIME_MASK = (1 << 36) - 1;", "TIME_MASK = (1 << 35) - 1;", "types/Bits.sol"),
    ("TIME_MASK is too wide", "TIME_MASK = (1 << 36) - 1;", "TIME_MASK = (1 << 37) - 1;", "types/Bits.sol"),
    ("WINDOW_MASK is too narrow", "WINDOW_MASK = (1 << 32) - 1;", "WINDOW_MASK = (1 << 31) - 1;", "types/Bits.sol"),
    ("WINDOW_MASK is too wide", "WINDOW_MASK = (1 << 32) - 1;", "WINDOW_MASK = (1 << 33) - 1;", "types/Bits.sol"),
    ("SIZE_MASK is too narrow", "SIZE_MASK = (1 << 36) - 1;", "SIZE_MASK = (1 << 35) - 1;", "types/Bits.sol"),
    ("SIZE_MASK is too wide", "SIZE_MASK = (1 << 36) - 1;", "SIZE_MASK = (1 << 37) - 1;", "types/Bits.sol"),
    ("INDEX_MASK is too narrow", "INDEX_MASK = (1 << 32) - 1;", "INDEX_MASK = (1 << 31) - 1;", "types/Bits.sol"),
    ("INDEX_MASK is too wide", "INDEX_MASK = (1 << 32) - 1;", "INDEX_MASK = (1 << 33) - 1;", "types/Bits.sol"),
    (
        "FRACTION_MASK is too narrow",
        "FRACTION_MASK = (1 << 32) - 1;",
        "FRACTION_MASK = (1 << 31) - 1;",
        "types/Bits.sol",
    ),
    ("FRACTION_MASK is too wide", "FRACTION_MASK = (1 << 32) - 1;", "FRACTION_MASK = (1 << 33) - 1;", "types/Bits.sol"),
    (
        "Tally: rejecting begins in the field before",
        "uint256 constant REJECTING_AT = 64;",
        "uint256 constant REJECTING_AT = 63;",
        "types/Tally.sol",
    ),
    (
        "Tally: deadline begins in the field before",
        "uint256 constant DEADLINE_AT = 128;",
        "uint256 constant DEADLINE_AT = 127;",
        "types/Tally.sol",
    ),
    (
        "Tally: size begins in the field before",
        "uint256 constant SIZE_AT = 164;",
        "uint256 constant SIZE_AT = 163;",
        "types/Tally.sol",
    ),
    (
        "Tally: proposer begins in the field before",
        "uint256 constant PROPOSER_AT = 200;",
        "uint256 constant PROPOSER_AT = 199;",
        "types/Tally.sol",
    ),
    (
        "Tally: need begins in the field before",
        "uint256 constant NEED_AT = 206;",
        "uint256 constant NEED_AT = 205;",
        "types/Tally.sol",
    ),
    (
        "Tally: members begins in the field before",
        "uint256 constant MEMBERS_AT = 212;",
        "uint256 constant MEMBERS_AT = 211;",
        "types/Tally.sol",
    ),
    (
        "Tally: status begins in the field before",
        "uint256 constant STATUS_AT = 219;",
        "uint256 constant STATUS_AT = 218;",
        "types/Tally.sol",
    ),
    (
        "Tally: parent begins in the field before",
        "uint256 constant PARENT_AT = 222;",
        "uint256 constant PARENT_AT = 221;",
        "types/Tally.sol",
    ),
    (
        "Epoch: members begins in the field before",
        "uint256 constant MEMBERS_AT = 32;",
        "uint256 constant MEMBERS_AT = 31;",
        "types/Epoch.sol",
    ),
    (
        "Epoch: first seat begins in the field before",
        "uint256 constant FIRST_SEAT_AT = 39;",
        "uint256 constant FIRST_SEAT_AT = 38;",
        "types/Epoch.sol",
    ),
    (
        "Head: opened begins in the field before",
        "uint256 constant OPENED_AT = 32;",
        "uint256 constant OPENED_AT = 31;",
        "types/Head.sol",
    ),
    (
        "Head: accepted begins in the field before",
        "uint256 constant ACCEPTED_AT = 68;",
        "uint256 constant ACCEPTED_AT = 67;",
        "types/Head.sol",
    ),
    (
        "Head: epoch number begins in the field before",
        "uint256 constant EPOCH_NUMBER_AT = 100;",
        "uint256 constant EPOCH_NUMBER_AT = 99;",
        "types/Head.sol",
    ),
    (
        "Head: epoch begins in the field before",
        "uint256 constant EPOCH_AT = 132;",
        "uint256 constant EPOCH_AT = 131;",
        "types/Head.sol",
    ),
    (
        "Head: wait begins in the field before",
        "uint256 constant WAIT_AT = 177;",
        "uint256 constant WAIT_AT = 176;",
        "types/Head.sol",
    ),
    (
        "Head: terms begins in the field before",
        "uint256 constant TERMS_AT = 178;",
        "uint256 constant TERMS_AT = 177;",
        "types/Head.sol",
    ),
    (
        "Head: propose begins in the field before",
        "uint256 constant PROPOSE_AT = 178;",
        "uint256 constant PROPOSE_AT = 177;",
        "types/Head.sol",
    ),
    (
        "Head: vote begins in the field before",
        "uint256 constant VOTE_AT = 210;",
        "uint256 constant VOTE_AT = 209;",
        "types/Head.sol",
    ),
    (
        "Head: need begins in the field before",
        "uint256 constant NEED_AT = 242;",
        "uint256 constant NEED_AT = 241;",
        "types/Head.sol",
    ),
    (
        "RulesWord: denominator begins in the field before",
        "uint256 constant DENOMINATOR_AT = 32;",
        "uint256 constant DENOMINATOR_AT = 31;",
        "types/RulesWord.sol",
    ),
    (
        "RulesWord: propose begins in the field before",
        "uint256 constant PROPOSE_AT = 64;",
        "uint256 constant PROPOSE_AT = 63;",
        "types/RulesWord.sol",
    ),
    (
        "RulesWord: vote begins in the field before",
        "uint256 constant VOTE_AT = 96;",
        "uint256 constant VOTE_AT = 95;",
        "types/RulesWord.sol",
    ),
    (
        "RulesWord: reveal begins in the field before",
        "uint256 constant REVEAL_AT = 128;",
        "uint256 constant REVEAL_AT = 127;",
        "types/RulesWord.sol",
    ),
    (
        "RulesWord: motion begins in the field before",
        "uint256 constant MOTION_AT = 160;",
        "uint256 constant MOTION_AT = 159;",
        "types/RulesWord.sol",
    ),
    (
        "Agenda: front begins in the field before",
        "uint256 constant FRONT_AT = 32;",
        "uint256 constant FRONT_AT = 31;",
        "types/Agenda.sol",
    ),
    (
        "Agenda: back begins in the field before",
        "uint256 constant BACK_AT = 64;",
        "uint256 constant BACK_AT = 63;",
        "types/Agenda.sol",
    ),
    (
        "Seat: leaving begins in the field before",
        "uint256 constant LEAVING_AT = 7;",
        "uint256 constant LEAVING_AT = 6;",
        "types/Seat.sol",
    ),
    (
        "Holder: first round begins in the field before",
        "uint256 constant FIRST_ROUND_AT = 160;",
        "uint256 constant FIRST_ROUND_AT = 159;",
        "types/Holder.sol",
    ),
    (
        "Holder: earlier begins in the field before",
        "uint256 constant EARLIER_AT = 192;",
        "uint256 constant EARLIER_AT = 191;",
        "types/Holder.sol",
    ),
    (
        "Holder: motion begins in the field before",
        "uint256 constant MOTION_AT = 224;",
        "uint256 constant MOTION_AT = 223;",
        "types/Holder.sol",
    ),
    (
        "MotionWord: rejections begins in the field before",
        "uint256 constant REJECTIONS_AT = 64;",
        "uint256 constant REJECTIONS_AT = 63;",
        "types/MotionWord.sol",
    ),
    (
        "MotionWord: deadline begins in the field before",
        "uint256 constant DEADLINE_AT = 128;",
        "uint256 constant DEADLINE_AT = 127;",
        "types/MotionWord.sol",
    ),
    (
        "MotionWord: mover begins in the field before",
        "uint256 constant MOVER_AT = 164;",
        "uint256 constant MOVER_AT = 163;",
        "types/MotionWord.sol",
    ),
    (
        "MotionWord: need begins in the field before",
        "uint256 constant NEED_AT = 170;",
        "uint256 constant NEED_AT = 169;",
        "types/MotionWord.sol",
    ),
    (
        "MotionWord: members begins in the field before",
        "uint256 constant MEMBERS_AT = 177;",
        "uint256 constant MEMBERS_AT = 176;",
        "types/MotionWord.sol",
    ),
    (
        "MotionWord: kind begins in the field before",
        "uint256 constant KIND_AT = 184;",
        "uint256 constant KIND_AT = 183;",
        "types/MotionWord.sol",
    ),
    (
        "MotionWord: state begins in the field before",
        "uint256 constant STATE_AT = 189;",
        "uint256 constant STATE_AT = 188;",
        "types/MotionWord.sol",
    ),
    (
        "MotionWord: epoch number begins in the field before",
        "uint256 constant EPOCH_NUMBER_AT = 192;",
        "uint256 constant EPOCH_NUMBER_AT = 191;",
        "types/MotionWord.sol",
    ),
    (
        "MotionWord: barred begins in the field before",
        "uint256 constant BARRED_AT = 224;",
        "uint256 constant BARRED_AT = 223;",
        "types/MotionWord.sol",
    ),
    ("Tally: status is too narrow", "STATUS_MASK = (1 << 3) - 1;", "STATUS_MASK = (1 << 2) - 1;", "types/Tally.sol"),
    (
        "Tally: an old status shines through",
        "(Tally.unwrap(tally) & ~(STATUS_MASK << STATUS_AT)) | (value",
        "Tally.unwrap(tally) | (value",
        "types/Tally.sol",
    ),
    (
        "Tally: an old deadline shines through",
        "(word & ~(TIME_MASK << DEADLINE_AT)) | (until",
        "word | (until",
        "types/Tally.sol",
    ),
    (
        "Tally: reveals begin without their status",
        "Tally.unwrap(tally.withStatus(REVEALING));",
        "Tally.unwrap(tally);",
        "types/Tally.sol",
    ),
    (
        "Tally: hidden is who has voted",
        "return _approving(tally) & _rejecting(tally);",
        "return _approving(tally) | _rejecting(tally);",
        "types/Tally.sol",
    ),
    (
        "Tally: hidden votes are shown as rejections",
        "return _rejecting(tally) & ~_approving(tally);",
        "return _rejecting(tally);",
        "types/Tally.sol",
    ),
    (
        "Tally: the proposer could still approve",
        "members(tally) - 1 - countBits",
        "members(tally) - countBits",
        "types/Tally.sol",
    ),
    (
        "Tally: who approved has not voted",
        "return Tally.unwrap(tally) | (Tally.unwrap(tally) >> REJECTING_AT);",
        "return Tally.unwrap(tally) >> REJECTING_AT;",
        "types/Tally.sol",
    ),
    (
        "Head: an old round shines through",
        "((Head.unwrap(head) >> ACCEPTED_AT) << ACCEPTED_AT) | (value",
        "Head.unwrap(head) | (value",
        "types/Head.sol",
    ),
    (
        "Head: an old accepted round shines through",
        "(Head.unwrap(head) & ~(ROUND_MASK << ACCEPTED_AT)) | (value",
        "Head.unwrap(head) | (value",
        "types/Head.sol",
    ),
    (
        "Head: an old epoch shines through",
        "~((INDEX_MASK << EPOCH_NUMBER_AT) | (EPOCH_MASK << EPOCH_AT))",
        "~(INDEX_MASK << EPOCH_NUMBER_AT)",
        "types/Head.sol",
    ),
    (
        "Head: an old epoch's number shines through",
        "~((INDEX_MASK << EPOCH_NUMBER_AT) | (EPOCH_MASK << EPOCH_AT))",
        "~(EPOCH_MASK << EPOCH_AT)",
        "types/Head.sol",
    ),
    (
        "Head: motions wait for ever",
        "(Head.unwrap(head) & ~(FLAG_MASK << WAIT_AT)) | (value",
        "Head.unwrap(head) | (value",
        "types/Head.sol",
    ),
    (
        "Head: old terms shine through",
        "(Head.unwrap(head) & ~(TERMS_MASK << TERMS_AT)) | (rules",
        "Head.unwrap(head) | (rules",
        "types/Head.sol",
    ),
    (
        "Head: the first round is 0",
        "Head.wrap((1 << ROUND_AT) | (openedAt_",
        "Head.wrap((0 << ROUND_AT) | (openedAt_",
        "types/Head.sol",
    ),
    (
        "Head: the propose window for votes",
        "(rules.voteWindow() << VOTE_AT)",
        "(rules.proposeWindow() << VOTE_AT)",
        "types/Head.sol",
    ),
    (
        "Seat: an old number shines through",
        "(Seat.unwrap(seat) & ~(MEMBERS_MASK << NUMBER_AT)) | ((value",
        "Seat.unwrap(seat) | ((value",
        "types/Seat.sol",
    ),
    (
        "Seat: leaving for ever",
        "(Seat.unwrap(seat) & ~(FLAG_MASK << LEAVING_AT)) | (value",
        "Seat.unwrap(seat) | (value",
        "types/Seat.sol",
    ),
    (
        "Seat: a commitment takes the account's own bits",
        "(Seat.unwrap(seat) & OWN_MASK) | uint256(value)",
        "uint256(value)",
        "types/Seat.sol",
    ),
    ("Seat: nobody is a member of seat 0", "MEMBERS_MASK != 0;", "MEMBERS_MASK > 1;", "types/Seat.sol"),
    (
        "Holder: an old motion shines through",
        "(Holder.unwrap(holder) & ~(INDEX_MASK << MOTION_AT)) | ((index",
        "Holder.unwrap(holder) | ((index",
        "types/Holder.sol",
    ),
    ("Holder: the motion before the last", "& INDEX_MASK) - 1;", "& INDEX_MASK) - 2;", "types/Holder.sol"),
    ("Motion: kinds have 4 bits", "KIND_MASK = (1 << 5) - 1;", "KIND_MASK = (1 << 4) - 1;", "types/MotionWord.sol"),
    ("Motion: states have 2 bits", "STATE_MASK = (1 << 3) - 1;", "STATE_MASK = (1 << 2) - 1;", "types/MotionWord.sol"),
    (
        "Motion: an old state shines through",
        "(MotionWord.unwrap(motion) & ~(STATE_MASK << STATE_AT)) | (uint256(value)",
        "MotionWord.unwrap(motion) | (uint256(value)",
        "types/MotionWord.sol",
    ),
    ("Motion: the seat before is barred", "MEMBERS_MASK == seat + 1;", "MEMBERS_MASK == seat;", "types/MotionWord.sol"),
    ("Motion: lost while it can be carried", "if (motion.isLost()) {", "if (!motion.isLost()) {", "parts/Motions.sol"),
    (
        "Agenda: the queue is never empty",
        "return agenda.front() == agenda.back();",
        "return false;",
        "types/Agenda.sol",
    ),
    (
        "Agenda: what is approved counts as taken",
        "agenda) + (1 << BACK_AT)",
        "agenda) + (1 << FRONT_AT)",
        "types/Agenda.sol",
    ),
    (
        "Agenda: what is taken counts as moved",
        "agenda) + (1 << FRONT_AT)",
        "agenda) + (1 << MOVED_AT)",
        "types/Agenda.sol",
    ),
    ("terms that follow from rules stay when members change", ".withTerms(_rules);", ";", "parts/Motions.sol"),
    (
        "Rules: windows in another order",
        "(uint256(rules.revealWindow) << REVEAL_AT) | (uint256(rules.motionWindow) << MOTION_AT)",
        "(uint256(rules.motionWindow) << REVEAL_AT) | (uint256(rules.revealWindow) << MOTION_AT)",
        "types/RulesWord.sol",
    ),
    ("a shuffle that prefers seats", "% (i + 1);", "% i;", "types/Epoch.sol"),
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
    *_WORDS,
)
