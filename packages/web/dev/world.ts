/** A small made-up shop for `npm run dev:mock`: documents with versions, and things that happen. */

import type { Item, LedgerLine, Pool, Product } from "../src/shared/documents.ts";

export interface Held {
  readonly v: number;
  readonly doc: object | null;
  readonly at: number;
}

type Listener = (topic: string, before: Held | undefined, now: Held) => void;

const LINES = ["Fjord", "Harbour", "Meadow", "Alder", "Linden", "Quarry", "Heron", "Juniper"];
const COLOURS = ["clay", "moss", "ink", "butter", "teal", "rose", "cobalt", "sage", "rust"];
const KINDS = [
  ["mug", "Mug", "Mugs & Cups", "Tideware", 1450],
  ["bowl", "Serving Bowl", "Bowls & Plates", "Studio Alma", 2890],
  ["kettle", "Kettle", "Kitchen", "Ostra", 5400],
  ["table-lamp", "Table Lamp", "Lamps", "Daybreak", 8900],
  ["chair", "Chair", "Chairs & Stools", "Norr", 18900],
  ["vase", "Vase", "Desk & Shelf", "Studio Alma", 3200],
  ["blanket", "Wool Blanket", "Textiles", "Loomhouse", 9900],
  ["bottle", "Bottle", "Bottles & Flasks", "Rivet", 2400],
  ["tote", "Tote Bag", "Bags", "Loomhouse", 3900],
  ["clock", "Clock", "Desk & Shelf", "Norr", 6400],
  ["teapot", "Teapot", "Kitchen", "Tideware", 4700],
  ["planter", "Planter", "Desk & Shelf", "Ostra", 2750],
] as const;
export const SUPPLIERS = [
  { id: "kiln-co", name: "Kiln & Co", status: "active" },
  { id: "loomhouse", name: "Loomhouse", status: "active" },
  { id: "daybreak-lighting", name: "Daybreak Lighting", status: "active" },
  { id: "harbour-wholesale", name: "Harbour Wholesale", status: "active" },
] as const;

/** The same shop each time: a small generator with a fixed start. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const slugOf = (name: string): string => name.toLowerCase().replace(/[^a-z]+/g, "-");

export class World {
  readonly docs = new Map<string, Held>();
  readonly pools = new Map<string, Pool[]>();
  readonly ledger = new Map<string, LedgerLine[]>();
  readonly random = dice(7);
  readonly #listeners = new Set<Listener>();

  constructor() {
    for (const [at, line] of LINES.entries()) {
      for (const kind of KINDS) this.#stockUp(line, at, kind);
    }
    for (const name of new Set(KINDS.map((kind) => kind[2]))) this.#category(slugOf(name), name);
    this.#category("all", "Everything");
    for (const supplier of SUPPLIERS) this.put(`supplier:${supplier.id}`, supplier);
  }

  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sets a document at its next version. */
  put(topic: string, doc: object | null): number {
    const before = this.docs.get(topic);
    const now = { v: (before?.v ?? 0) + 1, doc, at: Date.now() };
    this.docs.set(topic, now);
    for (const listener of this.#listeners) listener(topic, before, now);
    return now.v;
  }

  read<T>(topic: string): T | undefined {
    return this.docs.get(topic)?.doc as T | undefined;
  }

  products(): Product[] {
    return [...this.docs.entries()]
      .filter(([topic]) => topic.startsWith("product:"))
      .map(([, held]) => held.doc as Product);
  }

  item(product: Product): Item {
    const entry = (topic: string) => ({ topic, ...(this.docs.get(topic) as Held) });
    return {
      ...entry(`product:${product.id}`),
      prices: product.variants.map(({ sku }) => entry(`price:${sku}`)),
      stocks: product.variants.map(({ sku }) => entry(`stock:${sku}`)),
    } as Item;
  }

  /** Books a movement and tells the new stock; a report sets, a sale takes away. */
  move(sku: string, kind: LedgerLine["kind"], units: number, reference: string): number {
    const pool = this.pools.get(sku)?.[0];
    if (!pool) return 0;
    const sold = kind === "sale" ? pool.sold + units : 0;
    const reported = kind === "report" ? units : pool.reported;
    const after = { ...pool, sold, reported, sellable: Math.max(0, reported - sold) };
    this.pools.set(sku, [after]);
    const lines = this.ledger.get(sku) ?? [];
    lines.unshift({
      ...{ supplier: pool.supplier, seq: lines.length + 1, kind, reference },
      ...{ reported_delta: reported - pool.reported, sold_delta: sold - pool.sold },
      ...{ reserved_delta: 0, shortfall_delta: 0, reported, sold, reserved: 0, shortfall: 0 },
      ...{ backorder_delta: 0, backorder: 0 },
      ...{ command_id: `mock-${lines.length}`, at_ms: Date.now() },
    });
    this.ledger.set(sku, lines);
    const available = after.sellable;
    const status = available === 0 ? "out" : available <= 5 ? "low" : "in_stock";
    this.put(`stock:${sku}`, { sku, available, status });
    return available;
  }

  #stockUp(line: string, at: number, kind: (typeof KINDS)[number]): void {
    const [picture, noun, category, brand, cost] = kind;
    const id = slugOf(`${line} ${noun}`);
    const colours = COLOURS.slice(at, at + 1 + Math.floor(this.random() * 3));
    const variants = colours.map((colour, index) => {
      const sku = `${picture.slice(0, 3)}-${line.slice(0, 3)}-${index + 1}`.toUpperCase();
      const title = colour[0]?.toUpperCase() + colour.slice(1);
      return { sku, title, options: { Colour: title }, gtin: null };
    });
    this.put(`product:${id}`, {
      ...{ id, title: `${line} ${noun}`, brand, status: "active", tags: [picture] },
      description: `A ${noun.toLowerCase()} for every day, made in small runs.\n\nDishwasher safe.`,
      categories: [slugOf(category)],
      options: [{ name: "Colour", values: variants.map((one) => one.title) }],
      variants,
      images: colours.map((colour) => ({
        url: `/pictures/${picture}--${id}--${colour}.svg`,
        alt: `${noun}, ${colour}`,
      })),
    });
    for (const { sku } of variants) this.#shelf(sku, cost);
  }

  #shelf(sku: string, cost: number): void {
    const amount = Math.round((cost * (0.8 + this.random() * 0.6)) / 100) * 100 - 10;
    const was = this.random() < 0.15 ? amount + 800 : null;
    const supplier = SUPPLIERS[Math.floor(this.random() * SUPPLIERS.length)]?.id ?? "kiln-co";
    const price = { sku, amount_minor: amount, currency: "EUR", compare_at_minor: was };
    this.put(`price:${sku}`, price);
    this.pools.set(sku, [
      {
        ...{ supplier, reported: 0, reserved: 0, sold: 0, shortfall: 0, buffer: 0, sellable: 0 },
        ...{ backorder: 0, withheld: 0, as_of_ms: Date.now(), sequence: null, doubtful: false },
      },
    ]);
    this.move(sku, "report", Math.floor(this.random() ** 2 * 40), "first feed");
  }

  #category(slug: string, name: string): void {
    const all = this.products();
    const products =
      slug === "all" ? all.length : all.filter((p) => p.categories.includes(slug)).length;
    this.put(`category:${slug}`, { slug, name, parent: null, products, revision: 1 });
  }
}
