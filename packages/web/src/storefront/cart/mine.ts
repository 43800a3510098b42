/** Which cart and which orders are this browser's. A cart is named after its shopper. */

import { keep, kept, unguessable, useKept } from "../../shared/kept.ts";
import { sessionOf } from "../../shared/session.ts";

const CART = "shopwire.cart";
const SHOPPER = "shopwire.shopper";
/** Characters of a cart's id behind its shopper: nobody has that many carts. */
const OWN_CHARS = 12;
const ORDERS = "shopwire.orders";
/** Orders that are remembered, the newest first. */
export const ORDERS_MAX = 20;

function own(name: string, make: () => string, fits: (id: string) => boolean): string {
  const known = kept(name);
  if (known !== null && /^[A-Za-z0-9_-]{8,64}$/.test(known) && fits(known)) return known;
  const made = make();
  keep(name, made);
  return made;
}

function newCart(): string {
  const subject = sessionOf("shopper")?.subject;
  return subject === undefined ? unguessable() : `${subject}-${unguessable().slice(0, OWN_CHARS)}`;
}

/** The id of the cart that articles are put into now. */
export function cartId(): string {
  const subject = sessionOf("shopper")?.subject;
  return own(CART, newCart, (id) => subject === undefined || id.startsWith(`${subject}-`));
}

/** The same, following other windows. */
export function useCartId(): string {
  useKept(CART);
  return cartId();
}

/** Who shops here: limits for one shopper are counted by it. */
export function shopperId(): string {
  return sessionOf("shopper")?.subject ?? own(SHOPPER, unguessable, () => true);
}

/** A cart that was bought makes way for a new one, once, whichever window notices first. */
export function replaceCart(bought: string): void {
  if (kept(CART) === bought) keep(CART, newCart());
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
