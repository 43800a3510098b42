/** What an ephemeral document said over time, kept as long as the console is open. */

import type { Client, DocumentOf } from "@shopwire/client";
import { useClient } from "@shopwire/client/react";
import { useEffect, useSyncExternalStore } from "react";

type Adding<D, S> = (samples: readonly S[], document: D) => readonly S[];

class History<T extends `ops:${string}`, S> {
  #samples: readonly S[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly client: Client,
    readonly topic: T,
    readonly add: Adding<DocumentOf<T>, S>,
  ) {}

  read = (): readonly S[] => this.#samples;

  listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  take(): void {
    const document = this.client.store.get<T>(this.topic)?.doc;
    if (!document) return;
    const samples = this.add(this.#samples, document);
    if (samples === this.#samples) return;
    this.#samples = samples;
    for (const listener of this.#listeners) listener();
  }
}

export interface Collector<S> {
  /** Collects as long as the component is there, whichever page is shown. */
  readonly useCollecting: () => void;
  /** The samples, oldest first. */
  readonly useSamples: () => readonly S[];
}

/** Hooks that collect what a topic says; `add` gives the samples after one more. */
export function collector<T extends `ops:${string}`, S>(
  topic: T,
  add: Adding<DocumentOf<T>, S>,
): Collector<S> {
  const histories = new WeakMap<Client, History<T, S>>();
  const historyOf = (client: Client): History<T, S> => {
    const known = histories.get(client);
    if (known) return known;
    const made = new History(client, topic, add);
    histories.set(client, made);
    return made;
  };
  return {
    useCollecting() {
      const client = useClient();
      // biome-ignore lint/correctness/useExhaustiveDependencies: topic and histories stay the same.
      useEffect(() => {
        const history = historyOf(client);
        history.take();
        const stopListening = client.store.onTopic(topic, () => history.take());
        const stopWatching = client.subscribe([topic]);
        return () => {
          stopListening();
          stopWatching();
        };
      }, [client]);
    },
    useSamples() {
      const history = historyOf(useClient());
      return useSyncExternalStore(history.listen, history.read);
    },
  };
}
