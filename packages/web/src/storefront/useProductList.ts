/** Products of a query, live: the client's list, remembered for the way back. */

import type { Client, List, ListItem } from "@shopwire/client";
import { useClient } from "@shopwire/client/react";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { type ApiError, asApiError } from "../shared/api.ts";
import type { Item } from "../shared/documents.ts";
import { moved, NOTHING, newCount, type Shown } from "./listState.ts";
import { listQuery, type Query, urlOf } from "./query.ts";

/** Lists kept for the back button, so that it leads to where one was. */
const REMEMBERED_MAX = 12;
/** Up to here nobody is reading further down, and a list may move without being asked. */
const QUIET_SCROLL_PX_MAX = 240;

type Products = List<Item & ListItem>;

const remembered = new WeakMap<Client, Map<string, Products>>();

/** The list at this address: the one from before, else another one. */
function listOf(client: Client, query: Query, url: string): Products {
  const lists = remembered.get(client) ?? new Map<string, Products>();
  remembered.set(client, lists);
  const list = lists.get(url) ?? client.list<Item & ListItem>(listQuery(query));
  lists.delete(url);
  lists.set(url, list);
  for (const [oldest, old] of lists) {
    if (lists.size <= REMEMBERED_MAX) break;
    lists.delete(oldest);
    old.close();
  }
  return list;
}

export interface ProductList {
  readonly items: readonly Item[];
  readonly total: number | null;
  /** Whether there is something to show, or why there is not. */
  readonly state: "loading" | "ready" | "failed";
  readonly more: boolean;
  readonly loadingMore: boolean;
  readonly error: ApiError | null;
  /** Whether there is a newer order, and how many of it are new. */
  readonly waiting: boolean;
  readonly fresh: number;
  readonly retry: () => void;
  readonly showMore: () => void;
  readonly showWaiting: () => void;
}

export function useProductList(query: Query): ProductList {
  const client = useClient();
  const url = urlOf(query);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address says everything of the query.
  const list = useMemo(() => listOf(client, query, url), [client, url]);
  useEffect(() => {
    list.open();
    return () => list.close();
  }, [list]);
  const listen = useMemo(() => (listener: () => void) => list.subscribe(listener), [list]);
  const now = useSyncExternalStore(listen, () => list.get());

  const last = useRef<{ list: Products; shown: Shown }>({ list, shown: NOTHING });
  if (last.current.list !== list) last.current = { list, shown: NOTHING };
  const quietly = window.scrollY < QUIET_SCROLL_PX_MAX;
  const shown = moved(last.current.shown, now, quietly);
  last.current.shown = shown;
  const [, again] = useState(0);

  const { error, state } = now;
  return {
    items: shown.items,
    total: now.total,
    state: state === "stale" ? "ready" : state,
    more: now.more,
    loadingMore: now.loadingMore,
    error: error === null ? null : asApiError(error),
    waiting: shown.waiting !== null,
    fresh: newCount(shown),
    retry: () => void list.refresh(),
    showMore: () => void list.loadMore(),
    showWaiting: () => {
      last.current.shown = NOTHING;
      again((round) => round + 1);
    },
  };
}
