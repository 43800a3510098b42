/**
 * Who this client speaks for: asks the page for tokens, shows them to the server, and shows fresh
 * ones on the living connection before the old ones end. Whatever the page's function does (reject,
 * hang, throw), nothing waits for it for ever, and the connection goes on.
 */

import { backoff, type Clock } from "./clock.ts";
import { notify } from "./notify.ts";
import type { ClientMessage, ErrorMessage } from "./protocol.ts";

/** Gives a token that is good now; null for a visitor without one. */
export type TokenProvider = () => Promise<string | null>;

/** How long the page's function may take; then it counts as failed. */
export const TOKEN_MS_MAX = 5_000;
/** How long hello waits for a token; later ones follow by `auth`. Well below CONNECT_MS_MAX. */
export const HELLO_TOKEN_MS_MAX = 1_500;
/** How long the server may take to answer an `auth`. */
export const AUTH_MS_MAX = 5_000;
export const TOKEN_RETRY_MS_LEAST = 1_000;
export const TOKEN_RETRY_MS_MAX = 60_000;

/**
 * `visitor`: no token is shown. `asking`: a token is on its way. `known`: the server took it.
 * `failing`: no good token could be had; it is tried again, and `problem` says why.
 */
export interface AccessSnapshot {
  readonly state: "visitor" | "asking" | "known" | "failing";
  readonly subject: string | null;
  readonly role: string | null;
  readonly problem: string | null;
}

interface Surroundings {
  provider: TokenProvider | null;
  clock: Clock;
  random: () => number;
  /** Sends on the open connection, under a number of its own; nothing where there is none. */
  send: (message: (id: number) => ClientMessage) => void;
  /** The caller is another one on this connection. */
  changed: () => void;
}

export class Access {
  readonly #around: Surroundings;
  readonly #listeners = new Set<() => void>();
  #snapshot: AccessSnapshot = { state: "visitor", subject: null, role: null, problem: null };
  #token: string | null = null;
  #asking: Promise<string | null> | null = null;
  /** Whether the page's function has given, or failed to give, its first token. */
  #asked = false;
  /** The token that this connection's hello or last `auth` showed. */
  #shown: string | null = null;
  #auth: { id: number; timer: unknown } | null = null;
  #retry: unknown = null;
  #attempt = 0;
  /** When (monotonic) the token ends, as far as the server told. */
  #endsAt = Number.POSITIVE_INFINITY;
  #ended = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  get(): AccessSnapshot {
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The token for a request over HTTP; null where there is none. */
  get token(): string | null {
    return this.#token;
  }

  /** The same as a header; none where there is no token. */
  get headers(): Record<string, string> {
    return this.#token === null ? {} : { Authorization: `Bearer ${this.#token}` };
  }

  /** The token that is on its way while there is none; null where nothing is to be waited for. */
  get coming(): Promise<string | null> | null {
    return this.#token === null ? this.#asking : null;
  }

  /** The same, and asked for where nobody has done so yet: the connection may still be made. */
  first(): Promise<string | null> | null {
    const { provider } = this.#around;
    return provider === null || this.#asked ? this.coming : this.renew();
  }

