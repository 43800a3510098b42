/** What the documents of each kind of topic look like. One name everywhere: server, wire, screen. */

export interface ProductOption {
  name: string;
  values: string[];
}

export interface ProductVariant {
  sku: string;
  title: string;
  options: Record<string, string>;
  gtin: string | null;
}

export interface ProductImage {
  url: string;
  alt: string;
}

/** A product; price and stock are documents of their own, one a SKU. */
export interface ProductDocument {
  id: string;
  title: string;
  description: string;
  brand: string;
  status: "active" | "draft" | "archived";
  categories: string[];
  tags: string[];
  options: ProductOption[];
  variants: ProductVariant[];
  images: ProductImage[];
}

/** A category; `revision` grows when a list of its products should be asked for again. */
export interface CategoryDocument {
  slug: string;
  name: string;
  parent: string | null;
  products: number;
  revision: number;
}

/** Units that can be sold now, over all suppliers. */
export interface StockDocument {
  sku: string;
  available: number;
  status: "in_stock" | "low" | "out" | "backorder" | "preorder";
  /** Units that can be sold beyond those, to be delivered later; none where it is not said. */
  backorder?: number;
}

/** A list price in minor units of its currency. */
export interface PriceDocument {
  sku: string;
  amount_minor: number;
  currency: string;
  compare_at_minor: number | null;
}

export interface SupplierDocument {
  id: string;
  name: string;
  status: "active" | "paused";
}

export interface OfferDocument {
  sku: string;
  supplier: string;
  cost_minor: number;
  currency: string;
  lead_time_days: number | null;
  order_min: number;
  order_max: number | null;
  map_minor: number | null;
  msrp_minor: number | null;
  active: boolean;
}

/** A run of an import, also while it goes on; rows = changed + unchanged + quarantined. */
export interface ImportDocument {
  id: string;
  supplier: string;
  profile: string;
  source: string;
  status: "running" | "finished" | "failed";
  rows: number;
  changed: number;
  unchanged: number;
  quarantined: number;
  notes: string[];
  started_at_ms: number;
  finished_at_ms: number | null;
  error: string | null;
}

/** Ids of the latest runs, newest first. */
export interface ImportsDocument {
  runs: string[];
}

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
  /** Checkouts begun so far. */
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
  | "shipped"
  | "delivered"
  | "cancelled"
  | "returned";

export interface OrderLine {
  sku: string;
  title: string;
  quantity: number;
  price_minor: number;
  state: OrderLineState;
  /** What the shopper can choose where a line is in question. */
  choices: string[];
}

/** An order as whoever made it sees it; names no person and no place. */
export interface OrderDocument {
  id: string;
  /** A short text for people. */
  number: string;
  status: OrderStatus;
  lines: OrderLine[];
  currency: string;
  total_minor: number;
  refunded_minor: number;
  /** The payment's state in a word. */
  payment: string;
  shipments: { id: string; carrier: string; tracking: string; status: string }[];
  placed_at_ms: number | null;
  /** Until when the units are kept while it is being paid for, on the server's clock. */
  expires_at_ms: number | null;
  /** Why it failed or was cancelled, as a code word. */
  reason: string | null;
}

/** How the server is doing, every second. */
export interface PulseDocument {
  events_per_s: number;
  commands_per_s: number;
  refused_per_s: number;
  log_head: number;
  hub_lag_ms: number;
  screens: number;
  frames_per_s: number;
  topics: number;
  queue: number;
  database: "up" | "down";
  now_ms: number;
}

/** Kind of topic to its document. */
export interface Documents {
  product: ProductDocument;
  category: CategoryDocument;
  stock: StockDocument;
  price: PriceDocument;
  supplier: SupplierDocument;
  offer: OfferDocument;
  import: ImportDocument;
  imports: ImportsDocument;
  cart: CartDocument;
  order: OrderDocument;
  ops: PulseDocument;
}

export type Kind = keyof Documents;

/** A topic's name: its kind, a colon, the entity's id. */
export type Topic<K extends Kind = Kind> = `${K}:${string}`;

/** The document of a topic whose kind is known; otherwise any object. */
export type DocumentOf<T extends string> = T extends `${infer K}:${string}`
  ? K extends Kind
    ? Documents[K]
    : Record<string, unknown>
  : Record<string, unknown>;
