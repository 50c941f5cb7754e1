// The history as a table, in pages that the server makes; filters are in the address, so that "back" knows them.
import { type Page, type Row, type State, useAnswer } from "./api";
import { Address, Decision, Problem, Table, Votes, bytes, number, score, time, useLabel } from "./parts";

const SIZE = 50;
const STATES = ["accepted", "rejected", "missed", "open"];

export function RoundsTable({ rows, label }: { rows: Row[]; label: string }) {
  const scored = rows.some((row) => row.proposed_score !== null);
  const joint = rows.some((row) => row.rule !== null);
  return (
    <Table
      label={label}
      columns={[
        ["round", "right"],
        ["decision"],
        ["proposer", "wide-only"],
        ["votes"],
        joint && ["merged", "wide-only"],
        scored && ["now", "right wide-only"],
        scored && ["proposed", "right"],
        ["weights", "wide-only"],
        ["size", "right wide-only"],
        ["gas", "right wide-only"],
        ["decided (UTC)", "wide-only"],
      ]}
    >
      {rows.map((row) => (
        <tr key={row.round}>
          <th scope="row" class="right">
            <a href={`#/round/${row.round}`}>{row.round}</a>
          </th>
          <td>
            <Decision state={row.state} byClock={row.by_clock} />
            {row.reverted_to !== null && <small> after going back to round {row.reverted_to}</small>}
          </td>
          <td class="wide-only">{row.proposer !== null && <Address value={row.proposer} />}</td>
          <td>
            <Votes signs={row.votes} />
          </td>
          {joint && (
            <td class="wide-only">{row.merged !== null && `${row.merged}/${row.contributed ?? "?"} ${row.rule ?? ""}`}</td>
          )}
          {scored && <td class="right wide-only">{score(row.current_score)}</td>}
          {scored && <td class="right">{score(row.proposed_score)}</td>}
          <td class="wide-only">
            <code>{row.weights_sha256?.slice(0, 8)}</code>
          </td>
          <td class="right wide-only">{bytes(row.size)}</td>
          <td class="right wide-only">{row.gas === null ? "" : number.format(row.gas)}</td>
          <td class="wide-only">{time(row.decided)}</td>
        </tr>
      ))}
    </Table>
  );
}

export function Rounds({ state, query }: { state: State; query: URLSearchParams }) {
  const asked = new URLSearchParams({ size: String(SIZE) });
  for (const name of ["page", "state", "proposer"]) {
    const value = query.get(name);
    if (value) asked.set(name, value);
  }
  const { value, error } = useAnswer<Page>(`/api/rounds?${asked}`, state.version);
  const go = (changes: Record<string, string>) => {
    const next = new URLSearchParams(query);
    for (const [name, text] of Object.entries(changes)) text ? next.set(name, text) : next.delete(name);
    window.location.hash = `#/rounds${next.size > 0 ? `?${next}` : ""}`;
  };
  const label = useLabel();
  const by = query.get("proposer");
  const gone = by === null || state.seats.some(({ member }) => member === by) ? null : by;
  const unread = state.events.from > 0 && state.events.problem === "";
  return (
    <>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          const asked = new FormData(event.currentTarget).get("number");
          if (asked) window.location.hash = `#/round/${String(asked)}`;
        }}
      >
        <label>
          decision
          <select value={query.get("state") ?? ""} onChange={(event) => go({ state: event.currentTarget.value, page: "" })}>
            <option value="">all</option>
            {STATES.map((name) => (
              <option value={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          proposer
          <select value={query.get("proposer") ?? ""} onChange={(event) => go({ proposer: event.currentTarget.value, page: "" })}>
            <option value="">all</option>
            {gone !== null && <option value={gone}>{label(gone)}, no member now</option>}
            {state.seats.map(({ seat, member }) => (
              <option value={member}>
                {label(member)}, seat {seat}
              </option>
            ))}
          </select>
        </label>
        <label>
          go to round
          <input name="number" type="number" min={0} max={state.round} inputMode="numeric" required />
        </label>
        <button type="submit">show</button>
      </form>
      <Problem text={error} />
      <Problem text={state.events.problem && `Some events are missing: ${state.events.problem}`} />
      {unread && (
        <p class="note">
          Scores, gas and times are being read: rounds from {number.format(state.events.from)} on are there.
        </p>
      )}
      <RoundsTable rows={value?.rows ?? []} label="Rounds" />
      {value !== null && (
        <nav class="pages" aria-label="Pages">
          <button type="button" disabled={value.page === 0} onClick={() => go({ page: "" })}>
            newest
          </button>
          <button type="button" disabled={value.page === 0} onClick={() => go({ page: value.page > 1 ? String(value.page - 1) : "" })}>
            newer
          </button>
          <span aria-live="polite">
            page {number.format(value.page + 1)} of {number.format(value.pages)}, {number.format(value.total)}{" "}
            {value.total === 1 ? "round" : "rounds"}
          </span>
          <button type="button" disabled={value.page + 1 >= value.pages} onClick={() => go({ page: String(value.page + 1) })}>
            older
          </button>
          <button type="button" disabled={value.page + 1 >= value.pages} onClick={() => go({ page: String(value.pages - 1) })}>
            oldest
          </button>
        </nav>
      )}
    </>
  );
}
