import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { LAYERS_MAX } from "../src/core/optimistic.ts";
import type { Item, Json } from "../src/core/protocol.ts";
import { Store } from "../src/core/store.ts";
import { open, received } from "./setUp.ts";

const CART = "cart:c";
const snap = (v: number, doc: Json | null, topic = CART): Item => ({
  ...{ t: "snap" as const, topic, v, doc, at: v },
});
const set = (line: string, quantity: number) => (doc: Json | null) => ({
  ...doc,
  [line]: quantity,
});
const shown = (store: Store): unknown => store.get(CART)?.doc;

function cart(doc: Json | null = { mug: 1 }): Store {
  const store = new Store();
  store.apply({ t: "reset", epoch: 1, reason: "" });
  store.apply(snap(1, doc));
  return store;
}

describe("a layer", () => {
  it("is shown at once, and is not taken for received", () => {
    const store = cart();
    const before = store.received(CART);
    store.layers.add({ [CART]: set("mug", 2) });
    expect(shown(store)).toEqual({ mug: 2 });
    expect(store.received(CART)).toBe(before);
    expect(store.holds({ [CART]: 2 })).toBe(false);
    expect(store.layers.isPending(CART)).toBe(true);
  });

  it("stays behind the answer until the store holds its version, and ends in that step", () => {
    const store = cart();
    const seen: unknown[] = [];
    store.onTopic(CART, () => seen.push([shown(store), store.layers.size]));
    const layer = store.layers.add({ [CART]: set("mug", 2) });
    layer.confirm({ [CART]: 3, "stock:MUG": 9 });
    store.apply(snap(2, { mug: 1, cup: 1 }));
    store.apply(snap(3, { mug: 2, cup: 1 }));
    expect(seen).toEqual([
      [{ mug: 2 }, 1],
      [{ mug: 2, cup: 1 }, 1],
      [{ mug: 2, cup: 1 }, 0],
    ]);
  });

  it("ends with its answer where the effect was there first", () => {
    const store = cart();
    const layer = store.layers.add({ [CART]: set("mug", 2) });
    store.apply(snap(2, { mug: 2 }));
    layer.confirm({ [CART]: 2 });
    expect(store.layers.size).toBe(0);
    expect(store.get(CART)).toBe(store.received(CART));
  });

  it("ends with an answer that names no version of what it covers: nothing was changed", () => {
    const store = cart();
    store.layers.add({ [CART]: set("mug", 2) }).confirm({ "order:7": 1 });
    expect(shown(store)).toEqual({ mug: 1 });
  });

  it("is taken back by a refusal; others over it stay", () => {
    const store = cart();
    const first = store.layers.add({ [CART]: set("mug", 9) });
    store.layers.add({ [CART]: set("cup", 1) });
    first.drop();
    expect(shown(store)).toEqual({ mug: 1, cup: 1 });
  });

  it("lies over what begins to exist by it", () => {
    const store = new Store();
    store.layers.add({ [CART]: set("mug", 1) });
    expect(store.get(CART)).toEqual({ v: 0, doc: { mug: 1 }, at: 0 });
  });

  it("keeps one reference as long as nothing below or in it changes", () => {
    const store = cart();
    store.layers.add({ [CART]: set("mug", 2) });
    const held = store.get(CART);
    store.apply(snap(1, { n: 1 }, "stock:A"));
    expect(store.get(CART)).toBe(held);
    expect(store.get("stock:A")).toBe(store.received("stock:A"));
    store.apply(snap(2, { mug: 1 }));
    expect(store.get(CART)).not.toBe(held);
  });

  it("does not wait for versions of a log that was restored meanwhile", () => {
    const store = cart();
    const before = store.layers.add({ [CART]: set("mug", 2) });
    before.confirm({ [CART]: 40 });
    const late = store.layers.add({ [CART]: set("cup", 2) });
    store.apply({ t: "reset", epoch: 2, reason: "epoch_changed" });
    store.apply(snap(3, { mug: 1 }));
    expect(shown(store)).toEqual({ mug: 1, cup: 2 });
    late.confirm({ [CART]: 41 });
    expect(shown(store)).toEqual({ mug: 1 });
  });

  it("begun before the first greeting belongs to the log that is met then", () => {
    const store = new Store();
    const layer = store.layers.add({ [CART]: set("mug", 1) });
    store.apply({ t: "reset", epoch: 5, reason: "" });
    layer.confirm({ [CART]: 1 });
    expect(shown(store)).toEqual({ mug: 1 });
    store.apply(snap(1, { mug: 1 }));
    expect(store.layers.size).toBe(0);
  });

  it("is one of a limited number; a command beyond it is shown by its effect", () => {
    const store = cart();
    for (let at = 0; at < LAYERS_MAX; at += 1) store.layers.add({ [CART]: set("mug", at) });
    const ended = vi.fn();
    const beyond = store.layers.add({ [CART]: set("mug", -1) }, ended);
    beyond.confirm({ [CART]: 99 });
    beyond.drop();
    expect(shown(store)).toEqual({ mug: LAYERS_MAX - 1 });
    expect(ended).toHaveBeenCalledTimes(1);
  });
});

