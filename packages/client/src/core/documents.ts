/** What the documents of each kind of topic look like. One name everywhere: server, wire, screen. */

import type {
  FeedProfileDocument,
  MatchDocument,
  MatchesDocument,
  MatchLinkDocument,
  MatchPolicyDocument,
} from "./matches.ts";
import type { RouteDocument, RoutingDocument, ScoreDocument, TermsDocument } from "./routing.ts";
import type { SourceDocument, SupplyDocument } from "./sources.ts";
import type {
  BundleDocument,
  CartDocument,
  ChannelDocument,
  ConflictDocument,
  InvoiceDocument,
  MessageDocument,
  OrderDocument,
  OrderStatus,
  PaymentDocument,
  PurchaseOrderDocument,
  ReturnDocument,
  ShipmentDocument,
} from "./trade.ts";

export type * from "./matches.ts";
export type * from "./routing.ts";
export type * from "./sources.ts";
export type * from "./trade.ts";

export interface ProductOption {
  name: string;
  values: string[];
}

export interface ProductVariant {
  sku: string;
  title: string;
  options: Record<string, string>;
  gtin: string | null;
  /** The maker's own number, where a supplier told it. */
  mpn?: string;
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
  /** Units that can be sold beyond those, to be sent later; none where it is not said. */
  backorder?: number;
  preorder_until_ms?: number;
  /** What it is made of, where it is a set. */
  parts?: { sku: string; quantity: number }[];
}

/** A list price in minor units of its currency. */
export interface PriceDocument {
  sku: string;
  amount_minor: number;
  currency: string;
  compare_at_minor: number | null;
  /** There while the price is a promotion's; without it the price is what `compare_at_minor` says. */
  sale?: {
    ends_at_ms: number;
    /** Units that are left at this price; null where there are as many as there is stock. */
    quota_left: number | null;
  };
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
  /** What the supplier calls it; null: as the shop does. Older documents have none. */
  supplier_sku?: string | null;
}

/** What a held feed would do: the limits that it is over, and the worst examples. */
export interface ImportHold {
  reasons: {
    rule: "zeroed" | "price_moved" | "shrunk";
    /** SKUs, of so many. */
    count: number;
    of: number;
    limit_percent: number;
  }[];
  products: number;
  offers: number;
  counts: number;
  discontinued: number;
  examples: {
    sku: string;
    field: "stock" | "cost" | "missing";
    before: number;
    now: number;
    /** Blank for units. */
    currency: string;
  }[];
  /** Whether the feed itself is kept, so that it can be approved. */
  kept: boolean;
}

/** A run of an import, also while it goes on; rows = changed + unchanged + quarantined. */
export interface ImportDocument {
  id: string;
  supplier: string;
  profile: string;
  source: string;
  status:
    | "running"
    | "held"
    | "rejected"
    | "finished"
    | "failed"
    | "interrupted"
    | "undoing"
    | "undone";
  /** What a full feed does not name is discontinued. */
  kind: "full" | "partial";
  rows: number;
  changed: number;
  unchanged: number;
  quarantined: number;
  mended: number;
  dropped: number;
  discontinued: number;
  /** Products of which it changed something. */
  altered: number;
  /** What an undo put back, and what it left since something newer had changed it. */
  restored: number;
  stayed: number;
  hold: ImportHold | null;
  decided_by: string;
  notes: string[];
  started_at_ms: number;
  finished_at_ms: number | null;
  error: string | null;
  /** Until when it can be undone and its rows mended; null where it cannot. */
  undo_until_ms?: number | null;
  /** Whether the file is kept: of a held feed, or of one whose approval was cut off. */
  kept?: boolean;
}

/** From where on a supplier's feeds are held for a person. */
export interface FeedLimitsDocument {
  supplier: string;
  zeroed_percent: number;
  price_moved_percent: number;
  price_move_percent: number;
  shrunk_percent: number;
  skus_min: number;
  price_factor: number;
}

/** Ids of the latest runs, newest first. */
export interface ImportsDocument {
  runs: string[];
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

/** All orders at a glance: the document of the topic `ops:orders`. */
export interface OrdersDocument {
  /** Orders that were placed in the last minute. */
  per_minute: number;
  open_conflicts: number;
  /** The orders that changed last, the latest first. */
  recent: { id: string; number: string; status: OrderStatus }[];
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
  feed_limits: FeedLimitsDocument;
  source: SourceDocument;
  supply: SupplyDocument;
  feed_profile: FeedProfileDocument;
  match: MatchDocument;
  matches: MatchesDocument;
  match_link: MatchLinkDocument;
  match_policy: MatchPolicyDocument;
  cart: CartDocument;
  order: OrderDocument;
  payment: PaymentDocument;
  purchase_order: PurchaseOrderDocument;
  shipment: ShipmentDocument;
  return: ReturnDocument;
  conflict: ConflictDocument;
  channel: ChannelDocument;
  bundle: BundleDocument;
  invoice: InvoiceDocument;
  message: MessageDocument;
  route: RouteDocument;
  routing: RoutingDocument;
  terms: TermsDocument;
  score: ScoreDocument;
  ops: PulseDocument;
}

export type Kind = keyof Documents;

/** A topic's name: its kind, a colon, the entity's id. */
export type Topic<K extends Kind = Kind> = `${K}:${string}`;

/** The document of a topic whose kind is known; otherwise any object. */
export type DocumentOf<T extends string> = T extends "ops:orders"
  ? OrdersDocument
  : T extends `${infer K}:${string}`
    ? K extends Kind
      ? Documents[K]
      : Record<string, unknown>
    : Record<string, unknown>;
