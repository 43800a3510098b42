/**
 * One attempt to buy a cart: its key and what was sent with it, kept until an answer came. A second
 * press, a reload or a lost answer sends the very same again, so it is one order.
 */

import { keep, kept, unguessable } from "../../shared/kept.ts";

export interface Attempt {
  readonly key: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const nameOf = (cart: string): string => `shopwire.attempt.${cart}`;

function isAttempt(value: unknown): value is Attempt {
  return typeof value === "object" && value !== null && "key" in value && "body" in value;
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

/** The attempt for this body: the open one where it says the same, else a new one. */
export function beginAttempt(cart: string, body: Readonly<Record<string, unknown>>): Attempt {
  const open = openAttempt(cart);
  if (open !== null && JSON.stringify(open.body) === JSON.stringify(body)) return open;
  const made = { key: `checkout-${unguessable()}`, body };
  // For this window only, and no longer than it is open: it holds an address.
  keep(nameOf(cart), JSON.stringify(made), "session");
  return made;
}

/** An answer came. */
export function endAttempt(cart: string): void {
  keep(nameOf(cart), null, "session");
}
