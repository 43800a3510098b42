/** Orders per minute, counted from the newest orders; what is not known is not drawn as none. */

export const MINUTE_MS = 60_000;
/** Minutes that the chart looks back. */
export const MINUTES_SHOWN = 30;

export interface Rates {
  /** Seconds, at the end of each minute. */
  readonly times: readonly number[];
  /** Orders begun in that minute; null where not all of them are known. */
  readonly values: readonly (number | null)[];
}

/**
 * The minutes up to now, each of them whole. `begun` are the newest orders' moments; without `all` there are older
 * ones, so the minutes up to the oldest known are not counted whole.
 */
export function ratesOf(begun: readonly number[], nowMs: number, all: boolean): Rates {
  const oldest = begun.length === 0 ? nowMs : Math.min(...begun);
  const minutes = Array.from(
    { length: MINUTES_SHOWN },
    (_, at) => nowMs - (MINUTES_SHOWN - 1 - at) * MINUTE_MS,
  );
  return {
    times: minutes.map((until) => until / 1_000),
    values: minutes.map((until) => {
      const from = until - MINUTE_MS;
      if (!all && from < oldest) return null;
      return begun.filter((at) => at > from && at <= until).length;
    }),
  };
}
