/** What a person types for a promotion, as the command wants it. */

import { namesOf, scaled } from "./draft.ts";
import type { PromotionBody } from "./types.ts";

export interface PromotionDraft {
  name: string;
  skus: string;
  category: string;
  kind: "percent" | "amount" | "fixed";
  value: string;
  /** As the browser's field has it: this machine's time, without a zone. Empty begins at once. */
  starts: string;
  ends: string;
  quota: string;
}

export const EMPTY_PROMOTION: PromotionDraft = {
  name: "",
  skus: "",
  category: "",
  kind: "percent",
  value: "",
  starts: "",
  ends: "",
  quota: "",
};

export interface PromotionFault {
  readonly cell: keyof PromotionDraft;
  readonly message: string;
}

/** The command's body, or which cell needs another look and why. */
export function bodyOf(
  draft: PromotionDraft,
  currency: string,
  exponent: number,
  nowMs: number,
): PromotionBody | PromotionFault {
  const name = draft.name.trim();
  const [skus, category] = [namesOf(draft.skus), draft.category.trim()];
  const value = scaled(draft.value, draft.kind === "percent" ? 2 : exponent);
  const starts = draft.starts === "" ? nowMs : Date.parse(draft.starts);
  const ends = Date.parse(draft.ends);
  const quota = draft.quota.trim() === "" ? null : scaled(draft.quota, 0);
  if (name === "") return { cell: "name", message: "It needs a name." };
  if ((skus.length === 0) === (category === "")) {
    return { cell: "skus", message: "SKUs, or one category, and not both." };
  }
  if (value === null || value === 0) return { cell: "value", message: "A number, please." };
  if (draft.kind === "percent" && value >= 10_000) {
    return { cell: "value", message: "Less than 100 percent." };
  }
  if (Number.isNaN(ends) || ends <= starts || ends <= nowMs) {
    return { cell: "ends", message: "It has to end after it begins, and after now." };
  }
  if (draft.quota.trim() !== "" && !quota) {
    return { cell: "quota", message: "A whole number above 0." };
  }
  return {
    id: idOf(name, starts),
    name,
    skus,
    category: category === "" ? null : category,
    kind: draft.kind,
    value,
    currency,
    starts_at_ms: starts,
    ends_at_ms: ends,
    quota,
  };
}

/** The same name at the same time is the same promotion: sent twice, it is there once. */
export function idOf(name: string, startsAtMs: number): string {
  const words = name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "");
  return `${words.slice(0, 80) || "promotion"}-${startsAtMs.toString(36)}`;
}
