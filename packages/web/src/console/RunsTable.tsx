/** Imports as a table, live while they run. */

import type { ImportRun, Supplier } from "../shared/documents.ts";
import { Notice } from "../shared/Notice.tsx";
import { Link } from "../shared/router.tsx";
import { agoText, durationText, momentText, useNow } from "../shared/time.ts";
import { Scroll } from "./Scroll.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { nameOf } from "./useSuppliers.ts";
import type { State } from "./words.ts";

interface RunsTableProps {
  runs: readonly ImportRun[] | null;
  suppliers: readonly Supplier[] | null;
}

const NOW_MS = 1_000;

export function RunsTable({ runs, suppliers }: RunsTableProps) {
  const now = useNow(NOW_MS);
  if (runs === null) return <TableSkeleton rows={6} />;
  if (runs.length === 0) {
    return (
      <Notice title="No import yet">
        <Link href="/console/try-a-file">Try a file</Link> of a supplier, look at what it would do,
        and take it in; or use <code>shopwire import FILE --supplier NAME</code>.
      </Notice>
    );
  }
  return (
    <Scroll label="Imports">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Supplier</th>
            <th scope="col">State</th>
            <th scope="col" className="number">
              Rows
            </th>
            <th scope="col" className="number">
              Changed
            </th>
            <th scope="col" className="number">
              Bad
            </th>
            <th scope="col">Started</th>
            <th scope="col">Took</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <RunRow key={run.id} run={run} name={nameOf(run.supplier, suppliers)} now={now} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function RunRow({ run, name, now }: { run: ImportRun; name: string; now: number }) {
  return (
    <tr data-testid="import-row">
      <th scope="row">
        <Link href={`/console/imports/${encodeURIComponent(run.id)}`}>{name}</Link>
        <span className="data-sub" title={run.source}>
          {run.source}
          {run.kind === "full" && ", full"}
        </span>
      </th>
      <td>
        <RunState run={run} />
      </td>
      <td className="number">{run.rows.toLocaleString()}</td>
      <td className="number">{run.changed.toLocaleString()}</td>
      <td className="number" data-bad={run.quarantined > 0 || undefined}>
        {run.quarantined.toLocaleString()}
      </td>
      <td>
        <time
          dateTime={new Date(run.started_at_ms).toISOString()}
          title={momentText(run.started_at_ms)}
        >
          {agoText(now - run.started_at_ms)}
        </time>
      </td>
      <td className="soft">
        {durationText((run.finished_at_ms ?? Math.max(now, run.started_at_ms)) - run.started_at_ms)}
      </td>
    </tr>
  );
}

const STATES: Readonly<Record<ImportRun["status"], State>> = {
  running: { word: "Running", tone: "going" },
  held: { word: "Waits for you", tone: "waits" },
  rejected: { word: "Turned down", tone: "over" },
  finished: { word: "Finished", tone: "good" },
  failed: { word: "Failed", tone: "bad" },
  interrupted: { word: "Interrupted", tone: "bad" },
  undoing: { word: "Being undone", tone: "going" },
  undone: { word: "Undone", tone: "over" },
};

/** A word and a sign; never the colour alone. */
export function RunState({ run }: { run: ImportRun }) {
  const { word, tone } = STATES[run.status];
  return (
    <span className="state" data-state={run.status} data-tone={tone} data-testid="import-state">
      {word}
    </span>
  );
}