describe("a command with a layer", () => {
  const refusal = { code: 2104, name: "StockShort", message: "Too few.", temporary: false };
  const started = async (answer: () => Promise<Response>) => {
    const all = await open({ fetch: answer as typeof fetch });
    all.server.put(CART, { mug: 1 });
    const stop = all.client.subscribe([CART]);
    await all.clock.advance(0);
    return { ...all, stop, shown: () => shown(all.client.store) };
  };

  it("shows its effect without a flicker, through answer and patch", async () => {
    let answer: (response: Response) => void = () => {};
    const all = await started(() => new Promise((resolve) => (answer = resolve)));
    const seen: unknown[] = [];
    all.client.store.onTopic(CART, () => seen.push(all.shown()));
    const optimistic = { [CART]: set("mug", 2) };
    const sent = all.client.sendUntyped("carts.put_line", {}, { optimistic });
    expect(all.shown()).toEqual({ mug: 2 });
    answer(Response.json({ versions: { [CART]: 2 }, result: null }));
    await sent;
    expect(all.shown()).toEqual({ mug: 2 });
    all.server.put(CART, { mug: 2 });
    expect(seen).toEqual([{ mug: 2 }, { mug: 2 }]);
    expect(all.client.store.layers.size).toBe(0);
  });

  it("is taken back with the reason where it was refused", async () => {
    const all = await started(async () => Response.json(refusal, { status: 409 }));
    const optimistic = { [CART]: set("mug", 2) };
    const sent = all.client.sendUntyped("carts.put_line", {}, { optimistic });
    await expect(sent).rejects.toMatchObject({ code: 2104, message: "Too few." });
    expect(all.shown()).toEqual({ mug: 1 });
  });

  it("keeps its topics up to date until it ends, also where nothing else shows them", async () => {
    const all = await started(async () => Response.json({ versions: { "cart:other": 1 } }));
    await all.client.sendUntyped("x", {}, { optimistic: { "cart:other": set("mug", 1) } });
    await all.clock.advance(10_000);
    expect(received(all, "unsub")).toEqual([]);
    all.server.put("cart:other", { mug: 1 });
    await all.clock.advance(10_000);
    expect(received(all, "unsub").map((one) => one.topics)).toEqual([["cart:other"]]);
    all.stop();
  });

  it("of another door is posted with a key by the same rules", async () => {
    const urls: string[] = [];
    const all = await open({
      fetch: (async (url: string) => {
        urls.push(url);
        return Response.json({ versions: {}, result: { order_id: "c.1" } });
      }) as typeof fetch,
    });
    const done = await all.client.post("/api/checkout", {}, { key: "once" });
    expect(done.result).toEqual({ order_id: "c.1" });
    expect(urls).toEqual(["http://shop.test/api/checkout"]);
  });
});

/** What happens in a world of one cart: presses, others' changes, and messages that take their time. */
type Step =
  | { kind: "press"; line: string; quantity: number; refuse: boolean }
  | { kind: "other"; line: string; quantity: number }
  | { kind: "decide" | "answer"; which: number }
  | { kind: "receive"; versions: number };

const line = fc.constantFrom("mug", "cup");
const quantity = fc.integer({ min: 0, max: 1_000 });
const which = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("press" as const), line, quantity, refuse: fc.boolean() }),
  fc.record({ kind: fc.constant("other" as const), line, quantity }),
  fc.record({ kind: fc.constantFrom("decide" as const, "answer" as const), which }),
  fc.record({ kind: fc.constant("receive" as const), versions: fc.integer({ min: 1, max: 3 }) }),
);

interface Command {
  readonly line: string;
  readonly quantity: number;
  readonly refuse: boolean;
  readonly layer: ReturnType<Store["layers"]["add"]>;
  /** The version that the server gave it; 0 where it was refused. */
  decided: number | null;
  answered: boolean;
}

