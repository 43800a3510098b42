/** Price rules as a person types them, and as the command wants them. Numbers stay exact texts. */

import { decimalOf, exponentOf } from "../../shared/money.ts";
import type { Markup, PriceRule, PriceRules } from "./types.ts";

/** A row of the table: every cell is a text. */
export interface RuleDraft {
  /** Of this page alone, so that a row keeps its place on the screen. */
  key: number;
  name: string;
  categories: string;
  brands: string;
  suppliers: string;
  skus: string;
  costFrom: string;
  costBelow: string;
  times: string;
  plus: string;
  margin: string;
  ending: string;
  priority: string;
  /** What the table has no cell for, kept as it was. */
  kept: Partial<PriceRule>;
}

export interface MarkupDraft {
  key: number;
  costFrom: string;
  times: string;
  plus: string;
}

export interface Draft {
  currency: string;
  shipping: string;
  fee: string;
  feeShare: string;
  margin: string;
  ending: string;
  compareAt: string;
  keepMap: boolean;
  msrp: boolean;
  rules: RuleDraft[];
  markups: MarkupDraft[];
}

let keys = 0;
export const newKey = (): number => ++keys;

export const newRule = (): RuleDraft => ({
  key: newKey(),
  name: "",
  categories: "",
  brands: "",
  suppliers: "",
  skus: "",
  costFrom: "",
  costBelow: "",
  times: "2",
  plus: "",
  margin: "",
  ending: "",
  priority: "",
  kept: {},
});

export const newMarkup = (): MarkupDraft => ({ key: newKey(), costFrom: "", times: "2", plus: "" });

/** "1.5" or "1,5" as 15000 at 4 places; null for what is no such number. */
export function scaled(text: string, places: number): number | null {
  const found = /^(\d{1,12})(?:[.,](\d*))?$/.exec(text.trim());
  if (found === null) return null;
  const rest = found[2] ?? "";
  if (rest.length > places) return null;
  return Number(`${found[1]}${rest.padEnd(places, "0")}`);
}

