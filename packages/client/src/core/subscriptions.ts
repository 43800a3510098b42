/** Which topics the screen needs, counted; and what the server was asked for. */

import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { ErrorMessage } from "./protocol.ts";
import type { Store } from "./store.ts";

/** Topics in one message; more are asked for in several. */
export const SUB_TOPICS_MAX = 500;
/** Characters of topics in one message: with versions, in any script, it stays below 128 KiB. */
export const SUB_CHARS_MAX = 18_000;
/** How long a topic is kept that nobody needs: the next page often needs it again. */
export const GRACE_MS = 2_000;
/** Waits before a topic whose refetch did not help is fetched again. */
export const REFETCH_MS = [500, 2_000, 8_000] as const;
/** Wait before a sub is repeated that the server could not take just then. */
export const SUB_RETRY_MS = 1_000;

export interface Refusal {
  readonly code: number;
  readonly message: string;
}

interface Surroundings {
  store: Store;
  clock: Clock;
  connection: () => Connection;
  /** The moment (monotonic) for which the server last proved what it sent; null before that. */
  proof: () => number | null;
  /** `complete` may be another now. */
  changed: () => void;
}

export class Subscriptions {
  readonly #around: Surroundings;
  readonly #wanted = new Map<string, number>();
  /** Topics that the server was asked for on this connection. */
  readonly #asked = new Set<string>();
  /** Topics to ask for next. */
  readonly #due = new Set<string>();
  /** Subs without their `live` yet, with their topics. */
  readonly #open = new Map<number, string[]>();
  readonly #live = new Set<string>();
  /** Until when topics were proven that are live no more. */
  readonly #provenUntil = new Map<string, number | null>();
  readonly #refused = new Map<string, Refusal>();
  /** Topics whose gap outlived a refetch, with the number of these. */
  readonly #gaps = new Map<string, number>();
  #scheduled = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Whether everything that is wanted is live. */
  get complete(): boolean {
    return this.#open.size === 0 && this.#due.size === 0 && this.#gaps.size === 0;
  }

  /** Why a topic was refused; undefined where it was not. */
  refusal(topic: string): Refusal | undefined {
    return this.#refused.get(topic);
  }

