/**
 * Long-poll, for networks that let nothing else through: docs/protocol/long-poll.md. Each request
 * says what is held, so any server can answer the next one.
 */

import type { Clock } from "../core/clock.ts";
import { decode, type Json, type ServerMessage } from "../core/protocol.ts";
import { HeldTopics } from "./held.ts";
import type { Link, LinkEvents, Transport } from "./transport.ts";

/** How long the server may wait for news: a beat, so that the age on the screen stays true. */
export const POLL_WAIT_MS = 2_000;
/** How much longer than that an answer may take. */
export const POLL_PATIENCE_MS = 2_500;
/** Asked for where nothing else is. */
const ANY_TOPIC = "category:all";

export function pollTransport(url: string, fetcher: typeof fetch, clock: Clock): Transport {
  return {
    name: "poll",
    connect(events) {
      const link = new PollLink(url, fetcher, clock, events);
      queueMicrotask(() => link.begin());
      return link;
    },
  };
}

interface Answer {
  messages: ServerMessage[];
  close?: { code: number; reason: string };
}

class PollLink implements Link {
  readonly #url: string;
  readonly #fetch: typeof fetch;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #held = new HeldTopics();
  #asking: AbortController | null = null;
  #scheduled = false;
  #greeted = false;
  #ended = false;

  constructor(url: string, fetcher: typeof fetch, clock: Clock, events: LinkEvents) {
    this.#url = url;
    this.#fetch = fetcher;
    this.#clock = clock;
    this.#events = events;
  }

  begin(): void {
    if (!this.#ended) this.#events.opened();
  }

  send(text: string): void {
    // For less no other request is sent: the next one does without it.
    if (this.#held.take(text) !== null) this.#schedule();
  }

  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#asking?.abort();
    this.#events.closed(code, reason);
  }

  /** Asks anew for what was just said, once for all of it, and without a wait for news. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#ended) void this.#go();
    });
  }

  async #go(): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const mine = () => asking === this.#asking && !this.#ended;
    for (let waitMs = 0; mine(); waitMs = POLL_WAIT_MS) {
      const answers = [...this.#held.waiting];
      const answer = await this.#ask(waitMs, asking.signal, mine);
      if (!mine()) return;
      if (answer === null) continue;
      for (const message of answer.messages) {
        if (mine()) this.#pass(message, answers);
      }
      if (answer.close !== undefined && mine()) {
        this.close(answer.close.code, String(answer.close.reason));
      }
    }
  }

  /** One request. Null where it is to be asked again at once; a link that failed is closed. */
  async #ask(waitMs: number, signal: AbortSignal, mine: () => boolean): Promise<Answer | null> {
    const patience = new AbortController();
    const { token } = this.#held;
    const timer = this.#clock.after(waitMs + POLL_PATIENCE_MS, () => {
      patience.abort();
      if (mine()) this.close(1006, "no answer in time");
    });
    try {
      const response = await this.#fetch(this.#url, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(this.#question(waitMs)),
        signal: AbortSignal.any([signal, patience.signal]),
      });
      const body = (await response.json()) as Json;
      if (response.ok && Array.isArray(body.messages)) return body as unknown as Answer;
      if (mine()) this.#refused(response.status, body);
    } catch (problem) {
      if (mine()) this.close(1006, String(problem));
    } finally {
      this.#clock.cancel(timer);
    }
    return null;
  }

  #question(waitMs: number): Json {
    const { have, epoch } = this.#held;
    const held = [...have].filter(([, v]) => v !== null);
    const topics = have.size === 0 ? [ANY_TOPIC] : [...have.keys()];
    const from = epoch === null ? {} : { epoch, have: Object.fromEntries(held) };
    return { topics, wait_ms: waitMs, ...from };
  }

  /** A token that is no good leaves a visitor; anything else ends the link. */
  #refused(status: number, body: Json): void {
    if (status !== 401 || this.#held.token === null) {
      this.close(status >= 500 ? 4010 : 1006, `the server answered ${status}`);
      return;
    }
    this.#held.token = null;
    const error = { ...body, t: "error", id: this.#held.auth, code: Number(body.code ?? 1101) };
    this.#held.auth = null;
    this.#events.message(JSON.stringify(error));
  }

  #pass(message: ServerMessage, answers: readonly number[]): void {
    let known: ServerMessage;
    try {
      known = decode(JSON.stringify(message));
    } catch {
      this.#events.message(JSON.stringify(message)); // whoever reads it says what is wrong with it
      return;
    }
    this.#held.note(known);
    if (known.t === "live") {
      for (const live of this.#held.lives(known, answers)) this.#events.message(live);
      return;
    }
    // Every answer begins with a welcome; the connection has one.
    if (known.t !== "welcome" || !this.#greeted) this.#events.message(JSON.stringify(known));
    if (known.t === "error" && typeof known.data?.topic === "string") {
      this.#held.have.delete(known.data.topic);
    }
    if (known.t !== "welcome") return;
    this.#greeted = true;
    this.#held.answerAuth(known.role ?? "", (said) => this.#events.message(said));
  }
}