/** 15000 at 4 places as "1.5". */
export function unscaled(value: number, places: number): string {
  const text = decimalOf(value, places);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Names between commas; a SKU or a brand may have blanks in it. */
export function namesOf(text: string): string[] {
  return text
    .split(/[,\n]+/)
    .map((one) => one.trim())
    .filter(Boolean);
}

const FACTOR_PLACES = 4;
const SHARE_PLACES = 2;

/** The rules as texts. */
export function draftOf(rules: PriceRules): Draft {
  const exponent = exponentOf(rules.currency);
  const amount = (minor: number | null): string =>
    minor === null ? "" : decimalOf(minor, exponent);
  const some = (minor: number): string => (minor === 0 ? "" : amount(minor));
  const share = (bp: number): string => unscaled(bp, SHARE_PLACES);
  return {
    currency: rules.currency,
    shipping: some(rules.shipping_minor),
    fee: some(rules.fee_minor),
    feeShare: rules.fee_bp === 0 ? "" : share(rules.fee_bp),
    margin: share(rules.margin_min_bp),
    ending: endingText(rules.ending_minor, exponent),
    compareAt: rules.compare_at_bp === null ? "" : unscaled(rules.compare_at_bp, FACTOR_PLACES),
    keepMap: rules.keep_map,
    msrp: rules.compare_at_msrp,
    rules: rules.rules.map((one) => ruleDraft(one as PriceRule, exponent)),
    markups: rules.markups.map((one) => ({
      key: newKey(),
      costFrom: amount(one.cost_from_minor ?? 0),
      times: unscaled(one.factor_bp ?? 10_000, FACTOR_PLACES),
      plus: some(one.add_minor ?? 0),
    })),
  };
}

function ruleDraft(rule: PriceRule, exponent: number): RuleDraft {
  const amount = (minor: number): string => (minor === 0 ? "" : decimalOf(minor, exponent));
  const { when } = rule;
  return {
    key: newKey(),
    name: rule.name,
    categories: when.categories.join(", "),
    brands: when.brands.join(", "),
    suppliers: when.suppliers.join(", "),
    skus: when.skus.join(", "),
    costFrom: amount(when.cost_from_minor),
    costBelow: when.cost_below_minor === null ? "" : decimalOf(when.cost_below_minor, exponent),
    times: unscaled(rule.factor_bp, FACTOR_PLACES),
    plus: amount(rule.add_minor),
    margin: rule.margin_min_bp === null ? "" : unscaled(rule.margin_min_bp, SHARE_PLACES),
    ending: rule.exact ? EXACT : endingText(rule.ending_minor, exponent),
    priority: rule.priority === 0 ? "" : String(rule.priority),
    kept: {
      shipping_minor: rule.shipping_minor,
      fee_minor: rule.fee_minor,
      fee_bp: rule.fee_bp,
      compare_at_bp: rule.compare_at_bp,
    },
  };
}

/** What is typed for "as it was computed". */
export const EXACT = "exact";

function endingText(minor: number | null, exponent: number): string {
  return minor === null ? "" : String(minor).padStart(exponent, "0");
}

/** A cell that cannot be used, by its row and its name. */
export class Fault extends Error {
  constructor(
    readonly row: number | null,
    readonly cell: string,
    message: string,
  ) {
    super(message);
  }
}

/** The rules that a draft means; throws a Fault that names the cell. */
export function rulesOf(draft: Draft): PriceRules {
  const exponent = exponentOf(draft.currency);
  const read = reader(null, exponent);
  return {
    currency: draft.currency,
    shipping_minor: read.amount("shipping", draft.shipping) ?? 0,
    fee_minor: read.amount("fee", draft.fee) ?? 0,
    fee_bp: read.share("feeShare", draft.feeShare) ?? 0,
    margin_min_bp: read.share("margin", draft.margin) ?? 0,
    ending_minor: read.ending("ending", draft.ending),
    compare_at_bp: read.factor("compareAt", draft.compareAt),
    keep_map: draft.keepMap,
    compare_at_msrp: draft.msrp,
    rules: draft.rules.map((row) => ruleOf(row, exponent)),
    markups: draft.markups.map((row) => markupOf(row, exponent)),
  };
}

function ruleOf(row: RuleDraft, exponent: number): PriceRule {
  const read = reader(row.key, exponent);
  if (row.name.trim() === "") throw new Fault(row.key, "name", "A rule needs a name.");
  const exact = row.ending.trim().toLowerCase() === EXACT;
  return {
    shipping_minor: null,
    fee_minor: null,
    fee_bp: null,
    compare_at_bp: null,
    ...row.kept,
    name: row.name.trim(),
    when: {
      cost_from_minor: read.amount("costFrom", row.costFrom) ?? 0,
      cost_below_minor: read.amount("costBelow", row.costBelow),
      skus: namesOf(row.skus),
      categories: namesOf(row.categories),
      brands: namesOf(row.brands),
      suppliers: namesOf(row.suppliers),
    },
    priority: read.whole("priority", row.priority),
    factor_bp: read.needed("times", row.times),
    add_minor: read.amount("plus", row.plus) ?? 0,
    margin_min_bp: read.share("margin", row.margin),
    ending_minor: exact ? null : read.ending("ending", row.ending),
    exact,
  };
}

function markupOf(row: MarkupDraft, exponent: number): Markup {
  const read = reader(row.key, exponent);
  return {
    cost_from_minor: read.amount("costFrom", row.costFrom) ?? 0,
    factor_bp: read.needed("times", row.times),
    add_minor: read.amount("plus", row.plus) ?? 0,
  };
}

function reader(row: number | null, exponent: number) {
  const number = (cell: string, text: string, places: number, like: string): number | null => {
    if (text.trim() === "") return null;
    const value = scaled(text, places);
    if (value === null) throw new Fault(row, cell, `A number such as ${like}, please.`);
    return value;
  };
  return {
    amount: (cell: string, text: string) => number(cell, text, exponent, "4.95"),
    share: (cell: string, text: string) => number(cell, text, SHARE_PLACES, "12.5"),
    factor: (cell: string, text: string) => number(cell, text, FACTOR_PLACES, "1.8"),
    needed(cell: string, text: string): number {
      const value = number(cell, text, FACTOR_PLACES, "1.8");
      if (value === null) throw new Fault(row, cell, "How many times the cost? Such as 1.8.");
      return value;
    },
    ending(cell: string, text: string): number | null {
      const value = number(cell, text.replace(/^[.,]/, ""), 0, "95");
      if (value !== null && value >= 10 ** exponent) {
        throw new Fault(row, cell, `An ending has up to ${exponent} digits.`);
      }
      return value;
    },
    whole(cell: string, text: string): number {
      if (text.trim() === "") return 0;
      if (!/^-?\d{1,4}$/.test(text.trim())) throw new Fault(row, cell, "A whole number, please.");
      return Number(text);
    },
  };
}
