/**
 * Tabs of one browser: locks, channels, network and timers of each, which a test can freeze, thaw
 * and crash as browsers do: a crash says no goodbye, a frozen tab keeps its locks and hears nothing.
 */

import type { Clock } from "../core/clock.ts";
import type { Bus, Locks, TabPorts } from "../core/tabPorts.ts";
import type { LinkEvents, Transport } from "../transports/transport.ts";

export interface FakeTab {
  readonly ports: TabPorts;
  readonly clock: Clock;
  /** The same network, which ends with the tab. */
  through(transport: Transport): Transport;
  freeze(): void;
  thaw(): void;
  /** It is gone, and everybody else finds out by themselves. */
  crash(): void;
}

interface Claim {
  readonly tab: Tab;
  readonly grant: () => void;
  readonly refuse: (why: Error) => void;
}

/** One browser. */
export class FakeBrowser {
  readonly clock: Clock;
  readonly tabs = new Set<Tab>();
  readonly held = new Map<string, Claim>();
  readonly waiting = new Map<string, Claim[]>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  open(): FakeTab {
    const tab = new Tab(this);
    this.tabs.add(tab);
    return tab;
  }

  release(name: string, claim: Claim): void {
    if (this.held.get(name) !== claim) return;
    this.held.delete(name);
    const next = this.waiting.get(name)?.shift();
    if (next === undefined) return;
    this.held.set(name, next);
    next.tab.run(next.grant);
  }
}

function aborted(): Error {
  const error = new Error("The lock was taken away, or is not wanted any more.");
  error.name = "AbortError";
  return error;
}

class Tab implements FakeTab {
  readonly browser: FakeBrowser;
  readonly ports: TabPorts;
  readonly clock: Clock;
  readonly #buses = new Map<string, Set<(news: unknown) => void>>();
  readonly #links = new Set<() => void>();
  #deferred: (() => void)[] = [];
  #state: "running" | "frozen" | "gone" = "running";

  constructor(browser: FakeBrowser) {
    this.browser = browser;
    const { clock } = browser;
    this.clock = {
      monotonic: () => clock.monotonic(),
      after: (ms, run) => clock.after(ms, () => this.run(run)),
      cancel: (timer) => clock.cancel(timer),
    };
    const locks: Locks = { request: (name, options, run) => this.#request(name, options, run) };
    this.ports = { locks, bus: (name) => this.#bus(name) };
  }

  /** Runs what the browser gives to this tab: now, when it is thawed, or never. */
  run(task: () => void): void {
    if (this.#state === "running") task();
    else if (this.#state === "frozen") this.#deferred.push(task);
  }

  hear(name: string, news: unknown): void {
    for (const listener of this.#buses.get(name) ?? []) {
      queueMicrotask(() => this.run(() => listener(structuredClone(news))));
    }
  }

  through(transport: Transport): Transport {
    return {
      name: transport.name,
      connect: (events) => {
        if (this.#state === "gone") return { send: () => {}, close: () => {} };
        const link = transport.connect(this.#guarded(events));
        const cut = () => link.close(1006, "the tab is gone");
        this.#links.add(cut);
        return {
          send: (text) => this.run(() => link.send(text)),
          close: (code, reason) => {
            this.#links.delete(cut);
            link.close(code, reason);
          },
        };
      },
    };
  }

  freeze(): void {
    if (this.#state === "running") this.#state = "frozen";
  }

  thaw(): void {
    if (this.#state !== "frozen") return;
    this.#state = "running";
    const tasks = this.#deferred;
    this.#deferred = [];
    for (const task of tasks) this.run(task);
  }

  crash(): void {
    this.#state = "gone";
    this.#deferred = [];
    this.#buses.clear();
    const { browser } = this;
    browser.tabs.delete(this);
    for (const cut of this.#links) cut();
    for (const [name, claims] of browser.waiting) {
      browser.waiting.set(
        name,
        claims.filter(({ tab }) => tab !== this),
      );
    }
    for (const [name, claim] of [...browser.held]) {
      if (claim.tab === this) browser.release(name, claim);
    }
  }

  #guarded(events: LinkEvents): LinkEvents {
    return {
      opened: () => this.run(() => events.opened()),
      message: (text) => this.run(() => events.message(text)),
      closed: (code, reason) => this.run(() => events.closed(code, reason)),
    };
  }

  #bus(name: string): Bus {
    const mine = new Set<(news: unknown) => void>();
    const all = this.#buses.get(name) ?? new Set();
    this.#buses.set(name, all);
    return {
      tell: (news) => {
        if (this.#state === "gone") return;
        for (const tab of this.browser.tabs) if (tab !== this) tab.hear(name, news);
      },
      listen: (hear) => {
        mine.add(hear);
        all.add(hear);
      },
      close: () => {
        for (const hear of mine) all.delete(hear);
      },
    };
  }

  #request<T>(
    name: string,
    options: { ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal },
    run: (lock: unknown | null) => Promise<T>,
  ): Promise<T> {
    const { held, waiting } = this.browser;
    return new Promise<T>((resolve, reject) => {
      const claim: Claim = {
        tab: this,
        grant: () => {
          run({ name })
            .then(resolve, reject)
            .finally(() => this.browser.release(name, claim));
        },
        refuse: (why) => this.run(() => reject(why)),
      };
      const holder = held.get(name);
      if (holder === undefined || options.steal === true) {
        held.set(name, claim);
        holder?.refuse(aborted());
        queueMicrotask(() => this.run(claim.grant));
      } else if (options.ifAvailable === true) {
        queueMicrotask(() => this.run(() => run(null).then(resolve, reject)));
      } else {
        const queue = waiting.get(name) ?? [];
        waiting.set(name, [...queue, claim]);
        options.signal?.addEventListener("abort", () => {
          const claims = waiting.get(name) ?? [];
          if (!claims.includes(claim)) return;
          waiting.set(
            name,
            claims.filter((one) => one !== claim),
          );
          claim.refuse(aborted());
        });
      }
    });
  }
}
