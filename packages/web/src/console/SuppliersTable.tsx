/** Suppliers with their last import, its age, and how the ones before went. */

import { Cued } from "../shared/cue.tsx";
import type { ImportRun, Supplier } from "../shared/documents.ts";
import { Notice } from "../shared/Notice.tsx";
import { Link } from "../shared/router.tsx";
import { agoText, useNow } from "../shared/time.ts";
import { RunState } from "./RunsTable.tsx";
import { Scroll } from "./Scroll.tsx";
import { Bars } from "./Sparkline.tsx";
import { StateWord } from "./StateWord.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { cautionText, SUPPLY_STATES, type SupplyRow } from "./useSources.ts";
import { runsOf } from "./useSuppliers.ts";

interface SuppliersTableProps {
  suppliers: readonly Supplier[] | null;
  runs: readonly ImportRun[] | null;
  /** How the data of those stands that have sources or a rule. */
  supplies?: readonly SupplyRow[];
  /** Leaves out what the overview has no room for. */
  compact?: boolean;
}

/** Runs that the bars show. */
const BARS_MAX = 12;
const NOW_MS = 1_000;

export function SuppliersTable({
  suppliers,
  runs,
  supplies = [],
  compact = false,
}: SuppliersTableProps) {
  const now = useNow(NOW_MS);
  if (suppliers === null) return <TableSkeleton rows={4} />;
  if (suppliers.length === 0) {
    return (
      <Notice title="No supplier yet" icon="people">
        The first import of a supplier's file makes it known.
      </Notice>
    );
  }
  return (
    <Scroll label="Suppliers">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Supplier</th>
            <th scope="col" className="number">
              Offers
            </th>
            {!compact && <th scope="col">Its data</th>}
            <th scope="col">Last import</th>
            {!compact && <th scope="col">How it went</th>}
            <th scope="col">Changes lately</th>
          </tr>
        </thead>
        <tbody>
          {suppliers.map((supplier) => {
            const own = runsOf(supplier, runs);
            return (
              <tr key={supplier.id} data-testid="supplier-row">
                <th scope="row">
                  {supplier.name}
                  <span className="data-sub">{supplier.id}</span>
                </th>
                <td className="number">{supplier.offers.toLocaleString()}</td>
                {!compact && (
                  <td>
                    <Standing
                      supply={supplies.find((one) => one.supplier === supplier.id)}
                      now={now}
                    />
                  </td>
                )}
                <td>
                  <LastRun run={own[0]} now={now} />
                </td>
                {!compact && (
                  <td>
                    <Outcome run={own[0]} />
                  </td>
                )}
                <td>
                  <Bars
                    values={own
                      .slice(0, BARS_MAX)
                      .map((run) => run.changed)
                      .reverse()}
                  />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

function Standing({ supply, now }: { supply: SupplyRow | undefined; now: number }) {
  if (supply === undefined) return <span className="soft">not watched</span>;
  const caution = cautionText(supply);
  return (
    <Cued value={supply.state}>
      <StateWord state={SUPPLY_STATES[supply.state]} testId="supply-state" />
      <span className="data-sub">
        {supply.good_ms === null ? "no good data yet" : `good ${agoText(now - supply.good_ms)}`}
      </span>
      {caution !== "" && <span className="data-sub warn">{caution}</span>}
    </Cued>
  );
}

function LastRun({ run, now }: { run: ImportRun | undefined; now: number }) {
  if (run === undefined) return <span className="soft">not lately</span>;
  return (
    <Link href={`/console/imports/${encodeURIComponent(run.id)}`}>
      {run.status === "running" ? "running now" : agoText(now - run.started_at_ms)}
    </Link>
  );
}

function Outcome({ run }: { run: ImportRun | undefined }) {
  if (run === undefined) return null;
  return (
    <>
      <RunState run={run} />
      <span className="data-sub">
        {run.changed} changed, {run.unchanged} as before
        {run.quarantined > 0 && `, ${run.quarantined} bad`}
      </span>
    </>
  );
}
