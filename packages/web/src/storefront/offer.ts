/** What a shopper is told about price and stock, from the documents of the variants. */

import type { Item, Price, Product, Stock, Variant } from "../shared/documents.ts";

export interface Summary {
  /** The lowest price; null while there is none. */
  readonly price: Price | null;
  /** Whether other variants cost more. */
  readonly from: boolean;
  readonly available: number;
  /** Null where no supplier has said anything yet. */
  readonly status: Stock["status"] | null;
}

type Maybe<T> = T | null | undefined;

/** One line for a product of several variants. */
export function summaryOf(
  prices: readonly Maybe<Price>[],
  stocks: readonly Maybe<Stock>[],
): Summary {
  const known = prices.filter((price) => price != null);
  const price = known.reduce<Price | null>(
    (low, one) => (low === null || one.amount_minor < low.amount_minor ? one : low),
    null,
  );
  const from = known.some((one) => one.amount_minor !== price?.amount_minor);
  const counted = stocks.filter((stock) => stock != null);
  const available = counted.reduce((sum, stock) => sum + stock.available, 0);
  return { price, from, available, status: statusOf(counted) };
}

/** The best first: a product is as available as its best variant. */
const BY_AVAILABILITY = ["in_stock", "low", "preorder", "backorder", "out"] as const;

function statusOf(stocks: readonly Stock[]): Stock["status"] | null {
  return BY_AVAILABILITY.find((one) => stocks.some(({ status }) => status === one)) ?? null;
}

/** How many there are, in the words of a shop. */
export function stockWording(available: number, status: Stock["status"] | null): string {
  if (status === null) return "Not in stock yet";
  if (status === "preorder") return "Pre-order";
  if (status === "backorder") return "To order, ships later";
  if (status === "out" || available <= 0) return "Sold out";
  if (status === "low") return available === 1 ? "Last one" : `Only ${available} left`;
  return `${available} in stock`;
}

/** The compare-at amount, where it is one: higher than the price. */
export function wasMinor(price: Price): number | null {
  const was = price.compare_at_minor;
  return was !== null && was > price.amount_minor ? was : null;
}

/** The topics that a card or page of a product shows. */
export function topicsOf(product: Product): {
  readonly prices: readonly `price:${string}`[];
  readonly stocks: readonly `stock:${string}`[];
} {
  return {
    prices: product.variants.map(({ sku }) => `price:${sku}` as const),
    stocks: product.variants.map(({ sku }) => `stock:${sku}` as const),
  };
}

/** An item's documents for the client's store. */
export function entriesOf(item: Item): { topic: string; v: number; doc: unknown; at: number }[] {
  const { topic, v, doc, at } = item;
  return [{ topic, v, doc, at }, ...item.prices, ...item.stocks];
}

/** The variant with this value that is nearest to the chosen one; undefined if none has it. */
export function pickVariant(
  variants: readonly Variant[],
  chosen: Variant,
  name: string,
  value: string,
): Variant | undefined {
  const shared = (one: Variant): number =>
    Object.entries(one.options).filter(([key, has]) => chosen.options[key] === has).length;
  return variants
    .filter((one) => one.options[name] === value)
    .reduce<Variant | undefined>(
      (best, one) => (best === undefined || shared(one) > shared(best) ? one : best),
      undefined,
    );
}

/** Whether the options tell the variants apart; if not, they are chosen by their titles. */
export function areTellable(product: Product): boolean {
  const told = product.variants.map((one) =>
    product.options.map(({ name }) => one.options[name] ?? "").join("\n"),
  );
  return product.options.length > 0 && new Set(told).size === told.length;
}

/** A variant's name: its title, else what its options say, else its SKU. */
export function variantName(variant: Variant): string {
  return variant.title || Object.values(variant.options).join(" / ") || variant.sku;
}

/** A feed's description as paragraphs of text: some feeds send HTML, and none of it is trusted. */
export function paragraphsOf(description: string): string[] {
  const marked = /<[a-z/!]/i.test(description) ? fromHtml(description) : description;
  return marked
    .split(/\n{2,}|\r\n\r\n/)
    .map((text) => text.replace(/\s+/g, " ").trim())
    .filter((text) => text !== "");
}

function fromHtml(html: string): string {
  const parted = html.replace(/<\/?(p|br|li|ul|ol|h[1-6]|div)\b[^>]*>/gi, "\n\n");
  // A parsed document of this kind runs no scripts and loads nothing.
  return new DOMParser().parseFromString(parted, "text/html").body.textContent ?? "";
}
