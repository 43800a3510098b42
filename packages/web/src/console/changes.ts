/** What an import changed, as a person reads it. */

import { formatMoney } from "../shared/money.ts";

export interface Altered {
  readonly what: "product" | "offer" | "stock";
  readonly id: string;
  readonly supplier: string;
  /** Null where it was not there before. */
  readonly was: Readonly<Record<string, unknown>> | null;
  /** A long value is told by a mark that begins with `#`. */
  readonly now: Readonly<Record<string, unknown>>;
}

export interface AlteredGroup {
  readonly seq: number;
  readonly key: string;
  readonly altered: readonly Altered[];
}

export interface Line {
  readonly key: string;
  readonly id: string;
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

const FIELDS: Readonly<Record<string, string>> = {
  active: "Offer",
  cost_minor: "Cost",
  currency: "Currency",
  lead_time_days: "Lead time, days",
  order_min: "Ordered at least",
  order_max: "Ordered at most",
  map_minor: "Least advertised price",
  msrp_minor: "Suggested price",
  reported: "Stock",
  title: "Title",
  description: "Text",
  brand: "Brand",
  status: "State",
  categories: "Categories",
  tags: "Tags",
  options: "Options",
  variants: "Variants",
  images: "Pictures",
};
/** Fields that say nothing new to a person. */
const ASIDE = new Set(["skus", "lineage", "filled", "supplier"]);

export function fieldText(field: string): string {
  return FIELDS[field] ?? field;
}

function valueText(field: string, value: unknown, currency: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (field === "active") return value === true ? "offered" : "not offered";
  if (typeof value === "number") return numberText(field, value, currency);
  if (typeof value === "string") return value.startsWith("#") ? "a new one" : value;
  return Array.isArray(value) ? listText(value) : JSON.stringify(value);
}

function numberText(field: string, value: number, currency: unknown): string {
  const money = field.endsWith("_minor") && typeof currency === "string";
  return money ? formatMoney(value, currency) : value.toLocaleString();
}

function listText(values: readonly unknown[]): string {
  const plain = values.every((one) => typeof one === "string");
  return plain ? values.join(", ") || "–" : String(values.length);
}

/** The lines of a group, a field each. */
export function linesOf({ seq, altered }: AlteredGroup): readonly Line[] {
  return altered.flatMap(({ what, id, was, now }) => {
    const currency = now.currency ?? was?.currency;
    return Object.keys(now)
      .filter((field) => !ASIDE.has(field))
      .filter((field) => was !== null || field !== "currency")
      .map((field) => ({
        key: `${seq} ${what} ${id} ${field}`,
        id,
        field: fieldText(field),
        before: was === null ? "–" : valueText(field, was[field], was.currency ?? currency),
        after: valueText(field, now[field], currency),
      }))
      .filter(({ before, after }) => before !== after);
  });
}