  /** What hello shows: at once where a token is known, else as soon as there is one, or null. */
  hello(): string | null | Promise<string | null> {
    this.#ended = false;
    this.lost();
    const { provider, clock } = this.#around;
    if (provider === null) return null;
    if (clock.monotonic() >= this.#endsAt) this.#token = null;
    if (this.#token !== null) return this.#show(this.#token);
    let timer: unknown;
    const late = new Promise<null>((resolve) => {
      timer = clock.after(HELLO_TOKEN_MS_MAX, () => resolve(null));
    });
    return Promise.race([this.renew(), late]).then((token) => {
      clock.cancel(timer);
      return this.#show(token);
    });
  }

  /** Asks for another token; settles in TOKEN_MS_MAX at the latest, with null where there is none. */
  renew(): Promise<string | null> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** The server greeted: the caller is what it says. */
  welcomed(role: string | undefined): void {
    const state = this.#shown === null ? this.#idle() : "known";
    this.#become({ state, role: role ?? null, problem: state === "known" ? null : undefined });
    if (this.#token !== null && this.#token !== this.#shown) this.#present(this.#token);
  }

  /** The token ends soon. */
  expiring(inMs: number): void {
    this.#endsAt = this.#around.clock.monotonic() + inMs;
    void this.#refresh();
  }

  /** The server took a token. */
  authed(id: number, subject: string, role: string): void {
    if (this.#auth?.id !== id) return;
    this.#settle();
    this.#attempt = 0;
    this.#become({ state: "known", subject, role, problem: null });
    this.#around.changed();
  }

  /** Says whether an error was about a token of ours. */
  refused(error: ErrorMessage): boolean {
    const mine = error.id === null ? isAboutTokens(error.code) : error.id === this.#auth?.id;
    if (!mine) return false;
    this.#settle();
    // The very token that was refused; one that came meanwhile may be good.
    if (this.#token === this.#shown) this.#token = null;
    this.#shown = null;
    this.#failed(error.message);
    return true;
  }

  /** The connection is gone: no answer comes any more. */
  lost(): void {
    this.#settle();
    this.#shown = null;
  }

  stop(): void {
    this.#ended = true;
    this.lost();
    this.#around.clock.cancel(this.#retry);
    this.#retry = null;
  }

  #idle(): AccessSnapshot["state"] {
    if (this.#asking !== null) return "asking";
    return this.#retry === null ? "visitor" : "failing";
  }

  #show(token: string | null): string | null {
    this.#shown = token;
    return token;
  }

  async #refresh(): Promise<void> {
    const token = await this.renew();
    if (token !== null && token !== this.#shown) this.#present(token);
  }

  async #ask(): Promise<string | null> {
    const { provider, clock } = this.#around;
    if (provider === null) return null;
    this.#become({ state: "asking" });
    let timer: unknown;
    try {
      const late = new Promise<never>((_, reject) => {
        const why = new Error(`no token came in ${TOKEN_MS_MAX} ms`);
        timer = clock.after(TOKEN_MS_MAX, () => reject(why));
      });
      this.#token = await Promise.race([provider(), late]);
      this.#endsAt = Number.POSITIVE_INFINITY;
      // A token that came too late for hello is shown now.
      queueMicrotask(() => {
        if (this.#token !== null && this.#token !== this.#shown) this.#present(this.#token);
      });
      if (this.#token === null) this.#become({ state: "visitor", problem: null });
    } catch (problem) {
      this.#failed(problem instanceof Error ? problem.message : String(problem));
    } finally {
      clock.cancel(timer);
      this.#asked = true;
    }
    return this.#token;
  }

  /** Shows a token on the connection, where there is one that was greeted. */
  #present(token: string): void {
    if (this.#auth !== null) return;
    this.#around.send((id) => {
      this.#shown = token;
      const timer = this.#around.clock.after(AUTH_MS_MAX, () => {
        this.#auth = null;
        this.#shown = null;
        this.#failed("the server did not answer");
      });
      this.#auth = { id, timer };
      return { t: "auth", id, token };
    });
  }

  #settle(): void {
    this.#around.clock.cancel(this.#auth?.timer);
    this.#auth = null;
  }

  #failed(problem: string): void {
    this.#become({ state: "failing", problem });
    if (this.#retry !== null || this.#ended || this.#around.provider === null) return;
    const { clock, random } = this.#around;
    const limits = { least: TOKEN_RETRY_MS_LEAST, most: TOKEN_RETRY_MS_MAX, random };
    const wait = Math.max(TOKEN_RETRY_MS_LEAST / 2, backoff(this.#attempt, limits));
    this.#attempt += 1;
    this.#retry = clock.after(wait, () => {
      this.#retry = null;
      void this.#refresh();
    });
  }

  #become(next: { [K in keyof AccessSnapshot]?: AccessSnapshot[K] | undefined }): void {
    const { state, subject, role, problem } = this.#snapshot;
    this.#snapshot = {
      state: next.state ?? state,
      subject: next.subject === undefined ? subject : next.subject,
      role: next.role === undefined ? role : next.role,
      problem: next.problem === undefined ? problem : next.problem,
    };
    notify(this.#listeners);
  }
}

function isAboutTokens(code: number): boolean {
  return code === 1101 || code === 1102;
}
