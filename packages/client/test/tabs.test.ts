/** Tabs of one browser over one connection; frozen, closed and crashed at any step, by seed. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Client } from "../src/core/client.ts";
import { createFakeServer, FakeBrowser, FakeClock, type FakeTab } from "../src/testing/index.ts";

const SERVER = 1_795_000_000_000;

class Tabs {
  readonly clock = new FakeClock();
  readonly server = createFakeServer(() => SERVER + this.clock.monotonic());
  readonly browser = new FakeBrowser(this.clock);
  readonly all: { tab: FakeTab; client: Client }[] = [];

  async open(topics: string[]): Promise<Client> {
    const tab = this.browser.open();
    const client = new Client({
      ...{ url: "http://shop.test", shared: true, random: () => 0.5, environment: null },
      ...{ clock: tab.clock, tabPorts: tab.ports, memory: null },
      transports: [tab.through(this.server.transport)],
    });
    this.all.push({ tab, client });
    client.subscribe(topics);
    client.start();
    await this.clock.advance(0);
    return client;
  }

  /** Ends a tab, and whatever of it still runs. */
  remove(at: number, how: "crash" | "stop"): void {
    const [gone] = this.all.splice(at, 1);
    if (how === "crash") gone?.tab.crash();
    else gone?.client.stop();
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) {
      await this.clock.advance(Math.min(left, 1_000));
      this.server.beat();
    }
    await this.clock.advance(0);
  }

  /** Connections that are still held. */
  leaders(): Client[] {
    return this.all.map(({ client }) => client).filter((client) => client.leads);
  }
}

async function two() {
  const tabs = new Tabs();
  tabs.server.putAll({ "stock:A": { n: 1 }, "stock:B": { n: 1 } });
  const one = await tabs.open(["stock:A"]);
  const other = await tabs.open(["stock:A", "stock:B"]);
  await tabs.pass(1_000);
  return { tabs, one, other };
}

