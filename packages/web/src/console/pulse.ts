/** The last minutes of the pulse, for charts. */

import type { PulseDocument } from "@shopwire/client";
import { collector } from "./collected.ts";

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

const collected = collector(PULSE_TOPIC, withBeat);

/** Collects beats as long as the console is open, whichever of its pages is shown. */
export const useCollectedPulse = collected.useCollecting;

/** The collected beats, oldest first. */
export const usePulse = collected.useSamples;
