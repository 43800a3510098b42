/** Time and chance as arguments, so that tests decide them. */

export interface Clock {
  /** Milliseconds that never go back; only differences mean something. */
  monotonic(): number;
  after(ms: number, run: () => void): unknown;
  cancel(timer: unknown): void;
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  after: (ms, run) => setTimeout(run, ms),
  cancel: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

/** A wait before try number `attempt` (0 for the first repeat), with full jitter. */
export function backoff(
  attempt: number,
  { least, most, random }: { least: number; most: number; random: () => number },
): number {
  return random() * Math.min(most, least * 2 ** Math.min(attempt, 20));
}
