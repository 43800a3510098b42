import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { decode, type Json, ProtocolBroken, type ServerMessage } from "../src/core/protocol.ts";
import { Replica } from "../src/core/reducer.ts";

interface Vector {
  name: string;
  why: string;
  start: {
    epoch: number | null;
    docs: Record<string, { v: number; doc: Json | null }>;
    /** Topics of which a digest differed. */
    suspect?: string[];
  };
  messages: ServerMessage[];
  end: {
    epoch: number | null;
    docs: Record<string, { v: number; doc: Json | null }>;
    refetch: string[];
    /** Every version that was taken, in order. */
    told?: [string, number][];
  };
}

const folder = fileURLToPath(new URL("../../../tests/vectors/sync/", import.meta.url));
const files = readdirSync(folder).filter((file) => file.endsWith(".json"));

describe("the vectors that every client runs", () => {
  it("are there", () => {
    expect(files.length).toBeGreaterThanOrEqual(200);
  });

  it.each(files)("%s", (file) => {
    const vector = JSON.parse(readFileSync(folder + file, "utf8")) as Vector;
    const docs = Object.entries(vector.start.docs).map(
      ([topic, { v, doc }]) => [topic, { v, doc, at: 0 }] as [string, never],
    );
    const replica = new Replica(vector.start.epoch, docs);
    for (const topic of vector.start.suspect ?? []) replica.suspect.add(topic);
    const told = vector.messages.flatMap((message) =>
      replica.apply(message).steps.map(({ topic, held }) => [topic, held.v]),
    );
    const held = Object.fromEntries(
      [...replica.docs].map(([topic, { v, doc }]) => [topic, { v, doc }]),
    );
    if (vector.end.told !== undefined) expect(told).toEqual(vector.end.told);
    expect(replica.epoch).toBe(vector.end.epoch);
    expect(held).toEqual(vector.end.docs);
    expect([...replica.missed.keys()].sort()).toEqual([...vector.end.refetch].sort());
  });
});

interface Tick {
  name: string;
  message: string;
  /** The message that it stands for; null for what no server sends. */
  means: ServerMessage | null;
}

const ticks = JSON.parse(readFileSync(`${folder}../ticks.json`, "utf8")) as Tick[];

describe("short messages", () => {
  it.each(ticks)("$name", ({ message, means }) => {
    if (means === null) expect(() => decode(message)).toThrow(ProtocolBroken);
    else expect(decode(message)).toEqual(means);
  });
});
