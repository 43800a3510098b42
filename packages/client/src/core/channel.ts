/** Commands on the connection that brings the documents; section 12 of docs/protocol/sync-v1.md. */

import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { DoneMessage, ErrorMessage, Json, ServerMessage } from "./protocol.ts";

/** How long an answer on the connection is waited for; then the command is asked over HTTP. */
export const CHANNEL_MS_MAX = 5_000;
/** Bytes that a character takes at most in UTF-8, by UTF-16 unit. */
const CHAR_BYTES_MAX = 3;

type Answer = DoneMessage | ErrorMessage;

export class CommandChannel {
  readonly #connection: () => Connection;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (answer: Answer | null) => void>();
  #limits: Record<string, number> = {};

  constructor(connection: () => Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** A server that takes commands, or not, says so when it greets. */
  welcomed(limits: Record<string, number> = {}): void {
    this.#limits = limits;
  }

  /** The connection is gone: whether its commands took effect is not known. */
  lost(): void {
    this.#limits = {};
    for (const settle of [...this.#waiting.values()]) settle(null);
  }

  /** Takes an answer; says whether it was one to a command of ours. */
  settle(message: ServerMessage): boolean {
    if (message.t !== "done" && message.t !== "error") return false;
    const settle = message.id === null ? undefined : this.#waiting.get(message.id);
    settle?.(message);
    return settle !== undefined;
  }

  /**
   * Sends a command; resolves to its answer, or to null where none came. Undefined where it was not
   * sent: there is no connection, or it takes no commands, no more of them, or none so large.
   */
  ask(
    op: string,
    body: Json,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<Answer | null> | undefined {
    const connection = this.#connection();
    const { commands_max: most = 0, command_bytes_max: bytesMax = 0 } = this.#limits;
    if (connection.state !== "open" || this.#waiting.size >= most || signal?.aborted) return;
    if (JSON.stringify(body).length * CHAR_BYTES_MAX > bytesMax) return;
    const id = connection.nextId();
    return new Promise((resolve) => {
      const settle = (answer: Answer | null) => {
        this.#waiting.delete(id);
        this.#clock.cancel(timer);
        signal?.removeEventListener("abort", giveUp);
        resolve(answer);
      };
      const giveUp = () => settle(null);
      const timer = this.#clock.after(CHANNEL_MS_MAX, giveUp);
      signal?.addEventListener("abort", giveUp);
      this.#waiting.set(id, settle);
      connection.send({ t: "cmd", id, op, key, body });
    });
  }
}
