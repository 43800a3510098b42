/** The shop asks not to ship units: the supplier alone knows whether it is in time. */

import { useRef, useState } from "react";
import { authorized } from "../shared/session.ts";
import { askedBack, lineName, type SuppliersOrder } from "./orders.ts";

export function CancelQuestion({ order, title }: { order: SuppliersOrder; title: string }) {
  const [pending, setPending] = useState(false);
  const [fault, setFault] = useState("");
  const key = useRef(crypto.randomUUID());
  const units = askedBack(order);
  const say = async (agrees: boolean): Promise<void> => {
    if (pending) return;
    setPending(true);
    setFault(await told(order, agrees, `${key.current}-${units}-${agrees}`));
    setPending(false);
  };
  return (
    <section className="portal-form" aria-label={`Cancellation of ${title}`}>
      <p>
        <strong>
          The shop asks not to ship {units} {units === 1 ? "unit" : "units"} any more:
        </strong>{" "}
        {order.lines
          .filter((line) => line.cancelling > 0)
          .map((line) => `${line.cancelling} × ${lineName(line)}`)
          .join(", ")}
      </p>
      <p className="portal-actions">
        <button
          type="button"
          className="button button-main"
          aria-disabled={pending}
          data-testid="portal-agree"
          onClick={() => void say(true)}
        >
          {pending ? "One moment…" : "We keep them"}
        </button>
        <button
          type="button"
          className="button"
          aria-disabled={pending}
          onClick={() => void say(false)}
        >
          Too late
        </button>
      </p>
      <div role="alert" className="conflict-refused">
        {fault}
      </div>
    </section>
  );
}

/** Brings the answer to the portal's door; what is said where that was not possible. */
async function told(order: SuppliersOrder, agrees: boolean, key: string): Promise<string> {
  const lines = order.lines
    .filter((line) => line.cancelling > 0)
    .map(({ sku, cancelling, cancelled }) => ({ sku, quantity: cancelling + cancelled }));
  try {
    const answer = await fetch("/api/portal/cancellations", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key, ...authorized() },
      body: JSON.stringify({ purchase_order: order.id, lines, agrees }),
    });
    if (answer.ok) return "";
    return ((await answer.json()) as { message: string }).message;
  } catch {
    return "The shop cannot be reached. Try again in a moment; it counts once.";
  }
}
