/**
 * Changes of a cart as the shopper presses: shown at once, sent one after the other for each
 * article, taken back with the reason where the shop refuses.
 */

import { type CartDocument, type Client, change, type Layer } from "@shopwire/client";
import { type Accepted, emptyCart, type Wanted, withAccepted, withLine } from "./cart.ts";

/** Why the last change of an article was taken back. */
export interface Problem {
  readonly wanted: number;
  readonly error: Error;
}

interface Intent {
  readonly wanted: Wanted;
  /** The cart's version that was on the screen. */
  readonly seen: number;
  readonly layer: Layer;
  readonly done: (fine: boolean) => void;
}

/** An article's presses: one on its way, and the latest of those behind it. */
interface Lane {
  next: Intent | null;
  /** The cart's version that our own last change of the article made. */
  made: number;
}

export class CartActions {
  readonly #client: Client;
  readonly #id: string;
  readonly #shopper: string;
  readonly #lanes = new Map<string, Lane>();
  readonly #listeners = new Set<() => void>();
  #problems: ReadonlyMap<string, Problem> = new Map();

  constructor(client: Client, id: string, shopper: string) {
    this.#client = client;
    this.#id = id;
    this.#shopper = shopper;
  }

  get topic(): `cart:${string}` {
    return `cart:${this.#id}`;
  }

  readonly problems = (): ReadonlyMap<string, Problem> => this.#problems;

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Wants this many of an article, none to remove it; resolves to whether the shop took it. */
  put(wanted: Wanted): Promise<boolean> {
    this.dismiss(wanted.sku);
    return new Promise((done) => {
      const intent = { wanted, done, seen: this.#received, layer: this.#layer(wanted) };
      const lane = this.#lanes.get(wanted.sku);
      if (lane === undefined) {
        const started = { next: null, made: 0 };
        this.#lanes.set(wanted.sku, started);
        void this.#send(started, intent);
        return;
      }
      // Of presses that wait, only the last one says what is wanted.
      lane.next?.layer.drop();
      lane.next?.done(true);
      lane.next = intent;
    });
  }

  /** Takes over new prices that the shopper has seen. */
  async accept(prices: readonly Accepted[]): Promise<boolean> {
    const body = { cart_id: this.#id, lines: prices };
    const optimistic = this.#over((cart) => withAccepted(cart, prices));
    for (const { sku } of prices) this.dismiss(sku);
    try {
      await this.#client.send("carts.accept_prices", body, { optimistic });
      return true;
    } catch (problem) {
      for (const { sku } of prices) this.#note(sku, { wanted: 0, error: problem as Error });
      return false;
    }
  }

  /** The shopper has read it. */
  dismiss(sku: string): void {
    if (this.#problems.has(sku)) this.#note(sku, null);
  }

  get #received(): number {
    return this.#client.store.received(this.topic)?.v ?? 0;
  }

  #over(become: (cart: CartDocument) => CartDocument) {
    return change(this.topic, (cart) => become(cart ?? emptyCart(this.#id)));
  }

  #layer(wanted: Wanted): Layer {
    const giveBack = this.#client.subscribe([this.topic]);
    const changes = this.#over((cart) => withLine(cart, wanted));
    return this.#client.store.layers.add(changes, giveBack);
  }

  async #send(lane: Lane, { wanted, seen, layer, done }: Intent): Promise<void> {
    const { sku, quantity, accepted_minor, currency } = wanted;
    const parts = this.#client.store.get(`stock:${sku}`)?.doc?.parts;
    const body = {
      ...{ cart_id: this.#id, shopper: this.#shopper },
      ...{ sku, quantity, accepted_minor, currency },
      ...(parts ? { parts } : {}),
      expected_version: Math.max(seen, lane.made),
    };
    try {
      const { versions } = await this.#client.send("carts.put_line", body);
      lane.made = versions[this.topic] ?? lane.made;
      layer.confirm(versions);
      done(true);
    } catch (problem) {
      layer.drop();
      // What was pressed meanwhile has its own answer to come.
      if (lane.next === null) this.#note(sku, { wanted: quantity, error: problem as Error });
      done(false);
    }
    const { next } = lane;
    lane.next = null;
    if (next === null) this.#lanes.delete(sku);
    else await this.#send(lane, next);
  }

  #note(sku: string, problem: Problem | null): void {
    const next = new Map(this.#problems);
    if (problem === null) next.delete(sku);
    else next.set(sku, problem);
    this.#problems = next;
    for (const listener of [...this.#listeners]) listener();
  }
}
