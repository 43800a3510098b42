/** An order in words that a shopper understands: how it stands, and what can be done. */

import {
  type Choice,
  CODES,
  type OrderDocument,
  type OrderLine,
  type OrderLineState,
  type OrderStatus,
  type ReturnDocument,
  ShopwireError,
  UnknownOutcome,
} from "@shopwire/client";

export interface StatusWords {
  readonly title: string;
  readonly text: string;
}

const STATUS: Readonly<Record<OrderStatus, StatusWords>> = {
  checking_out: {
    title: "Being paid for",
    text: "Your articles are put aside while the payment goes on.",
  },
  placed: { title: "Placed", text: "Thank you. The order is ours to carry out now." },
  in_fulfilment: {
    title: "Being prepared",
    text: "Our suppliers have the order and are packing it.",
  },
  partly_shipped: {
    title: "Partly on its way",
    text: "Some of it is on its way; the rest follows.",
  },
  shipped: { title: "On its way", text: "Everything has left and is on its way to you." },
  delivered: { title: "Delivered", text: "Everything has arrived." },
  failed: { title: "Not placed", text: "This order came to nothing." },
  cancelled: { title: "Cancelled", text: "This order was cancelled." },
};

export function statusWords(order: OrderDocument): StatusWords {
  return STATUS[order.status];
}

const LINES: Readonly<Record<OrderLineState, string>> = {
  held: "Put aside for you",
  promised: "Yours",
  ordered: "Ordered at our supplier",
  confirmed: "Being packed",
  in_question: "In question",
  waiting: "Waiting for more",
  cancelling: "Being cancelled",
  shipped: "On its way",
  delivered: "Delivered",
  cancelled: "Cancelled",
  returned: "Sent back",
};

export function lineStateText(state: OrderLineState): string {
  return LINES[state];
}

/** The states of a line's units, those furthest behind first; one alone needs no number. */
export function unitsInWords({ state, units, quantity }: OrderLine): string {
  const parts = Object.entries(units).filter(([, count]) => (count ?? 0) > 0);
  if (parts.length === 0) return LINES[state];
  if (parts.length === 1 && parts[0]?.[1] === quantity) {
    return LINES[parts[0][0] as OrderLineState];
  }
  const order = Object.keys(LINES);
  return parts
    .sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
    .map(([name, count]) => `${count} ${LINES[name as OrderLineState].toLowerCase()}`)
    .join(", ");
}

/** The way of an order, as far as it is; a failed or cancelled one has none. */
export const MILESTONES = ["Placed", "Being prepared", "On its way", "Delivered"] as const;

/** How many milestones are behind. */
export function milestonesOf(status: OrderStatus): number {
  const reached: Readonly<Partial<Record<OrderStatus, number>>> = {
    ...{ placed: 1, in_fulfilment: 2, partly_shipped: 3, shipped: 3, delivered: 4 },
  };
  return reached[status] ?? 0;
}

const PAYMENT: Readonly<Record<string, string>> = {
  opened: "Payment asked for",
  authorised: "Payment promised",
  declined: "Payment declined, nothing charged",
  voided: "Payment released, nothing charged",
  failed: "Payment is being looked at",
  partly_captured: "Partly paid",
  captured: "Paid",
  partly_refunded: "Paid, a part given back",
  refunded: "Paid, and given back",
  charged_back: "Taken back through your bank",
};

export function paymentText(state: string): string {
  return PAYMENT[state] ?? state;
}

const SHIPMENT: Readonly<Record<string, string>> = {
  label: "Packed, waiting for the carrier",
  picked_up: "With the carrier",
  in_transit: "On the way",
  out_for_delivery: "In delivery today",
  exception: "Held up; the carrier is looking into it",
  delivered: "Delivered",
  returned_to_sender: "Could not be delivered and goes back",
};

export function shipmentText(status: string): string {
  return SHIPMENT[status] ?? status;
}

/** A carrier's code name as a name. */
export function carrierText(carrier: string): string {
  return carrier.charAt(0).toUpperCase() + carrier.slice(1);
}

const CHOICES: Readonly<Record<Choice, { label: string; text: string }>> = {
  wait: { label: "Wait for it", text: "It is sent as soon as our supplier has it again." },
  replace: {
    label: "Get it from elsewhere",
    text: "The same article from another of our suppliers, at the price you paid.",
  },
  cancel: { label: "Cancel it, money back", text: "You get back what you paid for it, at once." },
};

export function choiceWords(choice: Choice): { label: string; text: string } {
  return CHOICES[choice];
}

const UNSHIPPED: ReadonlySet<string> = new Set([
  ...["held", "promised", "ordered", "confirmed", "in_question", "waiting"],
]);

function unitsIn(line: OrderLine, states: ReadonlySet<string>): number {
  const counted = Object.entries(line.units).filter(([state]) => states.has(state));
  const sum = counted.reduce((all, [, count]) => all + (count ?? 0), 0);
  if (Object.keys(line.units).length === 0 && states.has(line.state)) return line.quantity;
  return sum;
}

/** Whether there is something left that can be cancelled. */
export function canCancel(order: OrderDocument): boolean {
  if (["failed", "cancelled", "delivered"].includes(order.status)) return false;
  return order.lines.some((line) => unitsIn(line, UNSHIPPED) > 0);
}

/** Units of each line that arrived and are not on their way back already. */
export function returnable(
  order: OrderDocument,
  returns: readonly ReturnDocument[] = [],
): readonly { line: OrderLine; units: number }[] {
  const onTheWay = (sku: string): number =>
    returns
      .filter(({ status }) => status !== "closed")
      .flatMap(({ lines }) => lines.filter((line) => line.sku === sku))
      .reduce((sum, { announced, received }) => sum + announced - received, 0);
  return order.lines
    .map((line) => ({
      line,
      units: unitsIn(line, new Set(["delivered"])) - onTheWay(line.sku),
    }))
    .filter(({ units }) => units > 0);
}

const RETURNS: Readonly<Record<ReturnDocument["status"], string>> = {
  announced: "Announced; the money follows when it has arrived",
  partly_received: "A part of it has arrived",
  received: "It has arrived, and the money is on its way to you",
  closed: "Closed",
};

/** How a return stands. */
export function returnText({ status }: Pick<ReturnDocument, "status">): string {
  return RETURNS[status];
}

/** Why the shop did not do what was asked of an order. */
export function orderRefusal(error: Error): string {
  if (error instanceof UnknownOutcome) {
    return "No answer came. This page shows what the shop has confirmed; please try again.";
  }
  if (!(error instanceof ShopwireError)) return error.message;
  switch (error.code) {
    case CODES.ConflictSettled:
      return "This was settled already, in another window or by us. This page shows how.";
    case CODES.OrderState:
      return "The order has moved on meanwhile, so this cannot be done any more.";
    case CODES.StockShort:
      return "Someone was faster: no other supplier has it any more. Waiting or your money back is still possible.";
    case CODES.ReturnState:
      return "These articles cannot be sent back, or are on their way back already.";
    default:
      return `${error.message} ${error.remedy}`.trim();
  }
}