  /** The moment (monotonic) for which what is held of a topic was proven; null where never. */
  provenUntil(topic: string): number | null {
    if (this.#live.has(topic)) return this.#around.proof();
    return this.#provenUntil.get(topic) ?? null;
  }

  /** Adds topics; returns how to give them back. */
  want(topics: Iterable<string>): () => void {
    const mine = [...new Set(topics)];
    for (const topic of mine) {
      const count = this.#wanted.get(topic) ?? 0;
      this.#wanted.set(topic, count + 1);
      if (count === 0 && !this.#asked.has(topic)) this.#due.add(topic);
    }
    this.#schedule();
    let given = false;
    return () => {
      if (given) return;
      given = true;
      for (const topic of mine) this.#wanted.set(topic, (this.#wanted.get(topic) ?? 1) - 1);
      this.#around.clock.after(GRACE_MS, () => this.#release(mine));
    };
  }

  /** The connection is gone, and with it every promise made on it. */
  lost(): void {
    for (const topic of [...this.#live]) this.#fade(topic);
    this.#open.clear();
    this.#asked.clear();
    this.#due.clear();
    for (const [topic, count] of this.#wanted) if (count > 0) this.#due.add(topic);
  }

  /** A new connection: everything is asked for again, with what is held. */
  restart(): void {
    this.lost();
    this.#flush();
  }

  /** Nothing that is held counts any more. */
  reset(): void {
    this.#gaps.clear();
    this.restart();
    this.#provenUntil.clear();
  }

  /** Topics with a gap: asked for again; the store names no version for these. */
  refetch(topics: Iterable<string>): void {
    for (const topic of topics) {
      if (!this.#wanted.has(topic)) continue;
      this.#fade(topic);
      this.#due.add(topic);
    }
    this.#schedule();
    this.#around.changed();
  }

  /** The answer to a sub. */
  live(id: number): void {
    const topics = this.#open.get(id);
    if (topics === undefined) return;
    this.#open.delete(id);
    for (const topic of topics) {
      if (this.#around.store.isMissed(topic)) this.#retryGap(topic);
      else {
        this.#gaps.delete(topic);
        if (this.#asked.has(topic) && !this.#refused.has(topic)) this.#live.add(topic);
      }
    }
    this.#around.changed();
  }

  /** The refusal of a sub, or of one topic of it. */
  refused(error: ErrorMessage): void {
    const topic = error.data?.topic;
    if (typeof topic === "string") {
      this.#fade(topic);
      this.#refused.set(topic, error);
      return;
    }
    const topics = error.id === null ? undefined : this.#open.get(error.id);
    if (topics === undefined || error.id === null) return;
    this.#open.delete(error.id);
    const wanted = topics.filter((one) => this.#wanted.has(one));
    if (error.temporary) {
      for (const one of wanted) this.#due.add(one);
      this.#around.clock.after(SUB_RETRY_MS, () => this.#flush());
    } else for (const one of wanted) this.#refused.set(one, error);
    this.#around.changed();
  }

  /** From now on the topic only has the proof that it had. */
  #fade(topic: string): void {
    if (this.#live.delete(topic)) this.#provenUntil.set(topic, this.#around.proof());
  }

  /** A refetch that did not close its gap is repeated, ever slower. */
  #retryGap(topic: string): void {
    if (!this.#wanted.has(topic)) return;
    const tries = this.#gaps.get(topic) ?? 0;
    this.#gaps.set(topic, tries + 1);
    const wait = REFETCH_MS[Math.min(tries, REFETCH_MS.length - 1)] ?? 0;
    this.#around.clock.after(wait, () => {
      if (!this.#gaps.has(topic)) return;
      // Healed meanwhile or not: only the answer to another sub says that it is complete.
      this.refetch([topic]);
    });
  }

  #release(topics: readonly string[]): void {
    const gone: string[] = [];
    for (const topic of topics) {
      if (this.#wanted.get(topic) !== 0) continue;
      this.#wanted.delete(topic);
      this.#due.delete(topic);
      this.#gaps.delete(topic);
      this.#refused.delete(topic);
      this.#fade(topic);
      if (this.#asked.delete(topic)) gone.push(topic);
    }
    const connection = this.#around.connection();
    if (gone.length > 0 && connection.greeted) {
      connection.send({ t: "unsub", id: connection.nextId(), topics: gone });
    }
    this.#around.changed();
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
    const connection = this.#around.connection();
    if (connection.greeted) {
      const topics = [...this.#due];
      this.#due.clear();
      for (const part of parts(topics)) this.#send(connection, part);
    }
    this.#around.changed();
  }

  #send(connection: Connection, topics: string[]): void {
    const { store } = this.#around;
    const id = connection.nextId();
    this.#open.set(id, topics);
    for (const topic of topics) {
      this.#asked.add(topic);
      this.#refused.delete(topic);
    }
    const { epoch } = store;
    const have = epoch === null ? {} : store.versions(topics);
    const resumes = epoch !== null && Object.keys(have).length > 0;
    connection.send({ t: "sub", id, topics, ...(resumes ? { have, epoch } : {}) });
  }
}

/** Topics in portions that fit into one message. */
function* parts(topics: readonly string[]): Generator<string[]> {
  let part: string[] = [];
  let chars = 0;
  for (const topic of topics) {
    if (part.length === SUB_TOPICS_MAX || chars + topic.length > SUB_CHARS_MAX) {
      yield part;
      part = [];
      chars = 0;
    }
    part.push(topic);
    chars += topic.length;
  }
  if (part.length > 0) yield part;
}
