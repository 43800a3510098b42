/** What a shopper can still do with an order: cancel it, or send something back. */

import type { OrderDocument, ReturnDocument, ReturnReason } from "@shopwire/client";
import { useCommand } from "@shopwire/client/react";
import { type FormEvent, useState } from "react";
import { useOffline } from "../../shared/useOffline.ts";
import { Quantity } from "../cart/Quantity.tsx";
import { canCancel, orderRefusal, returnable } from "./words.ts";

interface ActionsProps {
  order: OrderDocument;
  returns: readonly ReturnDocument[];
  /** A return was announced. */
  onReturn: () => void;
}

export function OrderActions({ order, returns, onReturn }: ActionsProps) {
  const [open, setOpen] = useState<"cancel" | "return" | null>(null);
  const cancellable = canCancel(order);
  const back = returnable(order, returns);
  if (!cancellable && back.length === 0) return null;
  return (
    <section className="order-actions" aria-label="What you can do">
      {open === null && (
        <div className="order-buttons">
          {cancellable && (
            <button
              type="button"
              className="button"
              data-testid="cancel-order"
              onClick={() => setOpen("cancel")}
            >
              {order.shipments.length > 0 ? "Cancel what has not left" : "Cancel the order"}
            </button>
          )}
          {back.length > 0 && (
            <button
              type="button"
              className="button"
              data-testid="open-return"
              onClick={() => setOpen("return")}
            >
              Send something back
            </button>
          )}
        </div>
      )}
      {open === "cancel" && <Cancel order={order} close={() => setOpen(null)} />}
      {open === "return" && (
        <Return order={order} lines={back} onDone={onReturn} close={() => setOpen(null)} />
      )}
    </section>
  );
}

interface FormProps {
  order: OrderDocument;
  close: () => void;
}

function Cancel({ order, close }: FormProps) {
  const command = useCommand("orders.cancel_order");
  const offline = useOffline();
  const blocked = offline || command.pending;
  const cancel = async (): Promise<void> => {
    if (blocked) return;
    const done = await command.send({ order_id: order.id, skus: order.skus });
    if (done !== null) close();
  };
  return (
    <div className="ask" data-testid="cancel-ask">
      <p>
        {order.shipments.length > 0
          ? "Cancel everything that has not left yet? The money for it goes back at once. What is with a carrier already still comes."
          : "Cancel the whole order? What was paid goes back at once."}
      </p>
      <div className="order-buttons">
        <button
          type="button"
          className="button button-bad"
          data-testid="cancel-confirm"
          aria-disabled={blocked}
          onClick={() => void cancel()}
        >
          {command.pending ? "Cancelling…" : "Yes, cancel it"}
        </button>
        <button type="button" className="button" onClick={close}>
          Keep it
        </button>
      </div>
      <Refused error={command.error} />
    </div>
  );
}

const REASONS: readonly { readonly id: ReturnReason; readonly name: string }[] = [
  { id: "unwanted", name: "I do not want it after all" },
  { id: "damaged", name: "It is damaged" },
  { id: "wrong_item", name: "It is something else than I ordered" },
  { id: "late", name: "It came too late" },
  { id: "other", name: "Another reason" },
];

interface ReturnProps extends FormProps {
  lines: ReturnType<typeof returnable>;
  onDone: () => void;
}

function Return({ order, lines, onDone, close }: ReturnProps) {
  const command = useCommand("shipping.open_return");
  const offline = useOffline();
  const [units, setUnits] = useState<Readonly<Record<string, number>>>({});
  const [reason, setReason] = useState<ReturnReason>("unwanted");
  const chosen = lines
    .map(({ line }) => ({ sku: line.sku, quantity: units[line.sku] ?? 0 }))
    .filter(({ quantity }) => quantity > 0);
  const blocked = offline || command.pending || chosen.length === 0;
  const send = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (blocked) return;
    const done = await command.send({ order_id: order.id, lines: chosen, reason });
    if (done === null) return;
    onDone();
    close();
  };
  return (
    <form className="ask" data-testid="return-form" onSubmit={(event) => void send(event)}>
      <p>What goes back, and how many of it? The money follows as soon as it has arrived.</p>
      <ul className="return-lines">
        {lines.map(({ line, units: most }) => (
          <li key={line.sku}>
            <span>{line.title}</span>
            <Quantity
              of={line.title}
              value={units[line.sku] ?? 0}
              most={most}
              onChange={(quantity) => setUnits({ ...units, [line.sku]: quantity })}
            />
          </li>
        ))}
      </ul>
      <div className="field">
        <label htmlFor="return-reason">Why</label>
        <select
          id="return-reason"
          value={reason}
          onChange={(event) => {
            const found = REASONS.find(({ id }) => id === event.target.value);
            if (found) setReason(found.id);
          }}
        >
          {REASONS.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <div className="order-buttons">
        <button
          type="submit"
          className="button button-main"
          data-testid="return-send"
          aria-disabled={blocked}
        >
          {command.pending ? "Announcing…" : "Announce the return"}
        </button>
        <button type="button" className="button" onClick={close}>
          Not now
        </button>
      </div>
      <Refused error={command.error} />
    </form>
  );
}

function Refused({ error }: { error: Error | null }) {
  return (
    <div role="alert">
      {error !== null && <p className="question-refused">{orderRefusal(error)}</p>}
    </div>
  );
}
