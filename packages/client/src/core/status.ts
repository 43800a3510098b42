/** How old what is shown may be. The client's wall clock is never asked. */

import type { Clock } from "./clock.ts";

export type Status = "live" | "delayed" | "stale" | "offline";

export const LIVE_MS_MAX = 3_000;
export const DELAYED_MS_MAX = 10_000;
/** How often the age is looked at while somebody watches. */
const TICK_MS = 500;

export interface StatusSnapshot {
  readonly status: Status;
  /** Milliseconds since the server last proved that it held everything; null before the first. */
  readonly ageMs: number | null;
  /** The server's time of that proof; null before the first. */
  readonly provenAt: number | null;
}

/** Follows connection and beats; an observable for the screen. */
export class StatusTracker {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #proof: { lagMs: number; now: number; at: number } | null = null;
  #connected = false;
  #complete = false;
  #timer: unknown = null;
  #last: StatusSnapshot = { status: "offline", ageMs: null, provenAt: null };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The status now. The same object as long as status and whole seconds of age are the same. */
  get(): StatusSnapshot {
    const next = this.#compute();
    const same =
      next.status === this.#last.status &&
      next.provenAt === this.#last.provenAt &&
      seconds(next.ageMs) === seconds(this.#last.ageMs);
    if (!same) this.#last = next;
    return this.#last;
  }

  /** Milliseconds since the last proof, right now; null before the first. */
  ageMs(): number | null {
    if (this.#proof === null) return null;
    return this.#proof.lagMs + (this.#clock.monotonic() - this.#proof.at);
  }

  /** The server's time now, as far as its last beat tells; null before the first. */
  serverNow(): number | null {
    if (this.#proof === null) return null;
    return this.#proof.now + (this.#clock.monotonic() - this.#proof.at);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#schedule();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0 && this.#timer !== null) {
        this.#clock.cancel(this.#timer);
        this.#timer = null;
      }
    };
  }

  /** A welcome or a beat. */
  proved(lagMs: number, now: number): void {
    this.#proof = { lagMs, now, at: this.#clock.monotonic() };
    this.#tell();
  }

  /** Whether a connection is open, and whether every subscription on it is live. */
  connection(connected: boolean, complete: boolean): void {
    if (connected === this.#connected && complete === this.#complete) return;
    this.#connected = connected;
    this.#complete = complete;
    this.#tell();
  }

  #compute(): StatusSnapshot {
    const ageMs = this.ageMs();
    const provenAt = this.#proof === null ? null : this.#proof.now - this.#proof.lagMs;
    return { status: this.#status(ageMs), ageMs, provenAt };
  }

  #status(ageMs: number | null): Status {
    if (!this.#connected) return "offline";
    if (ageMs === null) return "delayed";
    if (ageMs > DELAYED_MS_MAX) return "stale";
    return this.#complete && ageMs <= LIVE_MS_MAX ? "live" : "delayed";
  }

  #tell(): void {
    const before = this.#last;
    if (this.get() === before) return;
    for (const listener of this.#listeners) listener();
  }

  #schedule(): void {
    if (this.#timer !== null) return;
    this.#timer = this.#clock.after(TICK_MS, () => {
      this.#timer = null;
      this.#tell();
      if (this.#listeners.size > 0) this.#schedule();
    });
  }
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : Math.floor(ms / 1_000);
}
