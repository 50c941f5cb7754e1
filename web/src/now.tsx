// How the collective stands: the round, its phase and clock, who has acted, what waits.
import { type Live, type Page, type Seat, type State, useAnswer, useClock } from "./api";
import { Charts } from "./curves";
import { Address, Facts, count, span, time } from "./parts";
import { RoundsTable } from "./rounds";

const PHASES: Record<State["phase"], string> = {
  training: "training: all contribute",
  proposing: "its proposer trains",
  merging: "its proposer merges what is there",
  voting: "the others test and vote",
  revealing: "votes are revealed",
  overdue: "overdue: a motion waits until anybody calls advance",
  resting: "rests after a decision",
  ended: "ended: only motions go on",
};

const DID: Record<Seat["did"], string> = {
  "": "",
  proposed: "proposed",
  approved: "approved",
  rejected: "rejected",
  committed: "voted, in secret",
  revealed: "revealed",
  contributed: "contributed",
  turn: "its turn",
  awaited: "waited for",
};
const MARKS: Record<Seat["did"], string> = {
  "": "·",
  proposed: "P",
  approved: "+",
  rejected: "−",
  committed: "✓",
  revealed: "✓",
  contributed: "✓",
  turn: "▸",
  awaited: "…",
};

export function Now({ live, state }: { live: Live; state: State }) {
  const latest = useAnswer<Page>("/api/rounds?size=8", state.version);
  return (
    <>
      <div class="cards">
        <Clock live={live} state={state} />
        <Standing state={state} />
      </div>
      <section class="card" aria-labelledby="seats">
        <h2 id="seats">Members</h2>
        <ul class={state.seats.length > 16 ? "seats many" : "seats"}>
          {state.seats.map((seat) => (
            <li class={seat.did} key={seat.seat}>
              <span class="mark" aria-hidden="true">
                {MARKS[seat.did]}
              </span>
              <span class="who">
                <Address value={seat.member} />
                <small>{DID[seat.did] || "nothing to do"}</small>
              </span>
            </li>
          ))}
        </ul>
      </section>
      <section class="card" aria-labelledby="latest">
        <h2 id="latest">
          Latest rounds <a href="#/rounds">all rounds</a>
        </h2>
        <RoundsTable rows={latest.value?.rows ?? []} label="Table of the latest rounds" />
      </section>
      <Charts version={state.version} last={200} only="scores" />
      <section class="card" aria-labelledby="rules">
        <h2 id="rules">Rules</h2>
        <ul class="plain">
          {state.rules.map((rule) => (
            <li>{rule}</li>
          ))}
        </ul>
      </section>
    </>
  );
}

function Clock({ live, state }: { live: Live; state: State }) {
  const clock = useClock(live);
  const left = state.until_clock === null ? null : Math.max(0, state.until_clock - clock);
  return (
    <section class="card" aria-labelledby="round">
      <h2 id="round">
        Round <a href={`#/round/${state.round}`}>{state.round}</a>
      </h2>
      <p class="phase">
        <strong>{state.phase}</strong> <span>{PHASES[state.phase]}</span>
      </p>
      {left !== null && (
        <p class="clock">
          <span class="digits" role="timer" aria-label="time left">
            {left > 0 ? span(left) : "over"}
          </span>
          <small>
            {left > 0 ? "left, until" : "since"} <time>{time(state.until)} UTC</time>
          </small>
        </p>
      )}
      <Facts
        rows={[
          ["proposer", <Address value={state.proposer} />],
          ["approvals", state.need === null ? "" : `${state.approvals ?? "secret"} of the ${state.need} needed`],
          ["has acted", state.acted.length > 0 && count(state.acted.length, "member")],
          ["waits for", !["overdue", "resting", "ended"].includes(state.phase) && (count(state.awaited.length, "member") || "nobody")],
        ]}
      />
    </section>
  );
}

function Standing({ state }: { state: State }) {
  const { accepted, rejected, missed } = state.counts;
  return (
    <section class="card" aria-labelledby="standing">
      <h2 id="standing">So far</h2>
      <ul class="totals">
        <li class="accepted">
          <strong>{accepted}</strong> accepted
        </li>
        <li class="rejected">
          <strong>{rejected}</strong> rejected
        </li>
        <li class="missed">
          <strong>{missed}</strong> missed
        </li>
      </ul>
      <Facts
        rows={[
          ["weights", <>of round <a href={`#/round/${state.accepted_round}`}>{state.accepted_round}</a></>],
          ["CID", <code class="wrap">{state.accepted_cid}</code>],
          ["motions", state.motions.length === 0 ? "none waits" : ""],
        ]}
      />
      {state.motions.length > 0 && (
        <ul class="plain motions">
          {state.motions.map((motion) => (
            <li>
              <a href="#/motions">{motion.subject}</a>
              {motion.state === "open" ? `, waits for ${count(motion.not_voted.length, "vote")}` : ", approved"}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
