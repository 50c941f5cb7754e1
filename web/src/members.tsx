// Members, motions, nodes.
import { useEffect, useState } from "preact/hooks";
import { type Member, type Motion, type Node, type State, useAnswer } from "./api";
import { Address, Problem, Table, count, number, useLabel } from "./parts";

const ASK_NODES_MS = 5000;

export function Members({ state }: { state: State }) {
  const label = useLabel();
  const { value, error } = useAnswer<{ members: Member[] }>("/api/members", state.version);
  return (
    <>
      <Problem text={error} />
      <Table
        label="Members"
        columns={[
          ["seat", "right"],
          ["member"],
          ["since round", "right"],
          ["accepted", "right"],
          ["rejected", "right"],
          ["turns missed", "right"],
          ["ether", "right"],
          ["rounds"],
        ]}
      >
        {value?.members.map((one) => (
          <tr key={one.address}>
            <td class="right">{one.seat}</td>
            <th scope="row">
              <Address value={one.address} />
              {one.replaced && <small> replaced <Address value={one.replaced} /></small>}
            </th>
            <td class="right">{one.since_round ?? "?"}</td>
            <td class="right">{number.format(one.accepted)}</td>
            <td class="right">{number.format(one.rejected)}</td>
            <td class="right">{number.format(one.missed)}</td>
            <td class="right">{one.balance}</td>
            <td>
              <a href={`#/rounds?proposer=${one.address}`} aria-label={`its rounds: those of ${label(one.address)}`}>
                its rounds
              </a>
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

export function Motions({ state }: { state: State }) {
  const { value, error } = useAnswer<{ motions: Motion[] }>("/api/motions", state.version);
  return (
    <>
      <Problem text={error} />
      {value !== null && value.motions.length === 0 && <p class="note">nothing was ever moved</p>}
      {value?.motions.map((motion) => (
        <section class={`card motion ${motion.waits ? "waits" : ""}`} key={motion.id} aria-label={motion.words}>
          <h2>{motion.words}</h2>
          <p>{motion.standing}</p>
          <p>
            <small>
              moved by <Address value={motion.mover} />, <code title={motion.id}>{motion.id.slice(0, 10)}</code>
              {motion.approving_seats.length > 0 && `; for it: ${seats(motion.approving_seats)}`}
              {motion.rejecting_seats.length > 0 && `; against it: ${seats(motion.rejecting_seats)}`}
            </small>
          </p>
        </section>
      ))}
    </>
  );
}

function seats(which: number[]): string {
  return `seat${which.length === 1 ? "" : "s"} ${which.join(", ")}`;
}

export function Nodes() {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => setTurn((count) => count + 1), ASK_NODES_MS);
    return () => window.clearInterval(timer);
  }, []);
  const { value, error } = useAnswer<{ nodes: Node[] }>("/api/nodes", turn);
  return (
    <>
      <Problem text={error} />
      <div class="cards">
        {value?.nodes.map((node) => (
          <section class="card node" key={node.name} aria-label={`node ${node.name}`}>
            <h2>{node.name}</h2>
            <p>
              <span class={`tag ${node.ready ? "accepted" : "rejected"}`}>
                <span aria-hidden="true">{node.ready ? "✓" : "✕"}</span>{" "}
                {node.alive === null ? "doesn't answer" : node.ready ? "ready" : node.alive ? "alive, not ready" : "not alive"}
              </span>
            </p>
            {node.why !== "" && <p class="wrap">{node.why}</p>}
            <p>
              <small>
                {node.url}
                {node.round !== undefined && `; round ${number.format(node.round)}`}
                {node.block !== undefined && `, block ${number.format(node.block)}`}
                {node.steps !== undefined && node.steps > 0 && `; trains: ${(node.steps_done ?? 0).toLocaleString("en")} of ${count(node.steps, "step")}`}
                {node.funds_rounds !== undefined && `; funds for ${count(node.funds_rounds, "round")}`}
                {node.motions_to_vote !== undefined && node.motions_to_vote > 0 && `; ${count(node.motions_to_vote, "motion")} to vote on`}
              </small>
            </p>
          </section>
        ))}
      </div>
    </>
  );
}
