/**
 * Changes of a cart as the shopper presses: shown at once, kept on this device until the shop has
 * answered, and sent one after the other for each article, the last press counting. What the shop
 * refuses is taken back with its reason, and stays told until somebody has seen it.
 */

import {
  type CartDocument,
  type Client,
  change,
  Dropped,
  type QueueEntry,
  ShopwireError,
  Superseded,
  UnknownOutcome,
  type VersionConflict,
} from "@shopwire/client";
import { type Accepted, emptyCart, lineForetold, type Wanted, withAccepted } from "./cart.ts";
import { type Choice, choicesOf } from "./choices.ts";

/** Why the last change of an article was taken back. */
export interface Problem {
  readonly wanted: Wanted;
  readonly error: Error;
  /** The ways on where somebody else changed the same meanwhile. */
  readonly conflict: VersionConflict | null;
}

type Problems = ReadonlyMap<string, Problem>;

export class CartActions {
  readonly #client: Client;
  readonly #id: string;
  readonly #shopper: string;
  readonly #listeners = new Set<() => void>();
  /** Refusals of what was never kept. */
  #notes: Problems = new Map();
  #told: { entries: readonly QueueEntry[]; notes: Problems; problems: Problems } | null = null;

  constructor(client: Client, id: string, shopper: string) {
    this.#client = client;
    this.#id = id;
    this.#shopper = shopper;
  }

  get topic(): `cart:${string}` {
    return `cart:${this.#id}`;
  }

  readonly problems = (): Problems => {
    const entries = this.#client.queue.get();
    if (this.#told?.entries !== entries || this.#told.notes !== this.#notes) {
      this.#told = { entries, notes: this.#notes, problems: this.#problemsIn(entries) };
    }
    return this.#told.problems;
  };

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    const stop = this.#client.queue.subscribe(listener);
    return () => {
      this.#listeners.delete(listener);
      stop();
    };
  };

  /** Wants this many of an article, none to remove it; resolves to whether the shop took it. */
  async put(wanted: Wanted): Promise<boolean> {
    const { sku, quantity, accepted_minor, currency } = wanted;
    const parts = this.#client.store.get(`stock:${sku}`)?.doc?.parts;
    const body = {
      ...{ cart_id: this.#id, shopper: this.#shopper },
      ...{ sku, quantity, accepted_minor, currency },
      ...(parts ? { parts } : {}),
      expected_version: Math.max(this.#received, this.#made(sku)),
    };
    const how = {
      ...{ queue: true, latest: true, lane: this.#lane(sku), sees: this.topic },
      optimistic: lineForetold(body),
    };
    this.#note(sku, null);
    try {
      await this.#client.send("carts.put_line", body, how);
      return true;
    } catch (problem) {
      if (problem instanceof Superseded) return true;
      if (problem instanceof Dropped) return false;
      // What the shop refused waits with its reason; what could not even be kept is told here.
      if (!(problem instanceof ShopwireError || problem instanceof UnknownOutcome)) {
        this.#note(sku, { wanted, error: problem as Error, conflict: null });
      }
      return false;
    }
  }

  /** Takes over new prices that the shopper has seen. */
  async accept(prices: readonly Accepted[]): Promise<boolean> {
    const body = { cart_id: this.#id, lines: prices };
    const optimistic = change(this.topic, (cart: CartDocument | null) =>
      withAccepted(cart ?? emptyCart(this.#id), prices),
    );
    for (const { sku } of prices) this.dismiss(sku);
    try {
      await this.#client.send("carts.accept_prices", body, { optimistic });
      return true;
    } catch (problem) {
      for (const { sku, amount_minor, currency } of prices) {
        const wanted = { sku, quantity: 0, accepted_minor: amount_minor, currency };
        this.#note(sku, { wanted, error: problem as Error, conflict: null });
      }
      return false;
    }
  }

  /** Settles what was changed here and elsewhere; resolves when that is on its way. */
  decide(sku: string, choice: Choice): void {
    const conflict = this.problems().get(sku)?.conflict;
    if (!conflict) return;
    const { field, mine, theirs, both } = choicesOf(conflict);
    const quantity = { mine, theirs, both: both ?? mine }[choice];
    if (quantity === theirs) this.dismiss(sku);
    // Refused once more, it is told as any other: the queue keeps it.
    else conflict.merge({ [field]: quantity }).catch(() => undefined);
  }

  /** The shopper has read it. */
  dismiss(sku: string): void {
    this.#note(sku, null);
    for (const entry of this.#refused(this.#client.queue.get())) {
      if (entry.lane === this.#lane(sku)) void this.#client.queue.drop(entry.id);
    }
  }

  get #received(): number {
    return this.#client.store.received(this.topic)?.v ?? 0;
  }

  /** The version that our own last change of an article made, also one that an earlier page sent. */
  #made(sku: string): number {
    return this.#client.queue.answered(this.#lane(sku))[this.topic] ?? 0;
  }

  #lane(sku: string): string {
    return `${this.topic}/${sku}`;
  }

  #refused(entries: readonly QueueEntry[]): readonly QueueEntry[] {
    const mine = `${this.topic}/`;
    return entries.filter(({ lane, state }) => state === "refused" && lane.startsWith(mine));
  }

  #problemsIn(entries: readonly QueueEntry[]): Problems {
    const problems = new Map(this.#notes);
    for (const entry of this.#refused(entries)) {
      const wanted = entry.body as unknown as Wanted;
      const conflict = this.#client.conflict(entry);
      const error = conflict ?? new ShopwireError({ ...entry.reason, temporary: false }, 409);
      problems.set(wanted.sku, { wanted, error, conflict });
    }
    return problems;
  }

  #note(sku: string, problem: Problem | null): void {
    if (problem === null && !this.#notes.has(sku)) return;
    const next = new Map(this.#notes);
    if (problem === null) next.delete(sku);
    else next.set(sku, problem);
    this.#notes = next;
    for (const listener of [...this.#listeners]) listener();
  }
}
