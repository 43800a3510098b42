/**
 * Server-sent events, for networks that let no WebSocket through.
 *
 * A stream has its topics in its address. So this link keeps the set of topics that the messages
 * sent to it ask for, and opens a stream anew, from the versions it has seen, when the set changes.
 */

import { HeldTopics } from "./held.ts";
import type { Link, LinkEvents, Transport } from "./transport.ts";

/** Topics that fit into one stream's address. */
export const SSE_TOPICS_MAX = 200;
/** Asked for where nothing else is: a stream without a topic is refused. */
const ANY_TOPIC = "category:all";

export type EventSourceFactory = (url: string) => EventSource;

/** Changes a token into a ticket, which an address may carry; null where that cannot be. */
export type TicketProvider = (token: string) => Promise<string | null>;

export function sseTransport(
  url: string,
  create: EventSourceFactory = (address) => new EventSource(address),
  ticket: TicketProvider = async () => null,
): Transport {
  return {
    name: "sse",
    connect(events) {
      const link = new SseLink(url, create, ticket, events);
      queueMicrotask(() => link.begin());
      return link;
    },
  };
}

class SseLink implements Link {
  readonly #url: string;
  readonly #create: EventSourceFactory;
  readonly #ticket: TicketProvider;
  readonly #events: LinkEvents;
  readonly #held = new HeldTopics();
  #source: EventSource | null = null;
  #scheduled = false;
  #streams = 0;
  #ended = false;

  constructor(url: string, create: EventSourceFactory, ticket: TicketProvider, events: LinkEvents) {
    this.#url = url;
    this.#create = create;
    this.#ticket = ticket;
    this.#events = events;
  }

  begin(): void {
    if (!this.#ended) this.#events.opened();
  }

  send(text: string): void {
    // For less no other stream is opened: the next one does without it.
    if (this.#held.take(text) !== null) this.#schedule();
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
      if (!this.#ended) void this.#begin();
    });
  }

  /** A stream cannot send headers: who has a token gets a ticket for each. */
  async #begin(): Promise<void> {
    const number = ++this.#streams;
    const { token } = this.#held;
    const ticket = token === null ? null : await this.#ticket(token).catch(() => null);
    if (number === this.#streams && !this.#ended) this.#open(ticket);
  }

  #open(ticket: string | null): void {
    this.#source?.close();
    const { have, epoch } = this.#held;
    if (have.size > SSE_TOPICS_MAX) {
      this.close(1006, `more than ${SSE_TOPICS_MAX} topics do not fit into a stream`);
      return;
    }
    const query = new URLSearchParams();
    for (const [topic, v] of have) {
      query.append("topic", topic);
      if (v !== null) query.append("have", `${topic}@${v}`);
    }
    if (have.size === 0) query.append("topic", ANY_TOPIC);
    if (epoch !== null) query.append("epoch", String(epoch));
    if (ticket !== null) query.append("ticket", ticket);
    const answers = [...this.#held.waiting];
    const source = this.#create(`${this.#url}?${query}`);
    this.#source = source;
    source.onmessage = (event) => {
      if (source !== this.#source || this.#ended) return;
      this.#held.pass(String(event.data), answers, (said) => this.#events.message(said));
    };
    source.addEventListener("close", (event) => {
      if (source === this.#source) this.#goodbye(String((event as MessageEvent).data));
    });
    // The browser would go on by itself; one place decides about repeats, and that is not it.
    source.onerror = () => {
      if (source === this.#source) this.close(1006, "the stream broke off");
    };
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
