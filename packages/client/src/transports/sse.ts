/**
 * Server-sent events, for networks that let no WebSocket through.
 *
 * A stream has its topics in its address. So this link keeps the set of topics that the messages
 * sent to it ask for, and opens a stream anew, from the versions it has seen, when the set changes.
 */

import { type ClientMessage, decode, type Item, type ServerMessage } from "../core/protocol.ts";
import type { Link, LinkEvents, Transport } from "./transport.ts";

/** Topics that fit into one stream's address. */
export const SSE_TOPICS_MAX = 200;
/** Asked for where nothing else is: a stream without a topic is refused. */
const ANY_TOPIC = "category:all";

export type EventSourceFactory = (url: string) => EventSource;

export function sseTransport(
  url: string,
  create: EventSourceFactory = (address) => new EventSource(address),
): Transport {
  return {
    name: "sse",
    connect(events) {
      const link = new SseLink(url, create, events);
      queueMicrotask(() => link.begin());
      return link;
    },
  };
}

class SseLink implements Link {
  readonly #url: string;
  readonly #create: EventSourceFactory;
  readonly #events: LinkEvents;
  readonly #have = new Map<string, number | null>();
  #epoch: number | null = null;
  /** Subs that no stream has answered yet. */
  readonly #waiting = new Set<number>();
  #source: EventSource | null = null;
  #scheduled = false;
  #ended = false;

  constructor(url: string, create: EventSourceFactory, events: LinkEvents) {
    this.#url = url;
    this.#create = create;
    this.#events = events;
  }

  begin(): void {
    if (!this.#ended) this.#events.opened();
  }

  send(text: string): void {
    const message = JSON.parse(text) as ClientMessage;
    switch (message.t) {
      case "hello":
        this.#epoch = message.epoch;
        this.#schedule();
        break;
      case "sub":
        for (const topic of message.topics) this.#have.set(topic, message.have?.[topic] ?? null);
        this.#waiting.add(message.id);
        this.#schedule();
        break;
      case "unsub":
        // The next stream does without them; for less, none is opened.
        for (const topic of message.topics) this.#have.delete(topic);
        break;
      // A ping has no answer here: the stream's beats show that it lives.
    }
  }

  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#source?.close();
    this.#events.closed(code, reason);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#ended) this.#open();
    });
  }

  #open(): void {
    this.#source?.close();
    if (this.#have.size > SSE_TOPICS_MAX) {
      this.close(1006, `more than ${SSE_TOPICS_MAX} topics do not fit into a stream`);
      return;
    }
    const query = new URLSearchParams();
    for (const [topic, v] of this.#have) {
      query.append("topic", topic);
      if (v !== null) query.append("have", `${topic}@${v}`);
    }
    if (this.#have.size === 0) query.append("topic", ANY_TOPIC);
    if (this.#epoch !== null) query.append("epoch", String(this.#epoch));
    const answers = [...this.#waiting];
    const source = this.#create(`${this.#url}?${query}`);
    this.#source = source;
    source.onmessage = (event) => {
      if (source === this.#source && !this.#ended) this.#pass(String(event.data), answers);
    };
    source.addEventListener("close", (event) => {
      if (source === this.#source) this.#goodbye(String((event as MessageEvent).data));
    });
    // The browser would go on by itself; one place decides about repeats, and that is not it.
    source.onerror = () => {
      if (source === this.#source) this.close(1006, "the stream broke off");
    };
  }

  /** Passes a message on, `live` under the numbers of the subs that it answers. */
  #pass(text: string, answers: readonly number[]): void {
    let message: ServerMessage;
    try {
      message = decode(text);
    } catch {
      this.#events.message(text); // whoever reads it says what is wrong with it
      return;
    }
    this.#note(message);
    if (message.t !== "live") {
      this.#events.message(text);
      return;
    }
    for (const id of answers) {
      if (this.#waiting.delete(id)) this.#events.message(JSON.stringify({ ...message, id }));
    }
  }

  /** Keeps what the next stream is to start from. */
  #note(message: ServerMessage): void {
    if (message.t === "welcome" || message.t === "reset") this.#epoch = message.epoch;
    if (message.t === "reset") for (const topic of this.#have.keys()) this.#have.set(topic, null);
    for (const item of itemsOf(message)) {
      if (this.#have.has(item.topic)) this.#have.set(item.topic, item.v);
    }
  }

  #goodbye(text: string): void {
    let code = 1006;
    let reason = "an unreadable goodbye";
    try {
      const said = JSON.parse(text) as { code?: unknown; reason?: unknown };
      if (typeof said.code === "number") code = said.code;
      reason = String(said.reason);
    } catch {
      // Cut off is what it is then.
    }
    this.close(code, reason);
  }
}

function itemsOf(message: ServerMessage): readonly Item[] {
  if (message.t === "batch") return message.items;
  return message.t === "snap" || message.t === "patch" ? [message] : [];
}
