/**
 * Drives this client for the conformance kit: JSON lines in, JSON lines out. See
 * docs/protocol/conformance.md; `node packages/client/src/testing/driver.ts`.
 */

import { stdin, stdout } from "node:process";
import { createInterface } from "node:readline";
import { systemClock } from "../core/clock.ts";
import { IDLE_MS } from "../core/digest.ts";
import { type Client, createClient } from "../index.ts";
import { graphqlTransport } from "../transports/graphql.ts";
import { pollTransport } from "../transports/poll.ts";
import { sseTransport } from "../transports/sse.ts";
import type { Transport } from "../transports/transport.ts";
import { webSocketTransport } from "../transports/ws.ts";
import { FetchedEvents } from "./events.ts";

interface Asked {
  readonly id: number;
  readonly do: string;
  readonly url?: string;
  readonly topics?: readonly string[];
  readonly idle_ms?: number;
  /** Which door the address is one of; WebSocket without it. */
  readonly door?: string;
  readonly token?: string;
}

let client: Client | null = null;
const ends = new Map<string, () => void>();

function say(message: object): void {
  stdout.write(`${JSON.stringify(message)}\n`);
}

/** The way through a door; undefined for one that there is none through. */
function wayThrough(door: string, url: string, token: string | null): Transport | undefined {
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  const events = (address: string) => new FetchedEvents(address, headers) as never as EventSource;
  switch (door) {
    case "websocket":
      return webSocketTransport(url);
    case "events":
      return sseTransport(url, events);
    case "poll":
      return pollTransport(url, fetch, systemClock);
    case "graphql":
      return graphqlTransport(url);
    default:
      return undefined;
  }
}

function start(way: Transport, url: string, idleMs: number, token: string | null): void {
  const clock = {
    ...systemClock,
    // The kit does not wait as long as a person's page would.
    after: (ms: number, run: () => void) => systemClock.after(ms === IDLE_MS ? idleMs : ms, run),
  };
  const made = createClient({
    ...{ url: url.replace(/^ws/, "http"), transports: [way], clock },
    ...{ environment: null, memory: null, random: () => 0.05 },
    ...(token === null ? {} : { token: async () => token }),
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
    const { url = "", token = null, door = "websocket", idle_ms: idleMs = IDLE_MS } = asked;
    const way = wayThrough(door, url, token);
    if (way === undefined) return { error: "unsupported" };
    start(way, url, idleMs, token);
    return { ok: true };
  }
  if (client === null) return { error: "not started" };
  switch (asked.do) {
    case "subscribe":
      for (const topic of topics) ends.set(topic, client.subscribe([topic]));
      return { ok: true };
    case "follow":
      for (const topic of topics) client.onFact(topic, ({ v }) => say({ fact: { topic, v } }));
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
