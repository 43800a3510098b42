/**
 * A list that the server orders and this device keeps live: asked for over HTTP page by page, its
 * items followed by their topics. Items change in place; who is in it is asked again when a topic
 * that stands for the list moves, or when told. An older answer never replaces a newer one.
 */

import { backoff, type Clock } from "./clock.ts";
import { ShopwireError } from "./commands.ts";
import { notify } from "./notify.ts";
import type { Json } from "./protocol.ts";
import type { Held } from "./reducer.ts";
import type { Store } from "./store.ts";

/** Items of a list that are followed; beyond them a list is shown as it was read. */
export const LIST_TOPICS_MAX = 600;
/** How long the list's topic has to rest before it is asked for again: many things change together. */
export const LIST_QUIET_MS = 1_500;
/** The longest that changes may put that off. */
export const LIST_QUIET_MS_MAX = 6_000;
export const LIST_RETRY_MS_LEAST = 1_000;
export const LIST_RETRY_MS_MAX = 30_000;
/** How long an answer may take. */
export const LIST_ANSWER_MS_MAX = 15_000;

/** A document as it stands in a list. */
export interface ListEntry {
  readonly topic: string;
  readonly v: number;
  readonly doc: unknown;
  readonly at: number;
}

export interface ListQuery {
  /** Where the list is, such as `/api/products`. */
  path: string;
  query?: Readonly<Record<string, string | number | null | undefined>>;
  /** Topics that move when the list has other members, such as `category:all`. */
  changes?: readonly string[];
  /** Whether its items are kept up to date; else only those are that somebody subscribes to. */
  follow?: boolean;
}

/** An item as it was read; `topic` tells what it is of, and other documents may stand in it. */
export interface ListItem extends ListEntry {
  readonly [field: string]: unknown;
}

export interface ListSnapshot<I extends ListItem = ListItem> {
  /** In the order of the server, each with its document of now. */
  readonly items: readonly I[];
  readonly total: number | null;
  /** Whether there are more pages. */
  readonly more: boolean;
  /** `stale`: shown, and being asked for again. */
  readonly state: "loading" | "ready" | "stale" | "failed";
  readonly loadingMore: boolean;
  /** What went wrong last; what was there before is still shown. */
  readonly error: Error | null;
}

interface Page {
  items: ListItem[];
  next?: string | null;
  total?: number;
}

interface Surroundings {
  url: string;
  fetch: typeof fetch;
  clock: Clock;
  random: () => number;
  store: Store;
  headers: () => Record<string, string>;
  subscribe: (topics: Iterable<string>) => () => void;
}

export class List<I extends ListItem = ListItem> {
  readonly #around: Surroundings;
  readonly #query: ListQuery;
  readonly #listeners = new Set<() => void>();
  #read: readonly I[] = [];
  #shown = new Map<string, { base: I; held: Held | undefined; item: I }>();
  #next: string | null = null;
  #total: number | null = null;
  #state: ListSnapshot["state"] = "loading";
  #loadingMore = false;
  #error: Error | null = null;
  #snapshot: ListSnapshot<I> | null = null;
  /** Grows with each request that is to replace the list. */
  #sequence = 0;
  #pages = 1;
  #attempt = 0;
  #timer: unknown = null;
  #restSince: number | null = null;
  #patience: AbortController | null = null;
  #giveBack: (() => void)[] = [];
  #stopListening: (() => void)[] = [];
  #open = false;

  constructor(around: Surroundings, query: ListQuery) {
    this.#around = around;
    this.#query = query;
  }

