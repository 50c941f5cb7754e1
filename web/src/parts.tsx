// Small things that all views share. Text that members wrote goes through Preact, which makes text of it and nothing else.
import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";

export const number = new Intl.NumberFormat("en");

export function short(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}

export function score(value: number | null): string {
  return value === null ? "" : value.toFixed(4);
}

export function bytes(size: number | null): string {
  if (size === null) return "";
  if (size < 10_000) return `${number.format(size)} bytes`;
  const units = ["KiB", "MiB", "GiB"];
  let value = size;
  let unit = "bytes";
  for (const next of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${value.toFixed(1)} ${unit}`;
}

/** ISO 8601 in UTC, as people read it. */
export function time(iso: string | null): string {
  return iso === null ? "" : iso.replace("T", " ").replace("Z", "");
}

export function span(seconds: number): string {
  const days = Math.floor(seconds / 86400);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const pad = (value: number) => String(value).padStart(2, "0");
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

export function count(many: number, one: string, more = `${one}s`): string {
  return `${number.format(many)} ${many === 1 ? one : more}`;
}

export const Names = createContext<Record<string, string>>({});

/** What somebody is called in one line of plain text: never the name alone, which proves nothing. */
export function useLabel(): (address: string) => string {
  const names = useContext(Names);
  return (address) => `${names[address] ?? ""} ${short(address)}`.trim();
}

/** Somebody's name, if there is one, and the address. Names are other people's text: isolated, whichever way they run. */
export function Address({ value, whole }: { value: string; whole?: boolean }) {
  const name = useContext(Names)[value];
  return (
    <span class="address" title={value}>
      {name !== undefined && <bdi>{name}</bdi>}
      {name !== undefined && " "}
      <code>{whole ? value : short(value)}</code>
    </span>
  );
}

const MARKS: Record<string, string> = { accepted: "✓", rejected: "✕", missed: "–", genesis: "•" };

export function Decision({ state, byClock }: { state: string; byClock?: boolean | null }) {
  return (
    <span class={`tag ${state}`}>
      <span aria-hidden="true">{MARKS[state] ?? "…"}</span> {state}
      {byClock ? " by the clock" : ""}
    </span>
  );
}

const SIGNS: Record<string, string> = { "+": "approved", "-": "rejected", "?": "hidden", ".": "silent", _: "absent", P: "proposer" };
const WORDS = { "+": "approved", "-": "rejected", "?": "not revealed", _: "did not vote", ".": "without a vote" };
const MANY = 20;

/** Votes by seat, one sign each; of many they are counted. */
export function Votes({ signs }: { signs: string }) {
  if (signs === "") return null;
  const counts = new Map<string, number>();
  for (const sign of signs) counts.set(sign, (counts.get(sign) ?? 0) + 1);
  const known = Object.entries(WORDS).flatMap(([sign, words]) => {
    const many = counts.get(sign);
    return many === undefined ? [] : [{ sign, many, words }];
  });
  const told = known.map(({ many, words }) => `${many} ${words}`).join(", ");
  return (
    <span class="votes" role="img" aria-label={told} title={told}>
      {signs.length > MANY
        ? known.map(({ sign, many }) => (
            <span class={`sign wide ${SIGNS[sign]}`}>
              {sign === "-" ? "−" : sign}
              {many}
            </span>
          ))
        : [...signs].map((sign) => <span class={`sign ${SIGNS[sign]}`}>{sign === "-" ? "−" : sign}</span>)}
    </span>
  );
}

/** What it is headed by, and classes. */
export type Column = [name: string, classes?: string];

/** A table of these rows that scrolls by itself where there is no room, also by keyboard. */
export function Table({ label, columns, children }: { label: string; columns: (Column | false)[]; children: ComponentChildren }) {
  return (
    <div class="scrolled" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => column && <th key={column[0]} scope="col" class={column[1]}>{column[0]}</th>)}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Problem({ text }: { text: string }) {
  return text === "" ? null : (
    <p class="note problem" role="status">
      {text}
    </p>
  );
}

/** Rows of a subject and what there is to say about it; empty ones are left out. */
export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false)
        .map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A note as its writer left it: an object's fields, or text. */
export function Note({ value }: { value: unknown }) {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "object" && !Array.isArray(value)) {
    return (
      <ul class="plain">
        {Object.entries(value as Record<string, unknown>).map(([name, inner]) => (
          <li>
            {name}: {typeof inner === "string" ? inner : JSON.stringify(inner)}
          </li>
        ))}
      </ul>
    );
  }
  return <span class="wrap">{typeof value === "string" ? value : JSON.stringify(value)}</span>;
}
