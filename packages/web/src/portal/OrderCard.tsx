/** One purchase order: what is wanted, where it goes, and what the supplier can say to it now. */

import { StateWord } from "../console/StateWord.tsx";
import { PURCHASE_ORDER_STATES, spelled } from "../console/words.ts";
import { Cued } from "../shared/cue.tsx";
import { momentText } from "../shared/time.ts";
import { AcceptForm } from "./AcceptForm.tsx";
import { CancelQuestion } from "./CancelQuestion.tsx";
import {
  askedBack,
  isUnanswered,
  type Listed,
  lineName,
  type ShipTo,
  type SuppliersOrder,
  toShip,
} from "./orders.ts";
import { ShipForm } from "./ShipForm.tsx";

export function OrderCard({ known, order }: { known: Listed; order: SuppliersOrder }) {
  const title = known.number ?? shortName(order.id);
  return (
    <li className="panel portal-order" data-testid="portal-order" data-status={order.status}>
      <div className="panel-head">
        <h2>{title}</h2>
        <Cued value={order.status}>
          <StateWord state={PURCHASE_ORDER_STATES[order.status]} testId="portal-state" />
        </Cued>
      </div>
      <div className="portal-facts">
        <ul className="portal-lines" aria-label="Articles">
          {order.lines.map((line) => (
            <li key={line.sku}>
              <strong>{line.ordered} ×</strong> <span className="portal-sku">{lineName(line)}</span>
              <span className="data-sub">{fateText(line)}</span>
            </li>
          ))}
        </ul>
        {known.ship_to !== null && <Address to={known.ship_to} />}
        <p className="soft">
          Ordered {momentText(order.planned_at_ms)}
          {order.due_at_ms !== null && `, your word is due ${momentText(order.due_at_ms)}`}
          {order.reason !== "" && order.status !== "cancelling" && `. ${spelled(order.reason)}`}
        </p>
      </div>
      {askedBack(order) > 0 && <CancelQuestion order={order} title={title} />}
      {isUnanswered(order) && <AcceptForm order={order} title={title} />}
      {toShip(order).length > 0 && (
        <ShipForm key={shippedSoFar(order)} order={order} title={title} />
      )}
    </li>
  );
}

function Address({ to }: { to: ShipTo }) {
  const lines = [to.name, ...to.lines, `${to.postal_code} ${to.city}`, to.region, to.country];
  return (
    <address className="portal-address" data-testid="portal-address">
      {lines
        .filter((line) => line.trim() !== "")
        .map((line) => (
          <span key={line}>{line}</span>
        ))}
      {to.phone !== "" && <a href={`tel:${to.phone}`}>{to.phone}</a>}
    </address>
  );
}

/** The end of a long name: what is before it is the same for all. */
function shortName(id: string): string {
  const [order = "", , again] = id.split("/");
  return `…${order.slice(-10)}${again === undefined ? "" : ` (${again})`}`;
}

function shippedSoFar(order: SuppliersOrder): number {
  return order.lines.reduce((sum, line) => sum + line.shipped + line.cancelled, 0);
}

/** "2 accepted, 1 shipped"; empty while nothing was said. */
export function fateText(line: SuppliersOrder["lines"][number]): string {
  return (["accepted", "refused", "cancelling", "cancelled", "shipped"] as const)
    .filter((name) => line[name] > 0)
    .map((name) => `${line[name]} ${name === "cancelling" ? "asked to be cancelled" : name}`)
    .join(", ");
}
