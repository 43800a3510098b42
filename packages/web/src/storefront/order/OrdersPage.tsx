/** Orders that were made in this browser; nobody else's, as nobody has signed in. */

import { useTopics } from "@shopwire/client/react";
import { formatMoney } from "../../shared/money.ts";
import { Notice } from "../../shared/Notice.tsx";
import { Link, useTitle } from "../../shared/router.tsx";
import { momentText } from "../../shared/time.ts";
import { useMyOrders } from "../cart/mine.ts";
import { statusWords } from "./words.ts";

export function OrdersPage() {
  useTitle("Your orders · Shopwire");
  const ids = useMyOrders();
  const live = useTopics(ids.map((id) => `order:${id}` as const));
  const orders = live.flatMap((held) => held?.doc ?? []);
  if (ids.length === 0 || (orders.length === 0 && live.every((held) => held?.doc === null))) {
    return (
      <Notice
        page
        icon="inbox"
        title="No order yet"
        actions={
          <Link className="button button-main" href="/">
            Look around
          </Link>
        }
      >
        What you order in this browser is listed here, with where it is right now.
      </Notice>
    );
  }
  return (
    <div className="orders">
      <h1>Your orders</h1>
      <ul>
        {orders.map((order) => (
          <li key={order.id} data-testid="my-order" data-status={order.status}>
            <Link href={`/order/${encodeURIComponent(order.id)}`}>{order.number}</Link>
            <span>{statusWords(order).title}</span>
            <span className="soft">{momentText(order.placed_at_ms ?? order.started_at_ms)}</span>
            <span className="summary-sum">{formatMoney(order.total_minor, order.currency)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
