import { describe, expect, it } from "vitest";
import { VersionConflict } from "../src/core/conflicts.ts";
import type { Json } from "../src/core/protocol.ts";
import { open } from "./setUp.ts";

/** A command that meets a conflict, and what is sent after it. */
async function conflicting(operation: string, body: Json, conflicts: object[]) {
  const sent: Json[] = [];
  const all = await open({
    fetch: (async (_url: string, init: RequestInit) => {
      sent.push(JSON.parse(String(init.body)) as Json);
      if (sent.length > 1) return Response.json({ versions: {}, result: "taken" });
      const data = { topic: "cart:1", expected: 3, current: 5, conflicts };
      const words = { message: "Changed meanwhile.", remedy: "Decide.", temporary: false };
      return Response.json(
        { code: 2000, name: "VersionConflict", ...words, data },
        { status: 409 },
      );
    }) as typeof fetch,
  });
  const conflict = await all.client
    .sendUntyped(operation, body)
    .catch((problem: unknown) => problem);
  if (!(conflict instanceof VersionConflict)) throw new Error("no conflict");
  return { conflict, sent: () => sent.slice(1) };
}

const LINE = { cart_id: "1", sku: "A", quantity: 3, expected_version: 3 };
const QUANTITY = { field: "lines/A/quantity", base: 1, theirs: 2, mine: 3 };

describe("a conflict", () => {
  it("says what it was, what they made of it and what was meant, in words", async () => {
    const { conflict } = await conflicting("carts.put_line", LINE, [QUANTITY]);
    expect(conflict).toMatchObject({
      ...{ code: 2000, message: "Changed meanwhile.", remedy: "Decide.", topic: "cart:1" },
      ...{ expected: 3, current: 5, fields: [QUANTITY] },
      base: { "lines/A/quantity": 1 },
      theirs: { "lines/A/quantity": 2 },
      mine: { "lines/A/quantity": 3 },
    });
  });

  it("is settled by mine, over the version of now", async () => {
    const { conflict, sent } = await conflicting("carts.put_line", LINE, [QUANTITY]);
    expect((await conflict.keepMine()).result).toBe("taken");
    expect(sent()).toEqual([{ ...LINE, expected_version: 5 }]);
  });

  it("is settled by theirs: nothing is sent", async () => {
    const { conflict, sent } = await conflicting("carts.put_line", LINE, [QUANTITY]);
    expect(await conflict.takeTheirs()).toBeNull();
    expect(sent()).toEqual([]);
  });

  it("is settled by something else", async () => {
    const { conflict, sent } = await conflicting("carts.put_line", LINE, [QUANTITY]);
    await conflict.merge({ "lines/A/quantity": 5 });
    expect(sent()).toEqual([{ ...LINE, quantity: 5, expected_version: 5 }]);
  });

  it("of an edit is settled field by field; the others go on", async () => {
    const changes = { title: { was: "a", now: "c" }, brand: { was: "x", now: "y" } };
    const title = { field: "title", base: "a", theirs: "b", mine: "c" };
    const edit = { id: "p", changes, expected_version: 3 };
    const ways: [(conflict: VersionConflict) => Promise<unknown>, Json][] = [
      [(one) => one.keepMine(), { ...changes, title: { was: "b", now: "c" } }],
      [(one) => one.takeTheirs(), { brand: changes.brand }],
      [(one) => one.merge({ title: "d" }), { ...changes, title: { was: "b", now: "d" } }],
    ];
    for (const [settle, expected] of ways) {
      const { conflict, sent } = await conflicting("catalog.edit_product", edit, [title]);
      await settle(conflict);
      expect(sent()).toEqual([{ id: "p", changes: expected, expected_version: 5 }]);
    }
  });

  it("without usable details is still one", async () => {
    const { conflict } = await conflicting("x", {}, [{ nonsense: 1 }]);
    expect(conflict.fields).toEqual([]);
  });
});

describe("1,000 layers over one document", () => {
  it("are put on anew after a refusal with one step a layer", async () => {
    const { client } = await open();
    let steps = 0;
    const layers = Array.from({ length: 1_000 }, (_, n) =>
      client.store.layers.add({
        "cart:1": (doc) => {
          steps += 1;
          return { ...doc, n, [`mark${n % 10}`]: n };
        },
      }),
    );
    client.store.get("cart:1");
    steps = 0;
    const from = performance.now();
    layers[500]?.drop();
    const shown = client.store.get("cart:1")?.doc as unknown as Json;
    const ms = performance.now() - from;
    expect(steps).toBe(999);
    expect(shown.n).toBe(999);
    client.store.get("cart:1");
    expect(steps).toBe(999);
    console.info(`rebase of 999 layers: ${ms.toFixed(2)} ms`);
  });
});
