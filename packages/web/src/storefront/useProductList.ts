/** Products of a query: pages by cursor, remembered for the way back, never out of order. */

import { useClient } from "@shopwire/client/react";
import { useCallback, useEffect, useReducer, useRef } from "react";
import { ApiError, getJson } from "../shared/api.ts";
import type { Page } from "../shared/documents.ts";
import { useRevision } from "../shared/useRevision.ts";
import { EMPTY, type ListEvent, type ListState, moved } from "./listState.ts";
import { entriesOf } from "./offer.ts";
import { apiPath, type Query, urlOf } from "./query.ts";

/** Lists kept for the back button, so that it leads to where one was. */
const REMEMBERED_MAX = 12;
/** Up to here nobody is reading further down, and a list may move without being asked. */
const QUIET_SCROLL_PX_MAX = 240;

const remembered = new Map<string, ListState>();

function remember(url: string, state: ListState): void {
  remembered.delete(url);
  remembered.set(url, state);
  for (const oldest of remembered.keys()) {
    if (remembered.size <= REMEMBERED_MAX) break;
    remembered.delete(oldest);
  }
}

interface Keyed {
  readonly url: string;
  readonly list: ListState;
}

type KeyedEvent = ListEvent & { readonly url: string };

/** Events of a list that is no longer on the screen change nothing. */
function reduce(state: Keyed, event: KeyedEvent): Keyed {
  const here = state.url === event.url;
  if (!here && event.type !== "started") return state;
  const list = moved(here ? state.list : EMPTY, event);
  if (list.first === "ready") remember(event.url, list);
  return { url: event.url, list };
}

export interface ProductList {
  readonly list: ListState;
  readonly retry: () => void;
  readonly showMore: () => void;
  readonly showWaiting: () => void;
}

export function useProductList(query: Query): ProductList {
  const client = useClient();
  const url = urlOf(query);
  const [state, dispatch] = useReducer(reduce, url, (first) => ({
    url: first,
    list: remembered.get(first) ?? EMPTY,
  }));
  const list = state.url === url ? state.list : (remembered.get(url) ?? EMPTY);
  const stop = useRef(new AbortController());

  const ask = useCallback(
    (cursor: string | null, took: (page: Page) => void, failed: (error: ApiError) => void) => {
      const { signal } = stop.current;
      getJson<Page>(apiPath(query, cursor), signal).then(
        (page) => {
          if (signal.aborted) return;
          client.store.offer(page.items.flatMap(entriesOf));
          took(page);
        },
        (problem: unknown) => {
          if (signal.aborted) return;
          if (!(problem instanceof ApiError)) throw problem;
          failed(problem);
        },
      );
    },
    [client, query],
  );

  const load = useCallback(() => {
    dispatch({ url, type: "started" });
    ask(
      null,
      (page) => dispatch({ url, type: "loaded", page }),
      (error) => dispatch({ url, type: "failed", error }),
    );
  }, [ask, url]);

  useEffect(() => {
    stop.current = new AbortController();
    const known = remembered.get(url);
    if (known === undefined) load();
    else {
      dispatch({ url, type: "started" });
      dispatch({ url, type: "loaded", page: known });
      // It may be old: what is newer is shown the way any news is.
      ask(null, (page) => dispatch({ url, type: "newer", page, quietly: false }), ignore);
    }
    return () => stop.current.abort();
  }, [url, load, ask]);

  useRevision(query.category, () => {
    const quietly = window.scrollY < QUIET_SCROLL_PX_MAX;
    ask(null, (page) => dispatch({ url, type: "newer", page, quietly }), ignore);
  });

  const showMore = useCallback(() => {
    dispatch({ url, type: "moreStarted" });
    ask(
      list.next,
      (page) => dispatch({ url, type: "moreLoaded", page }),
      (error) => dispatch({ url, type: "moreFailed", error }),
    );
  }, [ask, url, list.next]);

  const showWaiting = useCallback(() => dispatch({ url, type: "waitingShown" }), [url]);
  return { list, retry: load, showMore, showWaiting };
}

/** News that cannot be had now come with the next revision, or with a reload. */
function ignore(): void {}
