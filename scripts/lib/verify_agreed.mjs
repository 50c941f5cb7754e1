// What verify_history.mjs checks of motions, and of what is agreed on by them: plans, ends and successors; and of time: pauses,
// turns that nobody took, and the end. It follows the events one by one, and knows at each when the turn began.
import sha3 from "js-sha3";

const KINDS = { set_plan: 5, set_end: 6, set_successor: 7 };
const [RULES, PLAN, END] = [2, 5, 6];
const ENACTED = 2;
const PROPOSING = 0;
const NONE = "0x" + "0".repeat(64);
const RULE_FIELDS = ["threshold_numerator", "threshold_denominator", "propose_window", "vote_window", "reveal_window"];
RULE_FIELDS.push("motion_window", "train_window", "pause");

const word = (value) => BigInt(value).toString(16).padStart(64, "0");
const bits = (bitmap) => [...bitmap.toString(2)].filter((bit) => bit === "1").length;
const sameRules = (one, other) => RULE_FIELDS.every((field) => (one?.[field] ?? 0) === (other?.[field] ?? 0));

/** The name of a motion, from what was said when it was moved. */
function motionId(index, epoch, said) {
  const rules = RULE_FIELDS.map((field) => said.rules?.[field] ?? 0);
  const all = [index, epoch, said.kind, said.subject ?? 0, ...rules, said.toRound ?? 0, said.word ?? 0];
  return "0x" + sha3.keccak256(Buffer.from(all.map(word).join(""), "hex"));
}

/** `check(holds, round, field, what)` is told of everything. */
export function agreed(facts, check) {
  for (const [name, kind] of Object.entries(KINDS)) {
    const enacted = facts.motions.filter((m) => m.kind === kind && m.state === ENACTED).map((m) => m.word);
    const stored = facts.agreements[name];
    const explained = enacted.length ? enacted.includes(stored) : kind === PLAN || stored === NONE;
    check(explained, null, name, "no enacted motion has said so");
  }
  if (facts.events === null) return;
  const course = new Course(facts, check);
  course.run();
  for (const [name, kind] of Object.entries(KINDS)) {
    check(facts.agreements[name] === (course.words.get(kind) ?? NONE), null, name, "storage and events differ");
  }
  check(course.moved.size === facts.motions.length, null, "motions", "storage and events differ in how many there are");
}

class Course {
  constructor(facts, check) {
    Object.assign(this, { facts, check, words: new Map(), moved: new Map(), enacting: null, epoch: 0, waiting: 0 });
    Object.assign(this, { round: 1, opens: 0, boundary: null, proposed: false, seats: [], rules: facts.rules });
    this.joint = facts.merge_order.length > 0;
    this.training = { until: 0, contributed: 0n, expected: 0n, rejected: 0 };
    // Without the times of the blocks there is no telling when anything was.
    this.timed = facts.events.every((event) => event.time !== null);
  }

  run() {
    const events = this.facts.events;
    events.forEach((event, at) => {
      const near = (one) => (one?.transaction === event.transaction ? one : null);
      this[event.name]?.(event.arguments, event.time, near(events[at - 1]), near(events[at + 1]));
    });
    if (this.timed) this.present();
  }

  // ------------------------------------------------------------------------------------------------ motions

  CollectiveCreated(said, time) {
    [this.rules, this.opens, this.seats] = [said.rules, time, [...said.members]];
    if (said.plan !== NONE) this.words.set(PLAN, said.plan);
  }

  MotionMoved(said, time) {
    const index = this.moved.size;
    const stored = this.facts.motions[index];
    this.moved.set(said.id, { ...said, index });
    const field = `motion ${index}`;
    this.check(said.id === motionId(index, this.epoch, said), null, `${field}.id`, "it names another motion");
    this.check(stored?.id === said.id && stored.kind === said.kind, null, field, "storage and events differ");
    this.check((stored?.word ?? NONE) === said.word, null, `${field}.word`, "storage and events differ");
    if (said.kind === RULES) this.check(sameRules(stored?.rules, said.rules), null, `${field}.rules`, "storage and events differ");
    if (this.timed) {
      const deadline = time + this.rules.motion_window;
      this.check(said.deadline === deadline, null, `${field}.deadline`, `it is ${deadline}`);
    }
  }

