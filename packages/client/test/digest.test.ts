import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical, digestOf, IDLE_MS } from "../src/core/digest.ts";
import type { Json } from "../src/core/protocol.ts";
import { open, received } from "./setUp.ts";

interface Vector {
  name: string;
  held: Record<string, { v: number; doc: Json | null }>;
  hash: string;
}

const file = fileURLToPath(new URL("../../../tests/vectors/digests.json", import.meta.url));
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vector[];

async function idle(all: Awaited<ReturnType<typeof open>>, ms = IDLE_MS) {
  for (let left = ms; left > 0; left -= 1_000) {
    await all.clock.advance(1_000);
    all.server.beat();
  }
}

describe("the hash", () => {
  it.each(vectors.map((vector) => [vector.name, vector] as const))(
    "%s",
    (_name, { held, hash }) => {
      expect(digestOf(Object.entries(held).map(([topic, one]) => ({ topic, ...one })))).toBe(hash);
    },
  );

  it("does not depend on the order of fields, and reads back as the same", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonical(value);
        expect(canonical(JSON.parse(text))).toBe(text);
      }),
    );
  });
});

describe("a proof when nothing moves", () => {
  it("is asked for after a quiet while, and only of what is live", async () => {
    const all = await open();
    all.server.put("stock:A", { n: 1 });
    all.client.store.offer([{ topic: "stock:B", v: 1, doc: {}, at: 0 }]);
    all.client.subscribe(["stock:A"]);
    await idle(all);
    expect(received(all, "digest")).toMatchObject([{ topics: { "stock:A": 1 } }]);
    expect(all.client.digests).toEqual({ checked: 1, differed: 0 });
  });

  it("is not asked for while documents move", async () => {
    const all = await open();
    all.client.subscribe(["stock:A"]);
    for (let n = 0; n < 5; n += 1) {
      await idle(all, IDLE_MS - 1_000);
      all.server.put("stock:A", { n });
    }
    expect(received(all, "digest")).toEqual([]);
  });

  it("finds the one that differs and takes it again at the same version; others are left alone", async () => {
    const all = await open();
    all.server.putAll({ "stock:A": { n: 1 }, "stock:B": { n: 1 } });
    all.client.subscribe(["stock:A", "stock:B"]);
    await all.clock.advance(0);
    all.server.narrow("stock:C", "x", {});
    // Planted: the server has something else at the same version.
    all.server.connections[0]?.send({ t: "narrow", topic: "stock:A", view: "" });
    all.server.connections[0]?.send({ t: "snap", topic: "stock:A", v: 1, doc: { n: 99 }, at: 0 });
    expect(all.client.store.get("stock:A")?.doc).toEqual({ n: 99 });
    await idle(all);
    expect(all.client.store.get("stock:A")).toMatchObject({ v: 1, doc: { n: 1 } });
    expect(received(all, "sub").at(-1)).toEqual({
      t: "sub",
      id: expect.any(Number),
      topics: ["stock:A"],
    });
    expect(all.client.digests).toEqual({ checked: 1, differed: 1 });
    await idle(all);
    expect(all.client.digests).toEqual({ checked: 2, differed: 1 });
  });

  it("that speaks of a version which has moved since is no alarm", async () => {
    const all = await open();
    all.server.put("stock:A", { n: 1 });
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    all.server.answering = false;
    await idle(all);
    const [digest] = received(all, "digest");
    all.server.put("stock:A", { n: 2 });
    all.server.connections[0]?.send({
      ...{ t: "differ", id: digest?.id ?? 0, topics: ["stock:A"], hashes: { "stock:A": "0" } },
    });
    expect(all.client.digests).toEqual({ checked: 1, differed: 0 });
  });

  it("is given up with a server that does not know it", async () => {
    const all = await open();
    all.client.subscribe(["stock:A"]);
    all.server.put("stock:A", { n: 1 });
    await all.clock.advance(0);
    all.server.answering = false;
    await idle(all);
    const id = received(all, "digest")[0]?.id ?? 0;
    all.server.answering = true;
    const words = { message: "", temporary: false, remedy: "", data: {} };
    all.server.connections[0]?.send({ t: "error", id, code: 1000, name: "x", ...words });
    await idle(all, IDLE_MS * 3);
    expect(received(all, "digest")).toHaveLength(1);
  });
});
