/** The last minutes of the pulse, for charts. */

import type { Client, PulseDocument } from "@shopwire/client";
import { useClient } from "@shopwire/client/react";
import { useEffect, useSyncExternalStore } from "react";

export const PULSE_TOPIC = "ops:pulse";
/** Beats that are kept: five minutes. */
export const BEATS_MAX = 300;
/** A longer silence is drawn as a gap, since nothing is known about it. */
export const SILENCE_MS_MAX = 3_000;

/** A beat; null marks a gap before the next one. */
export type Beat = PulseDocument | null;

/** The beats after one more. */
export function withBeat(beats: readonly Beat[], next: PulseDocument): readonly Beat[] {
  const last = beats.at(-1);
  if (last && next.now_ms <= last.now_ms) return beats;
  const gap: Beat[] = last && next.now_ms - last.now_ms > SILENCE_MS_MAX ? [null] : [];
  return [...beats, ...gap, next].slice(-BEATS_MAX);
}

class History {
  #beats: readonly Beat[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(readonly client: Client) {}

  read = (): readonly Beat[] => this.#beats;

  listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  take(): void {
    const pulse = this.client.store.get<`ops:${string}`>(PULSE_TOPIC)?.doc;
    if (!pulse) return;
    const beats = withBeat(this.#beats, pulse);
    if (beats === this.#beats) return;
    this.#beats = beats;
    for (const listener of this.#listeners) listener();
  }
}

const histories = new WeakMap<Client, History>();

function historyOf(client: Client): History {
  const known = histories.get(client);
  if (known) return known;
  const made = new History(client);
  histories.set(client, made);
  return made;
}

/** Collects beats as long as the console is open, whichever of its pages is shown. */
export function useCollectedPulse(): void {
  const client = useClient();
  useEffect(() => {
    const history = historyOf(client);
    history.take();
    const stopListening = client.store.onTopic(PULSE_TOPIC, () => history.take());
    const stopWatching = client.subscribe([PULSE_TOPIC]);
    return () => {
      stopListening();
      stopWatching();
    };
  }, [client]);
}

/** The collected beats, oldest first. */
export function usePulse(): readonly Beat[] {
  const history = historyOf(useClient());
  return useSyncExternalStore(history.listen, history.read);
}
