import { describe, expect, it } from "vitest";
import type { StatusSnapshot } from "../src/core/status.ts";
import { IDLE_DOCUMENTS_MAX } from "../src/core/store.ts";
import {
  GRACE_MS,
  REFETCH_MS,
  SUB_CHARS_MAX,
  SUB_RETRY_MS,
  SUB_TOPICS_MAX,
} from "../src/core/subscriptions.ts";
import { open, received, setUp } from "./setUp.ts";

const STOCK = { sku: "A", available: 3, status: "in_stock" };

describe("subscriptions", () => {
  it("of one turn travel in one message, each topic once", async () => {
    const all = await open();
    all.client.subscribe(["stock:A", "stock:B"]);
    all.client.subscribe(["stock:B", "stock:C"]);
    await all.clock.advance(0);
    expect(received(all, "sub").map((sub) => sub.topics)).toEqual([
      ["stock:A", "stock:B", "stock:C"],
    ]);
  });

  it("go right behind hello where they were there before", async () => {
    const all = setUp();
    all.client.subscribe(["stock:A"]);
    all.client.start();
    await all.clock.advance(0);
    expect(all.server.connections[0]?.received.map((one) => one.t)).toEqual(["hello", "sub"]);
  });

  it("are counted: the last one to leave ends them, after a grace", async () => {
    const all = await open();
    const [first, second] = [all.client.subscribe(["stock:A"]), all.client.subscribe(["stock:A"])];
    first();
    first();
    await all.clock.advance(GRACE_MS);
    expect(received(all, "unsub")).toEqual([]);
    second();
    await all.clock.advance(GRACE_MS - 1);
    expect(received(all, "unsub")).toEqual([]);
    await all.clock.advance(1);
    expect(received(all, "unsub").map((one) => one.topics)).toEqual([["stock:A"]]);
  });

  it("do not flap when the next page needs the same", async () => {
    const all = await open();
    const leave = all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    leave();
    await all.clock.advance(GRACE_MS / 2);
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(GRACE_MS * 2);
    expect(received(all, "sub")).toHaveLength(1);
    expect(received(all, "unsub")).toEqual([]);
  });

  it("that nobody wants any more are not asked for after a reconnect", async () => {
    const all = await open();
    all.client.subscribe(["stock:B"]);
    const leave = all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    leave();
    all.server.connections[0]?.close(4000);
    await all.clock.advance(GRACE_MS);
    expect(received(all, "sub").flatMap((sub) => sub.topics)).toEqual(["stock:B"]);
    expect(all.client.status.get().status).toBe("live");
  });

  it("fit into messages of the server's size, in any script", async () => {
    const all = await open();
    all.client.subscribe(Array.from({ length: 900 }, (_, at) => `stock:${at}`));
    all.client.subscribe(Array.from({ length: 200 }, (_, at) => `stock:${"語".repeat(240)}${at}`));
    await all.clock.advance(0);
    for (const { topics } of received(all, "sub")) {
      expect(topics.length).toBeLessThanOrEqual(SUB_TOPICS_MAX);
      expect(topics.join("").length).toBeLessThanOrEqual(SUB_CHARS_MAX);
      const have = Object.fromEntries(topics.map((topic) => [topic, 9_999_999]));
      const bytes = new TextEncoder().encode(JSON.stringify({ t: "sub", id: 9, topics, have }));
      expect(bytes.length).toBeLessThan(131_072);
    }
    expect(new Set(received(all, "sub").flatMap((sub) => sub.topics)).size).toBe(1_100);
  });

  it("resume with what is held", async () => {
    const all = await open();
    all.server.put("stock:A", STOCK);
    all.client.subscribe(["stock:A", "stock:B"]);
    await all.clock.advance(0);
    all.server.connections[0]?.close(1006);
    await all.clock.advance(500);
    expect(received(all, "hello")).toEqual([{ t: "hello", proto: 1, epoch: 1, short: true }]);
    expect(received(all, "sub")).toEqual([
      {
        t: "sub",
        id: 2,
        topics: ["stock:A", "stock:B"],
        have: { "stock:A": 1, "stock:B": 0 },
        epoch: 1,
      },
    ]);
  });

  it("say why a topic was refused, and forget it when it is asked for again", async () => {
    const all = await open();
    all.server.answering = false;
    all.client.subscribe(["offer:A/x", "stock:A"]);
    await all.clock.advance(0);
    const refusal = { code: 1010, name: "TopicRefused", message: "not yours", temporary: false };
    const data = { topic: "offer:A/x", reason: "not_allowed" };
    const link = all.server.connections[0];
    link?.send({ t: "error", id: 1, ...refusal, remedy: "", data });
    link?.send({ t: "live", id: 1, head: [0] });
    expect(all.client.refusal("offer:A/x")).toMatchObject({ code: 1010, message: "not yours" });
    expect(all.client.refusal("stock:A")).toBeUndefined();
    expect(all.client.ageMs("offer:A/x")).toBeNull();
    expect(all.client.ageMs("stock:A")).toBe(0);
    all.server.answering = true;
    link?.close(4000);
    await all.clock.advance(500);
    expect(all.client.refusal("offer:A/x")).toBeUndefined();
  });

  it("that the server could not take just then are repeated, and are not live until then", async () => {
    const all = await open();
    all.server.answering = false;
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    const busy = { code: 1012, name: "TooManyMessages", message: "", temporary: true, remedy: "" };
    all.server.connections[0]?.send({ t: "error", id: 1, ...busy, data: {} });
    expect(all.client.refusal("stock:A")).toBeUndefined();
    expect(all.client.status.get().status).toBe("delayed");
    all.server.answering = true;
    await all.clock.advance(SUB_RETRY_MS);
    expect(received(all, "sub")).toHaveLength(2);
    expect(all.client.status.get().status).toBe("live");
  });

  it("with a gap that a refetch does not close are repeated ever slower, and not live", async () => {
    const all = await open();
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    // Version 9 exists somewhere, but this server's subs do not bring it.
    const gap = { t: "patch", topic: "stock:A", from: 8, v: 9, set: {}, at: 0 } as const;
    all.server.connections[0]?.send(gap);
    await all.clock.advance(0);
    expect(received(all, "sub")).toHaveLength(2);
    expect(received(all, "sub")[1]).not.toHaveProperty("have");
    expect(all.client.status.get().status).toBe("delayed");
    let subs = 2;
    for (const wait of [...REFETCH_MS, 8_000]) {
      all.server.beat();
      await all.clock.advance(wait - 1);
      expect(received(all, "sub")).toHaveLength(subs);
      await all.clock.advance(1);
      subs += 1;
      expect(received(all, "sub")).toHaveLength(subs);
    }
    expect(all.client.ageMs("stock:A")).toBe(all.clock.monotonic());
    for (let v = 1; v <= 9; v += 1) all.server.put("stock:A", STOCK);
    all.server.beat();
    await all.clock.advance(8_000);
    all.server.beat();
    expect(all.client.status.get().status).toBe("live");
  });
});

