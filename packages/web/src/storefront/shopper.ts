/** What the shopper's client does more: it works without the shop for a while, and over all tabs. */

import type { Client } from "@shopwire/client";
import { keep, kept } from "../shared/kept.ts";
import type { Made } from "../shared/Surface.tsx";
import { keepAtHand } from "./atHand.ts";
import { lineForetold } from "./cart/cart.ts";
import { cartId, shopperId } from "./cart/mine.ts";

/** The cart as it was last received, so that it is there when the shop is not. */
const SEEN = "shopwire.cart.seen";

/** The client of the shop's pages. */
export const SHOPPER: Made = {
  options: () => ({
    shared: true,
    // What another shopper of this browser left is not sent as this one's.
    reader: shopperId(),
    foretell: { "carts.put_line": lineForetold },
  }),
  ready: (client) => {
    keepAtHand();
    recall(client);
    client.store.onChange((topics) => {
      const topic = `cart:${cartId()}`;
      if (topics.has(topic)) remember(client, topic);
    });
  },
};

function remember(client: Client, topic: string): void {
  const held = client.store.received(topic);
  if (held?.doc != null) {
    keep(SEEN, JSON.stringify({ epoch: client.store.epoch, entry: { topic, ...held } }));
  }
}

function recall(client: Client): void {
  try {
    const { epoch, entry } = JSON.parse(kept(SEEN) ?? "{}");
    if (typeof epoch !== "number" || entry?.topic !== `cart:${cartId()}`) return;
    client.store.resume(epoch, [entry]);
  } catch {
    // Not what this page wrote: then the shop tells.
  }
}
