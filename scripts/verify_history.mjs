// A second verifier of a collective's history, which shares no code with the first: it reads what
// `colearn-ledger audit --facts FILE` has written, and checks it again.
//
//   node scripts/verify_history.mjs FILE ...      prints what doesn't hold; exit code 0 if all holds, 21 if not
//   node scripts/verify_history.mjs --lines       facts from standard input, one a line; a verdict a line, as JSON
//
// It checks: numbers of rounds, ids, lineage, votes, approvals needed, decisions, turns (in both orders), members, what was
// agreed on by motions, pauses and the end, and that proposals, votes and decisions of storage have their events, and the
// other way round. It needs js-sha3, which `npm ci` installs.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import sha3 from "js-sha3";
import { agreed } from "./lib/verify_agreed.mjs";

const STATE = { PROPOSING: 0, VOTING: 1, REVEALING: 2, ACCEPTED: 3, REJECTED: 4, MISSED: 5 };
const KIND = { ADD: 0, REMOVE: 1, RULES: 2, REVERT: 3, REPLACE: 4 };
const ENACTED = 2;
const ZERO_ADDRESS = "0x" + "0".repeat(40);
const ZERO_HASH = "0x" + "0".repeat(64);
const ONE_BLOCK = 1 << 20;

const word = (value) => BigInt(value).toString(16).padStart(64, "0");
const keccak = (hex) => sha3.keccak256(Buffer.from(hex, "hex"));
const bits = (bitmap) => [...BigInt(bitmap).toString(2)].filter((bit) => bit === "1").length;
const seatsOf = (bitmap) => [...BigInt(bitmap).toString(2)].reverse().flatMap((bit, seat) => (bit === "1" ? [seat] : []));
const text = (value) => JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v));

/** What doesn't hold in these facts: a list of { round, field, what }. */
export function verify(facts) {
  const findings = [];
  const check = (holds, round, field, what) => holds || findings.push({ round, field, what });
  const records = facts.records;
  check(records.every((r, i) => r.round === i), null, "round", "the rounds have holes");
  check(records.length === facts.current_round + 1, null, "current_round", "the last round is not the open one");
  const members = (round) => facts.spans.filter((s) => s.first_round <= Math.max(round, 1)).at(-1)?.members ?? [];
  const rules = rulesByRound(facts);
  const turns = turnsOf(facts);
  const back = new Map();
  for (const m of facts.motions) {
    if (m.kind === KIND.REVERT && m.state === ENACTED && m.first_round) back.set(m.first_round, m.to_round);
  }
  let accepted = 0;
  for (const record of records) {
    const { round } = record;
    if (back.has(round)) accepted = back.get(round);
    check(record.member_count === members(round).length, round, "member_count", "how many members there were");
    if (round > 0) {
      check(turns[round] === record.proposer_seat, round, "proposer_seat", `it was the turn of seat ${turns[round]}`);
      check(members(round)[record.proposer_seat] === record.proposer, round, "proposer", "not who has that seat");
    }
    if (record.weights === null) missed(record, check, facts);
    else if (round === 0) genesis(record, check, facts);
    else proposal(record, records, accepted, members(round), rules(round), facts, check);
    if (record.state === STATE.ACCEPTED) accepted = round;
  }
  check(accepted === facts.accepted_round, facts.current_round, "accepted_round", `it is round ${accepted}`);
  events(facts, members, rules, check);
  agreed(facts, check);
  return findings;
}

function missed(record, check, facts) {
  const { round } = record;
  check(round > 0 && [STATE.MISSED, STATE.PROPOSING].includes(record.state), round, "state", "decided without weights");
  check(record.state === STATE.PROPOSING ? round === facts.current_round : true, round, "state", "it is over");
  check(record.state === STATE.MISSED ? round !== facts.current_round || facts.overdue : true, round, "state", "it is open");
  for (const name of ["approvals", "rejections", "hidden", "need", "parent_round"]) {
    check(BigInt(record[name]) === 0n, round, name, "a round without a proposal has it");
  }
  check(record.id === null && record.claim === null && record.parent === ZERO_HASH, round, "parent", "it has one");
}

function name(record, check, facts) {
  const { round, weights } = record;
  let bound = weights.cid_digest.slice(2);
  if (record.claim !== null) {
    const { seats, rule, digest } = record.claim;
    bound = keccak(bound + word((BigInt(digest) << 68n) | (BigInt(rule) << 64n) | BigInt(seats)));
  }
  const hash = BigInt("0x" + keccak(word(round) + weights.sha256.slice(2) + bound));
  const id = "0x" + word(((hash >> 36n) << 36n) | BigInt(weights.size));
  check(id === record.id, round, "id", `it is ${id}`);
  check(weights.size > 0 && weights.size <= facts.max_size, round, "size", "out of range");
  check(weights.size > ONE_BLOCK || weights.cid_digest === weights.sha256, round, "cid_digest", "not the sha256");
}

