import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Item, Json, ServerMessage } from "../src/core/protocol.ts";
import { decode, ProtocolBroken } from "../src/core/protocol.ts";
import { Replica } from "../src/core/reducer.ts";

/** States of one topic, version 1 first; null where it was gone. */
type History = (Json | null)[];

const document = fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), fc.integer(), {
  maxKeys: 4,
});
const history: fc.Arbitrary<History> = fc.array(
  fc.oneof({ weight: 6, arbitrary: document }, { weight: 1, arbitrary: fc.constant(null) }),
  { minLength: 1, maxLength: 12 },
);

const snap = (topic: string, states: History, v: number): Item => ({
  t: "snap",
  topic,
  v,
  doc: states[v - 1] ?? null,
  at: v,
});

/** What a server may send to go from one version to another. */
function step(topic: string, states: History, from: number, v: number): Item {
  const [base, next] = [states[from - 1], states[v - 1]];
  if (!base || !next) return snap(topic, states, v);
  const set = Object.fromEntries(
    Object.entries(next).filter(([name, value]) => base[name] !== value),
  );
  const del = Object.keys(base).filter((name) => !Object.hasOwn(next, name));
  return { t: "patch", topic, from, v, set, del, at: v };
}

/** Messages of two topics: any steps of their histories, in any order, any of them repeated. */
const disorder = fc.tuple(history, history).chain(([one, two]) => {
  const items = (topic: string, states: History) =>
    fc
      .tuple(fc.nat(states.length), fc.integer({ min: 1, max: states.length }), fc.boolean())
      .map(([from, v, whole]) =>
        whole || from === 0 ? snap(topic, states, v) : step(topic, states, from, v),
      );
  const item = fc.oneof(items("stock:A", one), items("stock:B", two));
  const message: fc.Arbitrary<ServerMessage> = fc.oneof(
    item,
    fc.array(item, { maxLength: 4 }).map((all) => ({ t: "batch" as const, items: all })),
  );
  return fc.record({
    histories: fc.constant(
      new Map([
        ["stock:A", one],
        ["stock:B", two],
      ]),
    ),
    messages: fc.array(message, { maxLength: 40 }),
  });
});

describe("whatever is repeated, reordered or left out", () => {
  it("no topic steps back, and what is held is a state that there was", () => {
    fc.assert(
      fc.property(disorder, ({ histories, messages }) => {
        const replica = new Replica(1);
        const newest = new Map<string, number>();
        for (const message of messages) {
          replica.apply(message);
          for (const [topic, held] of replica.docs) {
            expect(held.v).toBeGreaterThanOrEqual(newest.get(topic) ?? 0);
            newest.set(topic, held.v);
            expect(held.doc).toEqual(histories.get(topic)?.[held.v - 1] ?? null);
          }
        }
      }),
    );
  });

  it("refetching what is reported missing ends at the newest state", () => {
    fc.assert(
      fc.property(disorder, ({ histories, messages }) => {
        const replica = new Replica(1);
        const refetch = new Set<string>();
        for (const message of messages) {
          for (const topic of replica.apply(message).missed) refetch.add(topic);
        }
        // Everything unsolved was reported: nothing is known to be missing that nobody asks for.
        for (const topic of replica.missed.keys()) expect(refetch).toContain(topic);
        for (const [topic, states] of histories) {
          replica.apply(snap(topic, states, states.length));
          expect(replica.docs.get(topic)?.doc).toEqual(states.at(-1) ?? null);
        }
        expect(replica.missed.size).toBe(0);
      }),
    );
  });

  it("a batch does what its items do one by one", () => {
    fc.assert(
      fc.property(disorder, ({ messages }) => {
        const [whole, single] = [new Replica(1), new Replica(1)];
        for (const message of messages) {
          whole.apply(message);
          if (message.t === "batch") for (const item of message.items) single.apply(item);
          else single.apply(message);
        }
        expect(whole.docs).toEqual(single.docs);
        expect(whole.missed).toEqual(single.missed);
      }),
    );
  });

  it("a change names exactly the topics whose held state is another object", () => {
    fc.assert(
      fc.property(disorder, ({ messages }) => {
        const replica = new Replica(1);
        for (const message of messages) {
          const before = new Map(replica.docs);
          const { topics } = replica.apply(message);
          for (const topic of ["stock:A", "stock:B"]) {
            expect(topics.has(topic)).toBe(replica.docs.get(topic) !== before.get(topic));
          }
        }
      }),
    );
  });
});

describe("reading messages", () => {
  it.each([
    "null",
    "[]",
    '{"t":1}',
    '{"t":"snap","topic":"stock:A","v":1}',
    '{"t":"snap","topic":"stock:A","v":"1","doc":{}}',
    '{"t":"snap","topic":"stock:A","v":1,"doc":[]}',
    '{"t":"patch","topic":"stock:A","from":1,"v":2,"set":null}',
    '{"t":"patch","topic":"stock:A","from":1,"v":2,"set":[1]}',
    '{"t":"patch","topic":"stock:A","from":1,"v":2,"del":"a"}',
    '{"t":"batch","items":{}}',
    '{"t":"batch","items":[{"t":"snap","topic":"stock:A","v":1,"doc":{}},{"t":"patch"}]}',
    '{"t":"beat","lag_ms":null,"now":1}',
  ])("refuses %s whole", (text) => {
    expect(() => decode(text)).toThrow(ProtocolBroken);
  });

  it("any text is a message or a broken protocol, never another error", () => {
    const text = fc.oneof(fc.string(), fc.json());
    const shaped = fc
      .record({
        t: fc.constantFrom("snap", "patch", "batch", "welcome", "reset", "live", "beat", "error"),
        topic: fc.jsonValue(),
        v: fc.jsonValue(),
        from: fc.jsonValue(),
        doc: fc.jsonValue(),
        set: fc.jsonValue(),
        del: fc.jsonValue(),
        items: fc.jsonValue(),
      })
      .map((message) => JSON.stringify(message));
    fc.assert(
      fc.property(fc.oneof(text, shaped), (input) => {
        const replica = new Replica(1, [["stock:A", { v: 1, doc: { a: 1 }, at: 0 }]]);
        let message: ServerMessage;
        try {
          message = decode(input);
        } catch (problem) {
          expect((problem as Error).name).toBe("ProtocolBroken");
          return;
        }
        replica.apply(message);
      }),
      { numRuns: 500 },
    );
  });
});
