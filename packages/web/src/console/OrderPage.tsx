/** One order from all sides: its way, its money, its suppliers, its parcels, its questions. */

import type {
  ConflictDocument,
  OrderDocument,
  PurchaseOrderDocument,
  ReturnDocument,
  ShipmentDocument,
} from "@shopwire/client";
import { useTopic, useTopics } from "@shopwire/client/react";
import { useEffect } from "react";
import { getJson, NOT_FOUND, withParams } from "../shared/api.ts";
import { Cued } from "../shared/cue.tsx";
import type { ConflictEntry, EntryPage, OrderEntry, PaymentStory } from "../shared/documents.ts";
import { OldMark } from "../shared/Freshness.tsx";
import { Icon } from "../shared/icons.tsx";
import { formatMoney } from "../shared/money.ts";
import { Failed, Notice } from "../shared/Notice.tsx";
import { useRemote, useSettled } from "../shared/remote.ts";
import { Link, useTitle } from "../shared/router.tsx";
import { momentText } from "../shared/time.ts";
import { PaymentPanel } from "./PaymentPanel.tsx";
import { PurchaseOrdersPanel } from "./PurchaseOrdersPanel.tsx";
import { ReturnsPanel } from "./ReturnsPanel.tsx";
import { RoutingPanel } from "./RoutingPanel.tsx";
import { Scroll } from "./Scroll.tsx";
import { StateWord } from "./StateWord.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { timelineOf } from "./timeline.ts";
import { nameOf, useSuppliers } from "./useSuppliers.ts";
import { ORDER_STATES, spelled } from "./words.ts";

/** Many changes in a moment are read once. */
const SETTLE_MS = 400;

export function OrderPage({ id }: { id: string }) {
  const live = useTopic(`order:${id}`);
  const { data, error, reload } = useRemote(
    `/api/orders/${encodeURIComponent(id)}`,
    (path, signal) => getJson<OrderEntry>(path, signal),
  );
  const order = live?.doc ?? data?.doc;
  useTitle(`${order ? order.number : "Order"} · Shopwire console`);
  if (order) return <Shown order={order} version={live?.v ?? 0} />;
  if (error?.status === NOT_FOUND) return <Unknown />;
  return error ? <Failed page error={error} retry={reload} /> : <TableSkeleton rows={8} />;
}

function Unknown() {
  return (
    <Notice
      page
      title="There is no such order"
      icon="bag"
      actions={
        <Link className="button" href="/console/orders">
          All orders
        </Link>
      }
    >
      The address may have a slip in it.
    </Notice>
  );
}

/** What belongs to an order, read again when it moved. */
function useParts(id: string, version: number) {
  const place = encodeURIComponent(id);
  const payment = useRemote(`/api/payments/${place}`, (path, signal) =>
    getJson<PaymentStory>(path, signal),
  );
  const purchaseOrders = useRemote(
    withParams("/api/purchase-orders", { order: id }),
    (path, signal) => getJson<{ items: readonly PurchaseOrderDocument[] }>(path, signal),
  );
  const shipments = useRemote(`/api/orders/${place}/shipments`, (path, signal) =>
    getJson<{ items: readonly ShipmentDocument[] }>(path, signal),
  );
  const returns = useRemote(`/api/orders/${place}/returns`, (path, signal) =>
    getJson<{ items: readonly ReturnDocument[] }>(path, signal),
  );
  const conflicts = useRemote(
    withParams("/api/conflicts", { order: id, status: "all" }),
    (path, signal) => getJson<EntryPage<ConflictEntry>>(path, signal),
  );
  const paid = useTopic(`payment:${id}`)?.v ?? 0;
  const moved = useSettled(`${version}/${paid}`, SETTLE_MS);
  const reads = [payment, purchaseOrders, shipments, returns, conflicts];
  const reloads = reads.map(({ reload }) => reload);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version means that parts moved; the reloads stay the same.
  useEffect(() => {
    for (const reload of reloads) reload();
  }, [moved]);
  return {
    payment: payment.data,
    purchaseOrders: purchaseOrders.data?.items.filter((one) => one.order_id === id) ?? [],
    shipments: shipments.data?.items ?? [],
    returns: returns.data?.items ?? [],
    reloadReturns: returns.reload,
    conflicts: conflicts.data?.items.map(({ doc }) => doc) ?? [],
  };
}

