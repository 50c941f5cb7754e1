// The page: a head that says whether it is live, views by the address's hash, and what screen readers are told.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Live, type State, useLive } from "./api";
import { CurvesView } from "./curves";
import { Members, Motions, Nodes } from "./members";
import { Now } from "./now";
import { Names, number, short } from "./parts";
import { OneRound } from "./round";
import { Rounds } from "./rounds";
import "./style.css";

const VIEWS = [
  ["", "Now"],
  ["rounds", "Rounds"],
  ["members", "Members"],
  ["motions", "Motions"],
  ["curves", "Curves"],
  ["nodes", "Nodes"],
] as const;

interface Route {
  view: string;
  asked: string;
  query: URLSearchParams;
}

function route(): Route {
  const [path = "", query = ""] = window.location.hash.replace(/^#\/?/, "").split("?");
  const [view = "", asked = ""] = path.split("/");
  return { view, asked, query: new URLSearchParams(query) };
}

function useRoute(): Route {
  const [now, setNow] = useState(route);
  useEffect(() => {
    const moved = () => setNow(route());
    window.addEventListener("hashchange", moved);
    return () => window.removeEventListener("hashchange", moved);
  }, []);
  return now;
}

function App() {
  const live = useLive();
  const where = useRoute();
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  const title = where.view === "round" ? `Round ${where.asked}` : (VIEWS.find(([view]) => view === where.view)?.[1] ?? "Now");
  useEffect(() => {
    document.title = `${title} – colearn-ledger`;
    if (first.current) first.current = false;
    else heading.current?.focus();
  }, [title]);
  const state = live.state;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); heading.current?.focus(); }}>
        to the content
      </a>
      <header>
        <div class="brand">
          <strong>colearn-ledger</strong>
          {state !== null && (
            <span>
              collective <code title={state.address}>{short(state.address)}</code> on chain {state.chain_id}
            </span>
          )}
        </div>
        <Liveness live={live} />
        <nav aria-label="Views">
          <ul>
            {VIEWS.filter(([view]) => view !== "nodes" || state?.nodes).map(([view, name]) => (
              <li>
                <a href={`#/${view}`} aria-current={view === where.view || (view === "rounds" && where.view === "round") ? "page" : undefined}>
                  {name}
                  {view === "motions" && state !== null && state.motions.length > 0 && (
                    <span class="badge" aria-label={`${state.motions.length} wait`}>{state.motions.length}</span>
                  )}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      </header>
      <main id="main">
        <h1 ref={heading} tabIndex={-1}>{title}</h1>
        {state !== null && <Reorg state={state} />}
        {state === null ? <p class="note">{live.connected ? "The chain is being read …" : "Waiting for the dashboard's server …"}</p> : (
          <Names.Provider value={state.names}>
            <View live={live} state={state} where={where} />
          </Names.Provider>
        )}
      </main>
      <footer>
        All of it is read from the chain; nothing can be changed here. Votes: <b>+</b> approved, <b>−</b> rejected, <b>P</b> proposed,{" "}
        <b>?</b> not revealed, <b>_</b> did not vote, <b>.</b> no vote, or none needed.
      </footer>
      <Told state={state} />
    </>
  );
}

function View({ live, state, where }: { live: Live; state: State; where: Route }) {
  switch (where.view) {
    case "rounds":
      return <Rounds state={state} query={where.query} />;
    case "round":
      return <OneRound state={state} asked={where.asked} />;
    case "members":
      return <Members state={state} />;
    case "motions":
      return <Motions state={state} />;
    case "curves":
      return <CurvesView version={state.version} />;
    case "nodes":
      return <Nodes />;
    default:
      return <Now live={live} state={state} />;
  }
}

function Liveness({ live }: { live: Live }) {
  const state = live.state;
  const good = live.connected && state !== null && state.trouble === "";
  return (
    <p class={good ? "live" : "live lost"} role="status">
      <span class="dot" aria-hidden="true" />
      {state === null ? "connecting" : !live.connected ? "the dashboard's server doesn't answer; trying again" : state.trouble !== "" ? `the chain can't be read: ${state.trouble}` : `live, block ${number.format(state.block)}`}
    </p>
  );
}

/** A re-org stays said until it is dismissed; the next one is said again. */
function Reorg({ state }: { state: State }) {
  const [dismissed, setDismissed] = useState("");
  if (state.reorg === null) return null;
  const key = JSON.stringify(state.reorg);
  if (key === dismissed) return null;
  const { block, round } = state.reorg;
  return (
    <div class="note reorg" role="alert">
      <p>
        <strong>The chain was reorganised:</strong> some blocks after {number.format(block - 1)} are others now,
        {round === null ? " and no round differs" : ` and rounds from ${number.format(round)} on differ`}. Everything here was read again.
      </p>
      <button type="button" onClick={() => setDismissed(key)}>
        understood
      </button>
    </div>
  );
}

/** What a screen reader says when something has happened. */
function Told({ state }: { state: State | null }) {
  return (
    <p class="unseen" role="status">
      {state !== null && `round ${state.round}: ${state.phase}`}
    </p>
  );
}

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
