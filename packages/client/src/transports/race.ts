/** Several ways as one: the next begins a little later, and the first that greets is taken. */

import type { Clock } from "../core/clock.ts";
import type { Link, LinkEvents, Transport } from "./transport.ts";

/** How long a way may be silent before the next is begun beside it. */
export const STAGGER_MS = 250;

/**
 * For ways behind a first one that has already cost its time: a proxy that holds event streams back
 * must not cost it once more.
 */
export function raceTransport(name: string, ways: readonly Transport[], clock: Clock): Transport {
  return { name, connect: (events) => new RaceLink(ways, clock, events) };
}

class RaceLink implements Link {
  readonly #ways: readonly Transport[];
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  /** Links that run, by the place of their way; the winner alone once there is one. */
  readonly #links = new Map<number, { link: Link; open: boolean }>();
  readonly #said: string[] = [];
  #begun = 0;
  #winner: number | null = null;
  #opened = false;
  #ended = false;
  #timer: unknown = null;

  constructor(ways: readonly Transport[], clock: Clock, events: LinkEvents) {
    this.#ways = ways;
    this.#clock = clock;
    this.#events = events;
    this.#next();
  }

  send(text: string): void {
    if (this.#winner === null) this.#said.push(text);
    for (const { link, open } of this.#links.values()) if (open) link.send(text);
  }

  close(code: number, reason: string): void {
    this.#end(code, reason);
  }

  #next(): void {
    const at = this.#begun++;
    const way = this.#ways[at];
    if (way === undefined || this.#ended) return;
    const link = way.connect({
      opened: () => this.#open(at),
      message: (text) => this.#message(at, text),
      closed: (code, reason) => this.#closed(at, code, reason),
    });
    this.#links.set(at, { link, open: false });
    this.#timer = this.#clock.after(STAGGER_MS, () => this.#next());
  }

  #open(at: number): void {
    const mine = this.#links.get(at);
    if (mine === undefined || this.#ended) return;
    mine.open = true;
    for (const text of this.#said) mine.link.send(text);
    if (this.#opened) return;
    this.#opened = true;
    this.#events.opened();
  }

  #message(at: number, text: string): void {
    if (this.#ended || !this.#links.has(at)) return;
    if (this.#winner === null) this.#win(at);
    this.#events.message(text);
  }

  #win(at: number): void {
    this.#winner = at;
    this.#clock.cancel(this.#timer);
    for (const [other, { link }] of [...this.#links]) {
      if (other === at) continue;
      this.#links.delete(other);
      link.close(1000, "another way was faster");
    }
  }

  #closed(at: number, code: number, reason: string): void {
    if (this.#ended || !this.#links.delete(at)) return;
    if (this.#winner === at) this.#end(code, reason);
    else if (this.#begun < this.#ways.length) {
      this.#clock.cancel(this.#timer);
      this.#next();
    } else if (this.#links.size === 0) this.#end(code, reason);
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#clock.cancel(this.#timer);
    for (const { link } of this.#links.values()) link.close(code, reason);
    this.#links.clear();
    this.#events.closed(code, reason);
  }
}
