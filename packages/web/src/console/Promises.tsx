/** What stands behind "reserved" and "sold since": every unit of it has a line here. */

import type { OpenSale, Pool, StockHold } from "../shared/documents.ts";
import { useServerNow } from "../shared/serverTime.ts";
import { momentText } from "../shared/time.ts";
import { OrderReference } from "./OrderReference.tsx";
import { Scroll } from "./Scroll.tsx";
import { nameOf, useSuppliers } from "./useSuppliers.ts";
import { saleText } from "./words.ts";

const NOW_MS = 1_000;

const sumOf = (rows: readonly { readonly quantity: number }[]): number =>
  rows.reduce((sum, { quantity }) => sum + quantity, 0);

/** Whether the lines explain the pools' number; those beyond the page are only in the number. */
export function explained(
  rows: readonly { readonly quantity: number }[],
  pools: readonly Pool[],
  what: "reserved" | "sold" | "withheld",
): { readonly sum: number; readonly rest: number } {
  const total = pools.reduce((sum, pool) => sum + pool[what], 0);
  const sum = sumOf(rows);
  return { sum, rest: total - sum };
}

export function Holds({ holds, pools }: { holds: readonly StockHold[]; pools: readonly Pool[] }) {
  const suppliers = useSuppliers().data;
  const now = useServerNow(NOW_MS);
  const { sum, rest } = explained(holds, pools, "reserved");
  if (holds.length === 0 && rest === 0) return null;
  return (
    <section className="panel" aria-labelledby="holds">
      <div className="panel-head">
        <h2 id="holds">Reserved right now</h2>
        <Sum sum={sum} rest={rest} />
      </div>
      <Scroll label="Reserved right now">
        <table className="data">
          <thead>
            <tr>
              <th scope="col">For</th>
              <th scope="col">Supplier</th>
              <th scope="col" className="number">
                Units
              </th>
              <th scope="col">Since</th>
              <th scope="col">Free again in</th>
            </tr>
          </thead>
          <tbody>
            {holds.map((one) => (
              <tr key={`${one.hold}/${one.supplier}`} data-testid="hold">
                <th scope="row">
                  <OrderReference reference={one.reference} />
                </th>
                <td>{nameOf(one.supplier, suppliers)}</td>
                <td className="number">
                  {one.quantity}
                  <Later units={one.backordered} />
                </td>
                <td>{momentText(one.held_at_ms)}</td>
                <td>{leftText(now === null ? null : one.expires_at_ms - now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function leftText(ms: number | null): string {
  if (ms === null) return "–";
  return ms > 0 ? `${Math.ceil(ms / 1_000)} s` : "any moment";
}

function Later({ units }: { units: number }) {
  if (units === 0) return null;
  return <span className="data-sub">{units} to be sent later</span>;
}

function Sum({ sum, rest }: { sum: number; rest: number }) {
  return (
    <span>
      {sum.toLocaleString()} {sum === 1 ? "unit" : "units"}
      {rest > 0 && `, and ${rest.toLocaleString()} in older lines`}
    </span>
  );
}

interface OpenSalesProps {
  sales: readonly OpenSale[];
  pools: readonly Pool[];
}

export function OpenSales({ sales, pools }: OpenSalesProps) {
  const suppliers = useSuppliers().data;
  const open = explained(
    sales.filter(({ state }) => state === "open"),
    pools,
    "sold",
  );
  if (sales.length === 0 && open.rest === 0) return null;
  return (
    <section className="panel" aria-labelledby="open-sales">
      <div className="panel-head">
        <h2 id="open-sales">Sold, and not in the supplier's count yet</h2>
        <Sum sum={open.sum} rest={open.rest} />
      </div>
      <Scroll label="Sold, and not in the supplier's count yet">
        <table className="data">
          <thead>
            <tr>
              <th scope="col">For</th>
              <th scope="col">Supplier</th>
              <th scope="col" className="number">
                Units
              </th>
              <th scope="col">Sold</th>
              <th scope="col">The supplier</th>
            </tr>
          </thead>
          <tbody>
            {sales.map((one, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a sale may have several parts of one name.
              <tr key={`${one.reference}/${one.supplier}/${at}`} data-testid="open-sale">
                <th scope="row">
                  <OrderReference reference={one.reference} />
                </th>
                <td>{nameOf(one.supplier, suppliers)}</td>
                <td className="number">
                  {one.quantity}
                  <Later units={one.backordered} />
                </td>
                <td>{momentText(one.sold_at_ms)}</td>
                <td>
                  <span className={one.state === "refused" ? "warn-text" : undefined}>
                    {saleText(one)}
                  </span>
                  {one.marked_at_ms !== null && (
                    <span className="data-sub">{momentText(one.marked_at_ms)}</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
