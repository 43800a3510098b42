/** What a person types for rules and terms, as the commands want it. */

import type { RoutingRule, RoutingRules } from "@shopwire/client";

/** "4.95" or "4,95" as 495 minor units; null for what is no amount. */
export function minorOf(text: string, exponent = 2): number | null {
  const found = /^(-?)(\d{1,12})(?:[.,](\d+))?$/.exec(text.trim());
  if (found === null || (found[3]?.length ?? 0) > exponent) return null;
  const digits = `${found[2]}${(found[3] ?? "").padEnd(exponent, "0")}`;
  return Number(`${found[1]}${digits}`);
}

/** Minor units as a decimal. */
export function decimalText(minor: number | null): string {
  if (minor === null) return "";
  const digits = String(Math.abs(minor)).padStart(3, "0");
  return `${minor < 0 ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Words between blanks or commas. */
export function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

/** What the fields of a new rule hold. */
export interface RuleDraft {
  name: string;
  action: RoutingRule["action"];
  suppliers: string;
  skus: string;
  categories: string;
  countries: string;
  valueFrom: string;
  valueTo: string;
  marginBelow: string;
  bonus: string;
}

export const EMPTY_RULE: RuleDraft = {
  name: "",
  action: "prefer",
  suppliers: "",
  skus: "",
  categories: "",
  countries: "",
  valueFrom: "",
  valueTo: "",
  marginBelow: "",
  bonus: "",
};

/** The rule that a draft means, or what is wrong with it. */
export function ruleOf(draft: RuleDraft): RoutingRule | string {
  const optional = (text: string): number | null | undefined =>
    text.trim() === "" ? null : (minorOf(text) ?? undefined);
  const amounts = [draft.valueFrom, draft.valueTo, draft.marginBelow].map(optional);
  const bonus = draft.action === "prefer" ? minorOf(draft.bonus) : 0;
  if (draft.name.trim() === "") return "A rule needs a name, for explanations.";
  if (amounts.includes(undefined)) return "Amounts are numbers such as 4.95.";
  if (bonus === null || (draft.action === "prefer" && bonus <= 0)) {
    return "To prefer somebody, say how much more a unit may cost, such as 0.50.";
  }
  const [from, to, below] = amounts as (number | null)[];
  return {
    name: draft.name.trim(),
    action: draft.action,
    suppliers: wordsOf(draft.suppliers),
    skus: wordsOf(draft.skus),
    categories: wordsOf(draft.categories),
    countries: wordsOf(draft.countries).map((one) => one.toUpperCase()),
    value_from_minor: from ?? null,
    value_to_minor: to ?? null,
    margin_below_minor: below ?? null,
    bonus_minor: bonus,
  };
}

type Numbers = Omit<RoutingRules, "rules" | "reroute">;
export type Weight = keyof Numbers;

/** Weights as people write them. */
export const WEIGHTS: readonly { name: Weight; label: string; hint: string; minor: boolean }[] = [
  { name: "lead_day_minor", label: "A day of lead time", hint: "weighs for a unit", minor: true },
  { name: "unknown_lead_days", label: "Unknown lead time", hint: "counts as days", minor: false },
  { name: "split_minor", label: "A further parcel", hint: "weighs besides shipping", minor: true },
  { name: "score_bp", label: "A score of 0", hint: "adds to the cost, in 1/100 %", minor: false },
  { name: "doubt_bp", label: "An old count", hint: "adds to the cost, in 1/100 %", minor: false },
  { name: "parcel_minor", label: "Shipping, first unit", hint: "without own terms", minor: true },
  { name: "unit_minor", label: "Shipping, further unit", hint: "without own terms", minor: true },
  { name: "fee_bp", label: "Payment's share", hint: "for the profit, in 1/100 %", minor: false },
  { name: "fee_minor", label: "Payment's fee", hint: "for the profit, an order", minor: true },
  {
    name: "reroute_loss_minor_max",
    label: "Loss of a new way",
    hint: "beyond it a person decides",
    minor: true,
  },
];

/** What was typed as numbers, or the label of the field that holds none. */
export function weightsOf(typed: Readonly<Record<Weight, string>>): Numbers | string {
  const found: Partial<Record<Weight, number>> = {};
  for (const { name, label, minor } of WEIGHTS) {
    const value = minorOf(typed[name], minor ? 2 : 0);
    if (value === null || value < 0) return label;
    found[name] = value;
  }
  return found as Numbers;
}