/** A server's history of one cart, commands on their way to it, and a screen that hears of it late. */
class World {
  readonly store = new Store();
  readonly states: Json[] = [{ mug: 1, cup: 1 }];
  readonly commands: Command[] = [];
  /** What the screen showed in the last step. */
  readonly pictures: unknown[] = [];
  held = 1;

  constructor() {
    this.store.apply({ t: "reset", epoch: 1, reason: "" });
    this.store.apply(snap(1, this.states[0] ?? null));
    this.store.onTopic(CART, () => this.pictures.push(shown(this.store)));
  }

  take(step: Step): void {
    this.pictures.length = 0;
    if (step.kind === "press") {
      const layer = this.store.layers.add({ [CART]: set(step.line, step.quantity) });
      this.commands.push({ ...step, layer, decided: null, answered: false });
    } else if (step.kind === "other") this.#write(step.line, step.quantity);
    else if (step.kind === "receive") this.#receive(step.versions);
    else if (step.kind === "decide") this.#decide(step.which);
    else this.#answer(step.which);
    this.check();
  }

  /** Everything arrives in the end. */
  finish(): void {
    for (const one of this.commands) {
      if (one.decided === null) this.take({ kind: "decide", which: 0 });
    }
    for (const one of this.commands) if (!one.answered) this.take({ kind: "answer", which: 0 });
    while (this.held < this.states.length) this.take({ kind: "receive", versions: 1 });
  }

  /** Each value on the screen is the received one, or what a command foretells that may still hold. */
  check(): void {
    const base = this.store.received(CART)?.doc as unknown as Json;
    const now = shown(this.store) as Json;
    for (const name of ["mug", "cup"]) {
      const open = this.commands.filter((one) => one.line === name && this.#isOpen(one));
      const expected = open.at(-1)?.quantity ?? base[name];
      expect(now[name]).toBe(expected);
    }
    // Nothing was shown in between: a step is one picture, or none.
    expect([[], [now]]).toContainEqual(this.pictures);
  }

  /** Neither refused to our knowledge, nor known to be in what was received. */
  #isOpen({ answered, decided }: Command): boolean {
    if (!answered) return true;
    return decided !== 0 && (decided ?? 0) > (this.store.received(CART)?.v ?? 0);
  }

  #write(name: string, value: number): number {
    this.states.push({ ...this.states.at(-1), [name]: value });
    return this.states.length;
  }

  #receive(versions: number): void {
    const v = Math.min(this.states.length, this.held + versions);
    if (v === this.held) return;
    this.store.apply({
      ...{ t: "patch", topic: CART, from: this.held, v, at: v },
      set: this.states[v - 1] ?? {},
    });
    this.held = v;
  }

  #decide(which: number): void {
    const open = this.commands.filter((one) => one.decided === null);
    const one = open[which % Math.max(1, open.length)];
    if (one) one.decided = one.refuse ? 0 : this.#write(one.line, one.quantity);
  }

  #answer(which: number): void {
    const open = this.commands.filter((one) => one.decided !== null && !one.answered);
    const one = open[which % Math.max(1, open.length)];
    if (!one) return;
    one.answered = true;
    if (one.decided === 0) one.layer.drop();
    else one.layer.confirm({ [CART]: one.decided ?? 0 });
  }
}

describe("whatever the order of presses, answers and patches", () => {
  it("no value is shown that neither the server nor an open command explains", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const world = new World();
        for (const one of steps) world.take(one);
        world.finish();
        expect(world.store.layers.size).toBe(0);
        expect(shown(world.store)).toEqual(world.states.at(-1));
      }),
      { numRuns: 400 },
    );
  });

  it("who alone changes a line never sees an accepted value go away again", () => {
    const own = step.filter((one) => one.kind !== "other" && one.kind !== "press");
    fc.assert(
      fc.property(fc.array(own, { maxLength: 30 }), quantity, (steps, wanted) => {
        const world = new World();
        const seen: unknown[] = [];
        world.store.onTopic(CART, () => seen.push((shown(world.store) as Json).mug));
        world.take({ kind: "press", line: "mug", quantity: wanted, refuse: false });
        world.take({ kind: "other", line: "cup", quantity: 5 });
        for (const one of steps) world.take(one);
        world.finish();
        expect(new Set(seen)).toEqual(new Set([wanted]));
      }),
    );
  });
});
