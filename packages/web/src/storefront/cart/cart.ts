/** What a cart amounts to, and what changed since the shopper looked; no I/O. */

import {
  type CartDocument,
  type CartLine,
  type Changes,
  type CommandBodies,
  change,
} from "@shopwire/client";
import type { Price, Stock } from "../../shared/documents.ts";

/** What a shopper wants of an article, at the price that was on the screen. */
export type Wanted = CartLine;

/** What stands between a line and buying it. */
export type Issue =
  /** It costs something else than what was accepted. */
  | { readonly kind: "price"; readonly from: number; readonly to: number }
  /** It has no price any more, so it is not for sale. */
  | { readonly kind: "withdrawn" }
  /** Fewer are left than are wanted; 0 where none is. */
  | { readonly kind: "short"; readonly left: number };

export interface Row {
  readonly line: CartLine;
  /** Undefined until it is known, null where there is none. */
  readonly price: Price | null | undefined;
  readonly stock: Stock | null | undefined;
}

/** A cart that nobody has put anything into. */
export function emptyCart(id: string): CartDocument {
  return { id, lines: [], status: "open", order_id: null, attempt: 1 };
}

/** The cart with this line instead of the one before; a line of none is no line. */
export function withLine(cart: CartDocument, wanted: Wanted): CartDocument {
  const at = cart.lines.findIndex((line) => line.sku === wanted.sku);
  const rest = cart.lines.filter((line) => line.sku !== wanted.sku);
  const lines = wanted.quantity > 0 ? rest.toSpliced(at < 0 ? rest.length : at, 0, wanted) : rest;
  return { ...cart, lines };
}

/** What the shop is expected to make of a line: shown before it has answered. */
export function lineForetold({ cart_id, ...body }: CommandBodies["carts.put_line"]): Changes {
  const { sku, quantity, accepted_minor, currency } = body;
  return change(`cart:${cart_id}`, (cart) =>
    withLine(cart ?? emptyCart(cart_id), { sku, quantity, accepted_minor, currency }),
  );
}

/** The cart with these prices accepted. */
export function withAccepted(cart: CartDocument, accepted: readonly Accepted[]): CartDocument {
  const lines = cart.lines.map((line) => {
    const { amount_minor, currency } = accepted.find((one) => one.sku === line.sku) ?? {};
    if (amount_minor === undefined || currency === undefined) return line;
    return { ...line, accepted_minor: amount_minor, currency };
  });
  return { ...cart, lines };
}

export interface Accepted {
  readonly sku: string;
  readonly amount_minor: number;
  readonly currency: string;
}

/** Articles in it, each as often as it is wanted. */
export function unitsOf(cart: CartDocument | null | undefined): number {
  return cart?.lines.reduce((sum, line) => sum + line.quantity, 0) ?? 0;
}

export function quantityOf(cart: CartDocument | null | undefined, sku: string): number {
  return cart?.lines.find((line) => line.sku === sku)?.quantity ?? 0;
}

/** Units that can be bought, those that are delivered later included. */
export function sellableOf(stock: Stock): number {
  return Math.max(0, stock.available) + Math.max(0, stock.backorder ?? 0);
}

/** What changed since the shopper put the line in; nothing is said of what is not known yet. */
export function issuesOf({ line, price, stock }: Row): readonly Issue[] {
  if (price === null) return [{ kind: "withdrawn" }];
  const issues: Issue[] = [];
  if (stock && sellableOf(stock) < line.quantity) {
    issues.push({ kind: "short", left: sellableOf(stock) });
  }
  const moved =
    price && (price.amount_minor !== line.accepted_minor || price.currency !== line.currency);
  if (moved) issues.push({ kind: "price", from: line.accepted_minor, to: price.amount_minor });
  return issues;
}

/** New prices that wait for the shopper's word. */
export function toAccept(rows: readonly Row[]): Accepted[] {
  return rows.flatMap((row) => {
    const { price } = row;
    if (!price || !issuesOf(row).some(({ kind }) => kind === "price")) return [];
    return [{ sku: row.line.sku, amount_minor: price.amount_minor, currency: price.currency }];
  });
}

/** Lines that cannot be bought as they are. */
export function openIssues(rows: readonly Row[]): number {
  return rows.filter((row) => issuesOf(row).length > 0).length;
}

/** The sum at the accepted prices; null where the lines are in several currencies, or none. */
export function totalOf(lines: readonly CartLine[]): { minor: number; currency: string } | null {
  const currency = lines[0]?.currency;
  if (currency === undefined || lines.some((line) => line.currency !== currency)) return null;
  const minor = lines.reduce((sum, line) => sum + line.accepted_minor * line.quantity, 0);
  return { minor, currency };
}

/** A quantity that was typed, as one that can be wanted; null where it is none. */
export function typedQuantity(text: string): number | null {
  return /^\d{1,4}$/.test(text.trim()) ? Number(text.trim()) : null;
}
