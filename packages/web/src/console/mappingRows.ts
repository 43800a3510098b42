/** Which rows of a file count: the conditions of a mapping as a person reads and writes them. */

import type { Mapping } from "./mapping.ts";

/** What is done with rows of which a condition holds; `only_when`: of which it does not. */
export type RowsKind = "skip_when" | "only_when" | "refuse_when";

export const ROWS_KINDS: readonly { readonly kind: RowsKind; readonly name: string }[] = [
  { kind: "skip_when", name: "Pass over rows where" },
  { kind: "only_when", name: "Take only rows where" },
  { kind: "refuse_when", name: "Keep back rows where" },
];

/** A condition as the server has it: all that is said has to hold. */
export interface Condition {
  readonly column: string;
  readonly one_of?: readonly string[];
  readonly blank?: boolean;
  readonly match?: string;
}

export type Test = "one_of" | "blank" | "filled" | "contains" | "begins" | "match";

export const TESTS: readonly { readonly test: Test; readonly name: string }[] = [
  { test: "one_of", name: "is one of" },
  { test: "blank", name: "is blank" },
  { test: "filled", name: "is not blank" },
  { test: "contains", name: "contains" },
  { test: "begins", name: "begins with" },
  { test: "match", name: "fits the pattern" },
];

/** A condition in the form: one test, and the text it is made with. */
export interface RowRule {
  readonly column: string;
  readonly test: Test;
  readonly text: string;
}

const SPECIAL = /[\\^$.|?*+()[\]{}]/g;

function escaped(text: string): string {
  return text.replace(SPECIAL, "\\$&");
}

/** The text that a pattern stands for, null where it is more than a text. */
function unescaped(pattern: string): string | null {
  const plain = pattern.replace(/\\([\\^$.|?*+()[\]{}])/g, "$1");
  return escaped(plain) === pattern ? plain : null;
}

/** A condition as the form shows it; null where it says more than the form can. */
export function ruleOf({ column, one_of, blank, match }: Condition): RowRule | null {
  const said = [one_of?.length, blank !== undefined, match].filter(Boolean).length;
  if (said !== 1) return null;
  if (blank !== undefined) return { column, test: blank ? "blank" : "filled", text: "" };
  if (one_of !== undefined && one_of.length > 0) {
    const plain = one_of.every((one) => one !== "" && one === one.trim() && !one.includes(","));
    return plain ? { column, test: "one_of", text: one_of.join(", ") } : null;
  }
  const begins = match?.startsWith("^") ? unescaped(match.slice(1)) : null;
  if (begins) return { column, test: "begins", text: begins };
  const contains = unescaped(match ?? "");
  if (contains) return { column, test: "contains", text: contains };
  return { column, test: "match", text: match ?? "" };
}

/** The condition that a rule stands for; null while it is not said to its end. */
export function conditionOf({ column, test, text }: RowRule): Condition | null {
  if (column === "") return null;
  if (test === "blank" || test === "filled") return { column, blank: test === "blank" };
  if (test === "one_of") {
    const words = text.split(",").flatMap((one) => (one.trim() === "" ? [] : [one.trim()]));
    return words.length > 0 ? { column, one_of: words } : null;
  }
  if (text === "") return null;
  if (test === "match") return { column, match: text };
  return { column, match: test === "begins" ? `^${escaped(text)}` : escaped(text) };
}

/** A condition in words, for one that the form cannot show. */
export function conditionText({ column, one_of, blank, match }: Condition): string {
  const said = [
    blank === undefined ? "" : blank ? "is blank" : "is not blank",
    one_of?.length ? `is one of ${one_of.map((one) => `“${one}”`).join(", ")}` : "",
    match ? `fits ${match}` : "",
  ];
  return `${column} ${said.filter(Boolean).join(" and ")}`;
}

export function conditionsOf(mapping: Mapping, kind: RowsKind): readonly Condition[] {
  return (mapping[kind] as readonly Condition[] | undefined) ?? [];
}

/** A condition in another place of its kind, changed or, by null, taken away. */
export function withCondition(
  mapping: Mapping,
  kind: RowsKind,
  place: number,
  said: Condition | null,
): Mapping {
  const next = [...conditionsOf(mapping, kind)];
  next.splice(place, 1, ...(said === null ? [] : [said]));
  const { [kind]: _, ...others } = mapping;
  return next.length > 0
    ? { ...others, fields: mapping.fields, [kind]: next }
    : (others as Mapping);
}
