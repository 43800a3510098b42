/** What could be had instead of an article that is short: other variants first, then its neighbours. */

import type { Item, Product, Variant } from "../../shared/documents.ts";

export const INSTEAD_MAX = 3;

export interface Candidate {
  readonly product: Product;
  readonly variant: Variant;
  readonly minor: number;
  readonly available: number;
}

function candidatesOf(item: Item): Candidate[] {
  return item.doc.variants.flatMap((variant) => {
    const price = item.prices.find((one) => one.topic === `price:${variant.sku}`)?.doc;
    const stock = item.stocks.find((one) => one.topic === `stock:${variant.sku}`)?.doc;
    if (!price || !stock) return [];
    const { available } = stock;
    return [{ product: item.doc, variant, minor: price.amount_minor, available }];
  });
}

/**
 * The nearest that are there in the wanted number: the same product in another variant, then
 * products of the same category, those of a similar price first; one for each product.
 */
export function insteadOf(
  sku: string,
  quantity: number,
  minor: number | null,
  items: readonly Item[],
): readonly Candidate[] {
  const own = items.find(({ doc }) => doc.variants.some((one) => one.sku === sku))?.doc.id;
  const distance = (one: Candidate): number => {
    const sibling = one.product.id === own ? 0 : 1;
    const cost = minor === null ? 0 : Math.abs(one.minor - minor) / Math.max(1, minor);
    return sibling * 1_000 + cost;
  };
  const found = items
    .filter(({ doc }) => doc.status === "active")
    .flatMap(candidatesOf)
    .filter((one) => one.variant.sku !== sku && one.available >= quantity)
    .sort((a, b) => distance(a) - distance(b));
  const products = new Set<string>();
  return found
    .filter(({ product }) => {
      const fresh = product.id === own || !products.has(product.id);
      products.add(product.id);
      return fresh;
    })
    .slice(0, INSTEAD_MAX);
}
