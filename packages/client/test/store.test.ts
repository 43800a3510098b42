import { describe, expect, it, vi } from "vitest";
import type { Item } from "../src/core/protocol.ts";
import { IDLE_DOCUMENTS_MAX, Store } from "../src/core/store.ts";

const snap = (topic: string, v: number, doc: Record<string, unknown> | null = { n: v }): Item => ({
  t: "snap",
  topic,
  v,
  doc,
  at: 1_000 + v,
});

describe("the store", () => {
  it("holds version, document and the server's time of the change", () => {
    const store = new Store();
    store.apply(snap("stock:A", 3));
    expect(store.get("stock:A")).toEqual({ v: 3, doc: { n: 3 }, at: 1_003 });
  });

  it("never steps back", () => {
    const store = new Store();
    store.apply(snap("stock:A", 3));
    store.apply(snap("stock:A", 2));
    store.offer([{ topic: "stock:A", v: 1, doc: { n: 1 }, at: 0 }]);
    expect(store.get("stock:A")?.v).toBe(3);
  });

  it("keeps the reference of what did not change, and makes a new one for what did", () => {
    const store = new Store();
    store.apply({ t: "batch", items: [snap("stock:A", 1), snap("stock:B", 1)] });
    const [a, b] = [store.get("stock:A"), store.get("stock:B")];
    store.apply({ t: "patch", topic: "stock:A", from: 1, v: 2, set: { n: 2 }, at: 0 });
    expect(store.get("stock:B")).toBe(b);
    expect(store.get("stock:A")).not.toBe(a);
    expect(a).toMatchObject({ v: 1, doc: { n: 1 } });
  });

  it("tells once per message, when everything of it is there", () => {
    const store = new Store();
    const seen: unknown[] = [];
    store.onTopics(["stock:A", "price:A"], () => {
      seen.push([store.get("stock:A")?.v, store.get("price:A")?.v]);
    });
    store.apply({ t: "batch", items: [snap("stock:A", 1), snap("price:A", 4)] });
    expect(seen).toEqual([[1, 4]]);
  });

  it("tells only who asked for the topic, and all who asked for everything", () => {
    const store = new Store();
    const [a, b, all] = [vi.fn(), vi.fn(), vi.fn()];
    store.onTopic("stock:A", a);
    store.onTopic("stock:B", b);
    store.onChange(all);
    store.apply(snap("stock:A", 1));
    store.apply(snap("stock:A", 1));
    expect(a).toHaveBeenCalledTimes(1);
    expect(b).not.toHaveBeenCalled();
    expect(all.mock.calls).toEqual([[new Set(["stock:A"])]]);
  });

  it("is quiet after the listener was taken back, and when another took its place", () => {
    const store = new Store();
    const [first, second] = [vi.fn(), vi.fn()];
    const stop = store.onTopic("stock:A", first);
    stop();
    store.onTopic("stock:A", second);
    stop();
    store.apply(snap("stock:A", 1));
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledOnce();
  });

  it("lets no listener keep the news from the others, and reports its defect", () => {
    const store = new Store();
    const reported: (() => void)[] = [];
    const spy = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((run) => {
      reported.push(run);
    });
    const later = vi.fn();
    store.onTopic("stock:A", () => {
      throw new Error("a defect of the page");
    });
    store.onTopic("stock:A", later);
    store.apply(snap("stock:A", 1));
    spy.mockRestore();
    expect(later).toHaveBeenCalledOnce();
    expect(reported[0]).toThrow("a defect of the page");
  });

  it("takes no documents of a request that a restore has overtaken", () => {
    const store = new Store();
    store.apply({ t: "reset", epoch: 1, reason: "" });
    const { epoch } = store;
    store.apply({ t: "reset", epoch: 2, reason: "" });
    store.apply(snap("stock:A", 1));
    store.offer([{ topic: "stock:A", v: 90, doc: { n: 90 }, at: 0 }], epoch);
    expect(store.get("stock:A")?.v).toBe(1);
  });

  it("knows which versions it holds", () => {
    const store = new Store();
    store.apply(snap("stock:A", 3));
    expect(store.holds({ "stock:A": 3 })).toBe(true);
    expect(store.holds({ "stock:A": 4 })).toBe(false);
    expect(store.holds({ "stock:A": 3, "price:A": 1 })).toBe(false);
    expect(store.holds({})).toBe(true);
  });
});

describe("what nobody needs any more", () => {
  const offer = (store: Store, from: number, count: number) =>
    store.offer(
      Array.from({ length: count }, (_, n) => ({
        ...{ topic: `stock:${from + n}`, v: 1, doc: { n }, at: 0 },
      })),
    );

  it("goes, the oldest first, when there is too much of it", () => {
    const store = new Store();
    offer(store, 0, IDLE_DOCUMENTS_MAX);
    offer(store, 0, 1);
    offer(store, IDLE_DOCUMENTS_MAX, 2);
    expect(store.topics).toHaveLength(IDLE_DOCUMENTS_MAX);
    expect(store.get("stock:0")).toBeDefined();
    expect(store.get("stock:1")).toBeUndefined();
    expect(store.get("stock:2")).toBeUndefined();
  });

  it("stays while somebody needs it or looks at it, and goes in its turn after that", () => {
    const store = new Store();
    store.need("stock:0", true);
    store.onTopic("stock:1", () => undefined);
    const gone: string[] = [];
    store.onChange((topics) => gone.push(...[...topics].filter((one) => !store.get(one))));
    offer(store, 0, IDLE_DOCUMENTS_MAX + 2);
    expect(store.get("stock:0")).toBeDefined();
    expect(store.get("stock:1")).toBeDefined();
    store.need("stock:0", false);
    offer(store, 10_000, IDLE_DOCUMENTS_MAX - 1);
    expect(store.get("stock:0")).toBeDefined();
    offer(store, 20_000, 1);
    expect(store.get("stock:0")).toBeUndefined();
    expect(gone).toContain("stock:0");
  });
});
