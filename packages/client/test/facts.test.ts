import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Fact } from "../src/core/facts.ts";
import type { Item } from "../src/core/protocol.ts";
import { open } from "./setUp.ts";

const step = (v: number): Item => ({
  ...{ t: "patch", topic: "order:1", from: v - 1, v, set: { v }, at: v },
});

describe("facts", () => {
  it("are told from where it begins, each once and in order", async () => {
    const all = await open();
    all.server.put("order:1", { v: 1 });
    const told: Fact<unknown>[] = [];
    const stop = all.client.onFact("order:1", (fact) => told.push(fact));
    await all.clock.advance(0);
    for (const v of [2, 3, 3, 2, 4]) all.server.connections[0]?.send(step(v));
    expect(told.map(({ v, first, skipped }) => [v, first, skipped])).toEqual([
      [1, true, 0],
      [2, false, 0],
      [3, false, 0],
      [4, false, 0],
    ]);
    stop();
    all.server.connections[0]?.send(step(5));
    expect(told).toHaveLength(4);
  });

  it("say how many could not be had", async () => {
    const all = await open();
    all.server.put("order:1", { v: 1 });
    const told: Fact<unknown>[] = [];
    all.client.onFact("order:1", (fact) => told.push(fact));
    await all.clock.advance(0);
    all.server.connections[0]?.send({ t: "snap", topic: "order:1", v: 5, doc: { v: 5 }, at: 0 });
    expect(told.at(-1)).toMatchObject({ v: 5, skipped: 3, first: false });
  });

  it("are not told again when a copy is healed at the same version", async () => {
    const all = await open();
    all.server.put("order:1", { v: 1 });
    const told: number[] = [];
    all.client.onFact("order:1", ({ v }) => told.push(v));
    await all.clock.advance(0);
    all.client.store.doubt("order:1");
    all.server.connections[0]?.send({ t: "snap", topic: "order:1", v: 1, doc: { v: 9 }, at: 0 });
    expect(all.client.store.get("order:1")?.doc).toEqual({ v: 9 });
    expect(told).toEqual([1]);
  });

  it("begin anew in another life of the log", async () => {
    const all = await open();
    for (let v = 1; v < 4; v += 1) all.server.put("order:1", { v });
    const told: Fact<unknown>[] = [];
    all.client.onFact("order:1", (fact) => told.push(fact));
    await all.clock.advance(0);
    all.server.restore({ "order:1": { v: 1 } });
    await all.clock.advance(0);
    expect(told.map(({ v, first }) => [v, first])).toEqual([
      [3, true],
      [1, true],
    ]);
  });

  it("of a handler that throws reach the others", async () => {
    const all = await open();
    const told: number[] = [];
    all.client.onFact("order:1", ({ v }) => told.push(v));
    all.client.onFact("order:1", ({ v }) => told.push(v));
    await all.clock.advance(0);
    all.server.put("order:1", { v: 1 });
    expect(told).toEqual([0, 0, 1, 1]);
  });

  it("come once and in order whatever is repeated, cut and resumed", async () => {
    const action = fc.oneof(fc.constant("put"), fc.constant("cut"), fc.constant("repeat"));
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        const all = await open();
        const told: Fact<unknown>[] = [];
        all.client.onFact("order:1", (fact) => told.push(fact));
        await all.clock.advance(0);
        let newest = 0;
        for (const one of actions) {
          const link = all.server.connections.at(-1);
          if (one === "put") newest = all.server.put("order:1", { v: newest + 1 });
          else if (one === "cut") {
            link?.close(1006);
            await all.clock.advance(500);
          } else if (newest > 1) link?.send(step(newest));
        }
        expect(told.map(({ v }) => v)).toEqual(Array.from({ length: newest + 1 }, (_, v) => v));
        all.client.stop();
      }),
      { numRuns: 60 },
    );
  });
});
