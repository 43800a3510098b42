/** Documents about which supplier sends what, why, and how suppliers keep their word. For operators. */

/** Units of one SKU that one supplier is to send; amounts are those of one unit. */
export interface RoutePick {
  sku: string;
  supplier: string;
  quantity: number;
  cost_minor: number;
  lead_time_days?: number | null;
  /** What its lead time weighs. */
  lead_minor?: number;
  /** What the supplier's score weighs. */
  score_minor?: number;
  /** What the doubt about its count weighs. */
  doubt_minor?: number;
  /** What rules that prefer it take off. */
  bonus_minor?: number;
}

export interface RouteParcel {
  supplier: string;
  units: number;
  shipping_minor: number;
  handling_minor?: number;
  /** From 0 to 1000; 1000 where it is absent. */
  score?: number;
}

export interface RouteSums {
  cost_minor: number;
  shipping_minor: number;
  weights_minor: number;
  /** The least total decides. */
  total_minor: number;
  revenue_minor: number;
  fee_minor: number;
  profit_minor: number;
}

export interface RouteAlternative {
  /** The best without this supplier, or with only this one. */
  kind: "without" | "only";
  supplier: string;
  picks: RoutePick[];
  sums: RouteSums;
}

export interface RouteLeftOut {
  sku: string;
  supplier: string;
  why: "no_offer" | "no_stock" | "paused" | "currency" | "region" | "rule";
  rule: string;
}

export interface RouteReview {
  why: "rule" | "excluded" | "unroutable";
  rule: string;
  skus: string[];
}

export interface RouteChoice {
  picks: RoutePick[];
  parcels: RouteParcel[];
  sums: RouteSums;
  /** No assignment has a lower total. */
  bound_minor: number;
  alternatives?: RouteAlternative[];
  left_out?: RouteLeftOut[];
  /** SKUs that come from whoever has some. */
  unrouted?: string[];
  reviews?: RouteReview[];
  next_best?: [string, string][];
  rules_version?: number;
}

export interface RouteMove {
  conflict_id: string;
  sku: string;
  supplier: string;
  /** `refused`, `late`, `overpromised`, `review`. */
  why: string;
  quantity: number;
  picks: RoutePick[];
  shipping_minor: number;
  paid_minor: number;
  loss_minor: number;
  at_ms: number;
}

export interface RouteLeft {
  conflict_id: string;
  sku: string;
  supplier: string;
  /** `nobody`, `loss`, `off`. */
  why: string;
  loss_minor: number;
  at_ms: number;
}

/** Who sends what of an order, why, and what became of it. */
export interface RouteDocument {
  order_id: string;
  state: "chosen" | "waiting" | "released";
  currency: string;
  choice: RouteChoice;
  /** Who really sends what, once the units are sold. */
  shares: { sku: string; supplier: string; quantity: number }[];
  moves: RouteMove[];
  left: RouteLeft[];
  chosen_at_ms: number;
  released_at_ms: number | null;
  note: string;
}

export interface RoutingRule {
  name: string;
  action: "prefer" | "exclude" | "review";
  suppliers: string[];
  skus: string[];
  categories: string[];
  countries: string[];
  value_from_minor: number | null;
  value_to_minor: number | null;
  margin_below_minor: number | null;
  bonus_minor: number;
}

export interface RoutingRules {
  lead_day_minor: number;
  unknown_lead_days: number;
  split_minor: number;
  score_bp: number;
  doubt_bp: number;
  parcel_minor: number;
  unit_minor: number;
  fee_bp: number;
  fee_minor: number;
  reroute: ("refused" | "late" | "overpromised")[];
  reroute_loss_minor_max: number;
  rules: RoutingRule[];
}

/** How suppliers are weighed. */
export interface RoutingDocument {
  rules: RoutingRules;
}

/** What sending with a supplier costs, and where it sends to. */
export interface TermsDocument {
  supplier: string;
  currency: string;
  parcel_minor: number;
  unit_minor: number;
  handling_minor: number;
  /** Empty for everywhere. */
  countries: string[];
}

/** How well a supplier keeps its word; shares and the score are from 0 to 1000. */
export interface ScoreDocument {
  supplier: string;
  score: number;
  acknowledged: number;
  shipped: number;
  accepted: number;
  kept: number;
  honest: number;
  answers: number;
  answer_ms: number | null;
  parcels: number;
  parcel_ms: number | null;
  units: number;
  refused: number;
  withdrawn: number;
  sold: number;
  short: number;
  at_ms: number;
}
