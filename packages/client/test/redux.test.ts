import { configureStore, type Middleware, type UnknownAction } from "@reduxjs/toolkit";
import { describe, expect, it } from "vitest";
import { CODES, change } from "../src/index.ts";
import { createSelectors, createSend, follow, shopwireReducer } from "../src/redux/index.ts";
import { open } from "./setUp.ts";

const select = createSelectors();
const SELL = { sku: "A", quantity: 1, reference: "order 7" };
const optimistic = change("stock:A", (stock) => stock && { ...stock, available: 2 });
const stock = (available: number) => ({ sku: "A", available, status: "in_stock" });

async function followed() {
  const all = await open();
  const { client, clock, server } = all;
  server.putAll({ "stock:A": stock(3), "price:A": { amount_minor: 5 }, "stock:B": { n: 1 } });
  client.subscribe(["stock:A", "price:A", "stock:B"]);
  await clock.advance(0);
  const actions: UnknownAction[] = [];
  const redux = configureStore({
    reducer: { shopwire: shopwireReducer },
    middleware: (defaults) =>
      defaults().concat([
        () => (next) => (action) => {
          actions.push(action as UnknownAction);
          return next(action);
        },
      ] satisfies Middleware[]),
  });
  const stop = follow(client, redux);
  const seen = () => actions.filter(({ type }) => type === "shopwire/documents/seen").length;
  const topic = (name: string) => select.topic(redux.getState(), name);
  return { ...all, redux, actions, stop, seen, topic, send: createSend(client) };
}

/** Answers commands when told to. */
async function answering() {
  const all = await followed();
  const asked: { id: number }[] = [];
  all.server.command = (cmd) => void asked.push(cmd);
  // The limits of a connection come with its welcome.
  all.server.connections[0]?.close(1006);
  await all.clock.advance(1_000);
  const done = (versions: Record<string, number>) => {
    const body = { result: null, versions };
    all.server.connections.at(-1)?.send({
      ...{ t: "done", id: asked.at(-1)?.id ?? 0, status: 200, body, replayed: false },
    });
  };
  const refuse = () => {
    all.server.connections.at(-1)?.send({
      ...{ t: "error", id: asked.at(-1)?.id ?? 0, status: 409, code: CODES.StockShort },
      ...{ name: "StockShort", message: "Only 0 left.", temporary: false, remedy: "" },
      data: { available: 0 },
    });
  };
  return { ...all, done, refuse };
}

