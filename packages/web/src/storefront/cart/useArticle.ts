/** The product that a SKU belongs to: carts and orders name only SKUs. */

import { useClient, useTopic } from "@shopwire/client/react";
import { useEffect } from "react";
import { getJson, withParams } from "../../shared/api.ts";
import type { Page, Product, Variant } from "../../shared/documents.ts";
import { useRemote } from "../../shared/remote.ts";
import { entriesOf, variantName } from "../offer.ts";

/** Answers that are looked through: a SKU is also a word, and may stand in other products. */
const FOUND_MAX = 12;

/** SKU to product, of what was looked at since the page was loaded. */
const known = new Map<string, string>();

/** Notes which SKUs a product has, so that nobody has to search for them. */
export function noteArticles(product: Product): void {
  for (const { sku } of product.variants) known.set(sku, product.id);
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

/** The article; undefined while it is looked for, null where the shop has no product for it. */
export function useArticle(sku: string): Article | null | undefined {
  const client = useClient();
  const id = known.get(sku);
  const { data, error } = useRemote(
    id === undefined ? withParams("/api/products", { q: sku, limit: FOUND_MAX }) : null,
    async (path, signal) => {
      const page = await getJson<Page>(path, signal);
      client.store.offer(page.items.flatMap(entriesOf));
      for (const { doc } of page.items) noteArticles(doc);
      return page;
    },
  );
  const found = id ?? data?.items.find(({ doc }) => articleOf(doc, sku))?.doc.id;
  const held = useTopic(found === undefined ? null : `product:${found}`);
  const product = held?.doc ?? data?.items.find(({ doc }) => doc.id === found)?.doc;
  useEffect(() => {
    if (product) noteArticles(product);
  }, [product]);
  if (product) return articleOf(product, sku);
  return held?.doc === null || data !== null || error !== null ? null : undefined;
}
