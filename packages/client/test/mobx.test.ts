import { autorun, configure, reaction, spy } from "mobx";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CODES, change, ShopwireError } from "../src/index.ts";
import { ShopwireView } from "../src/mobx/index.ts";
import { open } from "./setUp.ts";

const SELL = { sku: "A", quantity: 1, reference: "order 7" };
const optimistic = change("stock:A", (stock) => stock && { ...stock, available: 2 });
const stock = (available: number) => ({ sku: "A", available, status: "in_stock" });

/** What the test began and ends with itself. */
const ends: (() => void)[] = [];

beforeEach(() => {
  // Whatever is written outside of an action is told by a warning.
  configure({ enforceActions: "always" });
  vi.spyOn(console, "warn");
});

afterEach(() => {
  for (const end of ends.splice(0)) end();
  expect(console.warn).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

async function viewed() {
  const all = await open();
  const { client, clock, server } = all;
  server.putAll({ "stock:A": stock(3), "price:A": { amount_minor: 5 }, "stock:B": { n: 1 } });
  client.subscribe(["stock:A", "price:A", "stock:B"]);
  await clock.advance(0);
  const actions: string[] = [];
  ends.push(spy((event) => void (event.type === "action" && actions.push(event.name))));
  const view = new ShopwireView(client);
  const seen = () => actions.filter((name) => name === "shopwire.seen").length;
  return { ...all, view, actions, seen };
}

/** Every value that an expression has from now on. */
function values<T>(read: () => T): T[] {
  const all: T[] = [];
  ends.push(autorun(() => void all.push(read())));
  return all;
}

async function answering() {
  const all = await viewed();
  const asked: { id: number }[] = [];
  all.server.command = (cmd) => void asked.push(cmd);
  // The limits of a connection come with its welcome.
  all.server.connections[0]?.close(1006);
  await all.clock.advance(1_000);
  const done = (at: number, versions: Record<string, number>, result: unknown = null) => {
    all.server.connections.at(-1)?.send({
      ...{ t: "done", id: asked.at(at)?.id ?? 0, status: 200, replayed: false },
      body: { result, versions },
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

describe("the MobX skin", () => {
  it("begins with what is shown already, and follows each change", async () => {
    const all = await viewed();
    expect(all.seen()).toBe(1);
    const shown = values(() => all.view.get("stock:A")?.doc?.available);
    const late = values(() => all.view.get("offer:A")?.v);
    all.server.connections[0]?.send({
      ...{ t: "patch", topic: "stock:A", from: 1, v: 2, set: { available: 1 }, at: 9 },
    });
    expect(shown).toEqual([3, 1]);
    all.client.store.offer([{ topic: "offer:A", v: 4, doc: {}, at: 0 }]);
    expect(late).toEqual([undefined, 4]);
  });

  it("takes what changed together in one action; who watches others does not run", async () => {
    const all = await viewed();
    const both = values(() => [
      all.view.get("stock:A")?.doc?.available,
      all.view.get("price:A")?.doc?.amount_minor,
    ]);
    const other = values(() => all.view.get("stock:B"));
    const prices = values(() => all.view.all("price").map(({ doc }) => doc?.amount_minor));
    all.server.putAll({ "stock:A": stock(7), "price:A": { amount_minor: 6 } });
    expect(both).toEqual([
      [3, 5],
      [7, 6],
    ]);
    expect(all.seen()).toBe(2);
    all.server.put("stock:A", stock(8));
    expect([other.length, prices]).toEqual([1, [[5], [6]]]);
  });

  it("never steps back, whatever comes late; another epoch begins anew", async () => {
    const all = await viewed();
    all.server.put("stock:A", stock(9));
    const before = all.seen();
    all.server.connections[0]?.send({ t: "snap", topic: "stock:A", v: 1, doc: stock(3), at: 1 });
    expect(all.view.get("stock:A")).toMatchObject({ v: 2, doc: stock(9) });
    expect(all.seen()).toBe(before);
    all.server.restore({ "stock:A": stock(4) });
    await all.clock.advance(0);
    expect(all.view.get("stock:A")).toMatchObject({ v: 1, doc: stock(4) });
    expect(all.view.get("stock:B")).toMatchObject({ v: 0, doc: null });
  });

  it("removes what is taken back, and says why until it may be had again", async () => {
    const all = await viewed();
    const kept = values(() => all.view.all("stock").map(({ topic }) => topic));
    all.server.revoke("stock:A", "withdrawn");
    expect(all.view.get("stock:A")).toBeUndefined();
    expect(kept).toEqual([["stock:A", "stock:B"], ["stock:B"]]);
    expect(all.view.refusal("stock:A")?.reason).toBe("withdrawn");
    all.server.connections[0]?.close(1006);
    await all.clock.advance(1_000);
    expect(all.view.get("stock:A")?.v).toBe(1);
    expect(all.view.refusal("stock:A")).toBeUndefined();
  });

  it("tells the status as it ages", async () => {
    const all = await viewed();
    const told: string[] = [];
    ends.push(
      reaction(
        () => all.view.status.status,
        (status) => void told.push(status),
      ),
    );
    await all.clock.advance(3_500);
    all.client.stop();
    expect(told).toEqual(["delayed", "offline"]);
  });

  it("hears nothing after its stop, and leaves no timer", async () => {
    const all = await viewed();
    all.client.stop();
    all.view.stop();
    all.view.stop();
    await all.clock.advance(30_000);
    expect(all.clock.pending).toBe(0);
    const before = all.actions.length;
    all.client.store.offer([{ topic: "stock:A", v: 50, doc: {}, at: 0 }]);
    expect(all.client.store.get("stock:A")?.v).toBe(50);
    expect(all.actions.length).toBe(before);
    expect(all.view.get("stock:A")?.v).toBe(1);
  });
});

describe("a command as an action", () => {
  it("is shown before its answer, and until its effect is there", async () => {
    const all = await answering();
    const shown = values(() => {
      const { v, doc, pending } = all.view.get("stock:A") ?? {};
      return [v, doc?.available, pending];
    });
    const sent = all.view.send("inventory.sell_stock", SELL, { optimistic });
    expect(all.actions.includes("shopwire.send")).toBe(true);
    expect(shown.at(-1)).toEqual([1, 2, true]);
    await all.clock.advance(0);
    all.done(0, { "stock:A": 2 });
    await sent;
    all.server.put("stock:A", stock(2));
    expect(shown).toEqual([
      [1, 3, false],
      [1, 2, true],
      [2, 2, false],
    ]);
  });

  it("is taken back with its reason", async () => {
    const all = await answering();
    const selling = all.view.command("inventory.sell_stock");
    const states = values(() => [
      selling.state.pending,
      (selling.state.error as ShopwireError)?.code,
    ]);
    const sent = selling.send(SELL, { optimistic });
    expect(all.view.get("stock:A")).toMatchObject({ doc: stock(2), pending: true });
    await all.clock.advance(0);
    all.refuse();
    expect(await sent).toBeNull();
    expect(states).toEqual([
      [false, undefined],
      [true, undefined],
      [false, CODES.StockShort],
    ]);
    expect(selling.state.error).toBeInstanceOf(ShopwireError);
    expect(all.view.get("stock:A")).toMatchObject({ v: 1, doc: stock(3), pending: false });
    selling.reset();
    expect(selling.state.error).toBeNull();
  });

  it("shows the last sending, whichever is answered first", async () => {
    const all = await answering();
    const selling = all.view.command("inventory.sell_stock");
    const first = selling.send(SELL);
    const second = selling.send(SELL);
    await all.clock.advance(0);
    all.done(1, {}, "second");
    all.done(0, {}, "first");
    await Promise.all([first, second]);
    expect(selling.state).toMatchObject({ pending: false, result: { result: "second" } });
  });
});
