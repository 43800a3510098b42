/** What the pages about prices read and send. */

import type { CommandBodies } from "@shopwire/client";

type Rules = CommandBodies["pricing.put_rules"]["rules"];
export type PriceRules = Required<Rules>;
export type PriceRule = Required<PriceRules["rules"][number]> & { when: When };
export type When = Required<NonNullable<PriceRules["rules"][number]["when"]>>;
export type Markup = Required<PriceRules["markups"][number]>;
export type PromotionBody = CommandBodies["pricing.put_promotion"];

export interface RulesRead {
  readonly version: number;
  readonly rules: PriceRules;
  readonly undo_to: number | null;
}

export interface Version {
  readonly version: number;
  readonly returns_to: number | null;
  readonly by: string;
  readonly at_ms: number;
  readonly rules: PriceRules;
}

export interface Sum {
  readonly revenue_minor: number;
  readonly margin_minor: number;
}

export interface Part {
  readonly category: string;
  readonly skus: number;
  readonly changed: number;
  readonly before: Sum;
  readonly after: Sum;
}

export interface Move {
  readonly sku: string;
  readonly before_minor: number;
  readonly after_minor: number;
  readonly change_bp: number;
  readonly rule: string | null;
}

export interface Bar {
  readonly from_bp: number | null;
  readonly below_bp: number | null;
  readonly skus: number;
}

export interface Preview {
  readonly rules_version: number;
  readonly currency: string;
  readonly currency_after: string;
  readonly skus: number;
  readonly changed: number;
  readonly up: number;
  readonly down: number;
  readonly gained: number;
  readonly lost: number;
  readonly total: Part;
  readonly categories: readonly Part[];
  readonly histogram: readonly Bar[];
  readonly largest_up: readonly Move[];
  readonly largest_down: readonly Move[];
  readonly floored: readonly { sku: string; floor: string; after_minor: number }[];
  readonly floored_count: number;
  readonly rules_used: Readonly<Record<string, number>>;
  readonly took_ms: number;
}

export interface Promotion {
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly category: string | null;
  readonly skus_named: number;
  readonly kind: "percent" | "amount" | "fixed";
  readonly value: number;
  readonly currency: string;
  readonly starts_at_ms: number;
  readonly ends_at_ms: number;
  readonly quota: number | null;
  readonly ended: boolean;
  readonly skus_count: number | null;
  readonly taken: number | null;
  readonly running: number;
  readonly sold_out: number;
}

export interface Step {
  readonly kind: string;
  readonly amount_minor: number;
  readonly name?: string;
  readonly factor_bp?: number;
  readonly add_minor?: number;
  readonly rate?: string;
  readonly currency?: string;
  readonly because?: readonly string[];
  readonly held?: boolean;
}

export interface Why {
  readonly sku: string;
  readonly amount_minor: number | null;
  readonly currency: string;
  readonly reason: string;
  readonly margin_minor: number | null;
  readonly steps: readonly Step[];
}

export interface Rate {
  readonly base: string;
  readonly quote: string;
  readonly rate: string;
  readonly valid_from_ms: number;
}

export interface RatesRead {
  readonly rates: readonly Rate[];
  readonly coming: readonly Rate[];
  /** Currencies that lack a rate, and how many articles have no price because of it. */
  readonly wanted: readonly { readonly currency: string; readonly skus: number }[];
}
