/** Several servers with the same documents: one by chance, another one after a failure. */

import type { Clock } from "./clock.ts";

/** How long the list of hubs may take; then the page's own server is the first. */
export const HUBS_MS_MAX = 1_000;
/** Hubs that are looked at; a longer list is cut. */
export const HUBS_MAX = 64;

interface Surroundings {
  url: string;
  fetch: typeof fetch;
  clock: Clock;
  random: () => number;
}

export class Hubs {
  readonly #around: Surroundings;
  #all: readonly string[];
  /** Those that failed since all were fresh. */
  readonly #failed = new Set<string>();
  #current: string;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#current = `${around.url}/sync`;
    this.#all = [this.#current];
  }

  /** Where to connect: the address of the sync endpoint, over http or https. */
  get current(): string {
    return this.#current;
  }

  /** Asks which hubs there are, and takes one; settles in time whatever happens, and never rejects. */
  async load(): Promise<void> {
    const { clock, url, fetch: fetcher } = this.#around;
    const patience = new AbortController();
    let timer: unknown;
    const late = new Promise<null>((resolve) => {
      timer = clock.after(HUBS_MS_MAX, () => {
        patience.abort();
        resolve(null);
      });
    });
    try {
      const asked = fetcher(`${url}/api/hubs`, { signal: patience.signal });
      const answer = await Promise.race([asked, late]);
      const body = answer?.ok ? ((await Promise.race([answer.json(), late])) as unknown) : null;
      const hubs = addresses(body, url);
      if (hubs.length > 0) {
        this.#all = hubs;
        this.#failed.clear();
        this.#choose();
      }
    } catch {
      // No list: then there is one hub, where the page came from.
    } finally {
      clock.cancel(timer);
    }
  }

  /** The current one failed: another one, where there is one; each once before any is tried again. */
  failed(): void {
    this.#failed.add(this.#current);
    if (this.#all.every((hub) => this.#failed.has(hub))) {
      this.#failed.clear();
      if (this.#all.length > 1) this.#failed.add(this.#current);
    }
    this.#choose();
  }

  #choose(): void {
    const free = this.#all.filter((hub) => !this.#failed.has(hub));
    const at = Math.min(Math.floor(this.#around.random() * free.length), free.length - 1);
    this.#current = free[at] ?? this.#current;
  }
}

/** The usable addresses of an answer, whole. */
function addresses(body: unknown, url: string): string[] {
  const hubs = (body as { hubs?: unknown } | null)?.hubs;
  if (!Array.isArray(hubs)) return [];
  const found = new Set<string>();
  for (const hub of hubs.slice(0, HUBS_MAX)) {
    if (typeof hub !== "string") continue;
    try {
      const whole = new URL(hub, `${url}/`);
      if (whole.protocol === "http:" || whole.protocol === "https:") found.add(whole.href);
    } catch {
      // One that cannot be read is left out.
    }
  }
  return [...found];
}
