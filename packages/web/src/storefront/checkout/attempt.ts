/**
 * One attempt to buy a cart: its key and what was sent with it, kept until an answer came. A second
 * press, a reload or a lost answer sends the very same again, so it is one order.
 */

import { keep, kept, unguessable } from "../../shared/kept.ts";

export interface Attempt {
  readonly key: string;
  /** The order that it makes, if it makes one: the cart's id and the number of the attempt. */
  readonly order: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const nameOf = (cart: string): string => `shopwire.attempt.${cart}`;

function isAttempt(value: unknown): value is Attempt {
  const fields = ["key", "order", "body"];
  return typeof value === "object" && value !== null && fields.every((name) => name in value);
}

/** The attempt that has no answer yet; null where there is none. */
export function openAttempt(cart: string): Attempt | null {
  try {
    const value: unknown = JSON.parse(kept(nameOf(cart), "session") ?? "null");
    return isAttempt(value) ? value : null;
  } catch {
    return null;
  }
}

/** The attempt for this order and body: the open one where it says the same, else a new one. */
export function beginAttempt(cart: string, order: string, body: Attempt["body"]): Attempt {
  const open = openAttempt(cart);
  const same = open?.order === order && JSON.stringify(open.body) === JSON.stringify(body);
  if (open !== null && same) return open;
  const made = { key: `checkout-${unguessable()}`, order, body };
  // For this window only, and no longer than it is open: it holds an address.
  keep(nameOf(cart), JSON.stringify(made), "session");
  return made;
}

/** An answer came. */
export function endAttempt(cart: string): void {
  keep(nameOf(cart), null, "session");
}
