/**
 * Which way to connect is tried first: the best one, or the one that led to a server last in this
 * session, where the better ones are known to lead nowhere. Better ones are looked at again later.
 */

import type { Link, Transport } from "../transports/transport.ts";
import type { Clock } from "./clock.ts";
import { CONNECT_MS_MAX } from "./connection.ts";
import { decode, PROTOCOL } from "./protocol.ts";

/** Wait before a better way is looked at; twice as long after each look in vain. */
export const BETTER_MS_LEAST = 60_000;
export const BETTER_MS_MAX = 960_000;
/** The name under which the session keeps it. */
export const DOOR_KEY = "shopwire.door";

/** What of `sessionStorage` is used. */
export type SessionMemory = Pick<Storage, "getItem" | "setItem" | "removeItem">;

interface Surroundings {
  /** All ways to the server of now, the best first. */
  ways: () => readonly Transport[];
  clock: Clock;
  memory: SessionMemory | null;
  /** A better way than the one in use leads to the server. */
  better: () => void;
}

export class Doors {
  readonly #around: Surroundings;
  #known: string | null;
  #timer: unknown = null;
  #probe: Link | null = null;
  #waitMs = BETTER_MS_LEAST;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#known = remembered(around.memory);
  }

  /** The ways in the order in which they are to be tried now. */
  order(): readonly Transport[] {
    const ways = this.#around.ways();
    const first = ways.filter(({ name }) => name === this.#known);
    return [...first, ...ways.filter((way) => !first.includes(way))];
  }

  /** A way led to a welcome. */
  reached({ name }: Transport): void {
    this.#forgetProbe();
    const best = this.#around.ways()[0]?.name;
    this.#remember(name === best ? null : name);
    if (name === best) this.#waitMs = BETTER_MS_LEAST;
    else this.#timer = this.#around.clock.after(this.#waitMs, () => this.#look());
  }

  stop(): void {
    this.#forgetProbe();
  }

  /** Sees whether the best way leads to a welcome, beside the one in use. */
  #look(): void {
    const [best] = this.#around.ways();
    if (best === undefined) return;
    const { clock } = this.#around;
    this.#waitMs = Math.min(this.#waitMs * 2, BETTER_MS_MAX);
    const later = () => {
      this.#forgetProbe();
      this.#timer = clock.after(this.#waitMs, () => this.#look());
    };
    let link: Link | null = null;
    const mine = () => link !== null && link === this.#probe;
    try {
      link = best.connect({
        opened: () => link?.send(JSON.stringify({ t: "hello", proto: PROTOCOL, epoch: null })),
        message: (text) => {
          if (mine() && isWelcome(text)) this.#found();
        },
        closed: () => {
          if (mine()) later();
        },
      });
    } catch {
      later();
      return;
    }
    this.#probe = link;
    this.#timer = clock.after(CONNECT_MS_MAX, later);
  }

  #found(): void {
    this.#forgetProbe();
    this.#remember(null);
    this.#waitMs = BETTER_MS_LEAST;
    this.#around.better();
  }

  #forgetProbe(): void {
    const link = this.#probe;
    this.#probe = null;
    this.#around.clock.cancel(this.#timer);
    this.#timer = null;
    link?.close(1000, "looked");
  }

  #remember(name: string | null): void {
    this.#known = name;
    try {
      if (name === null) this.#around.memory?.removeItem(DOOR_KEY);
      else this.#around.memory?.setItem(DOOR_KEY, name);
    } catch {
      // A full or forbidden memory: then the next page finds out by itself.
    }
  }
}

function remembered(memory: SessionMemory | null): string | null {
  try {
    return memory?.getItem(DOOR_KEY) ?? null;
  } catch {
    return null;
  }
}

function isWelcome(text: string): boolean {
  try {
    return decode(text).t === "welcome";
  } catch {
    return false;
  }
}
