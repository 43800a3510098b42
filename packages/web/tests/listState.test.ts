import { describe, expect, test } from "vitest";
import type { Item } from "../src/shared/documents.ts";
import { moved, NOTHING, newCount, type Shown } from "../src/storefront/listState.ts";

const items = (ids: string): Item[] =>
  [...ids].map((id) => ({ topic: `product:${id}`, v: 1 }) as unknown as Item);
const list = (ids: string, state: "loading" | "ready" | "stale" = "ready") => ({
  items: items(ids),
  state,
});
const text = (shown: readonly Item[] | null): string =>
  shown?.map(({ topic }) => topic.slice(8)).join("") ?? "-";
const told = ({ items: on, waiting }: Shown): string => `${text(on)} ${text(waiting)}`;

describe("what of a list is shown", () => {
  const first = moved(NOTHING, list("abc"), false);

  test("is all of it at first, and nothing before it was read", () => {
    expect(told(first)).toBe("abc -");
    expect(moved(NOTHING, list("", "loading"), true)).toBe(NOTHING);
  });

  test("goes on with the next page, wherever the reader is", () => {
    expect(told(moved(first, list("abcde"), false))).toBe("abcde -");
  });

  test("takes another order quietly while nobody reads further down", () => {
    expect(told(moved(first, list("xab"), true))).toBe("xab -");
  });

  test("holds it back from a reader, counts what is new, and shows it when asked", () => {
    const held = moved(first, list("xya"), false);
    expect(told(held)).toBe("abc xya");
    expect(newCount(held)).toBe(2);
    expect(newCount(first)).toBe(0);
    expect(told(moved(NOTHING, list("xya"), false))).toBe("xya -");
  });

  test("does not trouble anybody where the order is the same, or is so again", () => {
    expect(told(moved(first, list("abc", "stale"), false))).toBe("abc -");
    const held = moved(first, list("xab"), false);
    expect(told(moved(held, list("abc"), false))).toBe("abc -");
  });
});
