import { describe, expect, it } from "vitest";
import { CONNECT_MS_MAX } from "../src/core/connection.ts";
import { BETTER_MS_LEAST, DOOR_KEY, type SessionMemory } from "../src/core/doors.ts";
import { HUBS_MS_MAX, Hubs } from "../src/core/hubs.ts";
import { createFakeServer, FakeClock } from "../src/testing/index.ts";
import { raceTransport, STAGGER_MS } from "../src/transports/race.ts";
import type { Transport } from "../src/transports/transport.ts";
import { HandTransport } from "./links.ts";
import { SERVER_START, setUp } from "./setUp.ts";

function memory(): SessionMemory & { kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

/** A client with a way that can be silent, and a lesser one that works. */
async function behindProxy(kept = memory()) {
  const clock = new FakeClock();
  const server = createFakeServer(() => SERVER_START + clock.monotonic());
  const best = createFakeServer(() => SERVER_START + clock.monotonic());
  best.answering = false;
  const named = (name: string, { transport }: { transport: Transport }): Transport => ({
    name,
    connect: (events) => transport.connect(events),
  });
  const ways = [named("websocket", best), named("http", server)];
  const all = setUp({ clock, transports: ways, memory: kept });
  for (const one of [best, server]) one.put("stock:A", { n: 1 });
  all.client.subscribe(["stock:A"]);
  all.client.start();
  await clock.advance(0);
  return { client: all.client, clock, server, best, kept };
}

async function pass(all: Awaited<ReturnType<typeof behindProxy>>, ms: number) {
  for (let left = ms; left > 0; left -= 1_000) {
    await all.clock.advance(1_000);
    all.server.beat();
    if (all.best.answering) all.best.beat();
  }
}

describe("the door", () => {
  it("that is silent is left, so that there is data within 3 s", async () => {
    const all = await behindProxy();
    expect(all.client.store.get("stock:A")).toBeUndefined();
    await all.clock.advance(CONNECT_MS_MAX);
    expect(all.client.store.get("stock:A")?.doc).toEqual({ n: 1 });
    expect(all.clock.monotonic()).toBeLessThan(3_000);
    expect(all.kept.kept.get(DOOR_KEY)).toBe("http");
  });

  it("that worked is the first one tried for the rest of the session", async () => {
    const first = await behindProxy();
    await first.clock.advance(CONNECT_MS_MAX);
    first.client.stop();
    const next = await behindProxy(first.kept);
    expect(next.best.connections).toHaveLength(0);
    expect(next.client.store.get("stock:A")?.doc).toEqual({ n: 1 });
  });

  it("that is better is looked at again later, and taken where it leads to the server now", async () => {
    const all = await behindProxy();
    await all.clock.advance(CONNECT_MS_MAX);
    await pass(all, BETTER_MS_LEAST);
    expect(all.best.connections).toHaveLength(2);
    await pass(all, 4_000);
    // In vain: nothing of it was to be seen, and the next look is later.
    expect(all.server.connections).toHaveLength(1);
    expect(all.client.status.get().status).toBe("live");
    all.best.answering = true;
    await pass(all, BETTER_MS_LEAST);
    expect(all.best.connections).toHaveLength(2);
    await pass(all, BETTER_MS_LEAST + 4_000);
    expect(all.best.connections.length).toBeGreaterThan(2);
    expect(all.kept.kept.has(DOOR_KEY)).toBe(false);
    all.best.put("stock:A", { n: 2 });
    expect(all.client.store.get("stock:A")?.doc).toEqual({ n: 2 });
    all.client.stop();
    expect(all.clock.pending).toBe(0);
  });

  it("is found also where the session may keep nothing", async () => {
    const forbidden = () => {
      throw new Error("SecurityError");
    };
    const all = await behindProxy({
      ...memory(),
      getItem: forbidden,
      setItem: forbidden,
      removeItem: forbidden,
    });
    await all.clock.advance(CONNECT_MS_MAX);
    expect(all.client.connection).toBe("open");
  });
});

describe("ways that race", () => {
  function race() {
    const clock = new FakeClock();
    const ways = [new HandTransport("sse"), new HandTransport("poll")] as const;
    const told: string[] = [];
    const link = raceTransport("http", ways, clock).connect({
      opened: () => told.push("opened"),
      message: (text) => told.push(JSON.parse(text).t),
      closed: (code) => told.push(`closed ${code}`),
    });
    return { clock, sse: ways[0], poll: ways[1], told, link };
  }

  it("begin one after the other, and the first that speaks is taken", async () => {
    const { clock, sse, poll, told, link } = race();
    sse.last.events.opened();
    link.send('{"t":"hello"}');
    expect(poll.links).toHaveLength(0);
    await clock.advance(STAGGER_MS);
    poll.last.events.opened();
    expect(poll.last.sent).toEqual([{ t: "hello" }]);
    poll.last.welcome();
    expect(sse.last.closedWith).toBe(1000);
    sse.last.welcome();
    link.send('{"t":"ping","id":1}');
    expect(sse.last.sent).toHaveLength(1);
    expect(told).toEqual(["opened", "welcome"]);
    poll.last.events.closed(4000, "");
    expect(told.at(-1)).toBe("closed 4000");
    expect(clock.pending).toBe(0);
  });

  it("go on with the next at once where one fails, and end with the last", () => {
    const { sse, poll, told } = race();
    sse.last.events.closed(1006, "");
    expect(poll.links).toHaveLength(1);
    expect(told).toEqual([]);
    poll.last.events.closed(1006, "");
    expect(told).toEqual(["closed 1006"]);
  });

  it("leave nothing behind when closed", async () => {
    const { clock, sse, poll, told, link } = race();
    await clock.advance(STAGGER_MS);
    link.close(1000, "");
    expect([sse.last.closedWith, poll.last.closedWith]).toEqual([1000, 1000]);
    expect(told).toEqual(["closed 1000"]);
    expect(clock.pending).toBe(0);
  });
});

describe("several hubs", () => {
  const hubsOf = (answer: () => Promise<Response>, chance = 0) => {
    const clock = new FakeClock();
    const asked: string[] = [];
    const fetcher = (async (url: string) => {
      asked.push(url);
      return answer();
    }) as typeof fetch;
    const hubs = new Hubs({ url: "http://shop.test", fetch: fetcher, clock, random: () => chance });
    return { clock, asked, hubs };
  };
  const three = async () =>
    Response.json({ hubs: ["/sync", "http://b.test:9/sync", "http://c.test/sync"] });

  it("are asked for, and one is taken by chance", async () => {
    const chosen = await Promise.all(
      [0, 0.4, 0.99].map(async (chance) => {
        const { hubs, asked } = hubsOf(three, chance);
        await hubs.load();
        expect(asked).toEqual(["http://shop.test/api/hubs"]);
        return hubs.current;
      }),
    );
    expect(chosen).toEqual(["http://shop.test/sync", "http://b.test:9/sync", "http://c.test/sync"]);
  });

  it("take turns after failures: each once before any comes again", async () => {
    const { hubs } = hubsOf(three);
    await hubs.load();
    const seen = [hubs.current];
    for (let turn = 0; turn < 5; turn += 1) {
      hubs.failed();
      seen.push(hubs.current);
    }
    expect(new Set(seen.slice(0, 3)).size).toBe(3);
    for (let at = 1; at < seen.length; at += 1) expect(seen[at]).not.toBe(seen[at - 1]);
  });

  it.each([
    ["no list", async () => new Response("{}", { status: 404 })],
    ["a page", async () => new Response("<html>")],
    ["an empty list", async () => Response.json({ hubs: [] })],
    ["nonsense", async () => Response.json({ hubs: [7, "ftp://x/", "http://["] })],
    ["no network", async () => Promise.reject(new TypeError("fetch failed"))],
  ])("are the page's own server where there is %s", async (_name, answer) => {
    const { hubs } = hubsOf(answer as () => Promise<Response>);
    await hubs.load();
    hubs.failed();
    expect(hubs.current).toBe("http://shop.test/sync");
  });

  it("are not waited for longer than a while", async () => {
    const { hubs, clock } = hubsOf(() => new Promise(() => {}));
    const loaded = hubs.load();
    await clock.advance(HUBS_MS_MAX);
    await loaded;
    expect(hubs.current).toBe("http://shop.test/sync");
    expect(clock.pending).toBe(0);
  });

  it("are left for another one by a client, which goes on by versions", async () => {
    const kept = globalThis.WebSocket;
    const urls: string[] = [];
    try {
      class Refusing {
        onclose: ((event: { code: number; reason: string }) => void) | null = null;
        readyState = 0;
        constructor(url: string) {
          urls.push(url);
          queueMicrotask(() => this.onclose?.({ code: 4000, reason: "stopping" }));
        }
        close() {}
      }
      globalThis.WebSocket = Refusing as unknown as typeof WebSocket;
      const clock = new FakeClock();
      const { Client } = await import("../src/core/client.ts");
      const own = new Client({
        ...{ url: "http://shop.test", hubs: true, clock, random: () => 0.5, environment: null },
        fetch: three as unknown as typeof fetch,
      });
      own.start();
      for (let turn = 0; turn < 60; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        await clock.advance(100);
      }
      own.stop();
      expect(new Set(urls)).toEqual(
        new Set(["ws://shop.test/sync", "ws://b.test:9/sync", "ws://c.test/sync"]),
      );
    } finally {
      globalThis.WebSocket = kept;
    }
  });
});
