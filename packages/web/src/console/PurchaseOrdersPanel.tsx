/** What suppliers were asked to send of an order, and what they said. */

import type { PurchaseOrderDocument, PurchaseOrderLine } from "@shopwire/client";
import { useTopics } from "@shopwire/client/react";
import { Cued } from "../shared/cue.tsx";
import { formatMoney } from "../shared/money.ts";
import { momentText } from "../shared/time.ts";
import { type Travel, travelText, useTravels, WAYS } from "./channels.ts";
import { Scroll } from "./Scroll.tsx";
import { StateWord } from "./StateWord.tsx";
import { lateText, PURCHASE_ORDER_STATES, spelled } from "./words.ts";

interface PanelProps {
  items: readonly PurchaseOrderDocument[];
  nameOf: (supplier: string) => string;
}

export function PurchaseOrdersPanel({ items, nameOf }: PanelProps) {
  const live = useTopics(items.map(({ id }) => `purchase_order:${id}` as const));
  const states = items.map((known, at) => (live[at]?.doc ?? known).status).join();
  const travels = useTravels(items[0]?.order_id ?? null, states);
  if (items.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="purchase-orders">
      <div className="panel-head">
        <h2 id="purchase-orders">Purchase orders</h2>
      </div>
      <Scroll label="Purchase orders">
        <table className="data">
          <thead>
            <tr>
              <th scope="col">Supplier</th>
              <th scope="col">State</th>
              <th scope="col">Lines</th>
              <th scope="col" className="number">
                Cost
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((known, at) => (
              <Row
                key={known.id}
                order={live[at]?.doc ?? known}
                travel={travels.get(known.id) ?? null}
                nameOf={nameOf}
              />
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

interface RowProps {
  order: PurchaseOrderDocument;
  /** How it reaches its supplier; null while that is not known. */
  travel: Travel | null;
  nameOf: (supplier: string) => string;
}

function Row({ order, travel, nameOf }: RowProps) {
  const late = lateText(order);
  return (
    <tr data-testid="purchase-order" data-status={order.status}>
      <th scope="row">
        {nameOf(order.supplier)}
        <span className="data-sub">{order.supplier_reference ?? "no number yet"}</span>
      </th>
      <td>
        <Cued value={order.status}>
          <StateWord state={PURCHASE_ORDER_STATES[order.status]} />
        </Cued>
        {travel !== null && <OnItsWay order={order} travel={travel} />}
        {late !== "" && <span className="data-sub warn">{late}</span>}
        {order.due_at_ms !== null && (
          <span className="data-sub">next word due {momentText(order.due_at_ms)}</span>
        )}
        {order.reason !== "" && <span className="data-sub">{spelled(order.reason)}</span>}
      </td>
      <td>
        {order.lines.map((line) => (
          <span className="data-line" key={line.sku}>
            {line.sku}
            {theirsOf(line) !== null && <span className="data-sub">theirs: {theirsOf(line)}</span>}
            <span className="data-sub">{lineText(line)}</span>
          </span>
        ))}
      </td>
      <td className="number">{costText(order.lines)}</td>
    </tr>
  );
}

/** By which way it goes, when it is due to leave, when it left. */
function OnItsWay({ order, travel }: { order: PurchaseOrderDocument; travel: Travel }) {
  const waits = order.status === "planned" ? `leaves ${momentText(travel.send_at_ms)}` : "";
  const where = waits || travelText(travel, momentText);
  const way = travel.way === null ? "" : WAYS[travel.way];
  const troubled = travel.trouble !== null && travel.trouble !== "";
  return (
    <span className={troubled ? "data-sub warn" : "data-sub"} data-testid="travel">
      {[way, where].filter((text) => text !== "").join(": ")}
    </span>
  );
}

/** What the supplier calls it, where that is another name than the shop's. */
export function theirsOf({ sku, supplier_sku: theirs }: PurchaseOrderLine): string | null {
  return theirs && theirs !== sku ? theirs : null;
}

/** "3 ordered, 2 accepted, 1 refused" */
export function lineText(line: PurchaseOrderLine): string {
  const parts = (
    ["accepted", "refused", "cancelling", "cancelled", "shipped", "delivered"] as const
  )
    .filter((name) => line[name] > 0)
    .map((name) => `${line[name]} ${name}`);
  return [`${line.ordered} ordered`, ...parts].join(", ");
}

/** The cost of all lines, where each is known and all are in one currency. */
export function costText(lines: readonly PurchaseOrderLine[]): string {
  const currency = lines[0]?.cost_currency ?? null;
  if (currency === null || lines.some((line) => line.cost_currency !== currency)) return "–";
  if (lines.some((line) => line.cost_minor === null)) return "–";
  const sum = lines.reduce((all, line) => all + (line.cost_minor ?? 0) * line.ordered, 0);
  return formatMoney(sum, currency);
}
