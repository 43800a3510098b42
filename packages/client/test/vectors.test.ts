import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Json, ServerMessage } from "../src/core/protocol.ts";
import { Replica } from "../src/core/reducer.ts";

interface Vector {
  name: string;
  why: string;
  start: { epoch: number | null; docs: Record<string, { v: number; doc: Json | null }> };
  messages: ServerMessage[];
  end: {
    epoch: number | null;
    docs: Record<string, { v: number; doc: Json | null }>;
    refetch: string[];
  };
}

const folder = fileURLToPath(new URL("../../../tests/vectors/sync/", import.meta.url));
const files = readdirSync(folder).filter((file) => file.endsWith(".json"));

describe("the vectors that every client runs", () => {
  it("are there", () => {
    expect(files.length).toBeGreaterThanOrEqual(40);
  });

  it.each(files)("%s", (file) => {
    const vector = JSON.parse(readFileSync(folder + file, "utf8")) as Vector;
    const docs = Object.entries(vector.start.docs).map(
      ([topic, { v, doc }]) => [topic, { v, doc, at: 0 }] as [string, never],
    );
    const replica = new Replica(vector.start.epoch, docs);
    for (const message of vector.messages) replica.apply(message);
    const held = Object.fromEntries(
      [...replica.docs].map(([topic, { v, doc }]) => [topic, { v, doc }]),
    );
    expect(replica.epoch).toBe(vector.end.epoch);
    expect(held).toEqual(vector.end.docs);
    expect([...replica.missed.keys()].sort()).toEqual([...vector.end.refetch].sort());
  });
});
