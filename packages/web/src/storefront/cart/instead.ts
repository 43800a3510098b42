/** What could be had instead of an article that is short, as the shop proposes it. */

import type { Entry, Price, Product, Stock } from "../../shared/documents.ts";

/** Articles that are offered at once. */
export const INSTEAD_MAX = 3;
/** Articles that are asked for: several may be variants of one neighbour. */
export const ASKED_FOR = 12;

/** Another variant of the same product, or an article of the same category. */
export interface Alternative {
  readonly sku: string;
  readonly kind: "variant" | "category";
  readonly product: Entry<Product>;
  readonly stock: Entry<Stock>;
  readonly price: Entry<Price | null> | null;
}

/** The nearest that have a price, in the shop's order; of a neighbour one variant is enough. */
export function insteadOf(found: readonly Alternative[]): readonly Alternative[] {
  const neighbours = new Set<string>();
  return found
    .filter(({ price, product }) => price?.doc && product.doc.status === "active")
    .filter(({ kind, product }) => {
      const fresh = kind === "variant" || !neighbours.has(product.topic);
      neighbours.add(product.topic);
      return fresh;
    })
    .slice(0, INSTEAD_MAX);
}

/** Their documents, for the client's store. */
export function entriesIn(found: readonly Alternative[]): Entry<unknown>[] {
  return found.flatMap(({ product, stock, price }) => [
    ...[product, stock],
    ...(price === null ? [] : [price]),
  ]);
}
