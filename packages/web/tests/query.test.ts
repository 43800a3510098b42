import { describe, expect, test } from "vitest";
import {
  EVERYTHING,
  listQuery,
  type Query,
  queryOf,
  sortsFor,
  urlOf,
} from "../src/storefront/query.ts";

function roundTrip(query: Query): Query | null {
  const url = new URL(urlOf(query), "http://shop");
  return queryOf(url.pathname, url.searchParams);
}

describe("the address of a list", () => {
  test.each<Query>([
    EVERYTHING,
    { q: "", category: "mugs-cups", sort: "price" },
    { q: "oak & ash", category: "", sort: "relevance" },
    { q: "50% off/on?", category: "a b", sort: "newest" },
    { q: "møbler ☕", category: "", sort: "title" },
  ])("says all of it: %o", (query) => {
    expect(roundTrip(query)).toEqual(query);
  });

  test("is the shortest that says it", () => {
    expect(urlOf(EVERYTHING)).toBe("/");
    expect(urlOf({ ...EVERYTHING, category: "lamps" })).toBe("/category/lamps");
    expect(urlOf({ ...EVERYTHING, q: "mug" })).toBe("/search?q=mug");
  });

  test("of another page is no list", () => {
    expect(queryOf("/product/mug", new URLSearchParams())).toBeNull();
    expect(queryOf("/category/", new URLSearchParams())).toBeNull();
  });

  test("with an order that does not exist falls back", () => {
    expect(queryOf("/", new URLSearchParams("sort=drop"))?.sort).toBe("relevance");
  });
});

test("a list is asked for by trimmed words, and anew when its category has moved", () => {
  const { query, changes } = listQuery({ q: " mug ", category: "", sort: "price" });
  expect(query).toMatchObject({ q: "mug", category: "", sort: "price" });
  expect(changes).toEqual(["category:all"]);
  expect(listQuery({ q: "", category: "mugs", sort: "title" }).changes).toEqual(["category:mugs"]);
});

test("best match is offered only where there are words to match", () => {
  expect(sortsFor("").map(({ name }) => name)).not.toContain("Best match");
  expect(sortsFor("mug").map(({ name }) => name)).toContain("Best match");
});
