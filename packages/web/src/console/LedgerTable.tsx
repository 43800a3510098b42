/** Movements of a SKU's pools, newest first, with the balances after each. */

import { useState } from "react";
import { ApiError, getJson, withParams } from "../shared/api.ts";
import type { Ledger, LedgerLine } from "../shared/documents.ts";
import { Link } from "../shared/router.tsx";
import { momentText } from "../shared/time.ts";
import { OrderReference, shortened } from "./OrderReference.tsx";
import { Scroll } from "./Scroll.tsx";
import { nameOf, useSuppliers } from "./useSuppliers.ts";
import { kindText } from "./words.ts";

interface LedgerTableProps {
  path: string;
  /** The newest lines; older ones are asked for. */
  first: Ledger;
}

const placeOf = (line: LedgerLine): string => `${line.supplier}/${line.seq}`;

/** Both lists without what is in each of them twice, newest first. */
export function joined(
  newest: readonly LedgerLine[],
  older: readonly LedgerLine[],
): readonly LedgerLine[] {
  const known = new Set(newest.map(placeOf));
  return [...newest, ...older.filter((line) => !known.has(placeOf(line)))];
}

/** A movement with its sign; nothing where nothing moved. */
export function deltaText(delta: number): string {
  if (delta === 0) return "";
  return delta > 0 ? `+${delta}` : `−${-delta}`;
}

export function LedgerTable({ path, first }: LedgerTableProps) {
  const suppliers = useSuppliers().data;
  const [older, setOlder] = useState<{ lines: readonly LedgerLine[]; next: string | null } | null>(
    null,
  );
  const [error, setError] = useState<ApiError | null>(null);
  const next = older === null ? first.next : older.next;
  const lines = joined(first.lines, older?.lines ?? []);
  const beyond = lines.some((line) => line.backorder + line.shortfall > 0);
  const more = (): void => {
    getJson<Ledger>(withParams(path, { cursor: next })).then(
      (page) => {
        setError(null);
        setOlder({ lines: [...(older?.lines ?? first.lines), ...page.lines], next: page.next });
      },
      (problem: unknown) => {
        if (!(problem instanceof ApiError)) throw problem;
        setError(problem);
      },
    );
  };
  return (
    <section className="panel" aria-labelledby="ledger">
      <div className="panel-head">
        <h2 id="ledger">Every movement</h2>
      </div>
      <Scroll label="Every movement">
        <table className="data">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">Supplier</th>
              <th scope="col" className="number">
                Reported
              </th>
              <th scope="col" className="number">
                Reserved
              </th>
              <th scope="col" className="number">
                Sold since
              </th>
              {beyond && (
                <th scope="col" className="number">
                  Beyond the count
                </th>
              )}
              <th scope="col">For</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <tr key={placeOf(line)} data-testid="ledger-line">
                <td>
                  <time dateTime={new Date(line.at_ms).toISOString()}>
                    {momentText(line.at_ms)}
                  </time>
                </td>
                <th scope="row">{kindText(line.kind)}</th>
                <td>{nameOf(line.supplier, suppliers)}</td>
                <Balance after={line.reported} delta={line.reported_delta} />
                <Balance after={line.reserved} delta={line.reserved_delta} />
                <Balance after={line.sold} delta={line.sold_delta} />
                {beyond && (
                  <Balance
                    after={line.backorder + line.shortfall}
                    delta={line.backorder_delta + line.shortfall_delta}
                  />
                )}
                <td className="soft">
                  <Reference line={line} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {(next !== null || error) && (
        <div className="panel-more">
          <button type="button" className="button button-small" onClick={more}>
            Show older
          </button>
          {error && <span role="alert">{error.body.message}</span>}
        </div>
      )}
    </section>
  );
}

function Balance({ after, delta }: { after: number; delta: number }) {
  return (
    <td className="number">
      {delta !== 0 && (
        <span className="delta" data-sign={delta > 0 ? "plus" : "minus"}>
          {deltaText(delta)}
        </span>
      )}
      <span className={delta === 0 ? "soft" : undefined}>{after}</span>
    </td>
  );
}

/** A count's reference is its import, where it came with one; others name an order. */
function Reference({ line }: { line: LedgerLine }) {
  if (line.kind === "report" && line.reference !== "") {
    const run = line.reference.replace(/^import /, "");
    return (
      <Link href={`/console/imports/${encodeURIComponent(run)}`} title={run}>
        Import {shortened(run)}
      </Link>
    );
  }
  return <OrderReference reference={line.reference} />;
}