  /** The list as it is now; the same object until something of it changes. */
  get(): ListSnapshot<I> {
    this.#snapshot ??= {
      items: this.#read.map((item) => this.#current(item)),
      total: this.#total,
      more: this.#next !== null,
      state: this.#state,
      loadingMore: this.#loadingMore,
      error: this.#error,
    };
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the first page, and stays live until `close`. */
  open(): this {
    if (this.#open) return this;
    this.#open = true;
    const { changes = [] } = this.#query;
    this.#giveBack.push(this.#around.subscribe(changes));
    const revisions = new Map(changes.map((topic) => [topic, this.#version(topic)]));
    this.#stopListening.push(
      this.#around.store.onTopics(changes, () => {
        let moved = false;
        for (const topic of changes) {
          const [before, now] = [revisions.get(topic), this.#version(topic)];
          revisions.set(topic, now);
          if (before !== undefined && now !== undefined && before !== now) moved = true;
        }
        if (moved) this.#rest();
      }),
    );
    void this.#load();
    return this;
  }

  close(): void {
    this.#open = false;
    this.#sequence += 1;
    this.#patience?.abort();
    this.#around.clock.cancel(this.#timer);
    for (const stop of [...this.#stopListening, ...this.#giveBack]) stop();
    this.#stopListening = [];
    this.#giveBack = [];
  }

  /** Asks again who is in it; as many pages as are shown. */
  refresh(): Promise<void> {
    return this.#load();
  }

  /** Adds the next page. */
  async loadMore(): Promise<void> {
    const cursor = this.#next;
    if (cursor === null || this.#loadingMore || !this.#open) return;
    const sequence = this.#sequence;
    this.#set({ loadingMore: true });
    try {
      const page = await this.#ask(cursor);
      // The list was read anew meanwhile: this page belongs to another one.
      if (sequence !== this.#sequence) return;
      this.#pages += 1;
      this.#take([...this.#read, ...page.items], page);
      this.#error = null;
    } catch (problem) {
      if (sequence === this.#sequence) this.#error = problem as Error;
    } finally {
      if (sequence === this.#sequence) this.#set({ loadingMore: false });
    }
  }

  #version(topic: string): number | undefined {
    return this.#around.store.received(topic)?.v;
  }

  /** Waits until the changes rest, but not for ever. */
  #rest(): void {
    const { clock } = this.#around;
    const now = clock.monotonic();
    this.#restSince ??= now;
    const most = this.#restSince + LIST_QUIET_MS_MAX - now;
    clock.cancel(this.#timer);
    this.#timer = clock.after(Math.max(0, Math.min(LIST_QUIET_MS, most)), () => void this.#load());
  }

  async #load(): Promise<void> {
    if (!this.#open) return;
    this.#around.clock.cancel(this.#timer);
    this.#restSince = null;
    this.#sequence += 1;
    const sequence = this.#sequence;
    this.#patience?.abort();
    this.#set({ state: this.#state === "ready" ? "stale" : this.#state, loadingMore: false });
    try {
      const items: ListItem[] = [];
      let page: Page | null = null;
      for (let count = 0; count < this.#pages; count += 1) {
        page = await this.#ask(page?.next ?? null);
        if (sequence !== this.#sequence) return;
        items.push(...page.items);
        if (page.next == null) break;
      }
      this.#attempt = 0;
      this.#error = null;
      if (page !== null) this.#take(items as I[], page);
      this.#set({ state: "ready" });
    } catch (problem) {
      if (sequence === this.#sequence) this.#failed(problem as Error);
    }
  }

  /** What was there is still shown; what may pass by itself is tried again. */
  #failed(problem: Error): void {
    this.#error = problem;
    this.#set({ state: this.#read.length > 0 ? "stale" : "failed" });
    if (problem instanceof ShopwireError && !problem.temporary) return;
    const { clock, random } = this.#around;
    const limits = { least: LIST_RETRY_MS_LEAST, most: LIST_RETRY_MS_MAX, random };
    const wait = LIST_RETRY_MS_LEAST / 2 + backoff(this.#attempt, limits);
    this.#attempt += 1;
    this.#timer = clock.after(wait, () => void this.#load());
  }

  async #ask(cursor: string | null): Promise<Page> {
    const { url, clock, fetch: fetcher, store, headers } = this.#around;
    const patience = new AbortController();
    this.#patience = patience;
    const timer = clock.after(LIST_ANSWER_MS_MAX, () => patience.abort());
    const { epoch } = store;
    try {
      const answer = await fetcher(`${url}${this.#path(cursor)}`, {
        headers: { Accept: "application/json", ...headers() },
        signal: patience.signal,
      });
      const body = (await answer.json()) as Page & Json;
      if (!answer.ok) throw new ShopwireError(body as Json, answer.status);
      if (!Array.isArray(body.items)) throw new TypeError("The list has no items.");
      store.offer(body.items.flatMap(entriesIn), epoch);
      return body;
    } finally {
      clock.cancel(timer);
    }
  }

  #path(cursor: string | null): string {
    const { path, query = {} } = this.#query;
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...query, cursor })) {
      if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
    }
    const text = search.toString();
    return text === "" ? path : `${path}?${text}`;
  }

  /** These are its members now; one that moved between two pages stands in it once. */
  #take(items: readonly ListItem[], { next = null, total }: Page): void {
    const seen = new Set<string>();
    this.#read = items.filter(({ topic }) => !seen.has(topic) && seen.add(topic)) as I[];
    for (const topic of this.#shown.keys()) if (!seen.has(topic)) this.#shown.delete(topic);
    this.#next = next;
    this.#total = total ?? null;
    const followed = this.#query.follow === false ? [] : this.#read.slice(0, LIST_TOPICS_MAX);
    const topics = followed.flatMap(entriesIn);
    const names = topics.slice(0, LIST_TOPICS_MAX).map(({ topic }) => topic);
    const before = this.#giveBack.splice(1);
    this.#giveBack.push(this.#around.subscribe(names));
    for (const give of before) give();
    for (const stop of this.#stopListening.splice(1)) stop();
    this.#stopListening.push(this.#around.store.onTopics(names, () => this.#set({})));
    this.#set({});
  }

  /** An item with its document of now; the same object while that is the same. */
  #current(base: I): I {
    const held = this.#around.store.get(base.topic) as Held | undefined;
    const known = this.#shown.get(base.topic);
    if (known !== undefined && known.base === base && known.held === held) return known.item;
    const item = held === undefined ? base : { ...base, v: held.v, doc: held.doc, at: held.at };
    this.#shown.set(base.topic, { base, held, item });
    return item;
  }

  #set(news: { state?: ListSnapshot["state"]; loadingMore?: boolean }): void {
    this.#state = news.state ?? this.#state;
    this.#loadingMore = news.loadingMore ?? this.#loadingMore;
    this.#snapshot = null;
    notify(this.#listeners);
  }
}

/** The documents of an item: itself, and those in its lists (`prices`, `stocks`). */
function entriesIn(item: ListItem): ListEntry[] {
  const found = [item as ListEntry].filter(isEntry);
  for (const field of Object.values(item)) {
    if (Array.isArray(field)) found.push(...field.filter(isEntry));
  }
  return found;
}

function isEntry(value: unknown): value is ListEntry {
  const entry = value as ListEntry | null;
  return typeof entry?.topic === "string" && typeof entry.v === "number";
}
