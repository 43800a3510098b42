/**
 * Documents by topic, observable. The only way in is the reducer; what commands are expected to do
 * lies over it in layers, and never counts as received.
 */

import type { DocumentOf } from "./documents.ts";
import { notify } from "./notify.ts";
import { Layers } from "./optimistic.ts";
import type { Item, ServerMessage } from "./protocol.ts";
import { type Change, type Held, Replica } from "./reducer.ts";

export type Listener = () => void;

/** Documents that are kept though nobody needs them; those that were needed longest ago go first. */
export const IDLE_DOCUMENTS_MAX = 2_000;

/** Holds what was received. References of unchanged documents stay the same. */
export class Store {
  readonly #replica = new Replica();
  /** What commands on their way are expected to do; `get` shows it. */
  readonly layers = new Layers({
    base: (topic) => this.#replica.docs.get(topic),
    epoch: () => this.#replica.epoch,
    changed: (topics) => this.#tell(topics),
  });
  readonly #byTopic = new Map<string, Set<Listener>>();
  /** Topics that somebody needs, and those that nobody needs now, in the order of their age. */
  readonly #needed = new Set<string>();
  readonly #idle = new Set<string>();
  readonly #all = new Set<(topics: ReadonlySet<string>) => void>();

  get epoch(): number | null {
    return this.#replica.epoch;
  }

  /**
   * The document of a topic as it is shown: as last received, with what commands on their way are
   * expected to do; undefined where there is neither.
   */
  get<T extends string>(topic: T): Held<DocumentOf<T>> | undefined {
    return this.layers.get(topic) as Held<DocumentOf<T>> | undefined;
  }

  /** The document of a topic as last received; undefined where nothing was received yet. */
  received<T extends string>(topic: T): Held<DocumentOf<T>> | undefined {
    return this.#replica.docs.get(topic) as Held<DocumentOf<T>> | undefined;
  }

  /** The topics that something is shown of. */
  get topics(): string[] {
    return [...new Set([...this.#replica.docs.keys(), ...this.layers.topics])];
  }

  /** Version by topic, of those that are held: what a subscription says it has. */
  versions(topics: Iterable<string>): Record<string, number> {
    const have: Record<string, number> = {};
    for (const topic of topics) {
      const held = this.#replica.docs.get(topic);
      const { missed, suspect } = this.#replica;
      if (held !== undefined && !missed.has(topic) && !suspect.has(topic)) have[topic] = held.v;
    }
    return have;
  }

  /** Whether a newer version than the held one is known to exist. */
  isMissed(topic: string): boolean {
    return this.#replica.missed.has(topic);
  }

  /** Whether these versions, or newer ones, are held. */
  holds(versions: Readonly<Record<string, number>>): boolean {
    return Object.entries(versions).every(
      ([topic, v]) => (this.#replica.docs.get(topic)?.v ?? 0) >= v,
    );
  }

  /** Tells when the document of a topic changes; returns how to stop that. */
  onTopic(topic: string, listener: Listener): () => void {
    const listeners = this.#byTopic.get(topic) ?? new Set();
    this.#byTopic.set(topic, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#byTopic.get(topic) === listeners) {
        this.#byTopic.delete(topic);
      }
    };
  }

  /** Tells once, however many of the topics changed together. */
  onTopics(topics: readonly string[], listener: Listener): () => void {
    const stops = topics.map((topic) => this.onTopic(topic, listener));
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Tells every change with the topics that it concerns. */
  onChange(listener: (topics: ReadonlySet<string>) => void): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  /**
   * Takes documents that came with a list over HTTP; older ones than the held change nothing.
   * With the `epoch` from before the request, an answer that a restore of the server has overtaken
   * changes nothing either.
   */
  offer(
    entries: Iterable<{ topic: string; v: number; doc: unknown; at: number }>,
    epoch: number | null = this.epoch,
  ): void {
    if (epoch !== this.epoch) return;
    const items: Item[] = [];
    for (const { topic, v, doc, at } of entries) {
      items.push({ t: "snap", topic, v, doc: doc as never, at });
    }
    this.apply({ t: "batch", items });
    for (const { topic } of items) this.#rest(topic);
  }

  /**
   * Takes what an earlier page received, with its `epoch`; nothing where this page has heard of a
   * server already. Where the epoch still is that of the log, only what changed since is sent.
   */
  resume(
    epoch: number | null,
    entries: Iterable<{ topic: string; v: number; doc: unknown; at: number }>,
  ): void {
    if (this.epoch !== null || epoch === null) return;
    this.#replica.epoch = epoch;
    this.offer(entries, epoch);
  }

  /** Somebody needs a topic, or nobody does any more: then its document may go in time. */
  need(topic: string, needed: boolean): void {
    if (needed) {
      this.#needed.add(topic);
      this.#idle.delete(topic);
    } else if (this.#needed.delete(topic)) this.#rest(topic);
  }

  #rest(topic: string): void {
    if (this.#needed.has(topic)) return;
    this.#idle.delete(topic);
    this.#idle.add(topic);
    if (this.#idle.size <= IDLE_DOCUMENTS_MAX) return;
    const [oldest = topic] = this.#idle;
    this.#idle.delete(oldest);
    // What is looked at stays, whoever brought it.
    if (!this.#byTopic.has(oldest)) this.#tell(this.#replica.forget(oldest).topics);
  }

  /** Tells those who watch a topic that something about it changed that is not its document. */
  touch(topic: string): void {
    this.#tell(new Set([topic]));
  }

  /** Says that a document is not what the server has: it is taken again at the same version. */
  doubt(topic: string): void {
    this.#replica.suspect.add(topic);
  }

  /** Takes a message of the server. */
  apply(message: ServerMessage): Change {
    const change = this.#replica.apply(message);
    if (message.t === "revoke") this.layers.purge(message.topic);
    // A layer ends in the same step in which what it foretold is there: nobody sees it without both.
    const topics = new Set([...change.topics, ...this.layers.settle()]);
    if (topics.size > 0) this.#tell(topics);
    return change;
  }

  #tell(topics: ReadonlySet<string>): void {
    const listeners = new Set<Listener>();
    for (const topic of topics) {
      for (const listener of this.#byTopic.get(topic) ?? []) listeners.add(listener);
    }
    notify(listeners);
    notify(this.#all, topics);
  }
}
