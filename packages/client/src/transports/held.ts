/** What a link without a conversation keeps: the topics that it was asked for, and how far each is. */

import { type ClientMessage, decode, type Item, type ServerMessage } from "../core/protocol.ts";

export class HeldTopics {
  /** Version by topic; null where nothing is held. */
  readonly have = new Map<string, number | null>();
  epoch: number | null = null;
  /** Subs that nothing has answered yet. */
  readonly waiting = new Set<number>();

  /** Takes a sub. */
  sub(message: ClientMessage & { t: "sub" }): void {
    for (const topic of message.topics) this.have.set(topic, message.have?.[topic] ?? null);
    this.waiting.add(message.id);
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
   * welcome the `auth` that led to this stream is answered, too: says whether that was done.
   */
  pass(
    text: string,
    answers: readonly number[],
    auth: number | null,
    tell: (text: string) => void,
  ): boolean {
    let message: ServerMessage;
    try {
      message = decode(text);
    } catch {
      tell(text); // whoever reads it says what is wrong with it
      return false;
    }
    this.note(message);
    if (message.t === "live") {
      for (const live of this.lives(message, answers)) tell(live);
      return false;
    }
    tell(text);
    if (message.t !== "welcome" || auth === null) return false;
    const authed = { t: "authed", id: auth, subject: "", role: message.role ?? "" };
    tell(JSON.stringify({ ...authed, expires_at: null }));
    return true;
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