describe("the network's events", () => {
  it("end the waiting when it is back, and the pretence when it is gone", async () => {
    const environment = new EventTarget();
    const all = await open({ environment });
    environment.dispatchEvent(new Event("offline"));
    expect(all.client.connection).toBe("waiting");
    expect(all.client.status.get().status).toBe("offline");
    environment.dispatchEvent(new Event("online"));
    await all.clock.advance(0);
    expect(all.client.connection).toBe("open");
    all.client.stop();
    environment.dispatchEvent(new Event("online"));
    expect(all.client.connection).toBe("idle");
  });
});

describe("waiting for versions", () => {
  it("ends when the store holds all of them, also of topics that nothing shows", async () => {
    const all = await open();
    const held = all.client.waitFor({ "stock:A": 2, "price:A": 1 });
    all.server.put("stock:A", STOCK);
    all.server.putAll({ "stock:A": STOCK, "price:A": {} });
    await all.clock.advance(0);
    expect(await held).toBe(true);
    expect(all.client.store.get("stock:A")?.v).toBe(2);
    await all.clock.advance(GRACE_MS);
    expect(received(all, "unsub")).toHaveLength(1);
  });

  it("ends when time is up", async () => {
    const all = await open();
    const held = all.client.waitFor({ "stock:A": 2 }, 300);
    await all.clock.advance(300);
    expect(await held).toBe(false);
  });
});

