/** Ways to suppliers as the console reads and names them. */

import type { BundleDocument, Difference, InvoiceDocument, Way } from "@shopwire/client";
import { useEffect } from "react";
import { getJson } from "../shared/api.ts";
import { formatMoney } from "../shared/money.ts";
import { type Remote, useRemote } from "../shared/remote.ts";
import type { State } from "./words.ts";

export interface Channel {
  readonly supplier: string;
  readonly version: number;
  readonly way: Way;
  readonly gather_ms: number;
  readonly orders_max: number;
  readonly inbox_trouble: string;
  readonly waiting: number;
  readonly troubled: number;
  readonly left_at_ms: number | null;
}

export interface Channels {
  readonly items: readonly Channel[];
  readonly unreachable: readonly { supplier: string; orders: number }[];
}

export interface Unread {
  readonly id: string;
  readonly supplier: string;
  readonly own_id: string;
  readonly name: string;
  readonly state: "open" | "reading";
  readonly reason: string;
  readonly received_at_ms: number;
  readonly tries: number;
  readonly text: string;
  /** When its text goes, since it may name shoppers. */
  readonly erased_at_ms: number;
}

/** How a purchase order travels; nothing of a letter where its supplier comes for it. */
export interface Travel {
  readonly purchase_order: string;
  readonly way: Way["type"] | null;
  readonly send_at_ms: number;
  readonly number: string | null;
  readonly state: "queued" | "bundled" | "left" | "recalled" | "direct" | null;
  readonly left_at_ms: number | null;
  readonly due_at_ms: number | null;
  readonly bundle_state: BundleDocument["state"] | null;
  readonly trouble: string | null;
  readonly receipt: BundleDocument["receipt"] | null;
}

interface List<T> {
  readonly items: readonly T[];
}

export const WAYS: Readonly<Record<Way["type"], string>> = {
  fetch: "Comes for its orders, or answers at the portal",
  email: "Mail with a table",
  x12: "X12 in a folder or by SFTP",
  webhook: "Signed webhook",
  api: "Service of its own",
  simulator: "Simulated",
};

export const BUNDLE_STATES: Readonly<Record<BundleDocument["state"], State>> = {
  staging: { word: "Being prepared", tone: "going" },
  releasing: { word: "Leaving", tone: "going" },
  left: { word: "Left", tone: "good" },
  doubtful: { word: "May have arrived", tone: "bad" },
  void: { word: "Held back", tone: "over" },
};

export const RECEIPTS: Readonly<Record<BundleDocument["receipt"], string>> = {
  none: "",
  accepted: "read by its machine",
  partly: "read in part by its machine",
  rejected: "rejected by its machine",
};

export const INVOICE_STATES: Readonly<Record<InvoiceDocument["state"], State>> = {
  matched: { word: "As ordered", tone: "good" },
  differs: { word: "Differs", tone: "bad" },
  accepted: { word: "Accepted", tone: "good" },
  disputed: { word: "Disputed", tone: "waits" },
};

const DIFFERENCES: Readonly<Record<Difference["what"], string>> = {
  quantity: "units",
  price: "price",
  unknown_sku: "was not ordered",
  total: "sum",
  currency: "currency",
  order: "no such order",
  no_cost: "no cost was known",
};

export const useChannels = (): Remote<Channels> =>
  useRemote("/api/channels", (path, signal) => getJson<Channels>(path, signal));

export const useBundles = (): Remote<List<BundleDocument>> =>
  useRemote("/api/channels/bundles?limit=50", (path, signal) =>
    getJson<List<BundleDocument>>(path, signal),
  );

export const useInvoices = (): Remote<List<InvoiceDocument>> =>
  useRemote("/api/channels/invoices?limit=50", (path, signal) =>
    getJson<List<InvoiceDocument>>(path, signal),
  );

export const useUnread = (): Remote<List<Unread>> =>
  useRemote("/api/channels/messages", (path, signal) => getJson<List<Unread>>(path, signal));

/** How the purchase orders of an order travel, by their ids; read again when `states` move. */
export function useTravels(orderId: string | null, states: string): ReadonlyMap<string, Travel> {
  const path = orderId === null ? null : `/api/channels/orders/${encodeURIComponent(orderId)}`;
  const { data, reload } = useRemote(path, (at, signal) => getJson<List<Travel>>(at, signal));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the states stand for what moved.
  useEffect(() => reload(), [states, reload]);
  return new Map(data?.items.map((one) => [one.purchase_order, one]) ?? []);
}

/** "MUG: price 5.20, not 5.00"; amounts of a bill in its currency. */
export function differenceText(one: Difference, currency: string): string {
  const shown = (text: string): string =>
    (one.what === "price" || one.what === "total") && /^-?\d+$/.test(text)
      ? formatMoney(Number(text), currency)
      : text;
  const where = one.sku === "" ? "" : `${one.sku}: `;
  const what = DIFFERENCES[one.what];
  if (one.expected === "") return `${where}${what} (${shown(one.billed)})`;
  return `${where}${what} ${shown(one.billed)}, not ${shown(one.expected)}`;
}

/** Where a purchase order is on its way, in words; `momentText` tells moments. */
export function travelText(travel: Travel, moment: (ms: number) => string): string {
  if (travel.state === "left" && travel.left_at_ms !== null) {
    return `left ${moment(travel.left_at_ms)}${travel.receipt === "accepted" ? ", was read" : ""}`;
  }
  if (travel.state === "recalled") return "held back";
  if (travel.bundle_state === "doubtful") return "may have arrived; say so at Ways out";
  if (travel.trouble) return `did not leave: ${travel.trouble}`;
  if (travel.state === "queued" && travel.due_at_ms !== null) {
    return `leaves ${moment(travel.due_at_ms)}`;
  }
  return travel.state === "bundled" ? "leaving" : "";
}
