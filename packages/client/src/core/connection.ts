/**
 * One connection at a time, for as long as it is wanted.
 *
 *   idle --start--> connecting --opened--> handshaking --welcome--> open
 *   connecting, handshaking, open --lost--> waiting --due or woken--> connecting
 *   any --stop--> idle;  any --a code that forbids to return--> closed
 */

import type { Link, Transport } from "../transports/transport.ts";
import { backoff, type Clock } from "./clock.ts";
import { type ClientMessage, decode, PROTOCOL, type ServerMessage } from "./protocol.ts";

export type ConnectionState = "idle" | "connecting" | "handshaking" | "open" | "waiting" | "closed";

/** Time from the start of a try to its welcome; then the next way is tried. */
export const CONNECT_MS_MAX = 2_500;
export const RETRY_MS_LEAST = 500;
export const RETRY_MS_MAX = 30_000;
/** Wait after the server called us a flood. */
export const FLOOD_MS_LEAST = 10_000;
/** Silence of ours after which the server gets a sign of life. */
export const PING_MS = 10_000;
/** Beats that may be late before the connection is asked whether it lives. */
export const BEATS_MISSED_MAX = 2.5;

/** Close codes outside of 4000 to 4999 after which coming back makes no sense. */
const FINAL_CODES = new Set([1002, 1003, 1007, 1009, 1010]);

export interface ConnectionEvents {
  /** A new connection was welcomed; what was asked for on the last one has to be asked again. */
  welcomed(): void;
  message(message: ServerMessage): void;
  changed(state: ConnectionState): void;
}

export interface ConnectionOptions {
  /** Ways to connect, the best first; a way that never led to a welcome makes room for the next. */
  transports: readonly Transport[];
  clock: Clock;
  random: () => number;
  /** The epoch of what the client holds. */
  epoch: () => number | null;
}

/** Whether a client may come back after this close code. */
export function mayReturn(code: number): boolean {
  if (code >= 4500 && code <= 4999) return false;
  return !FINAL_CODES.has(code);
}

export class Connection {
  state: ConnectionState = "idle";
  /** Why it is closed for good, or lost right now. */
  lastClose: { code: number; reason: string } | null = null;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  #link: Link | null = null;
  #timer: unknown = null;
  #watch: unknown = null;
  #attempt = 0;
  #way = 0;
  #wayProven = false;
  #beatMs = 2_000;
  #asked = false;
  #sentAt = 0;
  #nextId = 1;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
  }

  start(): void {
    if (this.state === "idle" || this.state === "closed") this.#connect();
  }

  stop(): void {
    this.#drop(1000, "stopped");
    this.#become("idle");
  }

  /** The network came back or somebody looks again: no reason to wait any longer. */
  wake(): void {
    if (this.state === "waiting") this.#connect();
    else if (this.state === "open") this.#ask();
  }

  /** The network says that it is gone. */
  sleep(): void {
    if (this.state !== "idle" && this.state !== "closed") this.#lost(1006, "the network is gone");
  }

  /** A subscription went live: what is tried next starts from the shortest wait. */
  proven(): void {
    this.#attempt = 0;
  }

  nextId(): number {
    return this.#nextId++;
  }

  send(message: ClientMessage): void {
    if (this.#link === null) return;
    this.#sentAt = this.#options.clock.monotonic();
    this.#link.send(JSON.stringify(message));
  }

  /** What was received makes no sense: begin anew. */
  broken(reason: string): void {
    this.#drop(4500, reason.slice(0, 100));
    this.#wait({ code: 4500, reason }, RETRY_MS_LEAST);
  }

  #connect(): void {
    this.#drop(1000, "again");
    this.#become("connecting");
    const transport = this.#transport();
    let current: Link | null = null;
    const mine = () => current !== null && this.#link === current;
    current = transport.connect({
      opened: () => {
        if (!mine()) return;
        this.#become("handshaking");
        this.send({ t: "hello", proto: PROTOCOL, epoch: this.#options.epoch() });
      },
      message: (text) => {
        if (mine()) this.#receive(text);
      },
      closed: (code, reason) => {
        if (mine()) this.#lost(code, reason);
      },
    });
    this.#link = current;
    this.#timer = this.#options.clock.after(CONNECT_MS_MAX, () => {
      this.#lost(1006, "no welcome in time");
    });
  }

  #transport(): Transport {
    const { transports } = this.#options;
    const transport = transports[this.#way % transports.length];
    if (transport === undefined) throw new Error("a connection needs a transport");
    return transport;
  }

  #receive(text: string): void {
    let message: ServerMessage;
    try {
      message = decode(text);
    } catch (problem) {
      this.broken(String(problem));
      return;
    }
    this.#asked = false;
    this.#watchBeats();
    if (message.t === "welcome" && this.state === "handshaking") {
      this.#options.clock.cancel(this.#timer);
      this.#timer = null;
      this.#wayProven = true;
      this.#beatMs = message.beat_ms;
      this.#become("open");
      this.#events.message(message);
      this.#events.welcomed();
      return;
    }
    if (this.state === "open" || message.t === "error") this.#events.message(message);
  }

  /** Looks whether beats come, and whether the server heard of us lately. */
  #watchBeats(): void {
    const { clock } = this.#options;
    clock.cancel(this.#watch);
    this.#watch = clock.after(this.#beatMs * BEATS_MISSED_MAX, () => this.#ask());
    if (this.state === "open" && clock.monotonic() - this.#sentAt >= PING_MS) {
      this.send({ t: "ping", id: this.nextId() });
    }
  }

  /** A connection on which nothing comes may be half open: without an answer it counts as lost. */
  #ask(): void {
    if (this.#asked) {
      this.#lost(1006, "no answer");
      return;
    }
    this.#asked = true;
    this.send({ t: "ping", id: this.nextId() });
    this.#options.clock.cancel(this.#watch);
    this.#watch = this.#options.clock.after(this.#beatMs, () => this.#ask());
  }

  #lost(code: number, reason: string): void {
    this.#drop(1000, "lost");
    if (!mayReturn(code) && code !== 4503) {
      this.lastClose = { code, reason };
      this.#become("closed");
      return;
    }
    if (!this.#wayProven) this.#way += 1;
    this.#wait({ code, reason }, code === 4003 ? FLOOD_MS_LEAST : 0);
  }

  #wait(close: { code: number; reason: string }, least: number): void {
    this.lastClose = close;
    const { random, clock } = this.#options;
    // The first try of another way does not wait: nobody was asked too often yet.
    const fresh = !this.#wayProven && this.#way < this.#options.transports.length;
    const jittered = backoff(this.#attempt, { least: RETRY_MS_LEAST, most: RETRY_MS_MAX, random });
    this.#attempt += 1;
    this.#become("waiting");
    this.#timer = clock.after(Math.max(least, fresh ? 0 : jittered), () => this.#connect());
  }

  #drop(code: number, reason: string): void {
    const link = this.#link;
    this.#link = null;
    this.#asked = false;
    this.#options.clock.cancel(this.#timer);
    this.#options.clock.cancel(this.#watch);
    this.#timer = this.#watch = null;
    link?.close(code, reason);
  }

  #become(state: ConnectionState): void {
    if (this.state === state) return;
    this.state = state;
    this.#events.changed(state);
  }
}