describe("the age of one value", () => {
  it("is the whole's while it is live, and grows from then on where it is not", async () => {
    const all = await open();
    const leave = all.client.subscribe(["stock:A"]);
    all.client.subscribe(["stock:B"]);
    expect(all.client.ageMs("stock:A")).toBeNull();
    await all.clock.advance(2_000);
    all.server.beat();
    expect(all.client.ageMs("stock:A")).toBe(0);
    leave();
    await all.clock.advance(GRACE_MS);
    all.server.beat();
    await all.clock.advance(500);
    expect(all.client.ageMs("stock:A")).toBe(GRACE_MS + 500);
    expect(all.client.ageMs("stock:B")).toBe(500);
  });
});

describe("status", () => {
  it("is never live before what is on the screen is complete, at no moment a listener sees", async () => {
    const all = await open();
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    const seen: StatusSnapshot["status"][] = [];
    all.client.status.subscribe(() => seen.push(all.client.status.get().status));
    all.server.connections[0]?.close(1006);
    all.server.put("stock:A", STOCK);
    all.client.store.onTopic("stock:A", () => seen.push("offline"));
    await all.clock.advance(500);
    const live = seen.indexOf("live");
    expect(seen.slice(0, live)).toContain("delayed");
    expect(all.client.store.get("stock:A")?.v).toBe(1);
    expect(seen.lastIndexOf("offline")).toBeLessThan(live);
  });
});

describe("a long session", () => {
  it("keeps documents and ages of what was looked at last, and of no more", async () => {
    const all = await open();
    const names = Array.from({ length: IDLE_DOCUMENTS_MAX + 50 }, (_, n) => `stock:${n}`);
    for (let from = 0; from < names.length; from += 205) {
      const part = names.slice(from, from + 205);
      all.server.putAll(Object.fromEntries(part.map((topic) => [topic, STOCK])));
      const leave = all.client.subscribe(part);
      await all.clock.advance(100);
      leave();
      await all.clock.advance(GRACE_MS);
    }
    expect(all.client.store.topics).toHaveLength(IDLE_DOCUMENTS_MAX);
    expect(all.client.store.get("stock:0")).toBeUndefined();
    expect(all.client.ageMs("stock:0")).toBeNull();
    expect(all.client.ageMs("stock:60")).not.toBeNull();
  });
});

describe("what an earlier page received", () => {
  const ENTRY = { topic: "stock:A", v: 1, doc: STOCK, at: 0 };

  it("is shown before a server is heard, and taken up by its version", async () => {
    const all = setUp();
    all.server.put("stock:A", STOCK);
    all.client.store.resume(all.server.epoch, [ENTRY]);
    expect(all.client.store.get("stock:A")?.v).toBe(1);
    all.client.start().subscribe(["stock:A"]);
    await all.clock.advance(0);
    expect(received(all, "sub")).toMatchObject([{ have: { "stock:A": 1 } }]);
    expect(all.client.statusOf("stock:A")).toBe("live");
  });

  it("counts no more where the log is another one, or this page has heard of one", async () => {
    const all = setUp();
    all.client.store.resume(all.server.epoch - 1, [ENTRY]);
    all.client.start();
    await all.clock.advance(0);
    expect(all.client.store.get("stock:A")).toBeUndefined();
    all.client.store.resume(all.server.epoch - 1, [ENTRY]);
    expect(all.client.store.epoch).toBe(all.server.epoch);
    expect(all.client.store.get("stock:A")).toBeUndefined();
  });
});
