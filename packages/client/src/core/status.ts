/** How old what is shown may be. The client's wall clock is never asked. */

import type { Clock } from "./clock.ts";
import { notify } from "./notify.ts";

export type Status = "live" | "delayed" | "stale" | "offline";

export const LIVE_MS_MAX = 3_000;
export const DELAYED_MS_MAX = 10_000;
/** How often the age is looked at while somebody watches. */
const TICK_MS = 500;
/** How fast the two clocks may drift apart, in parts of one; crystals do 0.0001. */
const DRIFT_MAX = 0.0005;

export interface StatusSnapshot {
  readonly status: Status;
  /** Milliseconds since the server last proved that it held everything; null before the first. */
  readonly ageMs: number | null;
  /** The server's time of that proof; null before the first. */
  readonly provenAt: number | null;
  /** `offline` only as yet: a first connection is being made, and not every way to it has failed. */
  readonly connecting: boolean;
}

/** Follows connection and beats; an observable for the screen. */
export class StatusTracker {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  /** The moment (ours, monotonic) for which the server proved what it sent, and the server's time then. */
  #proof: { at: number; server: number } | null = null;
  /** The server's clock minus ours, by the beat that was the least time on its way. */
  #offset: { ms: number; at: number } | null = null;
  #told: StatusSnapshot | null = null;
  #connected = false;
  #complete = false;
  /** Since the start no connection was made, and none failed to be. */
  #connecting = true;
  #timer: unknown = null;
  #last: StatusSnapshot = {
    ...{ status: "offline", ageMs: null, provenAt: null, connecting: true },
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The status now. The same object as long as status and whole seconds of age are the same. */
  get(): StatusSnapshot {
    const next = this.#compute();
    const same =
      next.status === this.#last.status &&
      next.provenAt === this.#last.provenAt &&
      next.connecting === this.#last.connecting &&
      seconds(next.ageMs) === seconds(this.#last.ageMs);
    if (!same) this.#last = next;
    return this.#last;
  }

  /** Milliseconds since the last proof, right now; null before the first. */
  ageMs(): number | null {
    if (this.#proof === null) return null;
    return this.#clock.monotonic() - this.#proof.at;
  }

  /** The moment (monotonic) for which the server last proved what it sent; null before that. */
  provenAt(): number | null {
    return this.#proof?.at ?? null;
  }

  /** The status that a value with this age has; null for one that was never proven. */
  of(ageMs: number | null, live: boolean): Status {
    if (!this.#connected) return "offline";
    if (ageMs === null) return "delayed";
    if (ageMs > DELAYED_MS_MAX) return "stale";
    return live && ageMs <= LIVE_MS_MAX ? "live" : "delayed";
  }

  /** The server's time now, as far as its beats tell; null before the first. */
  serverNow(): number | null {
    return this.#offset === null ? null : this.#clock.monotonic() + this.#offset.ms;
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

  /** A welcome: perhaps of another server, with another clock. */
  welcomed(lagMs: number, now: number): void {
    this.#offset = null;
    this.proved(lagMs, now);
  }

  /**
   * A beat: everything up to `now - lagMs` on the server's clock is here. A beat that was longer
   * on its way than others is known by its `now`: what lay in a queue proves less.
   */
  proved(lagMs: number, now: number): void {
    const at = this.#clock.monotonic();
    const seen = now - at;
    const least =
      this.#offset === null ? seen : this.#offset.ms - DRIFT_MAX * (at - this.#offset.at);
    this.#offset = { ms: Math.max(seen, least), at };
    this.#proof = { at: now - lagMs - this.#offset.ms, server: now - lagMs };
    this.#tell();
  }

  /** Whether a connection is open, and whether every subscription on it is live. */
  connection(connected: boolean, complete: boolean): void {
    if (connected === this.#connected && complete === this.#complete) return;
    this.#connected = connected;
    this.#connecting &&= !connected;
    this.#complete = complete;
    this.#tell();
  }

  /** A first connection is begun, or begun anew after a stop. */
  begun(): void {
    this.#connecting = true;
    this.#tell();
  }

  /** Every way to the server was tried, and none led to it. */
  unreached(): void {
    this.#connecting = false;
    this.#tell();
  }

  #compute(): StatusSnapshot {
    const ageMs = this.ageMs();
    const provenAt = this.#proof?.server ?? null;
    const connecting = this.#connecting;
    return { status: this.of(ageMs, this.#complete), ageMs, provenAt, connecting };
  }

  #tell(): void {
    // Compared with what was told, not with what was last read: a reader is not everybody.
    const now = this.get();
    if (now === this.#told) return;
    this.#told = now;
    notify(this.#listeners);
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
