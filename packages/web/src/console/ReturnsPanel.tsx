/** What shoppers send back of an order: a person says when it has arrived. */

import type { ReturnDocument } from "@shopwire/client";
import { useCommand, useTopics } from "@shopwire/client/react";
import { useState } from "react";
import { Cued } from "../shared/cue.tsx";
import { formatMoney } from "../shared/money.ts";
import { useOffline } from "../shared/useOffline.ts";
import { StateWord } from "./StateWord.tsx";
import { RETURN_STATES, spelled } from "./words.ts";

interface PanelProps {
  items: readonly ReturnDocument[];
  /** Something arrived. */
  onChange: () => void;
}

export function ReturnsPanel({ items, onChange }: PanelProps) {
  const live = useTopics(items.map(({ id }) => `return:${id}` as const));
  if (items.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="returns">
      <div className="panel-head">
        <h2 id="returns">Returns</h2>
      </div>
      <ul className="conflicts">
        {items.map((known, at) => (
          <Row key={known.id} one={live[at]?.doc ?? known} onChange={onChange} />
        ))}
      </ul>
    </section>
  );
}

function Row({ one, onChange }: { one: ReturnDocument; onChange: () => void }) {
  const command = useCommand("shipping.receive_return");
  const offline = useOffline();
  const [restock, setRestock] = useState(true);
  const blocked = offline || command.pending;
  const receive = async (): Promise<void> => {
    if (blocked) return;
    // All of it in one parcel, which is the first receipt: pressing twice is the same one.
    const done = await command.send({ return_id: one.id, restock, receipt: 1 });
    if (done !== null) onChange();
  };
  return (
    <li data-testid="return-row" data-status={one.status}>
      <p className="conflict-who">
        <Cued value={one.status}>
          <StateWord state={RETURN_STATES[one.status]} />
        </Cued>
        <span>
          {one.lines
            .map(({ sku, announced, received }) => `${received} of ${announced} ${sku}`)
            .join(", ")}
        </span>
        <span className="soft">{spelled(one.reason)}</span>
        <span className="soft">
          {formatMoney(one.refund_minor, one.currency)} of{" "}
          {formatMoney(one.value_minor, one.currency)} given back
        </span>
      </p>
      {one.status === "announced" && (
        <p className="conflict-choices">
          <label className="check">
            <input
              type="checkbox"
              checked={restock}
              onChange={(event) => setRestock(event.target.checked)}
            />
            Can be sold again
          </label>
          <button
            type="button"
            className="button button-small"
            data-testid="receive-return"
            aria-disabled={blocked}
            onClick={() => void receive()}
          >
            {command.pending ? "One moment…" : "It has arrived"}
          </button>
        </p>
      )}
      <div role="alert" className="conflict-refused">
        {command.error?.message}
      </div>
    </li>
  );
}
