/**
 * One connection at a time, for as long as it is wanted; `connectionStates.ts` is its table.
 *
 * A try goes through the ways to connect in their order, without a wait between them; the waits
 * between tries grow. So an outage does not leave anybody on a worse way than needed.
 */

import type { Link, Transport } from "../transports/transport.ts";
import { backoff, type Clock } from "./clock.ts";
import { type ConnectionEvent, type ConnectionState, next } from "./connectionStates.ts";
import { type ClientMessage, decode, PROTOCOL, type ServerMessage } from "./protocol.ts";

export type { ConnectionState } from "./connectionStates.ts";

/** Time from the start of a try to its welcome; then the next way is tried. */
export const CONNECT_MS_MAX = 2_000;
export const RETRY_MS_LEAST = 500;
export const RETRY_MS_MAX = 30_000;
/** Wait after the server called us a flood. */
export const FLOOD_MS_LEAST = 10_000;
/** Closed for asking too much: flooding, too many connections. */
const GREEDY: ReadonlySet<number> = new Set([4003, 4005]);
/** Silence of ours after which the server gets a sign of life. */
export const PING_MS = 10_000;
/** Beats that may be late before the connection is asked whether it lives. */
export const BEATS_MISSED_MAX = 2.5;
/** Beats in which it has to answer that; a link that takes no questions has its next beat by then. */
export const ANSWER_BEATS_MAX = 1.25;

/** Close codes outside of 4000 to 4999 after which coming back makes no sense. */
const FINAL_CODES = new Set([1002, 1003, 1007, 1009, 1010]);

export interface ConnectionEvents {
  /** A new connection said hello: what was asked for on the last one has to be asked again. */
  greeted(): void;
  message(message: ServerMessage): void;
  changed(state: ConnectionState): void;
}

export interface ConnectionOptions {
  /**
   * Ways to connect, the best first; a way that does not lead to a welcome leads to the next. Looked
   * at when a try begins.
   */
  transports: readonly Transport[] | (() => readonly Transport[]);
  clock: Clock;
  random: () => number;
  /** The epoch of what the client holds. */
  epoch: () => number | null;
  /** The token that hello shows; waited for, but never longer than a try may take. */
  token?: () => string | null | Promise<string | null>;
  /** A way led to a welcome. */
  reached?: (transport: Transport) => void;
  /** A connection ended, or none was made. */
  failed?: (code: number) => void;
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
  #ways: readonly Transport[] = [];
  #way = 0;
  #beatMs = 2_000;
  #asked = false;
  #sentAt = 0;
  #nextId = 1;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Whether messages can be sent: hello was said, its answer need not be awaited. */
  get greeted(): boolean {
    return this.state === "handshaking" || this.state === "open";
  }

  start(): void {
    if (this.#moves("start")) this.#connect();
  }

  stop(): void {
    this.#drop(1000, "stopped");
    this.#attempt = this.#way = 0;
    this.#on("stop");
  }

  /** The network came back or somebody looks again: no reason to wait any longer. */
  wake(): void {
    if (this.#moves("wake")) this.#connect();
    else if (this.state === "open" && !this.#asked) this.#ask();
  }

  /** The network says that it is gone. */
  sleep(): void {
    if (!this.#moves("sleep")) return;
    this.#drop(1000, "offline");
    this.#way = 0;
    this.#wait({ code: 1006, reason: "the network is gone" }, 0);
  }

  /** A better way, or another end, is known: begin anew without a wait. */
  again(): void {
    if (!this.#moves("again")) return;
    this.#way = 0;
    this.#connect();
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
    this.#drop(4500, "protocol error");
    this.#way = 0;
    this.#wait({ code: 4500, reason }, RETRY_MS_LEAST);
  }

  #connect(): void {
    this.#drop(1000, "again");
    if (this.#way === 0) {
      const { transports } = this.#options;
      this.#ways = typeof transports === "function" ? transports() : transports;
    }
    this.#become("connecting");
    // A listener of that may have stopped it.
    if (this.state !== "connecting") return;
    const transport = this.#transport();
    let current: Link | null = null;
    const mine = () => current !== null && this.#link === current;
    try {
      current = transport.connect({
        opened: () => {
          if (mine()) this.#greet(mine);
        },
        message: (text) => {
          if (mine()) this.#receive(text);
        },
        closed: (code, reason) => {
          if (mine()) this.#lost(code, reason);
        },
      });
    } catch (problem) {
      this.#lost(1006, String(problem));
      return;
    }
    this.#link = current;
    this.#timer = this.#options.clock.after(CONNECT_MS_MAX, () => {
      this.#lost(1006, "no welcome in time");
    });
  }

  #greet(mine: () => boolean): void {
    const token = this.#options.token?.() ?? null;
    if (!(token instanceof Promise)) this.#hello(token);
    else void token.then((late) => mine() && this.#hello(late));
  }

  #hello(token: string | null): void {
    if (!this.#on("opened")) return;
    const epoch = this.#options.epoch();
    this.send({
      t: "hello",
      proto: PROTOCOL,
      epoch,
      short: true,
      ...(token === null ? {} : { token }),
    });
    this.#events.greeted();
  }

  #transport(): Transport {
    const transport = this.#ways[this.#way];
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
      this.#beatMs = message.beat_ms;
      this.#options.reached?.(this.#transport());
      this.#on("welcome");
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
    this.#watch = this.#options.clock.after(this.#beatMs * ANSWER_BEATS_MAX, () => this.#ask());
  }

  #lost(code: number, reason: string): void {
    const reached = this.state === "open" || code >= 4000;
    this.#drop(1000, "lost");
    if (!reached && this.#way + 1 < this.#ways.length) {
      this.#way += 1;
      this.#wait({ code, reason }, 0, 0);
      return;
    }
    this.#way = 0;
    this.#options.failed?.(code);
    if (mayReturn(code)) this.#wait({ code, reason }, GREEDY.has(code) ? FLOOD_MS_LEAST : 0);
    else {
      this.lastClose = { code, reason };
      this.#on("barred");
    }
  }

  #wait(close: { code: number; reason: string }, least: number, most = RETRY_MS_MAX): void {
    this.lastClose = close;
    const { random, clock } = this.#options;
    const jittered = backoff(this.#attempt, { least: RETRY_MS_LEAST, most, random });
    if (most > 0) this.#attempt += 1;
    this.#on("lost");
    // A listener of that may have stopped or woken it.
    if (this.state !== "waiting") return;
    this.#timer = clock.after(Math.max(least, jittered), () => {
      if (this.#moves("due")) this.#connect();
    });
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

  /** Whether an event leads to another state from this one. */
  #moves(event: ConnectionEvent): boolean {
    return next(this.state, event) !== this.state;
  }

  /** Goes where an event leads; says whether that is somewhere else. */
  #on(event: ConnectionEvent): boolean {
    const moved = this.#moves(event);
    this.#become(next(this.state, event));
    return moved;
  }

  #become(state: ConnectionState): void {
    if (this.state === state) return;
    this.state = state;
    this.#events.changed(state);
  }
}
