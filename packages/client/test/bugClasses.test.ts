/** The classes of defects that other sync engines had; here each is shut out by a test. */

import { describe, expect, it } from "vitest";
import { CONNECT_MS_MAX } from "../src/core/connection.ts";
import { MemoryQueueStorage } from "../src/core/queueStorage.ts";
import { open, received, setUp } from "./setUp.ts";

describe("sync bug class", () => {
  it("1: a change between snapshot and subscription is not lost", async () => {
    const all = await open();
    all.server.put("stock:A", { n: 1 });
    // A list came over HTTP; before the subscription the document changed.
    all.client.store.offer([{ topic: "stock:A", v: 1, doc: { n: 1 }, at: 0 }]);
    all.server.put("stock:A", { n: 2 });
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    expect(received(all, "sub")[0]?.have).toEqual({ "stock:A": 1 });
    expect(all.client.store.get("stock:A")).toMatchObject({ v: 2, doc: { n: 2 } });
  });

  it("2: an older snapshot overwrites nothing newer", async () => {
    const all = await open();
    all.server.put("stock:A", { n: 1 });
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    all.server.put("stock:A", { n: 2 });
    all.client.store.offer([{ topic: "stock:A", v: 1, doc: { n: 1 }, at: 0 }]);
    all.server.connections[0]?.send({ t: "snap", topic: "stock:A", v: 1, doc: { n: 1 }, at: 0 });
    expect(all.client.store.get("stock:A")).toMatchObject({ v: 2, doc: { n: 2 } });
  });

  it("3: nothing flickers between the answer and what it did", async () => {
    const all = await open();
    all.server.put("stock:A", { n: 1 });
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    const shown: unknown[] = [];
    all.client.store.onTopic("stock:A", () => shown.push(all.client.store.get("stock:A")?.doc));
    const layer = all.client.store.layers.add({ "stock:A": () => ({ n: 2 }) });
    layer.confirm({ "stock:A": 2 });
    all.server.put("stock:A", { n: 2 });
    expect(shown).toEqual([{ n: 2 }, { n: 2 }]);
    expect(all.client.store.layers.size).toBe(0);
  });

  it("4: a command that changed nothing is confirmed by its answer", async () => {
    const all = await open();
    const layer = all.client.store.layers.add({ "stock:A": () => ({ n: 2 }) });
    layer.confirm({});
    expect(all.client.store.layers.size).toBe(0);
  });

  it("5: what is received before the answer is not there twice", async () => {
    const all = await open();
    all.server.put("cart:1", { lines: [] });
    all.client.subscribe(["cart:1"]);
    await all.clock.advance(0);
    const layer = all.client.store.layers.add({ "cart:1": () => ({ lines: ["A"] }) });
    all.server.put("cart:1", { lines: ["A"] });
    expect(all.client.store.get("cart:1")?.doc).toEqual({ lines: ["A"] });
    layer.confirm({ "cart:1": 2 });
    expect(all.client.store.get("cart:1")?.doc).toEqual({ lines: ["A"] });
  });

  it("6, 7: an uncertain command is not overtaken in its lane, and reads go on", async () => {
    const keys: (string | null)[] = [];
    let away = true;
    const all = await open({
      fetch: (async (_url: string, init: RequestInit) => {
        if (away) throw new TypeError("connection reset");
        keys.push(new Headers(init.headers).get("Idempotency-Key"));
        return Response.json({ versions: {}, result: null });
      }) as typeof fetch,
      storage: new MemoryQueueStorage(),
      tabPorts: { locks: null, bus: null },
    });
    all.client.subscribe(["stock:A"]);
    const sent = ["k1", "k2"].map((key) =>
      all.client.sendUntyped("x", {}, { queue: true, lane: "a", key }),
    );
    await turns(all, 30_000);
    all.server.put("stock:A", { n: 5 });
    expect(all.client.store.get("stock:A")?.doc).toEqual({ n: 5 });
    away = false;
    await turns(all, 120_000);
    await Promise.all(sent);
    expect(keys).toEqual(["k1", "k2"]);
  });

  it("8: a version that the server does not know leads to a fresh start, not to silence", async () => {
    const all = await open();
    all.server.put("stock:A", { n: 1 });
    all.client.store.offer([{ topic: "stock:A", v: 90, doc: { n: 90 }, at: 0 }]);
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    all.server.connections[0]?.send({ t: "reset", epoch: 1, reason: "cursor_unknown" });
    await all.clock.advance(0);
    expect(received(all, "sub").at(-1)).not.toHaveProperty("have");
    expect(all.client.store.get("stock:A")).toMatchObject({ v: 1, doc: { n: 1 } });
  });

  it("9: a new epoch reaches every subscription, also one that was on its way", async () => {
    const all = await open();
    all.server.putAll({ "stock:A": { n: 1 }, "stock:B": { n: 1 } });
    all.client.subscribe(["stock:A", "stock:B"]);
    await all.clock.advance(0);
    all.server.put("stock:A", { n: 2 });
    all.client.subscribe(["stock:C"]);
    all.server.restore({ "stock:A": { n: 10 }, "stock:B": { n: 11 }, "stock:C": { n: 12 } });
    await all.clock.advance(0);
    const held = ["stock:A", "stock:B", "stock:C"].map((topic) => all.client.store.get(topic)?.doc);
    expect(held).toEqual([{ n: 10 }, { n: 11 }, { n: 12 }]);
    expect(all.client.store.epoch).toBe(2);
    expect(all.client.status.get().status).toBe("live");
  });

  it("9: an epoch that changed while away is noticed at the welcome", async () => {
    const all = await open();
    for (let n = 1; n <= 5; n += 1) all.server.put("stock:A", { n });
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    all.server.connections[0]?.close(1006);
    all.server.restore({ "stock:A": { n: 100 } });
    await all.clock.advance(500);
    expect(all.client.store.get("stock:A")).toMatchObject({ v: 1, doc: { n: 100 } });
  });

  it("11: live is not said before the backlog is through", async () => {
    const all = await open();
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    expect(all.client.status.get().status).toBe("live");
    all.server.connections[0]?.close(1006);
    all.server.answering = false;
    await all.clock.advance(500);
    all.server.connections.at(-1)?.send({
      t: "welcome",
      proto: 1,
      epoch: 1,
      head: [9],
      now: 0,
      lag_ms: 0,
      beat_ms: 2_000,
      session: "",
      limits: {},
    });
    expect(all.client.connection).toBe("open");
    expect(all.client.status.get().status).toBe("delayed");
    const id = received(all, "sub")[0]?.id ?? 0;
    all.server.connections.at(-1)?.send({ t: "live", id, head: [9] });
    expect(all.client.status.get().status).toBe("live");
  });

  it("10, 18: an answer from another life of the log, or an older one, changes nothing", async () => {
    const all = await open();
    all.server.put("stock:A", { n: 1 });
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    const before = all.client.store.epoch;
    all.server.restore({ "stock:A": { n: 10 } });
    await all.clock.advance(0);
    all.client.store.offer([{ topic: "stock:A", v: 9, doc: { n: 9 }, at: 0 }], before);
    expect(all.client.store.get("stock:A")).toMatchObject({ v: 1, doc: { n: 10 } });
  });

  it("12: a copy that differs at the same version is found and healed", async () => {
    const all = await open();
    all.server.put("stock:A", { n: 1 });
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    all.server.connections[0]?.send({ t: "narrow", topic: "stock:A", view: "" });
    all.server.connections[0]?.send({ t: "snap", topic: "stock:A", v: 1, doc: { n: 9 }, at: 0 });
    for (let beat = 0; beat < 10; beat += 1) {
      await all.clock.advance(2_000);
      all.server.beat();
    }
    expect(all.client.store.get("stock:A")?.doc).toEqual({ n: 1 });
  });

  it("13: a token that never comes wedges neither socket nor commands", async () => {
    const all = setUp({
      token: () => new Promise<string>(() => {}),
      fetch: (async () => Response.json({ code: 1101 }, { status: 401 })) as typeof fetch,
    });
    all.client.start();
    await all.clock.advance(CONNECT_MS_MAX);
    expect(all.client.connection).toBe("open");
    const sent = all.client.sendUntyped("x", {}).catch((problem: unknown) => problem);
    await turns(all, 20_000);
    expect(await sent).toMatchObject({ code: 1101 });
  });

  it("14: what is withdrawn is gone at once, and nothing more of it is shown", async () => {
    const all = await open();
    all.server.put("order:1", { total: 1 });
    all.client.subscribe(["order:1"]);
    await all.clock.advance(0);
    all.server.revoke("order:1", "withdrawn");
    all.server.put("order:1", { total: 2 });
    await all.clock.advance(0);
    expect(all.client.store.get("order:1")).toBeUndefined();
    expect(all.client.connection).toBe("open");
  });

  it("14: what was withdrawn while nobody was connected is gone when one is again", async () => {
    const all = await open();
    all.server.putAll({ "order:1": { total: 1 }, "stock:A": { n: 1 } });
    all.client.subscribe(["order:1", "stock:A"]);
    await all.clock.advance(0);
    all.server.connections[0]?.close(1006);
    all.server.allows = (topic) => topic !== "order:1";
    await all.clock.advance(500);
    expect(all.client.store.get("order:1")).toBeUndefined();
    expect(all.client.store.get("stock:A")?.doc).toEqual({ n: 1 });
  });

  // 15, several tabs: tabs.test.ts, which takes them apart at every step.

  it("16: a half-open connection does not look healthy", async () => {
    const all = await open();
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    all.server.answering = false;
    await all.clock.advance(3_001);
    expect(all.client.status.get().status).toBe("delayed");
    await all.clock.advance(4_500);
    expect(all.client.status.get().status).toBe("offline");
    expect(all.client.ageMs("stock:A")).toBeGreaterThan(7_000);
  });

  it("17: a reconnect reads only what changed, and clients do not come back together", async () => {
    const all = await open();
    all.server.putAll({ "stock:A": { n: 1 }, "stock:B": { n: 1 } });
    all.client.subscribe(["stock:A", "stock:B"]);
    await all.clock.advance(0);
    all.server.connections[0]?.close(4000);
    all.server.put("stock:B", { n: 2 });
    const told: string[] = [];
    all.client.store.onChange((topics) => told.push(...topics));
    await all.clock.advance(500);
    expect(told).toEqual(["stock:B"]);

    const waits = await Promise.all([0.1, 0.6].map(returnsAfter));
    expect(waits).toEqual([50, 300]);
  });

  it("18: nothing read goes back in time after a reconnect", async () => {
    const all = await open();
    for (let n = 1; n <= 3; n += 1) all.server.put("stock:A", { n });
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    const first = all.server.connections[0];
    first?.close(1006);
    await all.clock.advance(500);
    // A copy that lags behind, and a leftover of the old connection.
    all.server.connections[1]?.send({ t: "snap", topic: "stock:A", v: 2, doc: { n: 2 }, at: 0 });
    first?.send({ t: "snap", topic: "stock:A", v: 4, doc: { n: 4 }, at: 0 });
    expect(all.client.store.get("stock:A")).toMatchObject({ v: 3, doc: { n: 3 } });
  });
});

/** How long a client stays away after a cut, by chance. */
async function returnsAfter(chance: number): Promise<number> {
  const all = setUp({ random: () => chance });
  all.client.start();
  await all.clock.advance(0);
  all.server.connections[0]?.close(1006);
  let waited = 0;
  while (all.server.connections.length < 2) {
    await all.clock.advance(10);
    waited += 10;
  }
  return waited;
}

/** Time in which requests are answered, too, and the server sends its beats. */
async function turns({ clock, server }: ReturnType<typeof setUp>, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(1_000);
    server.beat();
  }
}
