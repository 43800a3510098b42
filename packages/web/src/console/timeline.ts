/** The story of an order, put together from what its parts tell with a moment. */

import type {
  ConflictDocument,
  OrderDocument,
  PurchaseOrderDocument,
  ReturnDocument,
  ShipmentDocument,
} from "@shopwire/client";
import type { PaymentStory } from "../shared/documents.ts";
import { formatMoney } from "../shared/money.ts";
import { spelled, type Tone } from "./words.ts";

export interface Moment {
  readonly at: number;
  readonly text: string;
  readonly detail: string;
  readonly tone: Tone;
}

export interface Parts {
  readonly order: OrderDocument;
  readonly payment: PaymentStory | null;
  readonly purchaseOrders: readonly PurchaseOrderDocument[];
  readonly shipments: readonly ShipmentDocument[];
  readonly returns: readonly ReturnDocument[];
  readonly conflicts: readonly ConflictDocument[];
  readonly nameOf: (supplier: string) => string;
}

const moment = (at: number, text: string, detail = "", tone: Tone = "good"): Moment => ({
  ...{ at, text, detail, tone },
});

function ofOrder({ status, started_at_ms, placed_at_ms, reason }: OrderDocument): Moment[] {
  const found = [moment(started_at_ms, "Checkout begun", "units reserved, prices confirmed")];
  if (placed_at_ms !== null) found.push(moment(placed_at_ms, "Placed", "reserved units sold"));
  if (status === "failed") {
    found.push(moment(started_at_ms, "Came to nothing", reason ? spelled(reason) : "", "over"));
  }
  return found;
}

const POSTED: Readonly<Record<string, string>> = {
  capture: "Money taken",
  refund: "Money given back",
  void: "Promise given back",
  chargeback: "Charged back",
};

function ofPayment({ payment, order }: Parts): Moment[] {
  const movements = payment?.movements ?? [];
  return movements.map((one) => {
    const amount = formatMoney(one.amount_minor, order.currency);
    const at = one.settled_at_ms ?? one.asked_at_ms;
    const done = one.state === "done";
    const text = POSTED[one.kind] ?? spelled(one.kind);
    const detail = [amount, done ? "" : one.state, one.reason].filter(Boolean).join(", ");
    const failed = one.state === "failed" || one.state === "reversed";
    return moment(at, text, detail, done ? "good" : failed ? "bad" : "going");
  });
}

function ofSuppliers({ purchaseOrders, nameOf }: Parts): Moment[] {
  return purchaseOrders.map((one) => {
    const units = one.lines.reduce((sum, line) => sum + line.ordered, 0);
    const detail = `${units} ${units === 1 ? "unit" : "units"}`;
    return moment(one.planned_at_ms, `Purchase order for ${nameOf(one.supplier)}`, detail);
  });
}

function ofParcels({ shipments }: Parts): Moment[] {
  return shipments.flatMap((parcel) => {
    const name = `${parcel.carrier} ${parcel.tracking}`;
    const left = moment(parcel.shipped_at_ms, "Parcel left", name);
    if (parcel.delivered_at_ms === null) return [left];
    return [left, moment(parcel.delivered_at_ms, "Parcel delivered", name)];
  });
}

function ofConflicts({ conflicts, nameOf }: Parts): Moment[] {
  return conflicts.flatMap((one) => {
    const detail = `${one.quantity} of ${one.title} at ${nameOf(one.supplier)}`;
    const opened = moment(one.opened_at_ms, "In question", detail, "waits");
    if (one.settled_at_ms === null) return [opened];
    const how = one.choice === null ? spelled(one.status) : `${spelled(one.choice)}, by ${one.by}`;
    return [opened, moment(one.settled_at_ms, "Settled", how)];
  });
}

function ofReturns({ returns }: Parts): Moment[] {
  return returns.map((one) =>
    moment(one.opened_at_ms, "Return announced", spelled(one.reason), "going"),
  );
}

/** Everything that has a moment, in the order in which it happened. */
export function timelineOf(parts: Parts): readonly Moment[] {
  return [
    ...ofOrder(parts.order),
    ...ofPayment(parts),
    ...ofSuppliers(parts),
    ...ofConflicts(parts),
    ...ofParcels(parts),
    ...ofReturns(parts),
  ].sort((a, b) => a.at - b.at);
}