  MotionDecided(said) {
    if (said.approved) this.waiting += 1;
  }

  MotionVoided(said) {
    this.waiting -= 1;
    this.enacting = null;
  }

  MotionEnacted(said) {
    this.waiting -= 1;
    this.enacting = { ...this.moved.get(said.id), from: said.firstRound };
    const stored = this.facts.motions[this.enacting.index];
    this.check(stored?.state === ENACTED, null, `motion ${this.enacting.index}.state`, "it was enacted");
  }

  AgreementChanged(said) {
    const { kind, word: moved, from } = this.enacting ?? {};
    const holds = kind === said.kind && moved === said.word && from === said.firstRound && kind >= PLAN;
    this.check(holds, said.firstRound, "AgreementChanged", "not what the enacted motion says");
    this.words.set(said.kind, said.word);
  }

  RulesChanged(said) {
    const { kind, rules, from } = this.enacting ?? {};
    const holds = kind === RULES && sameRules(rules, said.rules) && from === said.firstRound;
    this.check(holds, said.firstRound, "RulesChanged", "not what the enacted motion says");
    this.rules = said.rules;
    this.open();
  }

  MemberAdded(said) {
    this.seats.push(said.member);
    this.epoch += 1;
  }

  MemberReplaced(said) {
    this.seats = this.seats.map((who) => (who === said.member ? said.successor : who));
  }

  MemberRemoved(said) {
    const last = BigInt(this.seats.length - 1);
    const freed = BigInt(said.seat);
    this.seats[said.seat] = this.seats.at(-1);
    this.seats.pop();
    this.epoch += 1;
    const moved = (seats) => {
      const taken = freed === last ? seats : (seats & ~(1n << freed)) | (((seats >> last) & 1n) << freed);
      return taken & ~(1n << last);
    };
    this.training.contributed = moved(this.training.contributed);
    this.training.expected = moved(this.training.expected);
  }

  // ------------------------------------------------------------------------------------------------ time

  get end() {
    const value = BigInt(this.words.get(END) ?? 0);
    return { last: Number(value & 0xffffffffn), second: Number(value >> 32n) };
  }

  isOver(round, time) {
    const { last, second } = this.end;
    return (last !== 0 && round > last) || (second !== 0 && time > second);
  }

  /** How many turns, the first of which is `round`'s, have gone by; after the end none does. */
  turns(round, start, time) {
    const { last, second } = this.end;
    const until = second === 0 ? time : Math.min(time, second + 1);
    const gone = Math.max(0, Math.floor((until - start) / this.rules.propose_window));
    return last === 0 ? gone : Math.min(gone, Math.max(0, last + 1 - round));
  }

  /** What the clock has made of what was told, at this time. */
  at(time) {
    let { round, opens } = this;
    let { until } = this.training;
    const deadline = this.proposed ? (this.facts.records[round]?.deadline ?? Infinity) : -1;
    if (time <= deadline) return { round, opens, missed: 0, closed: false, overdue: false, ended: false };
    if (this.proposed && this.waiting) return { round, opens, missed: 0, closed: true, overdue: true, ended: false };
    if (this.proposed) {
      opens = deadline + 1 + this.rules.pause;
      round += 1;
      const { contributed, rejected } = this.training;
      const over = bits(contributed) < 2 || rejected + 1 >= this.facts.merge_order.length;
      if (this.joint && over) until = opens + this.rules.train_window;
    }
    const start = this.joint ? Math.max(opens, until) : opens;
    const missed = this.turns(round, start, time);
    const ended = this.isOver(round + missed, time);
    if (this.waiting) {
      return { round, opens, missed, closed: false, overdue: missed > 0 || (ended && time >= opens), ended, start };
    }
    if (missed) opens = start + missed * this.rules.propose_window;
    return { round: round + missed, opens, missed, closed: this.proposed, overdue: false, ended, start };
  }

  /** The turn after a boundary begins after the pause, or earlier where the boundary says so. */
  open() {
    if (this.boundary === null) return;
    const { from, latest } = this.boundary;
    this.opens = Math.min(from + this.rules.pause, Math.max(from, latest));
  }

