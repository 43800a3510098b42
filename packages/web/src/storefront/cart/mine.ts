/** Which cart and which orders are this browser's. Its id is the right to see a cart. */

import { keep, kept, unguessable, useKept } from "../../shared/kept.ts";

const CART = "shopwire.cart";
const SHOPPER = "shopwire.shopper";
const ORDERS = "shopwire.orders";
/** Orders that are remembered, the newest first. */
export const ORDERS_MAX = 20;

function own(name: string): string {
  const known = kept(name);
  if (known !== null && /^[A-Za-z0-9_-]{8,64}$/.test(known)) return known;
  const made = unguessable();
  keep(name, made);
  return made;
}

/** The id of the cart that articles are put into now. */
export function cartId(): string {
  return own(CART);
}

/** The same, following other windows. */
export function useCartId(): string {
  useKept(CART);
  return cartId();
}

/** Who shops here: limits for one shopper are counted by it. */
export function shopperId(): string {
  return own(SHOPPER);
}

/** A cart that was bought makes way for a new one, once, whichever window notices first. */
export function replaceCart(bought: string): void {
  if (kept(CART) === bought) keep(CART, unguessable());
}

function ordersIn(text: string | null): readonly string[] {
  try {
    const known: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(known) ? known.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

/** Remembers an order, so that its page is found again. */
export function rememberOrder(id: string): void {
  const known = ordersIn(kept(ORDERS));
  if (known[0] === id) return;
  const next = [id, ...known.filter((one) => one !== id)].slice(0, ORDERS_MAX);
  keep(ORDERS, JSON.stringify(next));
}

/** Ids of the orders made in this browser, newest first. */
export function useMyOrders(): readonly string[] {
  return ordersIn(useKept(ORDERS));
}
