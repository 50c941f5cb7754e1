// Curves over the rounds: published scores, approvals, time, gas.
import { useState } from "preact/hooks";
import { type Curves, useAnswer } from "./api";
import { Chart, type Line } from "./chart";
import { Problem, count, number, useLabel } from "./parts";

const CROWD = 8; // members up to which each has a line of its own
const LASTS = [50, 200, 1000, 100_000];

export function CurvesView({ version }: { version: number }) {
  const [last, setLast] = useState(200);
  return (
    <>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          rounds
          <select value={String(last)} onChange={(event) => setLast(Number(event.currentTarget.value))}>
            {LASTS.map((many) => (
              <option value={String(many)}>{many < 100_000 ? `the last ${number.format(many)}` : "all"}</option>
            ))}
          </select>
        </label>
      </form>
      <Charts version={version} last={last} />
    </>
  );
}

export function Charts({ version, last, only }: { version: number; last: number; only?: "scores" }) {
  const { value, error } = useAnswer<Curves>(`/api/curves?last=${last}`, version);
  const [chosen, setChosen] = useState("");
  const label = useLabel();
  if (value === null) return <Problem text={error} />;
  const rounds = value.rounds;
  if (rounds.length === 0) return only === undefined ? <p class="note">no round is over yet</p> : null;
  const range = `rounds ${rounds[0]} to ${rounds[rounds.length - 1]}`;
  const known = (values: (number | null)[]) => values.filter((one): one is number => one !== null);
  const crowd = value.members.length > CROWD;
  const shown = value.members.filter((one) => !crowd || one.member === chosen);
  const means = known(value.mean_accepted);
  const scores: Line[] = [
    ...shown.map((one, at): Line => ({ label: label(one.member), colour: `member-${at % CROWD}`, kind: "thin", values: one.scores })),
    { label: "mean of what was accepted", colour: "ink", kind: "line", values: value.mean_accepted },
    { label: "mean of what was rejected", colour: "reject", kind: "marks", values: value.mean_rejected },
  ];
  const total = value.to_propose.map((one, at) => {
    const other = value.to_decide[at] ?? null;
    return one === null || other === null ? null : one + other;
  });
  const gas = known(value.gas);
  return (
    <>
      <Problem text={error} />
      {value.members.length > 0 ? (
        <Chart
          id="scores"
          title="Published scores of what was proposed"
          words={`Published scores, ${range}: the mean of accepted proposals went from ${means[0] ?? "?"} to ${means[means.length - 1] ?? "?"}.`}
          rounds={rounds}
          lines={scores}
          format={(value) => String(Number(value.toPrecision(3)))}
        />
      ) : (
        only === undefined && <p class="note">no member publishes its scores (or the endpoint has no events of them)</p>
      )}
      {crowd && (
        <label class="beside">
          with the scores of
          <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
            <option value="">nobody in particular</option>
            {value.members.map(({ member }) => (
              <option value={member}>{label(member)}</option>
            ))}
          </select>
        </label>
      )}
      {only === undefined && (
        <div class="charts">
          <Chart
            id="approvals"
            title="Approvals, and what was needed"
            words={`Approvals by round, ${range}: ${count(known(value.approvals_accepted).length, "proposal")} accepted, ${known(value.approvals_rejected).length} rejected.`}
            rounds={rounds}
            lines={[
              { label: "accepted", colour: "accept", kind: "bars", values: value.approvals_accepted },
              { label: "rejected", colour: "reject", kind: "bars", values: value.approvals_rejected },
              { label: "needed", colour: "ink", kind: "steps", values: value.need },
            ]}
            fromZero
            format={(value) => (Number.isInteger(value) ? String(value) : "")}
          />
          <Chart
            id="times"
            title="Seconds to propose, and to decide"
            words={`Seconds by round, ${range}: at most ${number.format(Math.max(0, ...known(total)))}.`}
            rounds={rounds}
            lines={[
              { label: "to decide", colour: "second", kind: "bars", values: total },
              { label: "to propose", colour: "first", kind: "bars", values: value.to_propose },
            ]}
            fromZero
            format={(value) => `${number.format(value)} s`}
          />
          <Chart
            id="gas"
            title="Gas of a round"
            words={`Gas by round, ${range}: ${gas.length === 0 ? "not known" : `${number.format(Math.min(...gas))} to ${number.format(Math.max(...gas))}`}.`}
            rounds={rounds}
            lines={[{ label: "gas", colour: "third", kind: "bars", values: value.gas }]}
            fromZero
            format={(value) => (value >= 1000 ? `${number.format(Math.round(value / 1000))} k` : String(value))}
          />
        </div>
      )}
    </>
  );
}
