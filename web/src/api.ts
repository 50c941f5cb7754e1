// What the server answers, and how the page asks for it. Everything is plain text or numbers.
import { useEffect, useState } from "preact/hooks";

export interface Seat {
  seat: number;
  member: string;
  did: "" | "proposed" | "approved" | "rejected" | "committed" | "revealed" | "contributed" | "turn" | "awaited";
  proposer: boolean;
}

export interface State {
  version: number;
  chain_id: number;
  address: string;
  block: number;
  block_hash: string;
  round: number;
  phase: "training" | "proposing" | "merging" | "voting" | "revealing" | "overdue" | "resting" | "ended";
  proposer: string;
  clock: number;
  until_clock: number | null;
  until: string | null;
  need: number | null;
  voters: number;
  approvals: number | null;
  accepted_round: number;
  accepted_sha256: string;
  accepted_cid: string;
  /** What founding members are called, by address. */
  names: Record<string, string>;
  seats: Seat[];
  acted: { seat: number; member: string }[];
  awaited: { seat: number; member: string }[];
  counts: { accepted: number; rejected: number; missed: number };
  rules: string[];
  events: { from: number; to: number; settled: number; problem: string };
  reorg: { block: number; round: number | null } | null;
  trouble: string;
  nodes: boolean;
  motions: { id: string; subject: string; state: string; deadline: string; need: number; not_voted: { seat: number }[] }[];
}

export interface Row {
  round: number;
  state: string;
  by_clock: boolean | null;
  proposer: string | null;
  votes: string;
  approvals: number | null;
  need: number | null;
  voters: number | null;
  weights_sha256: string | null;
  size: number | null;
  current_score: number | null;
  proposed_score: number | null;
  gas: number | null;
  decided: string | null;
  merged: number | null;
  contributed: number | null;
  rule: string | null;
  reverted_to: number | null;
  told: boolean;
}

export interface Page {
  version: number;
  total: number;
  page: number;
  pages: number;
  rows: Row[];
}

export interface Transaction {
  hash: string;
  block: number;
  time: string | null;
  did: string[];
  sender: string | null;
  gas: number | null;
}

export interface Contribution {
  seat: number | null;
  member: string;
  use: string;
  late: boolean;
  weights_sha256: string;
  cid: string;
  size: number;
  note: unknown;
  gas: number | null;
}

export interface Round {
  round: number;
  state: string;
  outcome: string;
  proposer: string | null;
  proposer_seat: number | null;
  parent_round: number | null;
  parent_sha256: string | null;
  proposal_id: string | null;
  weights_sha256: string | null;
  cid: string | null;
  size: number | null;
  need: number | null;
  approvals: number;
  missed_votes: boolean;
  votes: { seat: number; member: string; vote: string; current_score: number | null; proposed_score: number | null; transaction: string | null }[];
  deadline: string | null;
  opened_time: string | null;
  opened_block: number | null;
  proposed_time: string | null;
  proposed_block: number | null;
  decided_time: string | null;
  decided_block: number | null;
  transactions: Transaction[];
  gas: number | null;
  fee: string | null;
  note: unknown;
  reverted_to: number | null;
  training: number | null;
  rule: string | null;
  merged: number | null;
  contributed: number | null;
  contributions: Contribution[];
  merge_digest: string | null;
  lineage: { rounds: number[]; length: number };
  problem: string;
  block: number;
}

export interface Member {
  seat: number;
  address: string;
  since_round: number | null;
  replaced: string | null;
  balance: string;
  accepted: number;
  rejected: number;
  missed: number;
}

export interface Motion {
  id: string;
  words: string;
  standing: string;
  state: string;
  mover: string;
  approving_seats: number[];
  rejecting_seats: number[];
  waits: boolean;
}

export interface Curves {
  version: number;
  rounds: number[];
  members: { member: string; scores: (number | null)[] }[];
  mean_accepted: (number | null)[];
  mean_rejected: (number | null)[];
  approvals_accepted: (number | null)[];
  approvals_rejected: (number | null)[];
  need: (number | null)[];
  to_propose: (number | null)[];
  to_decide: (number | null)[];
  gas: (number | null)[];
}

export interface Node {
  name: string;
  url: string;
  alive: boolean | null;
  ready: boolean | null;
  why: string;
  round?: number;
  accepted_round?: number;
  block?: number;
  seen_seconds_ago?: number;
  motions_to_vote?: number;
  funds_rounds?: number;
  /** Of the training that goes on; 0 where there is none. */
  steps?: number;
  steps_done?: number;
}

export interface Answer<T> {
  value: T | null;
  error: string;
}

const TRY_AGAIN_MS = 2000;

/** What the server answers; asked again when the path or the version changes. The old answer stays until there is a new one. */
export function useAnswer<T>(path: string, version: number): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T> & { path: string }>({ value: null, error: "", path });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const ended = new AbortController();
    let again = 0;
    const failed = (error: string) => {
      if (ended.signal.aborted) return;
      setAnswer((old) => ({ value: old.path === path ? old.value : null, error, path }));
      again = window.setTimeout(() => setAttempt((count) => count + 1), TRY_AGAIN_MS);
    };
    fetch(path, { signal: ended.signal })
      .then(async (response) => {
        const value = await response.json();
        if (response.ok) setAnswer({ value: value as T, error: "", path });
        else failed(String(value.error ?? response.statusText));
      })
      .catch((error: unknown) => failed(`the dashboard's server doesn't answer (${String(error)})`));
    return () => {
      ended.abort();
      window.clearTimeout(again);
    };
  }, [path, version, attempt]);
  return answer.path === path ? answer : { value: null, error: "" };
}

export interface Live {
  state: State | null;
  connected: boolean;
  /** The chain's clock when the state came, and when that was by this machine's own. */
  received: number;
}

/** The state, as the server tells it whenever something has happened. The browser connects again by itself. */
export function useLive(): Live {
  const [live, setLive] = useState<Live>({ state: null, connected: false, received: 0 });
  useEffect(() => {
    const source = new EventSource("/api/events");
    source.addEventListener("state", (event) => {
      setLive({ state: JSON.parse(event.data) as State, connected: true, received: performance.now() });
    });
    source.onerror = () => setLive((old) => ({ ...old, connected: false }));
    return () => source.close();
  }, []);
  return live;
}

/** The chain's clock now, in seconds: it goes on by this machine's, from what the chain said last. */
export function useClock(live: Live): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(performance.now()), 500);
    return () => window.clearInterval(timer);
  }, []);
  return (live.state?.clock ?? 0) + Math.max(0, Math.floor((now - live.received) / 1000));
}
