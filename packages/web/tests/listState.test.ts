import { describe, expect, test } from "vitest";
import { ApiError } from "../src/shared/api.ts";
import type { Item, Page } from "../src/shared/documents.ts";
import { EMPTY, moved, newCount } from "../src/storefront/listState.ts";

const item = (id: string): Item =>
  ({ topic: `product:${id}`, v: 1, at: 0, prices: [], stocks: [] }) as unknown as Item;
const page = (ids: string, next: string | null = null): Page => ({
  items: [...ids].map(item),
  next,
  total: ids.length,
});
const shown = (state: { items: readonly Item[] }): string =>
  state.items.map(({ topic }) => topic.slice(8)).join("");

const problem = new ApiError(503, {
  ...{ code: 4001, name: "StorageUnavailable", message: "No.", temporary: true, remedy: "" },
  data: {},
});

describe("a list", () => {
  const first = moved(EMPTY, { type: "loaded", page: page("abc", "next") });

  test("appends pages, and shows a product that moved between them once", () => {
    const both = moved(first, { type: "moreLoaded", page: page("cde") });
    expect(shown(both)).toBe("abcde");
    expect(both.next).toBeNull();
  });

  test("keeps what it has where the next page fails", () => {
    const failed = moved(first, { type: "moreFailed", error: problem });
    expect(shown(failed)).toBe("abc");
    expect(failed).toMatchObject({ more: "failed", next: "next" });
  });

  test("takes news quietly while nobody reads further down", () => {
    const newer = moved(first, { type: "newer", page: page("xab"), quietly: true });
    expect(shown(newer)).toBe("xab");
    expect(newer.waiting).toBeNull();
  });

  test("holds news back from a reader, counts them, and shows them when asked", () => {
    const newer = moved(first, { type: "newer", page: page("xya"), quietly: false });
    expect(shown(newer)).toBe("abc");
    expect(newCount(newer)).toBe(2);
    expect(shown(moved(newer, { type: "waitingShown" }))).toBe("xya");
  });

  test("never drops further pages quietly", () => {
    const two = moved(first, { type: "moreLoaded", page: page("def") });
    const newer = moved(two, { type: "newer", page: page("xab"), quietly: true });
    expect(shown(newer)).toBe("abcdef");
    expect(newer.waiting).not.toBeNull();
  });

  test("does not trouble anybody where the order is the same", () => {
    const same = moved(first, { type: "newer", page: page("abc", "next"), quietly: false });
    expect(same.waiting).toBeNull();
  });
});
