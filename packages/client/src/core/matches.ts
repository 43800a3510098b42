/** Documents about which of the shop's SKUs suppliers' are. For operators. */

/** An article of the shop that a row may be, and what speaks for it. */
export interface MatchCandidate {
  sku: string;
  /** `sku`, `gtin`, `mpn`, `title`, `handle`, `link`. */
  because: string[];
}

export type MatchStatus = "waiting" | "linked" | "made" | "ignored" | "settled";

/** A row of a feed that waits, or waited, for a person; its id is `{supplier}/{supplier_sku}`. */
export interface MatchDocument {
  supplier: string;
  supplier_sku: string;
  status: MatchStatus;
  run: string;
  line: number;
  reasons: string[];
  candidates: MatchCandidate[];
  title: string;
  variant: string;
  brand: string;
  gtin: string | null;
  mpn: string;
  image: string;
  cost_minor: number | null;
  currency: string;
  quantity: number | null;
  /** A SKU and a product's id that are free, should it become an article of its own. */
  new_sku: string;
  new_product: string;
  /** What it was found to be; blank while it waits. */
  sku: string;
  decided_by: string;
  waits_since_ms: number;
}

/** How many rows wait, by supplier: the document of the topic `matches:queue`. */
export interface MatchesDocument {
  waiting: Record<string, number>;
}

/** How a supplier's SKUs become the shop's. */
export interface MatchPolicyDocument {
  supplier: string;
  mode: "own_skus" | "match";
  unknown: "make" | "review";
  titles: boolean;
}

/** A saved mapping, in TOML. */
export interface FeedProfileDocument {
  name: string;
  mapping: string;
  removed: boolean;
}

/** What is remembered of a supplier's SKU. */
export interface MatchLinkDocument {
  supplier: string;
  supplier_sku: string;
  state: "linked" | "ignored" | "forgotten";
  sku: string;
  how: string;
  by: string;
}
