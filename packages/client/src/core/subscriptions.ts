/** Which topics the screen needs, counted; and what the server was asked for. */

import type { Clock } from "./clock.ts";
import { CODES } from "./codes.ts";
import type { Connection } from "./connection.ts";
import type { ErrorMessage, RevokeReason } from "./protocol.ts";
import { IDLE_DOCUMENTS_MAX, type Store } from "./store.ts";
import { becomes, type TopicEvent, type TopicState } from "./topicStates.ts";

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
  /** Why it was taken back, where it was. */
  readonly reason?: RevokeReason;
}

const TAKEN_BACK = {
  withdrawn: "You may no longer see this.",
  expired: "Your session has ended. Sign in again to see this.",
  unauthenticated: "Sign in to see this.",
} satisfies Record<RevokeReason, string>;

interface Surroundings {
  store: Store;
  clock: Clock;
  connection: () => Connection;
  /** The moment (monotonic) for which the server last proved what it sent; null before that. */
  proof: () => number | null;
  /** `complete` may be another now. */
  changed: () => void;
  /** A topic cannot be had, or no longer. */
  denied: (topic: string, refusal: Refusal) => void;
}

interface Topic {
  state: TopicState;
  /** How many need it. */
  needs: number;
  /** Whether this connection's server knows of it. */
  sent: boolean;
  /** Refetches that did not help. */
  tries: number;
  refusal?: Refusal;
}

