/** All orders, newest first, each moving while one looks; the address says which state. */

import type { OrderDocument, OrderStatus } from "@shopwire/client";
import { useTopics } from "@shopwire/client/react";
import { withParams } from "../shared/api.ts";
import { Cued } from "../shared/cue.tsx";
import type { OrderEntry } from "../shared/documents.ts";
import { formatMoney } from "../shared/money.ts";
import { Failed, Notice } from "../shared/Notice.tsx";
import { Link, usePlace, useTitle } from "../shared/router.tsx";
import { agoText, momentText, useNow } from "../shared/time.ts";
import { OrderRate } from "./OrderRate.tsx";
import { useOrderNews } from "./orderNews.ts";
import { Scroll } from "./Scroll.tsx";
import { StateWord } from "./StateWord.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { usePaged } from "./usePaged.ts";
import { ORDER_STATES, ORDER_STATUSES, paymentState } from "./words.ts";

const PAGE_ITEMS = 50;
const NOW_MS = 1_000;

export function OrdersPage() {
  useTitle("Orders · Shopwire console");
  const { params } = usePlace();
  const status = ORDER_STATUSES.find((one) => one === params.get("status")) ?? null;
  const list = usePaged<OrderEntry>(withParams("/api/orders", { status, limit: PAGE_ITEMS }));
  useOrderNews(list.reload);
  return (
    <>
      <div className="page-head">
        <h1>Orders</h1>
        <p>Newest first. A row moves with its order.</p>
      </div>
      <OrderRate />
      <section className="panel" aria-label="Orders">
        <Filter chosen={status} />
        {list.error && list.items === null ? (
          <Failed error={list.error} retry={list.reload} />
        ) : (
          <OrdersTable items={list.items} status={status} />
        )}
        {(list.next !== null || (list.error && list.items !== null)) && (
          <div className="panel-more">
            <button type="button" className="button button-small" onClick={list.more}>
              Show older
            </button>
            {list.error && <span role="alert">{list.error.body.message}</span>}
          </div>
        )}
      </section>
    </>
  );
}

function Filter({ chosen }: { chosen: OrderStatus | null }) {
  const all: readonly (OrderStatus | null)[] = [null, ...ORDER_STATUSES];
  return (
    <nav className="filter" aria-label="Orders by state">
      {all.map((status) => (
        <Link
          key={status ?? "all"}
          href={withParams("/console/orders", { status })}
          aria-current={status === chosen ? "true" : undefined}
        >
          {status === null ? "All" : ORDER_STATES[status].word}
        </Link>
      ))}
    </nav>
  );
}

interface TableProps {
  items: readonly OrderEntry[] | null;
  status: OrderStatus | null;
}

function OrdersTable({ items, status }: TableProps) {
  const now = useNow(NOW_MS);
  const live = useTopics(items?.map(({ doc }) => `order:${doc.id}` as const) ?? []);
  if (items === null) return <TableSkeleton rows={8} />;
  if (items.length === 0) {
    return (
      <Notice title={status === null ? "No order yet" : "None in this state"} icon="bag">
        An order appears here the moment somebody begins to pay for it.
      </Notice>
    );
  }
  return (
    <Scroll label="Orders">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Order</th>
            <th scope="col">State</th>
            <th scope="col">Payment</th>
            <th scope="col" className="number">
              Units
            </th>
            <th scope="col" className="number">
              Sum
            </th>
            <th scope="col">Begun</th>
          </tr>
        </thead>
        <tbody>
          {items.map(({ doc }, at) => (
            <OrderRow key={doc.id} order={live[at]?.doc ?? doc} now={now} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function OrderRow({ order, now }: { order: OrderDocument; now: number }) {
  const units = order.lines.reduce((sum, line) => sum + line.quantity, 0);
  const asks = order.lines.filter((line) => line.conflict !== null).length;
  return (
    <tr data-testid="order-row" data-status={order.status}>
      <th scope="row">
        <Link href={`/console/orders/${encodeURIComponent(order.id)}`}>{order.number}</Link>
        <span className="data-sub">{order.lines.map(({ title }) => title).join(", ")}</span>
      </th>
      <td>
        <Cued value={order.status} of={[`order:${order.id}`]}>
          <StateWord state={ORDER_STATES[order.status]} testId="order-state" />
        </Cued>
        {asks > 0 && <span className="data-sub warn">{asks} in question</span>}
      </td>
      <td>
        <Cued value={order.payment} of={[`order:${order.id}`]}>
          <StateWord state={paymentState(order.payment)} />
        </Cued>
      </td>
      <td className="number">{units.toLocaleString()}</td>
      <td className="number">
        {formatMoney(order.total_minor, order.currency)}
        {order.refunded_minor > 0 && (
          <span className="data-sub">
            {formatMoney(order.refunded_minor, order.currency)} given back
          </span>
        )}
      </td>
      <td>
        <time
          dateTime={new Date(order.started_at_ms).toISOString()}
          title={momentText(order.started_at_ms)}
        >
          {agoText(now - order.started_at_ms)}
        </time>
      </td>
    </tr>
  );
}
