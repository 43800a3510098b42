/** Documents of what was bought: from the cart to what comes back. */

/** An article in a cart, at the price that the shopper has accepted. */
export interface CartLine {
  sku: string;
  quantity: number;
  accepted_minor: number;
  currency: string;
}

/** A cart; its id is the right to see it. */
export interface CartDocument {
  id: string;
  lines: CartLine[];
  status: "open" | "checking_out" | "ordered";
  /** The order that is being made of it, or was. */
  order_id: string | null;
  /** Number of the next checkout, or of the one that goes on; the order's id ends with it. */
  attempt: number;
}

export type OrderStatus =
  | "checking_out"
  | "placed"
  | "in_fulfilment"
  | "partly_shipped"
  | "shipped"
  | "delivered"
  | "failed"
  | "cancelled";

export type OrderLineState =
  | "held"
  | "promised"
  | "ordered"
  | "confirmed"
  | "in_question"
  | "waiting"
  | "cancelling"
  | "shipped"
  | "delivered"
  | "cancelled"
  | "returned";

/** What can be chosen where units are in question. */
export type Choice = "wait" | "cancel" | "replace";

export interface OrderLine {
  sku: string;
  title: string;
  quantity: number;
  price_minor: number;
  /** That of the units which are furthest behind. */
  state: OrderLineState;
  /** How many are in which state. */
  units: Partial<Record<OrderLineState, number>>;
  /** The conflict that waits for a choice. */
  conflict: string | null;
  /** Whose units it is about: the line's, or a part of the set. */
  conflict_sku: string | null;
  choices: Choice[];
}

/** An order as whoever made it sees it; names no person and no place. */
export interface OrderDocument {
  id: string;
  /** A short text for people. */
  number: string;
  status: OrderStatus;
  lines: OrderLine[];
  /** All SKUs whose stock it took, for the commands that ask for them. */
  skus: string[];
  currency: string;
  total_minor: number;
  refunded_minor: number;
  /** The payment's state in a word. */
  payment: string;
  shipments: { id: string; carrier: string; tracking: string; status: string }[];
  started_at_ms: number;
  placed_at_ms: number | null;
  /** Until when the payment may take while it is being checked out, on the server's clock. */
  expires_at_ms: number | null;
  /** Why it failed or was cancelled, as a code word. */
  reason: string | null;
}

/** Units that were promised and a supplier does not have, as operators see it. */
export interface ConflictDocument {
  id: string;
  order_id: string;
  /** The order's, for people. */
  number: string;
  /** SKU of the order's line. */
  line: string;
  title: string;
  /** Whose units are short: the line's, or that of a part of the set. */
  sku: string;
  supplier: string;
  quantity: number;
  reason: "overpromised" | "refused" | "late" | "moved";
  status: "open" | "settled" | "lifted";
  choices: Choice[];
  choice: string | null;
  by: string | null;
  opened_at_ms: number;
  settled_at_ms: number | null;
}

export type PaymentState =
  | "opened"
  | "authorised"
  | "declined"
  | "voided"
  | "failed"
  | "partly_captured"
  | "captured"
  | "partly_refunded"
  | "refunded"
  | "charged_back";

/** A capture, void, refund or chargeback. */
export interface Movement {
  id: string;
  kind: "capture" | "void" | "refund" | "chargeback";
  amount_minor: number;
  state: "requested" | "done" | "failed" | "dropped" | "reversed";
  reason: string;
}

/** A payment as operators see it. */
export interface PaymentDocument {
  order_id: string;
  state: PaymentState;
  provider: string;
  currency: string;
  amount_minor: number;
  authorised_minor: number;
  /** Asked for and not answered yet. */
  capturing_minor: number;
  captured_minor: number;
  /** Promised, and given back without being taken. */
  released_minor: number;
  refunding_minor: number;
  refunded_minor: number;
  charged_back_minor: number;
  /** The promise is being given back, or will be as soon as it comes. */
  voiding: boolean;
  /** Code word of the last decline or failure; empty once it is overcome. */
  reason: string;
  movements: Movement[];
}

