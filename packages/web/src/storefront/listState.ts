/** The state of a list of products, and how it moves; no I/O. */

import type { ApiError } from "../shared/api.ts";
import type { Item, Page } from "../shared/documents.ts";

export interface ListState {
  readonly items: readonly Item[];
  readonly next: string | null;
  readonly total: number;
  /** Of the first page: whether it is there, on its way, or could not be had. */
  readonly first: "loading" | "ready" | "failed";
  /** Of the following page. */
  readonly more: "idle" | "loading" | "failed";
  readonly error: ApiError | null;
  /** A newer first page that would move things under the reader: shown when asked for. */
  readonly waiting: Page | null;
}

export type ListEvent =
  | { readonly type: "started" }
  | { readonly type: "loaded"; readonly page: Page }
  | { readonly type: "failed"; readonly error: ApiError }
  | { readonly type: "moreStarted" }
  | { readonly type: "moreLoaded"; readonly page: Page }
  | { readonly type: "moreFailed"; readonly error: ApiError }
  | { readonly type: "newer"; readonly page: Page; readonly quietly: boolean }
  | { readonly type: "waitingShown" };

export const EMPTY: ListState = {
  items: [],
  next: null,
  total: 0,
  first: "loading",
  more: "idle",
  error: null,
  waiting: null,
};

function fromFirst(page: Page): ListState {
  return { ...EMPTY, items: page.items, next: page.next, total: page.total, first: "ready" };
}

function sameOrder(page: Page, items: readonly Item[]): boolean {
  return page.items.every((item, at) => item.topic === items[at]?.topic);
}

/** The list after an event. */
export function moved(state: ListState, event: ListEvent): ListState {
  switch (event.type) {
    case "started":
      return { ...state, first: "loading", error: null };
    case "loaded":
      return fromFirst(event.page);
    case "failed":
      return { ...state, first: "failed", error: event.error };
    case "moreStarted":
      return { ...state, more: "loading", error: null };
    case "moreLoaded":
      return { ...appended(state, event.page), more: "idle" };
    case "moreFailed":
      return { ...state, more: "failed", error: event.error };
    case "newer":
      return newer(state, event.page, event.quietly);
    case "waitingShown":
      return state.waiting === null ? state : fromFirst(state.waiting);
  }
}

/** A product that moved between two pages while they were read is shown once. */
function appended(state: ListState, page: Page): ListState {
  const known = new Set(state.items.map((item) => item.topic));
  const added = page.items.filter((item) => !known.has(item.topic));
  return { ...state, items: [...state.items, ...added], next: page.next, total: page.total };
}

function newer(state: ListState, page: Page, quietly: boolean): ListState {
  if (state.first !== "ready") return state;
  if (sameOrder(page, state.items)) return { ...state, total: page.total, waiting: null };
  const nothingLost = state.items.length <= page.items.length;
  if (quietly && nothingLost) return fromFirst(page);
  return { ...state, waiting: page };
}

/** How many of the waiting page are not on the screen yet. */
export function newCount(state: ListState): number {
  const known = new Set(state.items.map((item) => item.topic));
  return state.waiting?.items.filter((item) => !known.has(item.topic)).length ?? 0;
}
