import { describe, expect, it } from "vitest";
import { open, received, setUp } from "./setUp.ts";

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

  it("is gone as well where that was while nobody was connected", async () => {
    const all = await holding();
    all.server.connections[0]?.close(1006);
    all.server.allows = (topic) => topic !== "order:1";
    const shown: unknown[] = [];
    all.client.store.onTopic("order:1", () => shown.push(all.client.store.get("order:1")));
    await all.clock.advance(500);
    expect(all.client.store.get("order:1")).toBeUndefined();
    expect(shown.at(-1)).toBeUndefined();
    expect(all.client.refusal("order:1")?.code).toBe(1010);
    expect(all.client.store.get("stock:A")?.v).toBe(1);
  });

  it("that nobody needs is only dropped", async () => {
    const all = await open();
    all.client.store.offer([{ topic: "order:9", v: 1, doc: {}, at: 0 }]);
    all.server.connections[0]?.send({ t: "revoke", topic: "order:9", reason: "withdrawn" });
    expect(all.client.store.get("order:9")).toBeUndefined();
    expect(all.client.refusal("order:9")).toBeUndefined();
  });
});

describe("whoever comes back as somebody else", () => {
  it("holds nothing of what the other one saw, at the same version either", async () => {
    let token = "anna";
    const all = setUp({ token: async () => token });
    all.server.callers?.set("anna", { subject: "anna", role: "operator" });
    all.server.callers?.set("acme", { subject: "acme", role: "supplier" });
    all.server.putAll({ "purchase_order:1/acme": { total: 5, cost: 3 }, "stock:A": { n: 1 } });
    all.client.subscribe(["purchase_order:1/acme", "stock:A"]);
    all.client.start();
    await all.clock.advance(0);
    expect(all.client.store.get("purchase_order:1/acme")?.doc).toEqual({ total: 5, cost: 3 });

    all.server.connections[0]?.close(1006);
    token = "acme";
    await all.client.access.renew();
    all.server.narrow("purchase_order:1/acme", "supplier", { total: 5 });
    const stock: unknown[] = [];
    all.client.store.onTopic("stock:A", () => stock.push(all.client.store.get("stock:A")));
    await all.clock.advance(500);
    expect(all.client.access.get().role).toBe("supplier");
    const held = all.client.store.get("purchase_order:1/acme");
    expect(held).toMatchObject({ v: 1, doc: { total: 5 } });
    expect(held?.doc).not.toHaveProperty("cost");
    expect(all.client.status.get().status).toBe("live");
    expect(stock).toEqual([]); // What everybody sees stays, and does not flicker.
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
