/**
 * What a link without a conversation keeps: the topics that it was asked for, how far each is, and
 * whom it speaks for.
 */

import { type ClientMessage, decode, type Item, type ServerMessage } from "../core/protocol.ts";

/** What a message of the client asks to be said anew: all of it, who speaks, or the topics. */
export type Renewal = "hello" | "auth" | "sub";

export class HeldTopics {
  /** Version by topic; null where nothing is held. */
  readonly have = new Map<string, number | null>();
  epoch: number | null = null;
  /** Subs that nothing has answered yet. */
  readonly waiting = new Set<number>();
  /** Whom the link speaks for; null for a visitor. */
  token: string | null = null;
  /** The `auth` that nothing has answered yet. */
  auth: number | null = null;

  /**
   * Takes what the client says. Returns what has to be asked anew for it; null where nothing has:
   * less topics wait for the next time, and that the server lives is shown by its beats, no ping.
   */
  take(text: string): Renewal | null {
    const message = JSON.parse(text) as ClientMessage;
    switch (message.t) {
      case "hello":
        this.epoch = message.epoch;
        this.token = message.token ?? null;
        return "hello";
      case "auth":
        this.token = message.token;
        this.auth = message.id;
        return "auth";
      case "sub":
        for (const topic of message.topics) this.have.set(topic, message.have?.[topic] ?? null);
        this.waiting.add(message.id);
        return "sub";
      case "unsub":
        for (const topic of message.topics) this.have.delete(topic);
        return null;
      default:
        return null;
    }
  }

  /** Keeps what the next request is to start from. */
  note(message: ServerMessage): void {
    if (message.t === "welcome" || message.t === "reset") this.epoch = message.epoch;
    if (message.t === "reset") for (const topic of this.have.keys()) this.have.set(topic, null);
    if (message.t === "revoke") this.have.delete(message.topic);
    if (message.t === "narrow" && this.have.has(message.topic)) this.have.set(message.topic, null);
    for (const item of itemsOf(message)) {
      if (this.have.has(item.topic)) this.have.set(item.topic, item.v);
    }
  }

  /**
   * Passes on what a stream said, `live` under the numbers of the subs that it answers. Behind a
   * welcome the `auth` that led to this stream is answered, too.
   */
  pass(text: string, answers: readonly number[], tell: (text: string) => void): void {
    let message: ServerMessage;
    try {
      message = decode(text);
    } catch {
      tell(text); // whoever reads it says what is wrong with it
      return;
    }
    this.note(message);
    if (message.t === "live") {
      for (const live of this.lives(message, answers)) tell(live);
      return;
    }
    tell(text);
    if (message.t === "welcome") this.answerAuth(message.role ?? "", tell);
  }

  /** Answers the `auth` that waits, if one does: a welcome says in what role. */
  answerAuth(role: string, tell: (text: string) => void): void {
    if (this.auth === null) return;
    const authed = { t: "authed", id: this.auth, subject: "", role, expires_at: null };
    this.auth = null;
    tell(JSON.stringify(authed));
  }

  /** A `live` under the numbers of the subs that it answers. */
  *lives(message: ServerMessage & { t: "live" }, answers: readonly number[]): Generator<string> {
    for (const id of answers) {
      if (this.waiting.delete(id)) yield JSON.stringify({ ...message, id });
    }
  }
}

function itemsOf(message: ServerMessage): readonly Item[] {
  if (message.t === "batch") return message.items;
  return message.t === "snap" || message.t === "patch" ? [message] : [];
}