function Shown({ order, version }: { order: OrderDocument; version: number }) {
  const suppliers = useSuppliers().data;
  const parts = useParts(order.id, version);
  const conflicts = useLiveConflicts(parts.conflicts);
  const named = (supplier: string): string => nameOf(supplier, suppliers);
  const moments = timelineOf({ ...parts, conflicts, order, nameOf: named });
  return (
    <>
      <div className="page-head">
        <Link className="back" href="/console/orders">
          <Icon name="left" size={16} /> Orders
        </Link>
        <h1>{order.number}</h1>
        <p>
          <Cued value={order.status} of={[`order:${order.id}`]}>
            <StateWord state={ORDER_STATES[order.status]} testId="order-state" />
          </Cued>
          <span>{formatMoney(order.total_minor, order.currency)}</span>
          {order.reason && <span>{spelled(order.reason)}</span>}
          <OldMark />
        </p>
      </div>
      <OpenQuestions conflicts={conflicts} />
      <div className="order-columns">
        <div className="stack">
          <Lines order={order} />
          <RoutingPanel id={order.id} nameOf={named} />
          <PurchaseOrdersPanel items={parts.purchaseOrders} nameOf={named} />
          <ReturnsPanel items={parts.returns} onChange={parts.reloadReturns} />
          <PaymentPanel id={order.id} story={parts.payment} currency={order.currency} />
        </div>
        <section className="panel" aria-labelledby="story">
          <div className="panel-head">
            <h2 id="story">What happened</h2>
          </div>
          <ol className="story">
            {moments.map((one, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the past only grows at its end.
              <li key={at} data-tone={one.tone} data-testid="story-moment">
                <span className="story-text">{one.text}</span>
                {one.detail !== "" && <span className="story-detail">{one.detail}</span>}
                <time dateTime={new Date(one.at).toISOString()}>{momentText(one.at)}</time>
              </li>
            ))}
          </ol>
        </section>
      </div>
    </>
  );
}

function useLiveConflicts(known: readonly ConflictDocument[]): readonly ConflictDocument[] {
  const live = useTopics(known.map(({ id }) => `conflict:${id}` as const));
  return known.map((one, at) => live[at]?.doc ?? one);
}

function OpenQuestions({ conflicts }: { conflicts: readonly ConflictDocument[] }) {
  const open = conflicts.filter(({ status }) => status === "open");
  if (open.length === 0) return null;
  return (
    <p className="banner banner-warm" role="status">
      <Icon name="scales" />
      <span>
        {open.length === 1 ? "One line is" : `${open.length} lines are`} in question.{" "}
        <Link href="/console/conflicts">Settle it</Link>
      </span>
    </p>
  );
}

function Lines({ order }: { order: OrderDocument }) {
  return (
    <section className="panel" aria-labelledby="lines">
      <div className="panel-head">
        <h2 id="lines">Lines</h2>
      </div>
      <Scroll label="Lines">
        <table className="data">
          <thead>
            <tr>
              <th scope="col">Article</th>
              <th scope="col" className="number">
                Units
              </th>
              <th scope="col" className="number">
                Each
              </th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {order.lines.map((line) => (
              <tr key={line.sku}>
                <th scope="row">
                  {line.title}
                  <span className="data-sub">
                    <Link href={`/console/stock/${encodeURIComponent(line.sku)}`}>{line.sku}</Link>
                  </span>
                </th>
                <td className="number">{line.quantity}</td>
                <td className="number">{formatMoney(line.price_minor, order.currency)}</td>
                <td>{unitsText(line.units, line.state)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

/** "2 ordered, 1 shipped" */
export function unitsText(units: Readonly<Partial<Record<string, number>>>, state: string): string {
  const parts = Object.entries(units).filter(([, count]) => (count ?? 0) > 0);
  if (parts.length === 0) return spelled(state);
  return parts.map(([name, count]) => `${count} ${name.replaceAll("_", " ")}`).join(", ");
}
