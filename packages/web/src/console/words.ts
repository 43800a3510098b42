/** How orders, payments and movements of stock are called in the console. */

import type {
  ConflictDocument,
  OrderStatus,
  PurchaseOrderDocument,
  PurchaseOrderStatus,
  ReturnDocument,
} from "@shopwire/client";
import type { LedgerKind, OpenSale } from "../shared/documents.ts";

/** How a state is drawn: `going` moves, `waits` wants somebody, `over` came to nothing. */
export type Tone = "good" | "going" | "waits" | "over" | "bad";

export interface State {
  readonly word: string;
  readonly tone: Tone;
}

export const ORDER_STATES: Readonly<Record<OrderStatus, State>> = {
  checking_out: { word: "Checking out", tone: "going" },
  placed: { word: "Placed", tone: "going" },
  in_fulfilment: { word: "In fulfilment", tone: "going" },
  partly_shipped: { word: "Partly shipped", tone: "going" },
  shipped: { word: "Shipped", tone: "good" },
  delivered: { word: "Delivered", tone: "good" },
  failed: { word: "Failed", tone: "over" },
  cancelled: { word: "Cancelled", tone: "over" },
};

export const ORDER_STATUSES = Object.keys(ORDER_STATES) as readonly OrderStatus[];

export const PURCHASE_ORDER_STATES: Readonly<Record<PurchaseOrderStatus, State>> = {
  planned: { word: "Planned", tone: "going" },
  sending: { word: "Being sent", tone: "going" },
  timed_out: { word: "No answer, asking", tone: "waits" },
  sent: { word: "With the supplier", tone: "going" },
  acknowledged: { word: "Acknowledged", tone: "good" },
  partly_shipped: { word: "Partly shipped", tone: "going" },
  shipped: { word: "Shipped", tone: "good" },
  delivered: { word: "Delivered", tone: "good" },
  refused: { word: "Refused", tone: "bad" },
  cancelling: { word: "Asked to cancel", tone: "waits" },
  cancelled: { word: "Cancelled", tone: "over" },
};

export const RETURN_STATES: Readonly<Record<ReturnDocument["status"], State>> = {
  announced: { word: "Announced", tone: "waits" },
  partly_received: { word: "Partly here", tone: "going" },
  received: { word: "Here", tone: "good" },
  closed: { word: "Closed", tone: "over" },
};

const PAYMENT_STATES: Readonly<Record<string, State>> = {
  opened: { word: "Asked for", tone: "going" },
  authorised: { word: "Promised", tone: "going" },
  declined: { word: "Declined", tone: "over" },
  voided: { word: "Released", tone: "over" },
  failed: { word: "Needs a look", tone: "bad" },
  partly_captured: { word: "Partly taken", tone: "going" },
  captured: { word: "Taken", tone: "good" },
  partly_refunded: { word: "Partly given back", tone: "good" },
  refunded: { word: "Given back", tone: "over" },
  charged_back: { word: "Charged back", tone: "bad" },
};

/** A state that this page does not know yet is shown as it is. */
export function paymentState(state: string): State {
  return PAYMENT_STATES[state] ?? { word: state || "None", tone: "over" };
}

export function lateText({ late }: PurchaseOrderDocument): string {
  if (late === "acknowledgement") return "its answer is overdue";
  return late === "shipment" ? "its parcel is overdue" : "";
}

const KINDS: Readonly<Record<LedgerKind, string>> = {
  report: "Count",
  sale: "Sale",
  hold: "Reserved",
  post: "Reserved, now sold",
  void: "Reservation given back",
  expire: "Reservation ran out",
  book: "Booked by the supplier",
  release: "Sale taken back",
};

/** What moved; a kind that this page does not know yet is shown as it is. */
export function kindText(kind: LedgerKind): string {
  return KINDS[kind] ?? kind;
}

/** Where an open sale stands between the shop's book and the supplier's. */
export function saleText({ state, answer }: Pick<OpenSale, "state" | "answer">): string {
  if (state === "refused") return "Refused; still in the supplier's count";
  if (answer === "booked") return "Booked; waits for the next count";
  if (answer === "rest") return "Other units of it were booked";
  return "The supplier has not answered";
}

export function conflictReason({ reason }: Pick<ConflictDocument, "reason">): string {
  const words = {
    refused: "refused to send",
    overpromised: "counted fewer than were promised",
    late: "did not answer",
    moved: "was replaced by hand",
  };
  return words[reason];
}

const ACCOUNTS: Readonly<Record<string, string>> = {
  customer: "Customer",
  provider_clearing: "Provider, clearing",
  revenue: "Revenue",
  refunds: "Refunds",
  chargebacks: "Chargebacks",
  purchases: "Purchases",
  supplier_payable: "Owed to suppliers",
};

export function accountText(account: string): string {
  return ACCOUNTS[account] ?? spelled(account);
}

/** A code such as `partly_shipped` as words. */
export function spelled(code: string): string {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
