import { describe, expect, it } from "vitest";
import { LIST_QUIET_MS, type ListItem } from "../src/core/list.ts";
import { setUp } from "./setUp.ts";

const item = (id: string, v: number, n: number, price = 1) => ({
  ...{ topic: `product:${id}`, v, doc: { n }, at: 0 },
  prices: [{ topic: `price:${id}`, v: 1, doc: { amount: price }, at: 0 }],
});
const page = (items: ListItem[], next: string | null = null) => ({ items, next, total: 9 });
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function listing() {
  const asked: { path: string; answer: (body: object, status?: number) => Promise<void> }[] = [];
  const all = setUp({
    fetch: ((url: string) =>
      new Promise<Response>((resolve) => {
        asked.push({
          path: url.replace("http://shop.test", ""),
          answer: async (body, status = 200) => {
            resolve(Response.json(body, { status }));
            await turn();
            await all.clock.advance(0);
          },
        });
      })) as typeof fetch,
  });
  all.client.start();
  await all.clock.advance(0);
  for (let v = 1; v <= 3; v += 1) all.server.put("category:all", { revision: v });
  const list = all.client.list({
    ...{ path: "/api/products", query: { q: "mug", sort: null }, changes: ["category:all"] },
  });
  await all.clock.advance(0);
  const topics = () => list.get().items.map(({ topic }) => topic);
  return { ...all, list, asked, topics };
}

describe("a list", () => {
  it("is asked for once, and its items change in place", async () => {
    const { list, asked, server, clock, client } = await listing();
    expect(asked.map(({ path }) => path)).toEqual(["/api/products?q=mug"]);
    expect(list.get()).toMatchObject({ state: "loading", items: [] });
    server.put("product:a", { n: 1 });
    await asked[0]?.answer(page([item("a", 1, 1), item("b", 1, 5)], "c2"));
    expect(list.get()).toMatchObject({ state: "ready", total: 9, more: true });
    const [, before] = list.get().items;
    let told = 0;
    list.subscribe(() => {
      told += 1;
    });
    server.put("product:a", { n: 2 });
    await clock.advance(0);
    expect(list.get().items[0]).toMatchObject({ v: 2, doc: { n: 2 } });
    expect(list.get().items[1]).toBe(before);
    expect(told).toBe(1);
    // The documents that stand in an item are followed, too.
    expect(client.store.get("price:a")?.doc).toEqual({ amount: 1 });
    server.putAll({ "price:a": { amount: 1 } });
    server.putAll({ "price:a": { amount: 3 } });
    expect(client.store.get("price:a")?.doc).toEqual({ amount: 3 });
    expect(asked).toHaveLength(1);
  });

  it("asks who is in it when its topic has moved and rests, and shows the old meanwhile", async () => {
    const { list, asked, server, clock, topics } = await listing();
    await asked[0]?.answer(page([item("a", 1, 1)]));
    for (let n = 0; n < 3; n += 1) {
      server.put("category:all", { revision: 9 + n });
      await clock.advance(LIST_QUIET_MS / 2);
    }
    expect(asked).toHaveLength(1);
    await clock.advance(LIST_QUIET_MS);
    expect(asked).toHaveLength(2);
    expect(list.get()).toMatchObject({ state: "stale" });
    expect(topics()).toEqual(["product:a"]);
    await asked[1]?.answer(page([item("b", 1, 1), item("a", 1, 1)]));
    expect(topics()).toEqual(["product:b", "product:a"]);
    expect(list.get().state).toBe("ready");
  });

  it("never shows an older answer over a newer one", async () => {
    const { list, asked, topics } = await listing();
    void list.refresh();
    await asked[1]?.answer(page([item("new", 1, 1)]));
    await asked[0]?.answer(page([item("old", 1, 1)]));
    expect(topics()).toEqual(["product:new"]);
  });

  it("adds pages, each item once, and not to a list that was read anew", async () => {
    const { list, asked, topics } = await listing();
    await asked[0]?.answer(page([item("a", 1, 1), item("b", 1, 1)], "c2"));
    const more = list.loadMore();
    void list.loadMore();
    expect(asked.slice(1).map(({ path }) => path)).toEqual(["/api/products?q=mug&cursor=c2"]);
    await asked[1]?.answer(page([item("b", 1, 1), item("c", 1, 1)], "c3"));
    await more;
    expect(topics()).toEqual(["product:a", "product:b", "product:c"]);
    const late = list.loadMore();
    void list.refresh();
    await asked[2]?.answer(page([item("z", 1, 1)]));
    await late;
    expect(topics()).not.toContain("product:z");
    await asked[3]?.answer(page([item("a", 1, 1)], "c2"));
    await asked[4]?.answer(page([item("d", 1, 1)]));
    // As many pages as were shown.
    expect(topics()).toEqual(["product:a", "product:d"]);
    expect(list.get().more).toBe(false);
  });

  it("keeps what it has beside an error, and tries again what may pass", async () => {
    const { list, asked, clock, topics } = await listing();
    await asked[0]?.answer(page([item("a", 1, 1)]));
    void list.refresh();
    await asked[1]?.answer({ code: 4001, name: "StorageUnavailable", temporary: true }, 503);
    expect(list.get()).toMatchObject({ state: "stale", error: { code: 4001 } });
    expect(topics()).toEqual(["product:a"]);
    await clock.advance(2_000);
    await asked[2]?.answer(page([item("b", 1, 1)]));
    expect(list.get()).toMatchObject({ state: "ready", error: null });
  });

  it("that is refused for good is not asked for again", async () => {
    const { list, asked, clock } = await listing();
    await asked[0]?.answer({ code: 1001, temporary: false }, 422);
    await clock.advance(60_000);
    expect(asked).toHaveLength(1);
    expect(list.get()).toMatchObject({ state: "failed", error: { code: 1001 } });
  });

  it("does not let an answer overtake what was received", async () => {
    const { list, asked, server, client, clock } = await listing();
    for (let n = 1; n <= 4; n += 1) server.put("product:a", { n });
    client.subscribe(["product:a"]);
    await clock.advance(0);
    await asked[0]?.answer(page([item("a", 2, 2)]));
    expect(list.get().items[0]).toMatchObject({ v: 4, doc: { n: 4 } });
  });

  it("leaves nothing behind when closed", async () => {
    const { list, asked, client, clock } = await listing();
    await asked[0]?.answer(page([item("a", 1, 1)]));
    list.close();
    await clock.advance(2_000);
    expect(client.statusOf("product:a")).not.toBe("live");
    client.stop();
    expect(clock.pending).toBe(0);
  });

  it("leaves its items to those who subscribe to them, where it shall not follow", async () => {
    const { asked, client, server, clock } = await listing();
    const list = client.list({ path: "/api/other", follow: false });
    await asked[1]?.answer(page([item("x", 1, 1), item("y", 1, 1)]));
    const stop = client.subscribe(["product:x"]);
    server.putAll({ "product:x": { n: 1 }, "product:y": { n: 1 } });
    server.putAll({ "product:x": { n: 2 }, "product:y": { n: 2 } });
    await clock.advance(0);
    expect(client.store.get("product:x")?.v).toBe(2);
    expect(client.store.get("product:y")?.v).toBe(1);
    expect(list.get().items.map(({ topic }) => topic)).toEqual(["product:x", "product:y"]);
    stop();
    list.close();
  });
});
