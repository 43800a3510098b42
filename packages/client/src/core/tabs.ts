/**
 * One connection for all tabs of a shop. The tab that holds the lock leads: it connects, and serves
 * the others (`tabHub.ts`). A follower's way to connect is the leader; where that is silent, it
 * connects by itself and takes the lead. Where a browser has no locks or channel, every tab is alone.
 */

import type { Link, LinkEvents, Transport } from "../transports/transport.ts";
import { Steps } from "./steps.ts";
import type { FromLeader, ToLeader, Upstream } from "./tabHub.ts";
import { TabHub } from "./tabHub.ts";
import type { Bus, Locks } from "./tabPorts.ts";

export const TAB_WAY = "tab";

interface Surroundings {
  /** The same in all tabs of one shop and one reader. */
  name: string;
  locks: Locks;
  bus: Bus;
  up: Upstream;
  /** A number that no other tab has. */
  id: string;
  /** Connect anew: another tab leads, or this one does. */
  again: () => void;
  /** The leader can serve: do not wait. */
  wake: () => void;
}

export class Tabs {
  readonly #around: Surroundings;
  readonly #links = new Map<string, TabLink>();
  /** Kept by followers, too: who leads next can tell the others what they missed. */
  readonly steps = new Steps();
  #hub: TabHub | null = null;
  #release: (() => void) | null = null;
  #asking = new AbortController();
  #running = false;
  #count = 0;
  #wasOpen = false;

  /** The way to the leader. */
  readonly transport: Transport = {
    name: TAB_WAY,
    connect: (events) => this.#connect(events),
  };

  constructor(around: Surroundings) {
    this.#around = around;
  }

  get leads(): boolean {
    return this.#hub !== null;
  }

  /** Resolves when it is known whether another tab leads. */
  async start(): Promise<void> {
    this.#running = true;
    this.#around.bus.listen((news) => this.#hear(news as ToLeader | FromLeader));
    let known: () => void = () => {};
    const settled = new Promise<void>((resolve) => {
      known = resolve;
    });
    void this.#hold({ ifAvailable: true }, known).then((led) => {
      known();
      if (!led && this.#running) this.#queueUp();
    });
    return settled;
  }

  stop(): void {
    this.#running = false;
    this.#asking.abort();
    this.#step("the tab was closed");
    this.#around.bus.close();
  }

  /** The leader is silent and this tab has found its own way: it leads from now on. */
  usurp(): void {
    if (!this.leads && this.#running) void this.#hold({ steal: true });
  }

  /** What the server sent, after it was taken. */
  get hub(): TabHub | null {
    return this.#hub;
  }

  /** This tab's own connection opened or was lost. */
  connection(open: boolean): void {
    if (open === this.#wasOpen) return;
    this.#wasOpen = open;
    if (open) this.#hub?.ready();
    else this.#hub?.close("the leader lost its connection");
  }

  /** Waits for its turn: the lock is free as soon as the leader's tab is gone, however it went. */
  #queueUp(): void {
    this.#asking = new AbortController();
    void this.#hold({ signal: this.#asking.signal });
  }

  /** Leads as long as the lock is held. Resolves to whether it was. */
  async #hold(
    options: { ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal },
    known: () => void = () => {},
  ): Promise<boolean> {
    let led = false;
    try {
      return await this.#around.locks.request(this.#around.name, options, async (lock) => {
        if (lock === null || !this.#running) return false;
        led = true;
        await new Promise<void>((resolve) => {
          this.#release = resolve;
          this.#lead(options.ifAvailable === true);
          known();
        });
        return true;
      });
    } catch {
      // Given up, or taken away by a tab that found this one silent.
      if (led) this.#step("another tab leads now");
      if (led && this.#running) {
        this.#queueUp();
        this.#around.again();
      }
      return led;
    }
  }

  #lead(first: boolean): void {
    if (this.#hub !== null) return;
    if (!this.#asking.signal.aborted) this.#asking.abort();
    this.#hub = new TabHub(this.#around.up, this.#around.bus, this.steps);
    this.#wasOpen = this.#around.up.isOpen() && this.#links.size === 0;
    if (this.#wasOpen) this.#hub.ready();
    else if (!first) this.#around.again();
  }

  #step(reason: string): void {
    this.#hub?.close(reason);
    this.#hub = null;
    this.#wasOpen = false;
    this.#release?.();
    this.#release = null;
  }

  #hear(news: ToLeader | FromLeader): void {
    if (news.to === "leader") {
      this.#hub?.hear(news);
      return;
    }
    if (news.to === "link") {
      this.#links.get(news.link)?.hear(news);
      return;
    }
    if (this.leads) return;
    for (const link of this.#links.values()) link.ask();
    this.#around.wake();
  }

  #connect(events: LinkEvents): Link {
    const name = `${this.#around.id}.${++this.#count}`;
    const link = new TabLink(name, this.#around.bus, events, () => this.#links.delete(name));
    this.#links.set(name, link);
    queueMicrotask(() => link.ask());
    return link;
  }
}

/** A follower's end. */
class TabLink implements Link {
  readonly #name: string;
  readonly #bus: Bus;
  readonly #events: LinkEvents;
  readonly #ended: () => void;
  #state: "asking" | "open" | "ended" = "asking";

  constructor(name: string, bus: Bus, events: LinkEvents, ended: () => void) {
    this.#name = name;
    this.#bus = bus;
    this.#events = events;
    this.#ended = ended;
  }

  /** Asks to be served; again when a leader says that it can. */
  ask(): void {
    if (this.#state === "asking") this.#tell({ to: "leader", link: this.#name, k: "open" });
  }

  hear(news: FromLeader): void {
    if (this.#state === "ended") return;
    if (news.k === "opened" && this.#state === "asking") {
      this.#state = "open";
      this.#events.opened();
    } else if (news.k === "text") this.#events.message(news.text);
    else if (news.k === "closed") this.#end(news.code, news.reason);
  }

  send(text: string): void {
    if (this.#state === "open") this.#tell({ to: "leader", link: this.#name, k: "say", text });
  }

  close(code: number, reason: string): void {
    if (this.#state === "ended") return;
    this.#tell({ to: "leader", link: this.#name, k: "close" });
    this.#end(code, reason);
  }

  #end(code: number, reason: string): void {
    this.#state = "ended";
    this.#ended();
    this.#events.closed(code, reason);
  }

  #tell(news: ToLeader): void {
    this.#bus.tell(news);
  }
}
