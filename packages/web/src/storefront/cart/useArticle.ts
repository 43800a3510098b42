/** The product that a SKU belongs to: carts and orders name only SKUs. */

import { useClient, useStatus, useTopic } from "@shopwire/client/react";
import { useEffect } from "react";
import { getJson, withParams } from "../../shared/api.ts";
import type { Item, Page, Product, Variant } from "../../shared/documents.ts";
import { keep, kept } from "../../shared/kept.ts";
import { useRemote } from "../../shared/remote.ts";
import { entriesOf, variantName } from "../offer.ts";

/** Answers that are looked through: a SKU is also a word, and may stand in other products. */
const FOUND_MAX = 12;

const KEPT = "shopwire.articles";
/** SKUs that are remembered over reloads; those looked at longest ago go. */
const KEPT_MAX = 200;

/** SKU to product, of what was looked at: also before a reload, which may be one without the shop. */
const known = new Map<string, string>(remembered());

function remembered(): [string, string][] {
  try {
    const pairs: unknown = JSON.parse(kept(KEPT) ?? "[]");
    return Array.isArray(pairs)
      ? pairs.filter((one) => Array.isArray(one) && one.length === 2)
      : [];
  } catch {
    return [];
  }
}

/** Notes which SKUs a product has, so that nobody has to search for them. */
export function noteArticles(product: Product): void {
  const fresh = product.variants.filter(({ sku }) => known.get(sku) !== product.id);
  for (const { sku } of fresh) known.set(sku, product.id);
  if (fresh.length > 0) keep(KEPT, JSON.stringify([...known].slice(-KEPT_MAX)));
}

export interface Article {
  readonly product: Product;
  readonly variant: Variant;
  /** The product's title, with the variant's name where it has several. */
  readonly title: string;
  readonly href: string;
}

/** An article by its product's document; null where the product does not have it. */
export function articleOf(product: Product, sku: string): Article | null {
  const variant = product.variants.find((one) => one.sku === sku);
  if (variant === undefined) return null;
  const name = product.variants.length > 1 ? `, ${variantName(variant)}` : "";
  const path = `/product/${encodeURIComponent(product.id)}`;
  const href = product.variants.length > 1 ? withParams(path, { variant: sku }) : path;
  return { product, variant, title: product.title + name, href };
}

/** Where an article is asked for; null where its product's document comes by itself. */
function pathOf(sku: string, id: string | undefined, alone: boolean): string | null {
  if (id === undefined) return withParams("/api/products", { q: sku, limit: FOUND_MAX });
  // Without the shop there is what was looked at before, which the browser keeps at hand.
  return alone ? `/api/products/${encodeURIComponent(id)}` : null;
}

/** The article; undefined while it is looked for, null where the shop has no product for it. */
export function useArticle(sku: string): Article | null | undefined {
  const client = useClient();
  const offline = useStatus().status === "offline";
  const noted = known.get(sku);
  const doc = noted === undefined ? undefined : client.store.get(`product:${noted}`)?.doc;
  // What was noted long ago may have moved to another product.
  const id = doc && articleOf(doc, sku) === null ? undefined : noted;
  const { data, error } = useRemote(pathOf(sku, id, offline && !doc), async (path, signal) => {
    const answer = await getJson<Page | Item>(path, signal);
    const page = "items" in answer ? answer : { items: [answer] };
    client.store.offer(page.items.flatMap(entriesOf));
    for (const { doc } of page.items) noteArticles(doc);
    return page;
  });
  const found = id ?? data?.items.find(({ doc }) => articleOf(doc, sku))?.doc.id;
  const held = useTopic(found === undefined ? null : `product:${found}`);
  const product = held?.doc ?? data?.items.find(({ doc }) => doc.id === found)?.doc;
  useEffect(() => {
    if (product) noteArticles(product);
  }, [product]);
  if (product) return articleOf(product, sku);
  return held?.doc === null || data !== null || error !== null ? null : undefined;
}
