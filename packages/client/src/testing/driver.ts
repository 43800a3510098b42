/**
 * Drives this client for the conformance kit: JSON lines in, JSON lines out. See
 * docs/protocol/conformance.md; `node packages/client/src/testing/driver.ts`.
 */

import { stdin, stdout } from "node:process";
import { createInterface } from "node:readline";
import { systemClock } from "../core/clock.ts";
import { IDLE_MS } from "../core/digest.ts";
import { type Client, createClient } from "../index.ts";
import { webSocketTransport } from "../transports/ws.ts";

interface Asked {
  readonly id: number;
  readonly do: string;
  readonly url?: string;
  readonly topics?: readonly string[];
  readonly idle_ms?: number;
}

let client: Client | null = null;
const ends = new Map<string, () => void>();

function say(message: object): void {
  stdout.write(`${JSON.stringify(message)}\n`);
}

function start(url: string, idleMs: number): void {
  const clock = {
    ...systemClock,
    // The kit does not wait as long as a person's page would.
    after: (ms: number, run: () => void) => systemClock.after(ms === IDLE_MS ? idleMs : ms, run),
  };
  const made = createClient({
    ...{ url: url.replace(/^ws/, "http"), transports: [webSocketTransport(url)], clock },
    ...{ environment: null, memory: null, random: () => 0.05 },
  });
  const last = new Map<string, object | undefined>();
  made.store.onChange((topics) => {
    for (const topic of topics) {
      const held = made.store.received(topic);
      // It also tells what changed about a topic that is not its document.
      if (last.get(topic) === held) continue;
      last.set(topic, held);
      if (held === undefined) say({ dropped: topic });
      else say({ shown: { topic, epoch: made.store.epoch, v: held.v, doc: held.doc } });
    }
  });
  made.start();
  client = made;
}

function held(from: Client, topics: readonly string[]): object {
  const found: Record<string, object> = {};
  for (const topic of topics) {
    const one = from.store.received(topic);
    if (one !== undefined) found[topic] = { v: one.v, doc: one.doc };
  }
  return { held: found, epoch: from.store.epoch, status: from.status.get().status };
}

function act(asked: Asked): object {
  const topics = asked.topics ?? [];
  if (asked.do === "start") {
    start(asked.url ?? "", asked.idle_ms ?? IDLE_MS);
    return { ok: true };
  }
  if (client === null) return { error: "not started" };
  switch (asked.do) {
    case "subscribe":
      for (const topic of topics) ends.set(topic, client.subscribe([topic]));
      return { ok: true };
    case "unsubscribe":
      for (const topic of topics) ends.get(topic)?.();
      return { ok: true };
    case "held":
      return held(client, topics);
    case "stop":
      client.stop();
      return { ok: true };
    default:
      return { error: "unsupported" };
  }
}

for await (const line of createInterface({ input: stdin })) {
  const asked = JSON.parse(line) as Asked;
  say({ id: asked.id, ...act(asked) });
}