describe("the Redux skin", () => {
  it("begins with what is shown already, and follows each change", async () => {
    const all = await followed();
    expect(all.seen()).toBe(1);
    expect(all.topic("stock:A")).toEqual({
      ...{ topic: "stock:A", v: 1, doc: stock(3), pending: false },
      at: expect.any(Number),
    });
    all.server.connections[0]?.send({
      ...{ t: "patch", topic: "stock:A", from: 1, v: 2, set: { available: 1 }, at: 9 },
    });
    expect(all.topic("stock:A")).toMatchObject({ v: 2, doc: stock(1), at: 9 });
    expect(all.topic("stock:none")).toBeUndefined();
    expect(all.topic("constructor:none")).toBeUndefined();
  });

  it("dispatches once for what changed together, and leaves the others as they were", async () => {
    const all = await followed();
    const before = all.topic("stock:B");
    const prices = select.kind("price");
    const listed = prices.selectAll(all.redux.getState());
    let told = 0;
    all.redux.subscribe(() => {
      told += 1;
    });
    all.server.putAll({ "stock:A": stock(7), "price:A": { amount_minor: 6 } });
    expect([all.seen(), told]).toEqual([2, 1]);
    expect(all.topic("stock:B")).toBe(before);
    expect(listed).not.toBe(prices.selectAll(all.redux.getState()));
    const after = prices.selectAll(all.redux.getState());
    all.server.put("stock:A", stock(8));
    expect(prices.selectAll(all.redux.getState())).toBe(after);
    expect(after.map(({ doc }) => doc?.amount_minor)).toEqual([6]);
    expect(select.kind("stock").selectIds(all.redux.getState())).toEqual(["stock:A", "stock:B"]);
  });

  it("never steps back, whatever comes late; another epoch begins anew", async () => {
    const all = await followed();
    all.server.put("stock:A", stock(9));
    const before = all.seen();
    all.server.connections[0]?.send({ t: "snap", topic: "stock:A", v: 1, doc: stock(3), at: 1 });
    expect(all.topic("stock:A")).toMatchObject({ v: 2, doc: stock(9) });
    expect(all.seen()).toBe(before);
    all.server.restore({ "stock:A": stock(4) });
    await all.clock.advance(0);
    expect(all.topic("stock:A")).toMatchObject({ v: 1, doc: stock(4) });
    expect(all.topic("stock:B")).toMatchObject({ v: 0, doc: null });
  });

  it("shows what a listener before it did, not what it was told of", async () => {
    const all = await followed();
    all.stop();
    let nested = false;
    all.client.store.onTopic("stock:A", () => {
      if (nested) return;
      nested = true;
      all.server.put("stock:A", stock(20));
    });
    const stop = follow(all.client, all.redux);
    const versions: unknown[] = [];
    all.redux.subscribe(() => versions.push(all.topic("stock:A")?.v));
    all.server.put("stock:A", stock(10));
    expect(versions).toEqual([3, 3]);
    stop();
  });

  it("removes what is taken back, and says why until it may be had again", async () => {
    const all = await followed();
    all.server.revoke("stock:A", "withdrawn");
    expect(all.topic("stock:A")).toBeUndefined();
    expect(select.kind("stock").selectTotal(all.redux.getState())).toBe(1);
    expect(select.refusal(all.redux.getState(), "stock:A")?.reason).toBe("withdrawn");
    all.server.connections[0]?.close(1006);
    await all.clock.advance(1_000);
    expect(all.topic("stock:A")?.v).toBe(1);
    expect(select.refusal(all.redux.getState(), "stock:A")).toBeUndefined();
  });

  it("tells the status as it ages", async () => {
    const all = await followed();
    const status = () => select.status(all.redux.getState()).status;
    expect(status()).toBe("live");
    await all.clock.advance(3_500);
    expect(status()).toBe("delayed");
    all.client.stop();
    expect(status()).toBe("offline");
  });

  it("holds nothing and hears nothing after its stop", async () => {
    const all = await followed();
    all.client.stop();
    all.stop();
    all.stop();
    await all.clock.advance(30_000);
    expect(all.clock.pending).toBe(0);
    const before = all.actions.length;
    const { epoch } = all.client.store;
    all.client.store.offer([{ topic: "stock:A", v: 50, doc: {}, at: 0 }], epoch);
    expect(all.client.store.get("stock:A")?.v).toBe(50);
    expect(all.actions.length).toBe(before);
  });

  it("begins anew where it follows again: what is gone meanwhile is gone here", async () => {
    const all = await followed();
    all.stop();
    all.server.revoke("stock:B", "withdrawn");
    follow(all.client, all.redux);
    expect(all.topic("stock:B")).toBeUndefined();
    expect(all.topic("stock:A")?.v).toBe(1);
  });
});

describe("a command from a thunk", () => {
  it("is shown before its answer, and until its effect is there", async () => {
    const all = await answering();
    const sent = all.redux.dispatch(
      all.send({ operation: "inventory.sell_stock", body: SELL, optimistic }),
    );
    expect(all.topic("stock:A")).toMatchObject({ v: 1, doc: stock(2), pending: true });
    await all.clock.advance(0);
    all.done({ "stock:A": 2 });
    await all.clock.advance(0);
    expect(all.topic("stock:A")?.pending).toBe(true);
    all.server.put("stock:A", stock(2));
    expect(all.topic("stock:A")).toMatchObject({ v: 2, doc: stock(2), pending: false });
    expect(await sent.unwrap()).toMatchObject({ versions: { "stock:A": 2 } });
    expect(all.actions.at(-1)?.type).not.toBe("shopwire/send/rejected");
  });

  it("is taken back with its reason, as plain data", async () => {
    const all = await answering();
    const sent = all.redux.dispatch(
      all.send({ operation: "inventory.sell_stock", body: SELL, optimistic }),
    );
    await all.clock.advance(0);
    all.refuse();
    const ended = await sent;
    expect(all.send.rejected.match(ended)).toBe(true);
    const { payload } = ended;
    expect(payload).toEqual({
      ...{ code: CODES.StockShort, name: "StockShort", message: "Only 0 left." },
      ...{ temporary: false, data: { available: 0 } },
    });
    expect(JSON.parse(JSON.stringify(payload))).toEqual(payload);
    expect(all.topic("stock:A")).toMatchObject({ v: 1, doc: stock(3), pending: false });
  });

  it("is given up by abort", async () => {
    const all = await answering();
    const sent = all.redux.dispatch(
      all.send({ operation: "inventory.sell_stock", body: SELL, optimistic }),
    );
    await all.clock.advance(0);
    sent.abort();
    expect((await sent).meta).toMatchObject({ aborted: true });
    await all.clock.advance(0);
    expect(all.topic("stock:A")?.pending).toBe(false);
  });
});