export class Subscriptions {
  readonly #around: Surroundings;
  readonly #topics = new Map<string, Topic>();
  /** Subs without their `live` yet, with their topics. */
  readonly #open = new Map<number, string[]>();
  /** Until when topics were proven that are live no more. */
  readonly #provenUntil = new Map<string, number | null>();
  #scheduled = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Whether everything that is wanted is live. */
  get complete(): boolean {
    if (this.#open.size > 0) return false;
    for (const { state } of this.#topics.values()) {
      if (state === "due" || state === "gap") return false;
    }
    return true;
  }

  /** The topics that somebody needs. */
  get wanted(): Iterable<string> {
    return this.#topics.keys();
  }

  stateOf(topic: string): TopicState {
    return this.#topics.get(topic)?.state ?? "gone";
  }

  /** Why a topic was refused or taken back; undefined where it was not. */
  refusal(topic: string): Refusal | undefined {
    return this.#topics.get(topic)?.refusal;
  }

  /** The moment (monotonic) for which what is held of a topic was proven; null where never. */
  provenUntil(topic: string): number | null {
    if (this.stateOf(topic) === "live") return this.#around.proof();
    return this.#provenUntil.get(topic) ?? null;
  }

  /** Adds topics; returns how to give them back. */
  want(topics: Iterable<string>): () => void {
    const mine = [...new Set(topics)];
    for (const name of mine) {
      let topic = this.#topics.get(name);
      if (topic === undefined) {
        topic = { state: "gone", needs: 0, sent: false, tries: 0 };
        this.#topics.set(name, topic);
      }
      topic.needs += 1;
      this.#around.store.need(name, true);
      this.#on(name, "want");
    }
    this.#schedule();
    let given = false;
    return () => {
      if (given) return;
      given = true;
      for (const name of mine) {
        const topic = this.#topics.get(name);
        if (topic !== undefined && topic.needs > 0) topic.needs -= 1;
      }
      this.#around.clock.after(GRACE_MS, () => this.#release(mine));
    };
  }

  /** The connection is gone, and with it every promise made on it. */
  lost(): void {
    this.#open.clear();
    for (const [name, topic] of [...this.#topics]) {
      topic.sent = false;
      this.#on(name, topic.needs > 0 ? "lost" : "release");
    }
  }

  /** A new connection: everything is asked for again, with what is held. */
  restart(): void {
    this.lost();
    this.#flush();
  }

  /** Nothing that is held counts any more. */
  reset(): void {
    this.restart();
    this.#provenUntil.clear();
  }

  /** Topics with a gap: asked for again; the store names no version for these. */
  refetch(topics: Iterable<string>): void {
    for (const topic of topics) this.#on(topic, "missed");
    this.#schedule();
    this.#around.changed();
  }

  /** The answer to a sub. */
  live(id: number): void {
    const topics = this.#open.get(id);
    if (topics === undefined) return;
    this.#open.delete(id);
    for (const topic of topics) {
      if (!this.#around.store.isMissed(topic)) this.#on(topic, "live");
      else if (this.#on(topic, "hole") === "gap") this.#retryGap(topic);
    }
    this.#around.changed();
  }

  /** The refusal of a sub, or of one topic of it. */
  refused(error: ErrorMessage): void {
    const topic = error.data?.topic;
    if (typeof topic === "string") {
      this.#deny(topic, "refuse", error);
      this.#around.changed();
      return;
    }
    const topics = error.id === null ? undefined : this.#open.get(error.id);
    if (topics === undefined || error.id === null) return;
    this.#open.delete(error.id);
    for (const one of topics) {
      if (error.temporary) this.#on(one, "busy");
      else this.#deny(one, "refuse", error);
    }
    if (error.temporary) this.#around.clock.after(SUB_RETRY_MS, () => this.#flush());
    this.#around.changed();
  }

  /** A topic was taken back; it is asked for again when the caller is another one. */
  revoked(topic: string, reason: RevokeReason): void {
    const message = TAKEN_BACK[reason] ?? TAKEN_BACK.withdrawn;
    this.#deny(topic, "revoke", { code: CODES.TopicRefused, message, reason });
    this.#provenUntil.delete(topic);
    this.#around.changed();
  }

  /** The caller is another one: what was refused may be had now. */
  access(): void {
    for (const topic of this.#topics.keys()) this.#on(topic, "access");
    this.#schedule();
  }

  #deny(name: string, event: "refuse" | "revoke", refusal: Refusal): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    const state = this.#on(name, event);
    if (state !== "refused" && state !== "revoked") return;
    topic.refusal = refusal;
    this.#around.denied(name, refusal);
  }

  /** The only place where a topic's state changes. */
  #on(name: string, event: TopicEvent): TopicState {
    const topic = this.#topics.get(name);
    if (topic === undefined) return "gone";
    const before = topic.state;
    const state = becomes(before, event);
    // From now on it only has the proof that it had.
    if (before === "live" && state !== "live") {
      this.#provenUntil.delete(name);
      this.#provenUntil.set(name, this.#around.proof());
      const [oldest = name] = this.#provenUntil.keys();
      if (this.#provenUntil.size > IDLE_DOCUMENTS_MAX) this.#provenUntil.delete(oldest);
    }
    if (state === "live" || event === "lost") topic.tries = 0;
    if (state !== "refused" && state !== "revoked") delete topic.refusal;
    topic.state = state;
    if (state === "gone") {
      this.#topics.delete(name);
      this.#around.store.need(name, false);
    }
    return state;
  }

  /** A refetch that did not close its gap is repeated, ever slower. */
  #retryGap(name: string): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    const wait = REFETCH_MS[Math.min(topic.tries, REFETCH_MS.length - 1)] ?? 0;
    topic.tries += 1;
    this.#around.clock.after(wait, () => {
      if (this.#topics.get(name) !== topic) return;
      this.#on(name, "again");
      this.#schedule();
      this.#around.changed();
    });
  }

  #release(names: readonly string[]): void {
    const gone: string[] = [];
    for (const name of names) {
      const topic = this.#topics.get(name);
      if (topic?.needs !== 0) continue;
      if (topic.sent) gone.push(name);
      this.#on(name, "release");
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
      const due = [...this.#topics].filter(([, topic]) => topic.state === "due");
      for (const part of parts(due.map(([name]) => name))) this.#send(connection, part);
    }
    this.#around.changed();
  }

  #send(connection: Connection, topics: string[]): void {
    const { store } = this.#around;
    const id = connection.nextId();
    this.#open.set(id, topics);
    for (const name of topics) {
      this.#on(name, "sent");
      const topic = this.#topics.get(name);
      if (topic !== undefined) topic.sent = true;
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
