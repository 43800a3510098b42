/** Commands: one key an intent, however often and over whatever it has to be sent. */

import type { CommandChannel } from "./channel.ts";
import { backoff, type Clock } from "./clock.ts";
import { CODES } from "./codes.ts";
import type { DoneMessage, ErrorMessage, Json } from "./protocol.ts";

/** Tries of one command before the caller is told. */
export const TRIES_MAX = 6;
export const TRY_MS_LEAST = 200;
export const TRY_MS_MAX = 5_000;
/** The longest wait that a server may ask for; where it asks for more, the caller is told at once. */
export const ASKED_MS_MAX = 10_000;
/** How long one try may take; a half-open connection would otherwise never end it. */
export const ANSWER_MS_MAX = 15_000;

/** Refusals that another token may turn. */
const NEEDS_TOKEN: ReadonlySet<number> = new Set([CODES.Unauthenticated, CODES.TokenExpired]);

/** The server's refusal; decide by `code` and `temporary`, never by the text. */
export class ShopwireError extends Error {
  override name = "ShopwireError";
  readonly code: number;
  readonly errorName: string;
  readonly temporary: boolean;
  readonly remedy: string;
  readonly data: Json;
  readonly status: number;

  constructor(body: Partial<ErrorBody>, status: number) {
    super(body.message ?? `The server answered ${status}.`);
    this.code = body.code ?? 0;
    this.errorName = body.name ?? "Unknown";
    this.temporary = body.temporary ?? status >= 500;
    this.remedy = body.remedy ?? "";
    this.data = body.data ?? {};
    this.status = status;
  }
}

interface ErrorBody {
  code: number;
  name: string;
  message: string;
  temporary: boolean;
  remedy: string;
  data: Json;
}

/** No answer came: whether the command took effect is not known. Its key can be sent again. */
export class UnknownOutcome extends Error {
  override name = "UnknownOutcome";
  readonly key: string;

  constructor(key: string, cause: unknown) {
    super("No answer came from the server.", { cause });
    this.key = key;
  }
}

export interface CommandResult<R = unknown> {
  /** Topic to version: once the store holds these, the effect is on the screen. */
  readonly versions: Record<string, number>;
  readonly result: R;
  /** Whether this is the answer to an earlier sending of the same key. */
  readonly replayed: boolean;
}

export interface SendOptions {
  /** The same for each repeat of the same intent; made up if not given. */
  key?: string;
  signal?: AbortSignal;
  /** Told before each further try, with what the one before met. */
  onRetry?: (attempt: number, because: ShopwireError | UnknownOutcome) => void;
}

/** Whose commands these are: the token of now, and how to come by another one. */
export interface Bearer {
  readonly token: string | null;
  readonly headers: Record<string, string>;
  /** A token that is on its way while there is none. */
  readonly coming: Promise<string | null> | null;
  /** The same; asked for, where none was yet. */
  first(): Promise<string | null> | null;
  renew(): Promise<string | null>;
}

const NOBODY: Bearer = {
  ...{ token: null, headers: {}, coming: null, first: () => null },
  renew: async () => null,
};

export class Commands {
  readonly #url: string;
  readonly #fetch: typeof fetch;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #channel: CommandChannel | null;
  readonly #bearer: Bearer;

  constructor(
    url: string,
    fetcher: typeof fetch,
    clock: Clock,
    random: () => number,
    channel: CommandChannel | null = null,
    bearer: Bearer = NOBODY,
  ) {
    this.#url = url;
    this.#fetch = fetcher;
    this.#clock = clock;
    this.#random = random;
    this.#channel = channel;
    this.#bearer = bearer;
  }

