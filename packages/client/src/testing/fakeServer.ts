/** A server of the sync protocol in memory, for tests of what stands on the client. */

import type { ClientMessage, Item, Json, ServerMessage } from "../core/protocol.ts";
import type { Link, LinkEvents, Transport } from "../transports/transport.ts";

type Command = ClientMessage & { t: "cmd" };

export interface FakeConnection {
  readonly received: ClientMessage[];
  /** Sends a message as it is. */
  send(message: ServerMessage): void;
  /** Sends a text that may be no message. */
  sendText(text: string): void;
  close(code: number, reason?: string): void;
}

export interface FakeServer {
  readonly transport: Transport;
  /** Connections that were made, the newest last. */
  readonly connections: FakeConnection[];
  epoch: number;
  /** Whether connections open, and hellos are answered. */
  reachable: boolean;
  answering: boolean;
  /** Answers commands on the connection; null for a server that takes none, undefined for silence. */
  command: ((cmd: Command) => ServerMessage | undefined) | null;
  /** Sets a document at its next version and tells subscribers by a snapshot. */
  put(topic: string, doc: Json | null): number;
  /** Sets several by one change: subscribers of several get these in one batch. */
  putAll(docs: Readonly<Record<string, Json | null>>): void;
  /** Begins another epoch, as a restore does: versions start anew, subscriptions end. */
  restore(docs?: Readonly<Record<string, Json | null>>): void;
  beat(lagMs?: number): void;
}

class Session implements FakeConnection {
  readonly received: ClientMessage[] = [];
  readonly topics = new Set<string>();
  readonly #events: LinkEvents;
  #open = true;

  constructor(events: LinkEvents) {
    this.#events = events;
  }

  send(message: ServerMessage): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    if (this.#open) this.#events.message(text);
  }

  close(code: number, reason = ""): void {
    if (!this.#open) return;
    this.#open = false;
    this.#events.closed(code, reason);
  }
}

export function createFakeServer(now: () => number = () => 0): FakeServer {
  const documents = new Map<string, { v: number; doc: Json | null; at: number }>();
  const sessions: Session[] = [];

  const snap = (topic: string): Item => {
    const held = documents.get(topic) ?? { v: 0, doc: null, at: 0 };
    return { t: "snap", topic, v: held.v, doc: held.doc, at: held.at };
  };

  const subscribe = (session: Session, sub: ClientMessage & { t: "sub" }): void => {
    const known = sub.epoch === undefined || sub.epoch === server.epoch;
    const news = sub.topics.filter((topic) => {
      session.topics.add(topic);
      const have = known ? sub.have?.[topic] : undefined;
      return have === undefined || have !== (documents.get(topic)?.v ?? 0);
    });
    if (news.length > 0) session.send({ t: "batch", items: news.map(snap) });
    session.send({ t: "live", id: sub.id, head: [0] });
  };

  const greet = (session: Session, hello: ClientMessage & { t: "hello" }): void => {
    const { epoch } = server;
    const times = { head: [0], now: now(), lag_ms: 0, beat_ms: 2_000 };
    const limits = { commands_max: server.command === null ? 0 : 64, command_bytes_max: 65_536 };
    session.send({ t: "welcome", proto: 1, epoch, ...times, session: "fake", limits });
    if (hello.epoch !== null && hello.epoch !== epoch) {
      session.send({ t: "reset", epoch, reason: "epoch_changed" });
    }
  };

  const answer = (session: Session, message: ClientMessage): void => {
    session.received.push(message);
    if (!server.answering) return;
    switch (message.t) {
      case "hello":
        greet(session, message);
        break;
      case "sub":
        subscribe(session, message);
        break;
      case "unsub":
        for (const topic of message.topics) session.topics.delete(topic);
        break;
      case "ping":
        session.send({ t: "pong", id: message.id, now: now() });
        break;
      case "cmd": {
        const told = server.command?.(message);
        if (told !== undefined) session.send(told);
        break;
      }
    }
  };

  const set = (topic: string, doc: Json | null): number => {
    const v = (documents.get(topic)?.v ?? 0) + 1;
    documents.set(topic, { v, doc, at: now() });
    return v;
  };

  const server: FakeServer = {
    connections: sessions,
    epoch: 1,
    reachable: true,
    answering: true,
    command: null,
    transport: {
      name: "fake",
      connect(events): Link {
        const session = new Session(events);
        if (server.reachable) {
          sessions.push(session);
          queueMicrotask(() => events.opened());
        } else queueMicrotask(() => session.close(1006));
        return {
          send: (text) => answer(session, JSON.parse(text) as ClientMessage),
          close: (code, reason) => session.close(code, reason),
        };
      },
    },
    put(topic, doc) {
      const v = set(topic, doc);
      for (const session of sessions) if (session.topics.has(topic)) session.send(snap(topic));
      return v;
    },
    putAll(docs) {
      for (const [topic, doc] of Object.entries(docs)) set(topic, doc);
      for (const session of sessions) {
        const items = Object.keys(docs)
          .filter((topic) => session.topics.has(topic))
          .map(snap);
        if (items.length > 0) session.send({ t: "batch", items });
      }
    },
    restore(docs = {}) {
      documents.clear();
      for (const [topic, doc] of Object.entries(docs)) set(topic, doc);
      server.epoch += 1;
      for (const session of sessions) {
        session.topics.clear();
        session.send({ t: "reset", epoch: server.epoch, reason: "epoch_changed" });
      }
    },
    beat(lagMs = 0) {
      for (const session of sessions) {
        session.send({ t: "beat", head: [0], lag_ms: lagMs, now: now() });
      }
    },
  };
  return server;
}
