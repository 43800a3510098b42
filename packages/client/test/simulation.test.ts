/**
 * A client beside a server that cuts, stalls, repeats, reorders, hides and is restored, by seed.
 * At every step: nothing steps back within an epoch, and "live" is only said of what was proven.
 * At the end, when the faults stop: what is held is what the server has.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Client } from "../src/core/client.ts";
import type { Item } from "../src/core/protocol.ts";
import { LIVE_MS_MAX } from "../src/core/status.ts";
import { open } from "./setUp.ts";

const TOPICS = ["stock:A", "stock:B", "price:A"];
const topic = fc.constantFrom(...TOPICS);

const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("put" as const), topic }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(4_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("cut" as const),
      code: fc.constantFrom(1006, 4000, 4001),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stall" as const), ms: fc.nat(12_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("repeat" as const), topic, back: fc.nat(5) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("gap" as const), topic }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("want" as const), topic }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restore" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wake" as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;
type Setting = Awaited<ReturnType<typeof open>>;

class World {
  readonly #all: Setting;
  readonly #network: EventTarget;
  /** What was true when, by epoch and topic; the last is what the server has. */
  readonly #truth = new Map<string, { doc: object; at: number }[]>();
  readonly #newest = new Map<string, number>();
  readonly #leaves: (() => void)[] = [];
  #n = 0;

  constructor(all: Setting, network: EventTarget) {
    this.#all = all;
    this.#network = network;
    all.client.store.onChange(() => this.check());
    all.client.status.subscribe(() => this.check());
  }

  history(name: string): { doc: object; at: number }[] {
    const key = `${this.#all.server.epoch} ${name}`;
    const found = this.#truth.get(key) ?? [];
    this.#truth.set(key, found);
    return found;
  }

  put(name: string): void {
    const doc = { n: ++this.#n };
    this.history(name).push({ doc, at: this.#all.clock.monotonic() });
    this.#all.server.put(name, doc);
  }

  async act(step: Action): Promise<void> {
    const { clock, server } = this.#all;
    const link = server.connections.at(-1);
    switch (step.do) {
      case "put":
        this.put(step.topic);
        break;
      case "wait":
        await this.pass(step.ms);
        break;
      case "cut":
        link?.close(step.code);
        break;
      case "stall":
        server.answering = false;
        await clock.advance(step.ms);
        server.answering = true;
        break;
      case "repeat":
        this.repeat(step.topic, step.back);
        break;
      case "gap": {
        const v = this.history(step.topic).length;
        if (v > 1) link?.send({ t: "patch", topic: step.topic, from: v - 1, v, set: {}, at: 0 });
        break;
      }
      case "want":
        this.#leaves.push(this.#all.client.subscribe([step.topic]));
        break;
      case "leave":
        this.#leaves.pop()?.();
        break;
      case "restore":
        server.restore();
        break;
      case "wake":
        this.#network.dispatchEvent(new Event("online"));
        break;
    }
    await clock.advance(0);
    this.check();
  }

  /** Something old comes once more. */
  repeat(name: string, back: number): void {
    const past = this.history(name);
    const v = past.length - back;
    const doc = past[v - 1]?.doc;
    if (doc === undefined) return;
    const item: Item = { t: "snap", topic: name, v, doc: doc as Record<string, unknown>, at: 0 };
    this.#all.server.connections.at(-1)?.send(item);
  }

  /** Time in which the server sends its beats. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 2_000) {
      await this.#all.clock.advance(Math.min(left, 2_000));
      this.#all.server.beat();
    }
  }

  check(): void {
    const { client, clock } = this.#all;
    const live = client.status.get().status === "live";
    for (const name of TOPICS) {
      const held = client.store.get(name);
      if (held === undefined) continue;
      const key = `${client.store.epoch} ${name}`;
      expect(held.v).toBeGreaterThanOrEqual(this.#newest.get(key) ?? 0);
      this.#newest.set(key, held.v);
      const age = client.ageMs(name);
      if (!live || age === null || age > LIVE_MS_MAX) continue;
      this.#proven(client, name, clock.monotonic() - age);
    }
  }

  /** What is called proven until a moment holds everything that was true before it. */
  #proven(client: Client, name: string, until: number): void {
    const truth = this.#truth.get(`${client.store.epoch} ${name}`) ?? [];
    const due = truth.filter(({ at }) => at < until).length;
    expect(client.store.get(name)?.v ?? 0).toBeGreaterThanOrEqual(due);
  }
}

describe("a client beside a faulty server", () => {
  it("shows nothing wrong on the way, and what is right in the end", async () => {
    const property = fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (steps) => {
      const network = new EventTarget();
      const all = await open({ environment: network });
      const world = new World(all, network);
      for (const step of steps) await world.act(step);

      all.client.subscribe(TOPICS);
      for (let turn = 0; turn < 3; turn += 1) for (const name of TOPICS) world.put(name);
      await world.pass(60_000);
      expect(all.client.status.get().status).toBe("live");
      for (const name of TOPICS) {
        const truth = world.history(name);
        const held = all.client.store.get(name);
        expect(held).toMatchObject({ v: truth.length, doc: truth.at(-1)?.doc });
      }
      all.client.stop();
    });
    await fc.assert(property, { numRuns: Number(process.env.SHOPWIRE_RUNS ?? 150) });
  }, 60_000);
});
