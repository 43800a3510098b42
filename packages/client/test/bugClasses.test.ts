/** The classes of defects that other sync engines had; here each is shut out by a test. */

import { describe, expect, it } from "vitest";
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
