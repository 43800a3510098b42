/** Just enough of docs/protocol/sync-v1.md for the pages: snapshots, no patches, no resume. */

import type { WebSocket } from "ws";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

const BEAT_MS = 2_000;
const EPOCH = 1;

interface Session {
  readonly socket: WebSocket;
  readonly topics: Set<string>;
}

interface ClientMessage {
  readonly t: string;
  readonly id: number;
  readonly topics?: readonly string[];
}

export class MockSync {
  readonly #sessions = new Set<Session>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #mode: "run" | "pause" | "cut" = "run";

  constructor(
    readonly world: World,
    readonly life: Life,
  ) {
    world.on((topic, _before, { v, doc, at }) => {
      if (this.#mode !== "run") return;
      for (const session of this.#sessions) {
        if (session.topics.has(topic)) this.#send(session, { t: "snap", topic, v, doc, at });
      }
    });
  }

  get mode(): "run" | "pause" | "cut" {
    return this.#mode;
  }

  /** `/mock/pause` keeps still, `/mock/cut` hangs up, `/mock/run` goes on. */
  set mode(mode: "run" | "pause" | "cut") {
    this.#mode = mode;
    if (mode === "cut") for (const { socket } of this.#sessions) socket.terminate();
  }

  start(): void {
    this.#timer = setInterval(() => {
      if (this.#mode !== "run") return;
      for (const session of this.#sessions) {
        this.#send(session, { t: "beat", head: [0], lag_ms: 0, now: Date.now() });
      }
    }, BEAT_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  open(socket: WebSocket): void {
    const session = { socket, topics: new Set<string>() };
    this.#sessions.add(session);
    this.life.screens = this.#sessions.size;
    socket.on("message", (data) => this.#take(session, JSON.parse(String(data)) as ClientMessage));
    socket.on("close", () => {
      this.#sessions.delete(session);
      this.life.screens = this.#sessions.size;
    });
  }

  #take(session: Session, message: ClientMessage): void {
    if (message.t === "hello") this.#welcome(session);
    else if (message.t === "ping")
      this.#send(session, { t: "pong", id: message.id, now: Date.now() });
    else if (message.t === "unsub")
      for (const one of message.topics ?? []) session.topics.delete(one);
    else if (message.t === "sub") {
      const items = (message.topics ?? []).map((topic) => {
        session.topics.add(topic);
        return { t: "snap", topic, ...(this.world.docs.get(topic) ?? { v: 0, doc: null, at: 0 }) };
      });
      this.#send(session, { t: "batch", items });
      this.#send(session, { t: "live", id: message.id, head: [0] });
    }
  }

  #welcome(session: Session): void {
    this.#send(session, {
      ...{ t: "welcome", proto: 1, epoch: EPOCH, head: [0], now: Date.now(), lag_ms: 0 },
      ...{ beat_ms: BEAT_MS, session: "mock", limits: {} },
    });
  }

  #send({ socket }: Session, message: object): void {
    this.life.frames += 1;
    socket.send(JSON.stringify(message));
  }
}
