/** Runs of a source: how long, how much, what came of them. */

import { Notice } from "../shared/Notice.tsx";
import { Link } from "../shared/router.tsx";
import { agoText, durationText, momentText, useNow } from "../shared/time.ts";
import { Scroll } from "./Scroll.tsx";
import { StateWord } from "./StateWord.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { outcomeState } from "./useSources.ts";

export interface FetchLine {
  readonly fence: number;
  readonly why: string;
  readonly began_ms: number;
  readonly ended_ms: number;
  readonly outcome: string;
  readonly bytes: number;
  readonly rows: number;
  readonly run: string | null;
  readonly file: string;
  readonly error: string;
  readonly reason: string;
}

export interface FetchPage {
  readonly items: readonly FetchLine[];
  readonly next: number | null;
}

const NOW_MS = 1_000;
const WHY: Readonly<Record<string, string>> = {
  schedule: "by its schedule",
  retry: "tried again",
  asked: "asked for",
  push: "pushed",
};

export function FetchesTable({ items }: { items: readonly FetchLine[] | null }) {
  const now = useNow(NOW_MS);
  if (items === null) return <TableSkeleton rows={4} />;
  if (items.length === 0) return <Notice title="No run yet">The first one is due.</Notice>;
  return (
    <Scroll label="Runs">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What came</th>
            <th scope="col" className="number">
              Bytes
            </th>
            <th scope="col" className="number">
              Rows
            </th>
            <th scope="col">Took</th>
          </tr>
        </thead>
        <tbody>
          {items.map((line) => (
            <Row key={line.fence} line={line} now={now} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Row({ line, now }: { line: FetchLine; now: number }) {
  return (
    <tr data-testid="fetch-row" data-outcome={line.outcome}>
      <th scope="row">
        <time dateTime={new Date(line.began_ms).toISOString()} title={momentText(line.began_ms)}>
          {agoText(now - line.began_ms)}
        </time>
        <span className="data-sub">{WHY[line.why] ?? line.why}</span>
      </th>
      <td>
        <StateWord state={outcomeState(line.outcome)} />
        {line.reason !== "" && <span className="data-sub fetch-reason">{line.reason}</span>}
        {line.run !== null ? (
          <span className="data-sub">
            <Link href={`/console/imports/${encodeURIComponent(line.run)}`}>
              {line.file || "the import"}
            </Link>
          </span>
        ) : (
          line.file !== "" && <span className="data-sub">{line.file}</span>
        )}
      </td>
      <td className="number">{line.bytes.toLocaleString()}</td>
      <td className="number">{line.rows.toLocaleString()}</td>
      <td className="soft">{durationText(line.ended_ms - line.began_ms)}</td>
    </tr>
  );
}
