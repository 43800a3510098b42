/** A server of the sync protocol in memory, for tests of what stands on the client. */

import { CODES } from "../core/codes.ts";
import { digestOf } from "../core/digest.ts";
import type { ClientMessage, Item, Json, RevokeReason, ServerMessage } from "../core/protocol.ts";
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

/** Whom a token speaks for. */
export interface FakeCaller {
  readonly subject: string;
  readonly role: string;
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
  /** Tokens that are good; null for silence to a token that is shown. */
  callers: Map<string, FakeCaller> | null;
  /** Who may see a topic: everybody, until a test says otherwise. */
  allows: (topic: string, role: string) => boolean;
  /** Takes a topic back from all connections, or shows it in another view. */
  revoke(topic: string, reason: RevokeReason): void;
  narrow(topic: string, view: string, doc: Json): void;
  /** Sets a document at its next version and tells subscribers by a snapshot. */
  put(topic: string, doc: Json | null): number;
  /** Sets several by one change: subscribers of several get these in one batch. */
  putAll(docs: Readonly<Record<string, Json | null>>): void;
  /** Begins another epoch, as a restore does: versions start anew, subscriptions end. */
  restore(docs?: Readonly<Record<string, Json | null>>): void;
  beat(lagMs?: number): void;
}

const ANYBODY: FakeCaller = { subject: "", role: "anonymous" };

class Session implements FakeConnection {
  caller = ANYBODY;
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

function refusal(id: number | null, code: number, data: Json = {}): ServerMessage {
  const name = Object.entries(CODES).find(([, number]) => number === code)?.[0] ?? "";
  const said = { message: `${name}.`, temporary: false, remedy: "" };
  return { t: "error", id, status: 401, code, name, ...said, data };
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
    const allowed = sub.topics.filter((topic) => {
      if (server.allows(topic, session.caller.role)) return true;
      session.send(refusal(sub.id, CODES.TopicRefused, { topic, reason: "not_allowed" }));
      return false;
    });
    const news = allowed.filter((topic) => {
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
    const { token } = hello;
    const caller = token === undefined ? ANYBODY : server.callers?.get(token);
    session.caller = caller ?? ANYBODY;
    const { role } = session.caller;
    session.send({ t: "welcome", proto: 1, epoch, ...times, session: "fake", role, limits });
    if (caller === undefined) session.send(refusal(null, CODES.TokenExpired));
    if (hello.epoch !== null && hello.epoch !== epoch) {
      session.send({ t: "reset", epoch, reason: "epoch_changed" });
    }
  };

  const authenticate = (session: Session, { id, token }: ClientMessage & { t: "auth" }): void => {
    if (server.callers === null) return;
    const caller = server.callers.get(token);
    if (caller === undefined) session.send(refusal(id, CODES.TokenExpired));
    else {
      session.caller = caller;
      session.send({ t: "authed", id, ...caller, expires_at: null });
    }
  };

  const compare = (session: Session, digest: ClientMessage & { t: "digest" }): void => {
    const { id, hash } = digest;
    const held = Object.keys(digest.topics).map((topic) => {
      const { v = 0, doc = null } = documents.get(topic) ?? {};
      return { topic, v, doc };
    });
    if (digestOf(held) === hash) session.send({ t: "same", id });
    else {
      const hashes = Object.fromEntries(
        held.map((one) => [one.topic, one.v === digest.topics[one.topic] ? digestOf([one]) : ""]),
      );
      session.send({ t: "differ", id, topics: Object.keys(hashes), hashes });
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
      case "auth":
        authenticate(session, message);
        break;
      case "digest":
        compare(session, message);
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
    callers: new Map(),
    allows: () => true,
    revoke(topic, reason) {
      for (const session of sessions) {
        if (session.topics.delete(topic)) session.send({ t: "revoke", topic, reason });
      }
    },
    narrow(topic, view, doc) {
      const { v = 1, at = 0 } = documents.get(topic) ?? {};
      documents.set(topic, { v, doc, at });
      for (const session of sessions) {
        if (!session.topics.has(topic)) continue;
        session.send({ t: "narrow", topic, view });
        session.send(snap(topic));
      }
    },
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
