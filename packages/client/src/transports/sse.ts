/**
 * Server-sent events, for networks that let no WebSocket through.
 *
 * A stream has its topics in its address. So this link keeps the set of topics that the messages
 * sent to it ask for, and opens a stream anew, from the versions it has seen, when the set changes.
 */

import type { ClientMessage, Item, ServerMessage } from "../core/protocol.ts";
import type { Link, LinkEvents, Transport } from "./transport.ts";

/** Topics that fit into one stream's address. */
export const SSE_TOPICS_MAX = 200;

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
  #subs: number[] = [];
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
    if (message.t === "hello") this.#epoch = message.epoch;
    else if (message.t === "sub") {
      for (const topic of message.topics) this.#have.set(topic, message.have?.[topic] ?? null);
      this.#subs.push(message.id);
    } else if (message.t === "unsub") {
      for (const topic of message.topics) this.#have.delete(topic);
    } else return; // a ping: the stream's beats show that it lives
    this.#schedule();
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
      this.close(4503, `more than ${SSE_TOPICS_MAX} topics do not fit into a stream`);
      return;
    }
    const query = new URLSearchParams();
    for (const [topic, v] of this.#have) {
      query.append("topic", topic);
      if (v !== null) query.append("have", `${topic}@${v}`);
    }
    if (this.#epoch !== null) query.append("epoch", String(this.#epoch));
    const answers = this.#subs;
    this.#subs = [];
    const source = this.#create(`${this.#url}?${query}`);
    this.#source = source;
    source.onmessage = (event) => {
      if (source === this.#source && !this.#ended) this.#pass(String(event.data), answers);
    };
    source.addEventListener("close", (event) => {
      const { code, reason } = JSON.parse((event as MessageEvent<string>).data) as {
        code: number;
        reason: string;
      };
      if (source === this.#source) this.close(code, reason);
    });
    // The browser would go on by itself; one place decides about repeats, and that is not it.
    source.onerror = () => {
      if (source === this.#source) this.close(1006, "the stream broke off");
    };
  }

  /** Notes versions, and gives `live` back under the numbers of the subs it answers. */
  #pass(text: string, answers: number[]): void {
    const message = JSON.parse(text) as ServerMessage;
    if (message.t === "welcome" || message.t === "reset") this.#epoch = message.epoch;
    if (message.t === "reset") for (const topic of this.#have.keys()) this.#have.set(topic, null);
    const items: readonly Item[] =
      message.t === "batch"
        ? message.items
        : message.t === "snap" || message.t === "patch"
          ? [message]
          : [];
    for (const item of items) if (this.#have.has(item.topic)) this.#have.set(item.topic, item.v);
    if (message.t !== "live") {
      this.#events.message(text);
      return;
    }
    for (const id of answers.splice(0)) this.#events.message(JSON.stringify({ ...message, id }));
  }
}