  cross(round, from, latest) {
    Object.assign(this, { round, boundary: { from, latest }, proposed: false });
    this.open();
  }

  RoundDecided(said, time) {
    const deadline = this.facts.records[said.round]?.deadline ?? 0;
    if (!said.accepted) this.training.rejected += 1;
    this.check(said.byClock === (time > deadline) || !this.timed, said.round, "RoundDecided", "by votes, or by the clock");
    this.cross(said.round + 1, said.byClock ? deadline + 1 : time, Infinity);
  }

  RoundsMissed(said, time, before, after) {
    const now = this.at(time);
    if (before?.name === "MotionDecided") {
      this.check(said.first === this.round && said.last === said.first, said.first, "RoundsMissed", "another turn was open");
      this.cross(said.last + 1, time, this.opens);
    } else if (["MotionEnacted", "MotionVoided"].includes(after?.name)) {
      const one = said.first === this.round && said.last === said.first;
      this.check((now.overdue && one) || !this.timed, said.first, "RoundsMissed", "the turn wasn't over");
      this.cross(said.last + 1, now.ended ? time : now.start + this.rules.propose_window, 0);
    } else {
      const all = said.first === now.round - now.missed && said.last === now.round - 1 && now.missed > 0;
      this.check(all || !this.timed, said.first, "RoundsMissed", "other turns have gone by");
      Object.assign(this, { round: said.last + 1, opens: now.opens, boundary: null });
    }
  }

  RoundOpened(said) {
    const { training } = this;
    const complete = training.contributed !== 0n && (training.expected & ~training.contributed) === 0n;
    if (complete && this.opens < training.until) training.until = this.opens; // who was missing has left
    this.boundary = null;
    if (!this.timed) return;
    const deadline = Math.max(this.opens, this.joint ? training.until : 0) + this.rules.propose_window - 1;
    this.check(said.round === this.round && said.deadline === deadline, said.round, "RoundOpened", `until ${deadline}`);
  }

  WeightsProposed(said, time) {
    if (this.timed) {
      const now = this.at(time);
      const { round } = said;
      this.check(round === this.round && now.missed === 0 && !now.overdue, round, "WeightsProposed", "not the open round");
      this.check(time >= now.opens, round, "WeightsProposed", `in the pause, which ends at ${now.opens}`);
      this.check(!now.ended, round, "WeightsProposed", "after the end");
      const deadline = time + this.rules.vote_window;
      this.check(said.deadline === deadline, round, "WeightsProposed", `votes have time until ${deadline}`);
    }
    Object.assign(this, { round: said.round, proposed: true, boundary: null });
  }

  TrainingBegan(said) {
    const until = this.opens + this.rules.train_window;
    this.training = { until, contributed: 0n, expected: BigInt(said.expected), rejected: 0 };
  }

  WeightsContributed(said, time) {
    const { training } = this;
    if (this.timed) {
      const now = this.at(time);
      this.check(time >= now.opens, now.round, "WeightsContributed", `in the pause, which ends at ${now.opens}`);
      this.check(!now.ended, now.round, "WeightsContributed", "after the end");
      this.check(said.late === (time >= training.until), now.round, "WeightsContributed", "late, or in time");
    }
    if (said.late) return;
    training.contributed |= 1n << BigInt(Math.max(0, this.seats.indexOf(said.member)));
    if ((training.expected & ~training.contributed) === 0n) training.until = time;
  }

  /** The present, as storage has it. */
  present() {
    const { facts } = this;
    const now = this.at(facts.clock);
    const state = facts.records.at(-1)?.state;
    this.check(now.round === facts.current_round, facts.current_round, "current_round", `it is round ${now.round}`);
    this.check(now.opens === facts.opens_at, facts.current_round, "opens_at", `it is ${now.opens}`);
    this.check(now.overdue === facts.overdue, facts.current_round, "overdue", `it is ${now.overdue}`);
    this.check(now.ended === facts.ended, facts.current_round, "ended", `it is ${now.ended}`);
    if (facts.ended && !facts.overdue) this.check(state === PROPOSING, facts.current_round, "state", "after the end");
  }
}
