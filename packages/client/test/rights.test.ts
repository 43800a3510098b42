import { describe, expect, it } from "vitest";
import { open, received } from "./setUp.ts";

async function holding() {
  const all = await open();
  all.server.putAll({ "order:1": { total: 5, cost: 3 }, "stock:A": { n: 1 } });
  all.client.subscribe(["order:1", "stock:A"]);
  await all.clock.advance(0);
  return all;
}

describe("a topic that is taken back", () => {
  it("is gone from the store, with what was foretold of it, and says why", async () => {
    const all = await holding();
    const told: unknown[] = [];
    all.client.onRefusal((topic, refusal) => told.push([topic, refusal.reason]));
    const seen: unknown[] = [];
    all.client.store.layers.add({ "order:1": (doc) => ({ ...doc, total: 6 }) });
    all.client.store.onTopic("order:1", () =>
      seen.push([all.client.store.get("order:1"), all.client.refusal("order:1")?.reason]),
    );
    all.server.revoke("order:1", "withdrawn");
    expect(all.client.store.get("order:1")).toBeUndefined();
    expect(all.client.store.received("order:1")).toBeUndefined();
    expect(all.client.store.layers.size).toBe(0);
    expect(told).toEqual([["order:1", "withdrawn"]]);
    expect(seen.at(-1)).toEqual([undefined, "withdrawn"]);
    expect(all.client.refusal("order:1")).toMatchObject({ code: 1010, reason: "withdrawn" });
    expect(all.client.ageMs("order:1")).toBeNull();
    // The others stay as they were.
    expect(all.client.status.get().status).toBe("live");
    expect(all.client.store.get("stock:A")?.v).toBe(1);
  });

  it("is asked for without a version when the caller is another one, or the connection", async () => {
    const all = await holding();
    all.server.revoke("order:1", "expired");
    all.server.connections[0]?.close(1006);
    await all.clock.advance(500);
    expect(received(all, "sub").flatMap((sub) => Object.keys(sub.have ?? {}))).toEqual(["stock:A"]);
    expect(all.client.store.get("order:1")?.v).toBe(1);
    expect(all.client.refusal("order:1")).toBeUndefined();
  });

  it("that nobody needs is only dropped", async () => {
    const all = await open();
    all.client.store.offer([{ topic: "order:9", v: 1, doc: {}, at: 0 }]);
    all.server.connections[0]?.send({ t: "revoke", topic: "order:9", reason: "withdrawn" });
    expect(all.client.store.get("order:9")).toBeUndefined();
    expect(all.client.refusal("order:9")).toBeUndefined();
  });
});

describe("a topic that is seen in another view", () => {
  it("is replaced also at the version that was held", async () => {
    const all = await holding();
    all.server.narrow("order:1", "public", { total: 5 });
    expect(all.client.store.get("order:1")).toMatchObject({ v: 1, doc: { total: 5 } });
    expect(all.client.statusOf("order:1")).toBe("live");
    all.server.put("order:1", { total: 7 });
    expect(all.client.store.get("order:1")).toMatchObject({ v: 2, doc: { total: 7 } });
  });
});

describe("the status of one value", () => {
  it("goes by its own age", async () => {
    const all = await holding();
    const leave = all.client.subscribe(["price:A"]);
    await all.clock.advance(0);
    expect(all.client.statusOf("price:A")).toBe("live");
    leave();
    await all.clock.advance(2_000);
    all.server.beat();
    expect(all.client.statusOf("stock:A")).toBe("live");
    expect(all.client.statusOf("price:A")).toBe("delayed");
    for (let beat = 0; beat < 5; beat += 1) {
      await all.clock.advance(2_000);
      all.server.beat();
    }
    expect(all.client.statusOf("price:A")).toBe("stale");
    expect(all.client.statusOf("never:seen")).toBe("delayed");
    all.client.stop();
    expect(all.client.statusOf("stock:A")).toBe("offline");
  });
});
