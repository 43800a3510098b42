/** Which topics the screen needs, counted; and what the server was asked for. */

import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Store } from "./store.ts";

/** Topics in one message; more are asked for in several. */
export const SUB_TOPICS_MAX = 500;
/** How long a topic is kept that nobody needs: the next page often needs it again. */
export const GRACE_MS = 2_000;
/** Waits before a topic whose refetch did not help is fetched again. */
export const REFETCH_MS = [500, 2_000, 8_000] as const;

export class Subscriptions {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #connection: () => Connection;
  readonly #onComplete: () => void;
  readonly #wanted = new Map<string, number>();
  /** Topics that the server was asked for on this connection. */
  readonly #asked = new Set<string>();
  readonly #fresh = new Set<string>();
  readonly #anew = new Set<string>();
  /** Subs without their `live` yet, with their topics. */
  readonly #open = new Map<number, string[]>();
  readonly #refused = new Map<string, { code: number; message: string }>();
  readonly #refetches = new Map<string, number>();
  #scheduled = false;

  constructor(store: Store, clock: Clock, connection: () => Connection, onComplete: () => void) {
    this.#store = store;
    this.#clock = clock;
    this.#connection = connection;
    this.#onComplete = onComplete;
  }

  /** Whether everything that is wanted is live. */
  get complete(): boolean {
    return this.#open.size === 0 && this.#fresh.size === 0 && this.#anew.size === 0;
  }

  /** Why a topic was refused; undefined where it was not. */
  refusal(topic: string): { code: number; message: string } | undefined {
    return this.#refused.get(topic);
  }

  /** Adds topics; returns how to give them back. */
  want(topics: Iterable<string>): () => void {
    const mine = [...new Set(topics)];
    for (const topic of mine) {
      const count = this.#wanted.get(topic) ?? 0;
      this.#wanted.set(topic, count + 1);
      if (count === 0 && !this.#asked.has(topic)) this.#fresh.add(topic);
    }
    this.#schedule();
    let given = false;
    return () => {
      if (given) return;
      given = true;
      for (const topic of mine) this.#wanted.set(topic, (this.#wanted.get(topic) ?? 1) - 1);
      this.#clock.after(GRACE_MS, () => this.#release(mine));
    };
  }

  /** A new connection: everything is asked for again, with what is held. */
  restart(): void {
    this.#open.clear();
    this.#asked.clear();
    this.#anew.clear();
    this.#fresh.clear();
    for (const topic of this.#wanted.keys()) this.#fresh.add(topic);
    this.#flush();
  }

  /** Nothing that is held counts any more. */
  reset(): void {
    this.#refetches.clear();
    this.restart();
  }

  /** Topics with a gap: asked for again, without what is held. */
  refetch(topics: Iterable<string>): void {
    for (const topic of topics) if (this.#wanted.has(topic)) this.#anew.add(topic);
    this.#schedule();
  }

  /** The answer to a sub. */
  live(id: number): void {
    const topics = this.#open.get(id);
    if (topics === undefined) return;
    this.#open.delete(id);
    for (const topic of topics) this.#checkGap(topic);
    this.#onComplete();
  }

  /** The refusal of a sub, or of one topic of it. */
  refused(id: number | null, error: { code: number; message: string; data: object }): void {
    const { topic } = error.data as { topic?: string };
    if (topic !== undefined) this.#refused.set(topic, error);
    else if (id !== null) {
      for (const one of this.#open.get(id) ?? []) this.#refused.set(one, error);
      this.#open.delete(id);
      this.#onComplete();
    }
  }

  /** A refetch that did not close its gap is repeated, ever slower. */
  #checkGap(topic: string): void {
    if (!this.#store.isMissed(topic)) {
      this.#refetches.delete(topic);
      return;
    }
    const tries = this.#refetches.get(topic) ?? 0;
    this.#refetches.set(topic, tries + 1);
    const wait = REFETCH_MS[Math.min(tries, REFETCH_MS.length - 1)] ?? 0;
    this.#clock.after(wait, () => {
      if (this.#store.isMissed(topic)) this.refetch([topic]);
    });
  }

  #release(topics: readonly string[]): void {
    const gone: string[] = [];
    for (const topic of topics) {
      if (this.#wanted.get(topic) !== 0) continue;
      this.#wanted.delete(topic);
      this.#fresh.delete(topic);
      this.#anew.delete(topic);
      this.#refused.delete(topic);
      if (this.#asked.delete(topic)) gone.push(topic);
    }
    const connection = this.#connection();
    if (gone.length > 0 && connection.state === "open") {
      connection.send({ t: "unsub", id: connection.nextId(), topics: gone });
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const connection = this.#connection();
    if (connection.state === "open") {
      this.#send(connection, this.#fresh, true);
      this.#send(connection, this.#anew, false);
    }
    this.#onComplete();
  }

  #send(connection: Connection, pending: Set<string>, withVersions: boolean): void {
    const topics = [...pending];
    pending.clear();
    for (let start = 0; start < topics.length; start += SUB_TOPICS_MAX) {
      const part = topics.slice(start, start + SUB_TOPICS_MAX);
      const id = connection.nextId();
      this.#open.set(id, part);
      for (const topic of part) this.#asked.add(topic);
      const have = withVersions ? this.#store.versions(part) : {};
      const epoch = this.#store.epoch;
      connection.send({
        t: "sub",
        id,
        topics: part,
        ...(Object.keys(have).length > 0 ? { have, ...(epoch === null ? {} : { epoch }) } : {}),
      });
    }
  }
}
