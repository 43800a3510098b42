/** What lists and reports over HTTP look like; the live documents themselves are the client's. */

import type {
  CategoryDocument,
  ImportDocument,
  OfferDocument,
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
}

/** One SKU at one supplier; sellable = reported - reserved - sold - buffer, at least 0. */
export interface Pool {
  readonly supplier: string;
  readonly reported: number;
  readonly reserved: number;
  readonly sold: number;
  readonly shortfall: number;
  readonly as_of_ms: number | null;
  readonly doubtful: boolean;
  readonly buffer: number;
  readonly sellable: number;
}

/** One movement of a pool, with the balances after it. */
export interface LedgerLine {
  readonly supplier: string;
  readonly seq: number;
  readonly kind: "report" | "sale";
  readonly reported_delta: number;
  readonly reserved_delta: number;
  readonly sold_delta: number;
  readonly shortfall_delta: number;
  readonly reported: number;
  readonly reserved: number;
  readonly sold: number;
  readonly shortfall: number;
  readonly reference: string;
  readonly command_id: string;
  readonly at_ms: number;
}

export interface Ledger {
  readonly sku: string;
  readonly pools: readonly Pool[];
  readonly lines: readonly LedgerLine[];
  readonly next: string | null;
}
