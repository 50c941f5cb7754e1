// Everything about one round.
import { type Contribution, type Round, type State, useAnswer } from "./api";
import { Address, Decision, Facts, Note, Problem, Table, bytes, number, score, time } from "./parts";

export function OneRound({ state, asked }: { state: State; asked: string }) {
  const { value, error } = useAnswer<Round>(`/api/rounds/${encodeURIComponent(asked)}`, state.version);
  return (
    <>
      <p class="steps">
        {Number(asked) > 0 && <a href={`#/round/${Number(asked) - 1}`}>round {Number(asked) - 1}</a>}
        <a href="#/rounds">all rounds</a>
        {Number(asked) < state.round && <a href={`#/round/${Number(asked) + 1}`}>round {Number(asked) + 1}</a>}
      </p>
      <Problem text={error} />
      {value !== null && <Details round={value} />}
      {value === null && error === "" && <p class="note">reading …</p>}
    </>
  );
}

function Details({ round }: { round: Round }) {
  const when = (name: string, at: string | null, block: number | null) => {
    return [name, block === null ? "" : `${at === null ? "" : `${time(at)} UTC, `}block ${number.format(block)}`] as [string, string];
  };
  return (
    <>
      <section class="card" aria-labelledby="outcome">
        <h2 id="outcome">
          <Decision state={round.state} />
        </h2>
        <p class="wrap">{round.outcome}</p>
        <Problem text={round.problem && `Some events are missing: ${round.problem}`} />
        <Facts
          rows={[
            ["before it", round.reverted_to !== null && `members went back to the weights of round ${round.reverted_to}, by a motion`],
            ["proposer", round.proposer !== null && <span class="wrap"><Address value={round.proposer} whole />{round.proposer_seat !== null && `, seat ${round.proposer_seat}`}</span>],
            ["built on", round.parent_round !== null && <Lineage round={round} />],
            ["sha256", round.weights_sha256 && <code class="wrap">{round.weights_sha256}</code>],
            ["CID", round.cid && <code class="wrap">{round.cid}</code>],
            ["size", bytes(round.size)],
            ["proposal", round.proposal_id && <code class="wrap">{round.proposal_id}</code>],
            when("opened", round.opened_time, round.opened_block),
            when("proposed", round.proposed_time, round.proposed_block),
            when("decided", round.decided_time, round.decided_block),
            ["deadline", round.deadline && `${time(round.deadline)} UTC`],
            ["merged", round.merged !== null && `${round.merged} of ${round.contributed ?? "?"} contributions, by ${round.rule}`],
            ["training", round.training !== null && <>that began with <a href={`#/round/${round.training}`}>round {round.training}</a></>],
            ["digest", round.merge_digest && <code class="wrap">{round.merge_digest}</code>],
            ["gas", round.gas !== null && `${number.format(round.gas)}${round.fee === null ? "" : `, ${round.fee} ether`}`],
            ["note", round.note !== null && round.note !== "" && <Note value={round.note} />],
          ]}
        />
      </section>
      {round.votes.length > 0 && <Ballots round={round} />}
      {round.contributions.length > 0 && <Contributions all={round.contributions} />}
      {round.transactions.length > 0 && (
        <section class="card" aria-labelledby="transactions">
          <h2 id="transactions">Transactions</h2>
          <Table
            label="Table of transactions"
            columns={[
              ["did"],
              ["transaction"],
              ["sender"],
              ["block", "right"],
              ["time (UTC)"],
              ["gas", "right"],
            ]}
          >
            {round.transactions.map((one) => (
              <tr key={one.hash}>
                <th scope="row">{one.did.join(", ")}</th>
                <td><code title={one.hash}>{one.hash.slice(0, 14)}…</code></td>
                <td>{one.sender !== null && <Address value={one.sender} />}</td>
                <td class="right">{number.format(one.block)}</td>
                <td>{time(one.time)}</td>
                <td class="right">{one.gas === null ? "" : number.format(one.gas)}</td>
              </tr>
            ))}
          </Table>
        </section>
      )}
    </>
  );
}

function Lineage({ round }: { round: Round }) {
  const { rounds, length } = round.lineage;
  return (
    <span class="lineage">
      {rounds.map((number, at) => (
        <>
          {at > 0 && <span aria-hidden="true"> ← </span>}
          <a href={`#/round/${number}`}>{number === 0 ? "genesis" : `round ${number}`}</a>
        </>
      ))}
      {length > rounds.length && ` ← ${length - rounds.length} more`}
    </span>
  );
}

const CHOICES: Record<string, string> = { approved: "+ approved", rejected: "− rejected", hidden: "✓ voted, in secret", absent: "– no vote" };

function Ballots({ round }: { round: Round }) {
  const scored = round.votes.some((vote) => vote.proposed_score !== null);
  const over = ["accepted", "rejected"].includes(round.state);
  const choice = (made: string) => {
    if (made === "absent" && over) return round.missed_votes ? "– did not vote" : "– wasn't needed";
    if (made === "hidden" && over) return "? not revealed";
    return CHOICES[made] ?? made;
  };
  return (
    <section class="card" aria-labelledby="ballots">
      <h2 id="ballots">Votes</h2>
      <Table
        label="Table of votes"
        columns={[
          ["seat", "right"],
          ["member"],
          ["vote"],
          scored && ["score now", "right"],
          scored && ["score proposed", "right"],
        ]}
      >
        {round.votes.map((vote) => (
          <tr key={vote.seat}>
            <td class="right">{vote.seat}</td>
            <th scope="row"><Address value={vote.member} /></th>
            <td><span class={`vote ${vote.vote}`}>{choice(vote.vote)}</span></td>
            {scored && <td class="right">{score(vote.current_score)}</td>}
            {scored && <td class="right">{score(vote.proposed_score)}</td>}
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Contributions({ all }: { all: Contribution[] }) {
  return (
    <section class="card" aria-labelledby="contributions">
      <h2 id="contributions">Contributions</h2>
      <Table
        label="Table of contributions"
        columns={[
          ["seat", "right"],
          ["member"],
          ["contribution"],
          ["size", "right"],
          ["sha256"],
          ["note"],
        ]}
      >
        {all.map((one) => (
          <tr key={one.member}>
            <td class="right">{one.seat ?? ""}</td>
            <th scope="row"><Address value={one.member} /></th>
            <td>{one.use === "merged" && one.late ? "merged, though late" : one.use}</td>
            <td class="right">{bytes(one.size)}</td>
            <td><code title={one.weights_sha256}>{one.weights_sha256.slice(0, 8)}</code></td>
            <td><Note value={one.note} /></td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
