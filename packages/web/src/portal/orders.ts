/** What the portal's door gives: a supplier's own orders, without whose they are. */

import type { PurchaseOrderDocument, PurchaseOrderLine } from "@shopwire/client";
import { useEffect } from "react";
import { getJson } from "../shared/api.ts";
import { type Remote, useRemote } from "../shared/remote.ts";

/** New orders are looked for this often; those that are shown are live. */
const LOOK_MS = 5_000;

export interface ShipTo {
  readonly name: string;
  readonly lines: readonly string[];
  readonly postal_code: string;
  readonly city: string;
  readonly country: string;
  readonly region: string;
  readonly phone: string;
}

export type SuppliersOrder = Omit<PurchaseOrderDocument, "order_id">;

export interface Listed {
  readonly topic: string;
  readonly version: number;
  readonly doc: SuppliersOrder;
  /** The short number under which it left by mail or X12; null where it is read here alone. */
  readonly number: string | null;
  readonly ship_to: ShipTo | null;
}

interface Answer {
  readonly items: readonly Listed[];
  readonly next: string | null;
}

export interface PortalOrders extends Omit<Remote<Answer>, "data"> {
  readonly items: readonly Listed[] | null;
  readonly next: string | null;
}

export function usePortalOrders(which: "open" | "done"): PortalOrders {
  const list = useRemote(`/api/portal/orders?state=${which}`, getJson<Answer>);
  const { data, reload } = list;
  useEffect(() => {
    const timer = setInterval(reload, LOOK_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return { ...list, items: data?.items ?? null, next: data?.next ?? null };
}

/** Units of a line that may still be accepted, or were and have not been shipped. */
export function expected(line: PurchaseOrderLine): number {
  return line.ordered - line.refused - line.cancelled - line.shipped;
}

/** What a line is called: by the supplier's own SKU first, if it has one. */
export function lineName(line: Pick<PurchaseOrderLine, "sku" | "supplier_sku">): string {
  return line.supplier_sku ? `${line.supplier_sku} (${line.sku})` : line.sku;
}

/** The same of all lines, by the shop's SKU. */
export function lineNames(order: SuppliersOrder): Readonly<Record<string, string>> {
  return Object.fromEntries(order.lines.map((line) => [line.sku, lineName(line)]));
}

/** Whether the supplier owes an answer. */
export function isUnanswered(order: SuppliersOrder): boolean {
  return order.answer === null && order.lines.some((line) => expected(line) > 0);
}

/** Lines of which something is still to be shipped. */
export function toShip(order: SuppliersOrder): readonly PurchaseOrderLine[] {
  return order.answer === null ? [] : order.lines.filter((line) => expected(line) > 0);
}

/** Units that the shop asks not to ship. */
export function askedBack(order: SuppliersOrder): number {
  return order.lines.reduce((sum, line) => sum + line.cancelling, 0);
}

/** A whole number from 0 to `most` out of what somebody wrote; null for anything else. */
export function unitsOf(text: string, most: number): number | null {
  if (!/^\d{1,9}$/.test(text.trim())) return null;
  const units = Number(text.trim());
  return units <= most ? units : null;
}
