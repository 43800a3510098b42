/** A line of a shop's page with React: how many are left, and a button that sells one. */

import { change } from "@shopwire/client";
import { useCommand, usePending, useStatus, useTopic } from "@shopwire/client/react";

export function StockLine({ sku }: { sku: string }) {
  const stock = useTopic(`stock:${sku}`);
  const pending = usePending(`stock:${sku}`);
  const { status } = useStatus();
  const sell = useCommand("inventory.sell_stock");
  const left = stock?.doc?.available ?? 0;

  const sellOne = () => {
    // Shown at once, and taken back if the shop refuses.
    const optimistic = change(`stock:${sku}`, (doc) => doc && { ...doc, available: left - 1 });
    void sell.send({ sku, quantity: 1 }, { optimistic });
  };

  return (
    <section data-status={status} aria-busy={pending}>
      <p>{stock?.doc ? `${left} left` : "…"}</p>
      <button type="button" onClick={sellOne}>
        Sell one
      </button>
      <p role="alert">{sell.error?.message}</p>
    </section>
  );
}
