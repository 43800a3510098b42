/** A supplier accepts an order, in whole or in part, or refuses it with a reason. */

import { useCommand } from "@shopwire/client/react";
import { type FormEvent, useState } from "react";
import { useOffline } from "../shared/useOffline.ts";
import { expected, lineNames, type SuppliersOrder } from "./orders.ts";
import { UnitFields, type Units, written } from "./UnitFields.tsx";

const REASONS: Readonly<Record<string, string>> = {
  out_of_stock: "Out of stock",
  discontinued: "Not sold any more",
  wrong_cost: "The cost is wrong",
  cannot_ship_there: "We do not ship there",
  other: "Something else",
};

export function AcceptForm({ order, title }: { order: SuppliersOrder; title: string }) {
  const accept = useCommand("shipping.acknowledge_purchase_order");
  const refuse = useCommand("shipping.refuse_purchase_order");
  const offline = useOffline();
  const [units, setUnits] = useState<Units>({});
  const [refusing, setRefusing] = useState(false);
  const [reason, setReason] = useState("out_of_stock");
  const most = Object.fromEntries(
    order.lines.filter((line) => expected(line) > 0).map((line) => [line.sku, expected(line)]),
  );
  const lines = written(most, units);
  const blocked = offline || accept.pending || refuse.pending;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (blocked) return;
    const purchase_order = order.id;
    if (refusing) void refuse.send({ purchase_order, reason });
    else if (lines !== null) void accept.send({ purchase_order, lines, booked_at_ms: Date.now() });
  };
  return (
    <form className="portal-form" onSubmit={submit} aria-label={`Answer ${title}`}>
      {refusing ? (
        <div className="field">
          <label htmlFor={`reason ${order.id}`}>Why not?</label>
          <select
            id={`reason ${order.id}`}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          >
            {Object.entries(REASONS).map(([word, text]) => (
              <option key={word} value={word}>
                {text}
              </option>
            ))}
          </select>
        </div>
      ) : (
        <UnitFields
          legend="You can send"
          most={most}
          names={lineNames(order)}
          units={units}
          onChange={setUnits}
        />
      )}
      <p className="portal-actions">
        <button
          type="submit"
          className={refusing ? "button button-bad" : "button button-main"}
          aria-disabled={blocked || (!refusing && lines === null)}
          data-testid={refusing ? "portal-refuse" : "portal-accept"}
        >
          {blocked && !offline ? "One moment…" : refusing ? "Refuse all of it" : "Accept"}
        </button>
        <button type="button" className="button" onClick={() => setRefusing(!refusing)}>
          {refusing ? "Back" : "Refuse…"}
        </button>
      </p>
      <div role="alert" className="conflict-refused">
        {(accept.error ?? refuse.error)?.message}
      </div>
    </form>
  );
}