  /**
   * Sends a command until it is answered: on the connection where there is one that takes commands,
   * over HTTP where there is none or where it did not answer. Rejects with ShopwireError where it
   * was refused, with UnknownOutcome where no answer came in TRIES_MAX tries.
   */
  send<R = unknown>(
    operation: string,
    body: Json,
    options: SendOptions = {},
  ): Promise<CommandResult<R>> {
    const path = `/api/commands/${encodeURIComponent(operation)}`;
    let channel = this.#channel;
    return this.#repeat(options, (key) => {
      const { signal } = options;
      const post = () => this.#once<R>(path, body, key, signal);
      const asked = channel?.ask(operation, body, key, signal);
      if (asked === undefined) return post();
      return asked.then((answer) => {
        if (answer !== null) return told<R>(answer);
        channel = null;
        return signal?.aborted ? new UnknownOutcome(key, signal.reason) : post();
      });
    });
  }

  /** Posts to another door that takes keys and answers like a command's; by the same rules. */
  post<R = unknown>(
    path: string,
    body: Json,
    options: SendOptions = {},
  ): Promise<CommandResult<R>> {
    return this.#repeat(options, (key) => this.#once<R>(path, body, key, options.signal));
  }

  async #repeat<R>(
    { key = newKey(), signal, onRetry }: SendOptions,
    once: (key: string) => Promise<CommandResult<R> | Error>,
  ): Promise<CommandResult<R>> {
    // Sent before its token is there, it would be a visitor's, and refused for good.
    const coming = this.#bearer.coming;
    if (coming !== null) await coming;
    for (let attempt = 0; ; attempt += 1) {
      const problem = attempt === 0 ? await this.#first(key, once) : await once(key);
      if (!(problem instanceof Error)) return problem;
      const passing = problem instanceof UnknownOutcome || (problem as ShopwireError).temporary;
      const patient = passing && askedMs(problem) <= ASKED_MS_MAX;
      if (!patient || signal?.aborted || attempt + 1 >= TRIES_MAX) throw problem;
      onRetry?.(attempt + 1, problem as ShopwireError | UnknownOutcome);
      await this.#wait(attempt, problem, signal);
      if (signal?.aborted) throw problem;
    }
  }

  /** The first try; once more with another token, where the one of now is refused. */
  async #first<R>(
    key: string,
    once: (key: string) => Promise<CommandResult<R> | Error>,
  ): Promise<CommandResult<R> | Error> {
    const before = this.#bearer.token;
    const problem = await once(key);
    if (!(problem instanceof ShopwireError) || !NEEDS_TOKEN.has(problem.code)) return problem;
    const token = await this.#bearer.renew();
    return token === null || token === before ? problem : once(key);
  }

  async #once<R>(
    path: string,
    body: Json,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<CommandResult<R> | Error> {
    let answer: Response;
    let content: Json;
    const first = this.#bearer.first();
    if (first !== null) await first;
    const patience = new AbortController();
    const timer = this.#clock.after(ANSWER_MS_MAX, () => patience.abort());
    try {
      answer = await this.#fetch(`${this.#url}${path}`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "Idempotency-Key": key,
          ...this.#bearer.headers,
        },
        body: JSON.stringify(body),
        signal: signal === undefined ? patience.signal : AbortSignal.any([signal, patience.signal]),
      });
      content = ((await answer.json()) ?? {}) as Json;
    } catch (problem) {
      return new UnknownOutcome(key, problem);
    } finally {
      this.#clock.cancel(timer);
    }
    if (!answer.ok) return new ShopwireError(content as Partial<ErrorBody>, answer.status);
    return {
      versions: (content.versions ?? {}) as Record<string, number>,
      result: content.result as R,
      replayed: answer.headers.get("Idempotency-Replayed") === "true",
    };
  }

  #wait(attempt: number, problem: Error, signal: AbortSignal | undefined): Promise<void> {
    const jittered = backoff(attempt, {
      least: TRY_MS_LEAST,
      most: TRY_MS_MAX,
      random: this.#random,
    });
    return new Promise((resolve) => {
      const done = () => {
        this.#clock.cancel(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = this.#clock.after(Math.max(askedMs(problem), jittered), done);
      signal?.addEventListener("abort", done);
    });
  }
}

/** The wait that a refusal asks for. */
function askedMs(problem: Error): number {
  return problem instanceof ShopwireError ? Number(problem.data.retry_ms ?? 0) : 0;
}

/** An answer on the connection, as one over HTTP would have been. */
function told<R>(answer: DoneMessage | ErrorMessage): CommandResult<R> | ShopwireError {
  if (answer.t === "error") return new ShopwireError(answer, answer.status ?? 0);
  const { versions = {}, result } = answer.body;
  return { versions, result: result as R, replayed: answer.replayed };
}

/** 128 random bits. Not `crypto.randomUUID`: pages of a plain-HTTP address do not have it. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