function genesis(record, check, facts) {
  name(record, check, facts);
  check(record.state === STATE.ACCEPTED, 0, "state", "the genesis is accepted");
  check(record.proposer === ZERO_ADDRESS && record.proposer_seat === 0, 0, "proposer", "the genesis is nobody's");
  check(record.parent_round === 0 && record.parent === ZERO_HASH, 0, "parent", "the genesis has none");
  for (const field of ["approvals", "rejections", "hidden", "need"]) {
    check(BigInt(record[field]) === 0n, 0, field, "the genesis has it");
  }
  check(record.claim === null, 0, "claim", "the genesis has one");
}

function proposal(record, records, accepted, members, rules, facts, check) {
  const { round } = record;
  name(record, check, facts);
  check(record.parent_round === accepted, round, "parent_round", `round ${accepted} was accepted`);
  check(records[accepted]?.weights?.sha256 === record.parent, round, "parent", "not the accepted weights");
  check(record.weights.sha256 !== record.parent, round, "sha256", "the accepted weights, proposed again");
  const joint = facts.merge_order.length > 0;
  check((record.claim !== null) === joint, round, "claim", "joint rounds have one, solo ones have none");
  if (record.claim !== null) {
    check(facts.merge_order.includes(record.claim.rule), round, "claim", "none of the collective's rules");
    check(BigInt(record.claim.seats) >> BigInt(members.length) === 0n, round, "claim", "seats that there are not");
  }
  const sets = ["approvals", "rejections", "hidden"].map((field) => BigInt(record[field]));
  ["approvals", "rejections", "hidden"].forEach((field, i) => {
    check(sets[i] >> BigInt(members.length) === 0n, round, field, "seats that there are not");
    check(((sets[i] >> BigInt(record.proposer_seat)) & 1n) === 0n, round, field, "the proposer has no vote");
  });
  check(bits(sets[0] | sets[1] | sets[2]) === sets.reduce((n, s) => n + bits(s), 0), round, "hidden", "voted twice");
  check(facts.secret_votes || sets[2] === 0n, round, "hidden", "votes are open");
  const voters = members.length - 1;
  const need = Math.floor((rules.threshold_numerator * voters) / rules.threshold_denominator) + 1;
  check(record.need === need, round, "need", `it is ${need}`);
  check(record.state === outcome(record, need, voters, facts), round, "state", "it does not follow from the votes");
}

function outcome(record, need, voters, facts) {
  const [yes, no, hidden] = [record.approvals, record.rejections, record.hidden].map(bits);
  if (yes >= need) return STATE.ACCEPTED;
  const revealed = yes + no > 0;
  const most = facts.secret_votes ? (revealed ? yes + hidden : voters) : voters - no;
  if (most < need) return STATE.REJECTED;
  if (record.deadline < facts.clock) return STATE.REJECTED;
  // Which of the two phases it is in, where nobody has revealed, only the time tells.
  return [STATE.VOTING, STATE.REVEALING].includes(record.state) && (facts.secret_votes || record.state === STATE.VOTING)
    ? record.state
    : STATE.VOTING;
}

/** The rules of a round, by the events that say so. */
function rulesByRound(facts) {
  const changes = [];
  for (const { name: event, arguments: said } of facts.events ?? []) {
    if (event === "CollectiveCreated") changes.push([0, said.rules]);
    if (event === "RulesChanged") changes.push([said.firstRound, said.rules]);
  }
  return (round) => changes.filter(([first]) => first <= round).at(-1)?.[1] ?? facts.rules;
}

/** Whose turn each round is. */
function turnsOf(facts) {
  const order = new Map();
  const orderOf = (cycle, count) => {
    const key = `${cycle}/${count}`;
    if (!order.has(key)) {
      const seed = keccak(word(facts.address) + word(cycle));
      const list = [];
      for (let seat = 0; seat < count; ++seat) {
        list.splice(Number(BigInt("0x" + keccak(seed + word(seat))) % BigInt(seat + 1)), 0, seat);
      }
      order.set(key, list);
    }
    return order.get(key);
  };
  const turns = [0];
  // Shuffled: who is still due in the cycle that runs. Seat by seat: who is next.
  let [cycle, due, next] = [0, [], 0];
  let count = facts.spans[0].members.length;
  for (let round = 1; round <= facts.current_round; ++round) {
    const at = facts.spans.findIndex((span) => span.first_round === round);
    if (at > 0 && facts.spans[at].members.length !== count) {
      const [before, after] = [facts.spans[at - 1].members, facts.spans[at].members];
      const last = count - 1;
      if (after.length > count) {
        if (next === 0) next = count; // the newcomer follows the member that was last
      } else {
        const different = after.findIndex((who, seat) => before[seat] !== who);
        const freed = different < 0 ? last : different;
        if (turns[round - 1] === last && freed === next) ++next;
        next %= last;
        due = due.filter((seat) => seat !== freed).map((seat) => (seat === last ? freed : seat));
      }
      count = after.length;
    }
    if (facts.shuffled) {
      if (due.length === 0) due = [...orderOf(++cycle, count)];
      else due = orderOf(cycle, count).filter((seat) => due.includes(seat));
      turns.push(due.shift());
    } else {
      turns.push(next);
      next = (next + 1) % count;
    }
  }
  return turns;
}

