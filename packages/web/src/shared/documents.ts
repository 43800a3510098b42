/** What lists and reports over HTTP look like; the live documents themselves are the client's. */

import type {
  CategoryDocument,
  ConflictDocument,
  ImportDocument,
  OfferDocument,
  OrderDocument,
  PriceDocument,
  ProductDocument,
  PulseDocument,
  StockDocument,
  SupplierDocument,
} from "@shopwire/client";

export type Category = CategoryDocument;
export type ImportRun = ImportDocument;
export type Price = PriceDocument;
export type Product = ProductDocument;
export type Pulse = PulseDocument;
export type Stock = StockDocument;
export type Variant = ProductDocument["variants"][number];

/** A topic's document at a version, committed at `at`. */
export interface Entry<T> {
  readonly topic: string;
  readonly v: number;
  readonly doc: T;
  readonly at: number;
}

/** A product in a list: its own document, and those of its variants' prices and stocks. */
export interface Item extends Entry<Product> {
  readonly prices: readonly Entry<Price | null>[];
  readonly stocks: readonly Entry<Stock>[];
}

export interface Page {
  readonly items: readonly Item[];
  readonly next: string | null;
  readonly total: number;
}

export interface Supplier extends SupplierDocument {
  readonly offers: number;
}

export type Offer = Omit<OfferDocument, "sku">;

/** A row of a feed that could not be used. */
export interface BadRow {
  readonly seq: number;
  readonly line: number;
  readonly column: string;
  readonly code: string;
  readonly reason: string;
  readonly remedy: string;
  readonly raw: string;
  /** Its cells by column; none where it came apart into none, or they are too long. */
  readonly cells?: Readonly<Record<string, string>>;
  /** What became of it; null where it waits. */
  readonly outcome?: "mended" | "dropped" | null;
  readonly settled_by?: string | null;
}

/** One SKU at one supplier; sellable = reported - reserved - sold - withheld - buffer - kept_back, at least 0. */
export interface Pool {
  readonly supplier: string;
  readonly reported: number;
  readonly reserved: number;
  readonly sold: number;
  /** Promised beyond the count, as whoever bought it was told. */
  readonly backorder: number;
  /** Promised beyond the count, against the promise. */
  readonly shortfall: number;
  /** Refused by the supplier, whose count still contains them. */
  readonly withheld: number;
  readonly as_of_ms: number | null;
  readonly sequence: number | null;
  readonly doubtful: boolean;
  readonly buffer: number;
  /** Not offered while the supplier's word is too old. */
  readonly kept_back?: number;
  readonly sellable: number;
}

export type LedgerKind =
  | "report"
  | "sale"
  | "hold"
  | "post"
  | "void"
  | "expire"
  | "book"
  | "release";

/** One movement of a pool, with the balances after it. */
export interface LedgerLine {
  readonly supplier: string;
  readonly seq: number;
  readonly kind: LedgerKind;
  readonly reported_delta: number;
  readonly reserved_delta: number;
  readonly sold_delta: number;
  readonly backorder_delta: number;
  readonly shortfall_delta: number;
  readonly reported: number;
  readonly reserved: number;
  readonly sold: number;
  readonly backorder: number;
  readonly shortfall: number;
  readonly reference: string;
  readonly command_id: string;
  readonly at_ms: number;
}

/** Units that wait for their payment. */
export interface StockHold {
  readonly hold: string;
  readonly reference: string;
  readonly supplier: string;
  readonly quantity: number;
  readonly backordered: number;
  readonly held_at_ms: number;
  readonly expires_at_ms: number;
}

/** Units sold that are not in the supplier's count yet, or refused ones that still are. */
export interface OpenSale {
  readonly reference: string;
  readonly supplier: string;
  readonly quantity: number;
  readonly backordered: number;
  readonly sold_at_ms: number;
  readonly answer: "none" | "booked" | "rest";
  readonly marked_at_ms: number | null;
  readonly marked_sequence: number | null;
  readonly state: "open" | "refused";
  readonly reason: string | null;
}

export interface Ledger {
  readonly sku: string;
  readonly pools: readonly Pool[];
  readonly holds: readonly StockHold[];
  readonly open_sales: readonly OpenSale[];
  readonly lines: readonly LedgerLine[];
  readonly next: string | null;
}

/** A page of a list whose items are documents at versions. */
export interface EntryPage<E> {
  readonly items: readonly E[];
  readonly next: string | null;
}

export type OrderEntry = Entry<OrderDocument>;

/** A conflict, with the stock of now and what other suppliers offer. */
export interface ConflictEntry extends Entry<ConflictDocument> {
  readonly stock: Stock | null;
  readonly offers: readonly OfferDocument[];
}

/** A line of a payment's ledger: the same amount from one account to another. */
export interface Posting {
  readonly seq: number;
  readonly posting: string;
  readonly debit: string;
  readonly credit: string;
  readonly amount_minor: number;
  readonly currency: string;
  readonly command_id: string;
  readonly at_ms: number;
}

/** A payment with everything that explains its amounts. */
export interface PaymentStory {
  readonly payment: {
    readonly provider: string;
    readonly reference: string;
    readonly opened_at_ms: number;
  };
  readonly movements: readonly {
    readonly kind: string;
    readonly id: string;
    readonly amount_minor: number;
    readonly state: string;
    readonly reference: string;
    readonly reason: string;
    readonly asked_at_ms: number;
    readonly settled_at_ms: number | null;
  }[];
  readonly ledger: readonly Posting[];
  readonly balances: readonly {
    readonly account: string;
    readonly currency: string;
    readonly balance_minor: number;
  }[];
  readonly webhooks: readonly {
    readonly id: string;
    readonly name: string;
    readonly outcome: string;
    readonly received_at_ms: number;
  }[];
}