describe("tabs", () => {
  it("share one connection, and the second has everything at once", async () => {
    const { tabs, one, other } = await two();
    expect(tabs.server.connections).toHaveLength(1);
    expect([one.leads, other.leads]).toEqual([true, false]);
    expect(other.store.get("stock:B")?.doc).toEqual({ n: 1 });
    expect(other.status.get().status).toBe("live");
    tabs.server.putAll({ "stock:A": { n: 2 }, "stock:B": { n: 2 } });
    await tabs.clock.advance(0);
    expect([one, other].map(({ store }) => store.get("stock:A")?.doc)).toEqual([
      { n: 2 },
      { n: 2 },
    ]);
    expect(other.store.get("stock:B")?.doc).toEqual({ n: 2 });
  });

  it("count what they subscribe to over all of them", async () => {
    const { tabs, one } = await two();
    expect(one.statusOf("stock:B")).toBe("live");
    tabs.remove(1, "stop");
    await tabs.pass(3_000);
    expect(one.statusOf("stock:B")).not.toBe("live");
    expect(one.statusOf("stock:A")).toBe("live");
  });

  it("forget a follower that crashed", async () => {
    const { tabs, one } = await two();
    tabs.remove(1, "crash");
    await tabs.pass(35_000);
    expect(one.statusOf("stock:A")).toBe("live");
    expect(one.statusOf("stock:B")).not.toBe("live");
  });

  it.each(["stop", "crash"] as const)("go on without a gap after the leader's %s", async (how) => {
    const { tabs, other } = await two();
    tabs.remove(0, how);
    tabs.server.put("stock:B", { n: 2 });
    await tabs.pass(10_000);
    expect(other.leads).toBe(true);
    expect(other.store.get("stock:B")).toMatchObject({ v: 2, doc: { n: 2 } });
    expect(other.status.get().status).toBe("live");
    const have = tabs.server.connections
      .at(-1)
      ?.received.flatMap((message) => (message.t === "sub" ? [message.have] : []));
    expect(have).toEqual([{ "stock:A": 1, "stock:B": 1 }]);
  });

  it("do not wait for a leader that is frozen; it follows when it wakes up", async () => {
    const { tabs, one, other } = await two();
    tabs.all[0]?.tab.freeze();
    tabs.server.put("stock:B", { n: 2 });
    await tabs.pass(15_000);
    expect(other.leads).toBe(true);
    expect(other.store.get("stock:B")?.doc).toEqual({ n: 2 });
    tabs.server.put("stock:A", { n: 7 });
    tabs.all[0]?.tab.thaw();
    await tabs.pass(10_000);
    expect(one.leads).toBe(false);
    expect(one.store.get("stock:A")?.doc).toEqual({ n: 7 });
    expect(one.status.get().status).toBe("live");
  });

  it("are all offline when the leader's connection is, and all back with it", async () => {
    const { tabs, one, other } = await two();
    tabs.server.reachable = false;
    tabs.server.connections[0]?.close(1006);
    await tabs.clock.advance(0);
    expect([one, other].map(({ status }) => status.get().status)).toEqual(["offline", "offline"]);
    tabs.server.put("stock:A", { n: 5 });
    tabs.server.reachable = true;
    await tabs.pass(10_000);
    expect([one, other].map(({ status }) => status.get().status)).toEqual(["live", "live"]);
    expect(other.store.get("stock:A")?.doc).toEqual({ n: 5 });
  });

  it("hear of another life of the log, of rights and of refusals through the leader", async () => {
    const { tabs, other } = await two();
    tabs.server.restore({ "stock:A": { n: 50 }, "stock:B": { n: 51 } });
    await tabs.pass(1_000);
    expect(other.store.epoch).toBe(2);
    expect(other.store.get("stock:B")).toMatchObject({ v: 1, doc: { n: 51 } });
    tabs.server.revoke("stock:B", "withdrawn");
    await tabs.clock.advance(0);
    expect(other.store.get("stock:B")).toBeUndefined();
    expect(other.refusal("stock:B")?.reason).toBe("withdrawn");
    tabs.server.allows = (topic) => topic !== "order:1";
    other.subscribe(["order:1"]);
    await tabs.pass(1_000);
    expect(other.refusal("order:1")?.code).toBe(1010);
  });

  it("hold nothing of another role, once the leader speaks for somebody else", async () => {
    const { tabs, one, other } = await two();
    const link = tabs.server.connections[0];
    link?.send({ t: "authed", id: 99, subject: "anna", role: "operator", expires_at: null });
    await tabs.clock.advance(0);
    const kept = { topic: "order:9", v: 4, doc: { cost: 3 }, at: 0 };
    for (const { store } of [one, other]) store.offer([kept]);
    link?.send({ t: "authed", id: 99, subject: "acme", role: "supplier", expires_at: null });
    await tabs.clock.advance(0);
    for (const { store } of [one, other]) {
      expect(store.get("order:9")).toBeUndefined();
      expect(store.get("stock:A")?.v).toBe(1);
    }
  });

  it("are each alone where the browser has no locks", async () => {
    const tabs = new Tabs();
    for (let count = 0; count < 2; count += 1) {
      const tab = tabs.browser.open();
      new Client({
        ...{ url: "http://shop.test", shared: true, environment: null, clock: tab.clock },
        ...{ tabPorts: { ...tab.ports, locks: null }, transports: [tabs.server.transport] },
      }).start();
    }
    await tabs.clock.advance(0);
    expect(tabs.server.connections).toHaveLength(2);
  });
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("putA" as const, "putB" as const, "beat" as const) },
  { weight: 2, arbitrary: fc.constantFrom("open" as const, "cut" as const, "wait" as const) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "crash" as const,
      "stop" as const,
      "freeze" as const,
      "thaw" as const,
    ),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class World {
  readonly tabs = new Tabs();
  readonly truth = { "stock:A": 0, "stock:B": 0 };

  put(topic: "stock:A" | "stock:B"): void {
    this.truth[topic] = this.tabs.server.put(topic, { n: this.truth[topic] + 1 });
  }

  /** A tab that is watched: nothing of it steps back. */
  async open(): Promise<void> {
    const client = await this.tabs.open(["stock:A", "stock:B"]);
    const seen = new Map<string, number>();
    client.store.onChange((topics) => {
      for (const topic of topics) {
        const v = client.store.get(topic)?.v ?? 0;
        expect(v).toBeGreaterThanOrEqual(seen.get(topic) ?? 0);
        seen.set(topic, v);
      }
    });
  }

  async act(what: Step, which: number, ms: number): Promise<void> {
    const { tabs } = this;
    const at = which % Math.max(1, tabs.all.length);
    const acts: Record<Step, () => unknown> = {
      putA: () => this.put("stock:A"),
      putB: () => this.put("stock:B"),
      beat: () => tabs.server.beat(),
      open: () => (tabs.all.length < 4 ? this.open() : undefined),
      cut: () => tabs.server.connections.at(-1)?.close(1006),
      wait: () => tabs.pass(ms),
      crash: () => tabs.remove(at, "crash"),
      stop: () => tabs.remove(at, "stop"),
      freeze: () => tabs.all[at]?.tab.freeze(),
      thaw: () => tabs.all[at]?.tab.thaw(),
    };
    await acts[what]();
    // Not always: the next step then falls into the middle of what this one began.
    if (ms % 2 === 0) await tabs.clock.advance(0);
  }

  async settle(): Promise<void> {
    const { tabs } = this;
    await this.open();
    for (const { tab } of tabs.all) tab.thaw();
    await tabs.pass(45_000);
    this.put("stock:A");
    await tabs.pass(2_000);
    expect(tabs.leaders()).toHaveLength(1);
    for (const { client } of tabs.all) {
      expect(client.status.get().status).toBe("live");
      for (const [topic, v] of Object.entries(this.truth)) {
        expect(client.store.get(topic)?.v).toBe(v);
      }
      client.stop();
    }
  }
}

describe("whatever happens to tabs", () => {
  it("15: none steps back, and all end with what the server has, over one leader", async () => {
    const steps = fc.array(fc.tuple(step, fc.nat(3), fc.nat(3_000)), { maxLength: 25 });
    const property = fc.asyncProperty(steps, async (all) => {
      const world = new World();
      await world.open();
      await world.open();
      for (const [what, which, ms] of all) await world.act(what, which, ms);
      await world.settle();
    });
    await fc.assert(property, { numRuns: Number(process.env.SHOPWIRE_RUNS ?? 60) });
  }, 60_000);
});
