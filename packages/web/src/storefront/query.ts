/** What a list shows, as the URL says it. */

import type { ListQuery } from "@shopwire/client";
import { withParams } from "../shared/api.ts";
import { match } from "../shared/router.tsx";

export type Sort = "relevance" | "title" | "price" | "newest";

export interface Query {
  readonly q: string;
  /** A slug; empty for all. */
  readonly category: string;
  readonly sort: Sort;
}

export const PAGE_ITEMS = 24;
export const QUERY_CHARS_MAX = 200;
export const EVERYTHING: Query = { q: "", category: "", sort: "relevance" };

const SORTS: readonly Sort[] = ["relevance", "title", "price", "newest"];

/** The orders that make sense: without words nothing is more relevant than the alphabet. */
export function sortsFor(q: string): readonly { sort: Sort; name: string }[] {
  const first: { sort: Sort; name: string } = {
    sort: "relevance",
    name: q ? "Best match" : "A to Z",
  };
  const title: { sort: Sort; name: string }[] = q ? [{ sort: "title", name: "A to Z" }] : [];
  return [
    first,
    ...title,
    { sort: "price", name: "Price, low first" },
    { sort: "newest", name: "Newest" },
  ];
}

function sortOf(value: string | null): Sort {
  return SORTS.find((sort) => sort === value) ?? "relevance";
}

/** The list that an address shows; null where it is another page's. */
export function queryOf(path: string, params: URLSearchParams): Query | null {
  const sort = sortOf(params.get("sort"));
  const q = (params.get("q") ?? "").slice(0, QUERY_CHARS_MAX);
  const found = match("/category/:slug", path);
  if (found) return { q, category: found.slug ?? "", sort };
  if (match("/search", path)) return { q, category: params.get("category") ?? "", sort };
  return path === "/" ? { q: "", category: "", sort } : null;
}

/** The address of a list; the shortest one that says it. */
export function urlOf({ q, category, sort }: Query): string {
  const order = sort === "relevance" ? "" : sort;
  if (q !== "") return withParams("/search", { q, category, sort: order });
  if (category !== "")
    return withParams(`/category/${encodeURIComponent(category)}`, { sort: order });
  return withParams("/", { sort: order });
}

/** The same for the client, which reads it page by page and says when it has become another one. */
export function listQuery({ q, category, sort }: Query): ListQuery {
  return {
    path: "/api/products",
    query: { q: q.trim(), category, sort, limit: PAGE_ITEMS },
    changes: [`category:${category || "all"}`],
    // Cards near the window follow what they show, and the others nothing.
    follow: false,
  };
}
