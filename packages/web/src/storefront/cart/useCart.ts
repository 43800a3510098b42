/** This browser's cart: live, with the shopper's changes in it before the shop has answered. */

import type { CartDocument, Client } from "@shopwire/client";
import { useClient, useTopic, useTopics } from "@shopwire/client/react";
import { useSyncExternalStore } from "react";
import { CartActions, type Problem } from "./actions.ts";
import { emptyCart, type Row } from "./cart.ts";
import { shopperId, useCartId } from "./mine.ts";

export interface Cart {
  readonly id: string;
  readonly cart: CartDocument;
  /** Whether the shop has said yet what is in it. */
  readonly known: boolean;
  readonly actions: CartActions;
  /** Why changes were taken back, by SKU. */
  readonly problems: ReadonlyMap<string, Problem>;
}

const desks = new WeakMap<Client, Map<string, CartActions>>();

function actionsOf(client: Client, id: string): CartActions {
  const known = desks.get(client) ?? new Map<string, CartActions>();
  desks.set(client, known);
  const actions = known.get(id) ?? new CartActions(client, id, shopperId());
  known.set(id, actions);
  return actions;
}

/** The cart with this id, or the one of this browser. */
export function useCart(given?: string): Cart {
  const client = useClient();
  const own = useCartId();
  const id = given ?? own;
  const held = useTopic(`cart:${id}`);
  const actions = actionsOf(client, id);
  const problems = useSyncExternalStore(actions.listen, actions.problems);
  const cart = held?.doc ?? emptyCart(id);
  return { id, cart, known: held !== undefined, actions, problems };
}

/** The cart's lines with what they cost and how many there are right now. */
export function useRows(cart: CartDocument): readonly Row[] {
  const prices = useTopics(cart.lines.map(({ sku }) => `price:${sku}` as const));
  const stocks = useTopics(cart.lines.map(({ sku }) => `stock:${sku}` as const));
  return cart.lines.map((line, at) => ({
    line,
    price: prices[at]?.doc,
    stock: stocks[at]?.doc,
  }));
}
