/** What a container of state needs to hold what a client shows: everything first, then each change. */

import type { Client } from "./client.ts";
import type { Documents, Kind } from "./documents.ts";
import type { Json } from "./protocol.ts";
import type { Held } from "./reducer.ts";
import type { StatusSnapshot } from "./status.ts";
import type { Refusal } from "./subscriptions.ts";

/** What is shown of a topic. `doc` is null where the entity is known not to exist. */
export interface Entry<D = Json> extends Held<D> {
  readonly topic: string;
  /** Whether something of it is only what a command on its way is expected to do. */
  readonly pending: boolean;
}

/** The document of a kind; any object for one that is not known. */
export type OfKind<K extends string> = K extends Kind ? Documents[K] : Json;

/** A topic as it is now. */
export interface Seen {
  readonly topic: string;
  /** Null where nothing is shown of it, or no longer. */
  readonly entry: Entry | null;
  /** Why it cannot be had; null where it can. */
  readonly refusal: Refusal | null;
}

export interface Mirror {
  /** Topics that changed together, as they are now; `whole`: there are no others. */
  seen(topics: readonly Seen[], whole: boolean): void;
  status(snapshot: StatusSnapshot): void;
}

/**
 * Tells everything that is shown now, then every change, once each; returns how to stop. Topics are
 * read when they are told, so that no order of listeners makes a mirror step back.
 */
export function mirror(client: Client, into: Mirror): () => void {
  const { store, status } = client;
  /** What shows the same is the same reference. */
  const entries = new WeakMap<Held, Entry>();
  const entryOf = (topic: string): Entry | null => {
    const held: Held | undefined = store.get(topic);
    if (held === undefined) return null;
    const pending = store.layers.isPending(topic);
    const known = entries.get(held);
    if (known?.pending === pending) return known;
    const entry = { topic, ...held, pending };
    entries.set(held, entry);
    return entry;
  };
  const see = (topic: string): Seen => ({
    ...{ topic, entry: entryOf(topic), refusal: client.refusal(topic) ?? null },
  });
  const stops = [
    store.onChange((topics) => into.seen(Array.from(topics, see), false)),
    status.subscribe(() => into.status(status.get())),
  ];
  into.seen(store.topics.map(see), true);
  into.status(status.get());
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}

/** What comes before the colon. */
export function kindOf(topic: string): string {
  return topic.split(":", 1)[0] ?? "";
}
