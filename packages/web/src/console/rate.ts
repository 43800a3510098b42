/** Orders placed per minute: as the server tells it, and before that as the newest orders say. */

import type { OrderDocument, OrdersDocument } from "@shopwire/client";
import { collector } from "./collected.ts";

export const MINUTE_MS = 60_000;
/** Minutes that the chart looks back. */
export const MINUTES_SHOWN = 30;
/** Samples that are kept; the server tells at most two a second, and then only where it changed. */
export const SAMPLES_MAX = 2_000;

export interface Sample {
  readonly at: number;
  /** Orders placed in the minute before. */
  readonly placed: number;
}

/** The samples after one more; older ones than are shown go. */
export function withSample(
  samples: readonly Sample[],
  { now_ms, per_minute }: OrdersDocument,
): readonly Sample[] {
  const last = samples.at(-1);
  if (last && now_ms <= last.at) return samples;
  const since = now_ms - MINUTES_SHOWN * MINUTE_MS;
  const kept = samples.filter(({ at }) => at > since);
  return [...kept, { at: now_ms, placed: per_minute }].slice(-SAMPLES_MAX);
}

const collected = collector("ops:orders", withSample);

/** Collects the rate as long as the console is open, whichever of its pages is shown. */
export const useCollectedRate = collected.useCollecting;

/** The collected rate, oldest first. */
export const useRate = collected.useSamples;

/**
 * The rate at each minute before a moment, counted from the newest orders. Without `all` there are
 * older ones, so minutes that reach beyond the oldest are left out: they are not known.
 */
export function counted(
  orders: readonly Pick<OrderDocument, "started_at_ms" | "placed_at_ms">[],
  before: number,
  all: boolean,
): readonly Sample[] {
  const oldest = Math.min(...orders.map(({ started_at_ms }) => started_at_ms));
  const placed = orders.flatMap(({ placed_at_ms }) => placed_at_ms ?? []);
  const samples: Sample[] = [];
  for (let back = MINUTES_SHOWN; back >= 1; back -= 1) {
    const at = before - back * MINUTE_MS;
    const from = at - MINUTE_MS;
    if (!all && from < oldest) continue;
    samples.push({ at, placed: placed.filter((one) => one > from && one <= at).length });
  }
  return samples;
}