export type PurchaseOrderStatus =
  | "planned"
  | "sending"
  | "timed_out"
  | "sent"
  | "acknowledged"
  | "partly_shipped"
  | "shipped"
  | "delivered"
  | "refused"
  | "cancelling"
  | "cancelled";

export interface PurchaseOrderLine {
  sku: string;
  ordered: number;
  accepted: number;
  refused: number;
  cancelling: number;
  cancelled: number;
  shipped: number;
  delivered: number;
  cost_minor: number | null;
  cost_currency: string | null;
  /** What the supplier calls it; null: as the shop does. Older documents have none. */
  supplier_sku?: string | null;
}

/** What one supplier is to send of an order, as operators see it. */
export interface PurchaseOrderDocument {
  id: string;
  order_id: string;
  supplier: string;
  status: PurchaseOrderStatus;
  answer: "accepted" | "partial" | "refused" | null;
  /** What the supplier owes for longer than it may. */
  late: "acknowledgement" | "shipment" | null;
  supplier_reference: string | null;
  lines: PurchaseOrderLine[];
  reason: string;
  planned_at_ms: number;
  due_at_ms: number | null;
}

export type TrackingStatus =
  | "label"
  | "picked_up"
  | "in_transit"
  | "out_for_delivery"
  | "exception"
  | "delivered"
  | "returned_to_sender";

/** A parcel. */
export interface ShipmentDocument {
  id: string;
  order_id: string;
  carrier: string;
  tracking: string;
  status: TrackingStatus;
  lines: { sku: string; quantity: number }[];
  shipped_at_ms: number;
  delivered_at_ms: number | null;
  /** What the carrier saw, the latest first. */
  history: { status: TrackingStatus; at_ms: number }[];
}

export type ReturnReason =
  | "unwanted"
  | "damaged"
  | "wrong_item"
  | "late"
  | "undeliverable"
  | "other";

/** Units that a shopper sends back. */
export interface ReturnDocument {
  id: string;
  order_id: string;
  status: "announced" | "partly_received" | "received" | "closed";
  reason: ReturnReason;
  lines: { sku: string; announced: number; received: number }[];
  value_minor: number;
  /** What is refunded for the units that arrived. */
  refund_minor: number;
  currency: string;
  opened_at_ms: number;
}

/** How a supplier is reached; `type` says which fields there are. */
export interface Way {
  type: "fetch" | "simulator" | "api" | "webhook" | "x12" | "email";
  url?: string;
  place?: string;
  to?: string[];
}

/** A supplier's way, for operators. */
export interface ChannelDocument {
  supplier: string;
  way: Way;
  gather_ms: number;
  orders_max: number;
  /** Why its folder cannot be read; empty where it can. */
  inbox_trouble: string;
}

/** Purchase orders that leave, or left, together. */
export interface BundleDocument {
  id: string;
  supplier: string;
  control: number;
  kind: string;
  /** `releasing`: it may have left. `doubtful`: nobody can know; a person says. */
  state: "staging" | "releasing" | "left" | "doubtful" | "void";
  orders: string[];
  trouble: string;
  tries: number;
  begun_at_ms: number;
  due_at_ms: number;
  left_at_ms: number | null;
  receipt: "none" | "accepted" | "partly" | "rejected";
}

/** A place at which a bill is not what was ordered. */
export interface Difference {
  what: "quantity" | "price" | "unknown_sku" | "total" | "currency" | "order" | "no_cost";
  sku: string;
  billed: string;
  expected: string;
}

/** A supplier's bill beside what was ordered. */
export interface InvoiceDocument {
  id: string;
  supplier: string;
  number: string;
  purchase_order: string;
  state: "matched" | "differs" | "accepted" | "disputed";
  currency: string;
  total_minor: number;
  expected_minor: number | null;
  differences: Difference[];
  note: string;
  received_at_ms: number;
}

/** What a supplier sent and could not be used. */
export interface MessageDocument {
  id: string;
  supplier: string;
  name: string;
  state: "open" | "reading" | "applied" | "dismissed";
  reason: string;
  received_at_ms: number;
  tries: number;
}
