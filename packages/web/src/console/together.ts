/** Two changes of the same thing as one, where they do not contradict each other; no I/O. */

export type Fields = Readonly<Record<string, unknown>>;

/**
 * What both made of `base`: each field as whoever changed it left it. Lists of things with names are
 * taken name by name. Null where both changed the same to something else.
 */
export function together(base: Fields, mine: Fields, theirs: Fields): Fields | null {
  const merged: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const one = fieldOf(base[name], mine[name], theirs[name]);
    if (one === CONTRADICT) return null;
    if (one !== undefined) merged[name] = one;
  }
  return merged;
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether two values are the same, whatever the order of their fields. */
export function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(ordered(one)) === JSON.stringify(ordered(other));
}

const CONTRADICT = Symbol("both changed it");

function fieldOf(base: unknown, mine: unknown, theirs: unknown): unknown {
  if (same(mine, theirs) || same(mine, base)) return theirs;
  if (same(theirs, base)) return mine;
  const [was, here, there] = [named(base ?? []), named(mine), named(theirs)];
  if (was === null || here === null || there === null) return CONTRADICT;
  const merged = together(was, here, there);
  return merged === null ? CONTRADICT : Object.values(merged);
}

/** A list of things by their names; null for anything else, and where two are called the same. */
function named(value: unknown): Fields | null {
  if (!Array.isArray(value)) return null;
  const names = value.map((one) => (isFields(one) ? one.name : undefined));
  if (names.some((name) => typeof name !== "string")) return null;
  if (new Set(names).size < names.length) return null;
  return Object.fromEntries(value.map((one, at) => [names[at] as string, one]));
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isFields(value)) return value ?? null;
  const fields = Object.entries(value).filter(([, one]) => one !== undefined);
  return fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => [name, ordered(one)]);
}
