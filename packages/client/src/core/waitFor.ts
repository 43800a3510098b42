/** Waiting until what a command did is there. */

import type { Clock } from "./clock.ts";
import type { Store } from "./store.ts";

interface Surroundings {
  store: Store;
  clock: Clock;
  subscribe: (topics: Iterable<string>) => () => void;
}

/** Resolves when these versions are in the store: true; or when time is up: false. */
export function waitFor(
  { store, clock, subscribe }: Surroundings,
  versions: Readonly<Record<string, number>>,
  msMax: number,
): Promise<boolean> {
  if (store.holds(versions)) return Promise.resolve(true);
  const topics = Object.keys(versions);
  const giveBack = subscribe(topics);
  return new Promise((resolve) => {
    const finish = (held: boolean) => {
      giveBack();
      stop();
      clock.cancel(timer);
      resolve(held);
    };
    const timer = clock.after(msMax, () => finish(false));
    const stop = store.onTopics(topics, () => {
      if (store.holds(versions)) finish(true);
    });
  });
}
