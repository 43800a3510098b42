/** What of a list is shown: nothing moves under somebody who reads further down; no I/O. */

import type { ListSnapshot } from "@shopwire/client";
import type { Item } from "../shared/documents.ts";

export interface Shown {
  /** In the order in which they are on the screen. */
  readonly items: readonly Item[];
  /** A newer order that would move things under the reader: shown when asked for; else null. */
  readonly waiting: readonly Item[] | null;
}

export const NOTHING: Shown = { items: [], waiting: null };

type News = Pick<ListSnapshot, "state"> & { readonly items: readonly Item[] };

/** What is shown once the list is another one; `quietly`: nobody is reading further down. */
export function moved(shown: Shown, { items, state }: News, quietly: boolean): Shown {
  if (state === "loading") return shown;
  const goesOn = shown.items.every(({ topic }, at) => items[at]?.topic === topic);
  return goesOn || quietly ? { items, waiting: null } : { items: shown.items, waiting: items };
}

/** How many of those that wait are not on the screen yet. */
export function newCount({ items, waiting }: Shown): number {
  const known = new Set(items.map((item) => item.topic));
  return waiting?.filter((item) => !known.has(item.topic)).length ?? 0;
}