function events(facts, members, rules, check) {
  if (facts.events === null) return;
  const [proposed, votes, committed] = [new Map(), new Map(), new Map()];
  const [opened, decided] = [new Map(), new Map()];
  for (const { name: event, arguments: said } of facts.events) {
    if (event === "WeightsProposed") proposed.set(said.round, said);
    if (event === "VoteCast") votes.set(said.id, [...(votes.get(said.id) ?? []), said]);
    if (event === "VoteCommitted") committed.set(said.id, [...(committed.get(said.id) ?? []), said.voter]);
    if (event === "RevealsOpened") opened.set(said.id, said.deadline);
    if (event === "RoundDecided") decided.set(said.round, said);
  }
  for (const record of facts.records.slice(1)) {
    const { round, weights } = record;
    const said = proposed.get(round);
    check((said === undefined) === (weights === null), round, "weights", "storage and events differ");
    if (said === undefined || weights === null) continue;
    const same =
      said.id === record.id && said.parent === record.parent && said.proposer === record.proposer &&
      said.sha256Hash === weights.sha256 && said.cidDigest === weights.cid_digest && said.size === weights.size;
    check(same, round, "WeightsProposed", "storage and events differ");
    if ([STATE.VOTING, STATE.REVEALING].includes(record.state)) {
      const revealing = facts.secret_votes && (opened.has(record.id) || facts.clock > said.deadline);
      check((record.state === STATE.REVEALING) === revealing, round, "state", "the other phase goes on");
    }
    const late = said.deadline + rules(round).reveal_window;
    const deadlines = facts.secret_votes ? [opened.get(record.id) ?? said.deadline, late] : [said.deadline];
    check(deadlines.includes(record.deadline), round, "deadline", "storage and events differ");
    for (const [field, approve] of [["approvals", true], ["rejections", false]]) {
      const stored = seatsOf(record[field]).map((seat) => members(round)[seat]).sort();
      const told = (votes.get(record.id) ?? []).filter((v) => v.approve === approve).map((v) => v.voter).sort();
      check(text(stored) === text(told), round, field, "storage and events differ");
    }
    const cast = new Set((votes.get(record.id) ?? []).map((vote) => vote.voter));
    const hidden = (committed.get(record.id) ?? []).filter((who) => !cast.has(who)).sort();
    const stored = seatsOf(record.hidden).map((seat) => members(round)[seat]).sort();
    check(text(stored) === text(hidden), round, "hidden", "storage and events differ");
    const end = decided.get(round);
    if (end !== undefined) {
      const matches = end.accepted === (record.state === STATE.ACCEPTED) && record.state >= STATE.ACCEPTED;
      check(matches && end.id === record.id, round, "RoundDecided", "storage and events differ");
      check(BigInt(end.approvals) === BigInt(record.approvals), round, "RoundDecided", "other approvals");
      check(BigInt(end.rejections) === BigInt(record.rejections), round, "RoundDecided", "other rejections");
    } else {
      check(record.state !== STATE.ACCEPTED, round, "RoundDecided", "accepted without an event");
    }
  }
}

async function lines() {
  for await (const line of createInterface({ input: process.stdin })) console.log(text(verify(JSON.parse(line))));
}

const [first, ...more] = process.argv.slice(2);
if (first === "--lines") {
  await lines();
} else if (first === undefined || first.startsWith("-")) {
  console.error("usage: verify_history.mjs FILE ...");
  process.exit(2);
} else {
  let wrong = 0;
  for (const file of [first, ...more]) {
    const found = verify(JSON.parse(readFileSync(file, "utf8")));
    for (const one of found) console.log(`${file}: round ${one.round ?? "-"}: ${one.field}: ${one.what}`);
    if (found.length === 0) console.log(`${file}: all holds`);
    wrong += found.length;
  }
  process.exit(wrong ? 21 : 0);
}
