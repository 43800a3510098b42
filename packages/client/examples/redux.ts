/** The same with Redux Toolkit: a store that follows the shop, a selector, a thunk that sells. */

import { configureStore } from "@reduxjs/toolkit";
import { type Client, change } from "@shopwire/client";
import { createSelectors, createSend, follow, shopwireReducer } from "@shopwire/client/redux";

const select = createSelectors();

export function openShop(shop: Client) {
  const store = configureStore({ reducer: { shopwire: shopwireReducer } });
  const send = createSend(shop);
  const giveBack = shop.subscribe(["stock:MUG"]);
  const stop = follow(shop, store);
  const left = () => select.topic(store.getState(), "stock:MUG")?.doc?.available;

  const sellOne = () => {
    const after = (left() ?? 0) - 1;
    const optimistic = change("stock:MUG", (doc) => doc && { ...doc, available: after });
    const body = { sku: "MUG", quantity: 1 };
    return store.dispatch(send({ operation: "inventory.sell_stock", body, optimistic })).unwrap();
  };

  const close = () => {
    stop();
    giveBack();
  };
  return { store, left, sellOne, close };
}
