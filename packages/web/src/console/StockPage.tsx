/** One SKU: how many can be sold, why exactly so many, and every movement that led there. */

import { useTopic } from "@shopwire/client/react";
import { useEffect } from "react";
import { getJson, NOT_FOUND } from "../shared/api.ts";
import { Cued } from "../shared/cue.tsx";
import type { Ledger, Offer, Pool, Stock } from "../shared/documents.ts";
import { OldMark } from "../shared/Freshness.tsx";
import { Icon } from "../shared/icons.tsx";
import { formatMoney } from "../shared/money.ts";
import { Failed, Notice } from "../shared/Notice.tsx";
import { useRemote, useSettled } from "../shared/remote.ts";
import { Link, useTitle } from "../shared/router.tsx";
import { momentText } from "../shared/time.ts";
import { LedgerTable } from "./LedgerTable.tsx";
import { Holds, OpenSales } from "./Promises.tsx";
import { Scroll } from "./Scroll.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { nameOf, useSuppliers } from "./useSuppliers.ts";

/** Many movements in a moment are read once. */
const SETTLE_MS = 400;

export function StockPage({ sku }: { sku: string }) {
  useTitle(`${sku} · Stock · Shopwire console`);
  const live = useTopic(`stock:${sku}`);
  const price = useTopic(`price:${sku}`)?.doc;
  const path = `/api/stock/${encodeURIComponent(sku)}/ledger`;
  const { data, error, reload } = useRemote(path, (at, signal) => getJson<Ledger>(at, signal));
  const version = useSettled(live?.v ?? 0, SETTLE_MS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version means new lines.
  useEffect(() => reload(), [version, reload]);

  if (error?.status === NOT_FOUND) return <Unknown sku={sku} />;
  if (error && data === null) return <Failed page error={error} retry={reload} />;
  return (
    <>
      <div className="page-head">
        <Link className="back" href="/console/stock">
          <Icon name="left" size={16} /> Stock
        </Link>
        <h1>{sku}</h1>
        <p>
          <span data-stock={live?.doc?.status}>
            <Cued
              value={live?.doc?.available ?? null}
              of={[`stock:${sku}`]}
              testId="product-stock"
              className="stock"
            >
              {live?.doc ? sellableText(live.doc) : "Not known yet"}
            </Cued>
          </span>
          {price && <span>{formatMoney(price.amount_minor, price.currency)}</span>}
          <OldMark />
        </p>
      </div>
      {data === null ? (
        <TableSkeleton rows={8} />
      ) : (
        <>
          <Pools pools={data.pools} />
          <Holds holds={data.holds} pools={data.pools} />
          <OpenSales sales={data.open_sales} pools={data.pools} />
          <Offers sku={sku} />
          <LedgerTable path={path} first={data} />
        </>
      )}
    </>
  );
}

/** "12 can be sold, 5 more to be sent later" */
export function sellableText({ available, backorder = 0 }: Stock): string {
  const later = backorder > 0 ? `, ${backorder} more to be sent later` : "";
  return `${available} can be sold${later}`;
}

function Unknown({ sku }: { sku: string }) {
  return (
    <Notice
      page
      title={`Nothing is known of ${sku}`}
      icon="boxes"
      actions={
        <Link className="button" href="/console/stock">
          Find another
        </Link>
      }
    >
      No supplier has reported this SKU. It may be written differently in the feed.
    </Notice>
  );
}

interface Term {
  readonly label: string;
  readonly read: (pool: Pool) => number;
}

const ALWAYS: readonly Term[] = [
  { label: "Reported", read: (pool) => pool.reported },
  { label: "− Reserved", read: (pool) => pool.reserved },
  { label: "− Sold since", read: (pool) => pool.sold },
];
const WITHHELD: Term = { label: "− Refused", read: (pool) => pool.withheld };
const BUFFER: Term = { label: "− Buffer", read: (pool) => pool.buffer };

const KEPT_BACK: Term = { label: "− Kept back", read: (pool) => pool.kept_back ?? 0 };

/** The terms of the equation; what is rare only where there is such a thing. */
function termsOf(pools: readonly Pool[]): readonly Term[] {
  const there = (term: Term) => (pools.some((pool) => term.read(pool) > 0) ? [term] : []);
  return [...ALWAYS, ...there(WITHHELD), BUFFER, ...there(KEPT_BACK)];
}

/** reported - reserved - sold - buffer - kept back, for each supplier. */
function Pools({ pools }: { pools: readonly Pool[] }) {
  const suppliers = useSuppliers().data;
  const terms = termsOf(pools);
  return (
    <section className="panel" aria-labelledby="pools">
      <div className="panel-head">
        <h2 id="pools">Where the number comes from</h2>
      </div>
      <Scroll label="Where the number comes from">
        <table className="data equation">
          <thead>
            <tr>
              <th scope="col">Supplier</th>
              {terms.map(({ label }) => (
                <th key={label} scope="col" className="number">
                  {label}
                </th>
              ))}
              <th scope="col" className="number">
                = Sellable
              </th>
              <th scope="col">Counted at</th>
            </tr>
          </thead>
          <tbody>
            {pools.map((pool) => (
              <tr key={pool.supplier} data-testid="pool">
                <th scope="row">{nameOf(pool.supplier, suppliers)}</th>
                {terms.map(({ label, read }) => (
                  <td key={label} className="number">
                    {read(pool)}
                  </td>
                ))}
                <td className="number strong">{pool.sellable}</td>
                <td>
                  {pool.as_of_ms === null ? "not said" : momentText(pool.as_of_ms)}
                  <Doubts pool={pool} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Doubts({ pool }: { pool: Pool }) {
  return (
    <>
      {pool.doubtful && (
        <span className="data-sub warn">
          The last count did not say which sales are in it; none was taken to be.
        </span>
      )}
      {pool.backorder > 0 && (
        <span className="data-sub">
          {pool.backorder} promised to be sent later, as their shoppers were told.
        </span>
      )}
      {pool.shortfall > 0 && (
        <span className="data-sub warn">{pool.shortfall} promised more than it has now.</span>
      )}
    </>
  );
}

function Offers({ sku }: { sku: string }) {
  const suppliers = useSuppliers().data;
  const { data } = useRemote(`/api/offers/${encodeURIComponent(sku)}`, (path, signal) =>
    getJson<{ items: readonly Offer[] }>(path, signal),
  );
  if (data === null || data.items.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="offers">
      <div className="panel-head">
        <h2 id="offers">Offers</h2>
      </div>
      <Scroll label="Offers">
        <table className="data">
          <thead>
            <tr>
              <th scope="col">Supplier</th>
              <th scope="col" className="number">
                Cost
              </th>
              <th scope="col" className="number">
                Suggested price
              </th>
              <th scope="col" className="number">
                Delivery
              </th>
              <th scope="col" className="number">
                Order
              </th>
            </tr>
          </thead>
          <tbody>
            {data.items.map((offer) => (
              <tr key={offer.supplier}>
                <th scope="row">
                  {nameOf(offer.supplier, suppliers)}
                  {!offer.active && <span className="data-sub">withdrawn</span>}
                </th>
                <td className="number">{formatMoney(offer.cost_minor, offer.currency)}</td>
                <td className="number">
                  {offer.msrp_minor === null ? "–" : formatMoney(offer.msrp_minor, offer.currency)}
                </td>
                <td className="number">
                  {offer.lead_time_days === null ? "–" : `${offer.lead_time_days} days`}
                </td>
                <td className="number">{orderText(offer)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function orderText({ order_min: least, order_max: most }: Offer): string {
  return most === null ? `${least} or more` : `${least} to ${most}`;
}
