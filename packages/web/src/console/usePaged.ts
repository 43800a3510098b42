/** A list page by page: the newest is read again when it changes, older ones stay as they were. */

import { useClient } from "@shopwire/client/react";
import { useCallback, useState } from "react";
import { ApiError, getJson, withParams } from "../shared/api.ts";
import type { Entry, EntryPage } from "../shared/documents.ts";
import { useRemote } from "../shared/remote.ts";

export interface Paged<E> {
  readonly items: readonly E[] | null;
  readonly next: string | null;
  readonly error: ApiError | null;
  readonly more: () => void;
  readonly reload: () => void;
}

/** Both without what is in each of them twice, the newer one first. */
export function joinedEntries<E extends Entry<unknown>>(
  newest: readonly E[],
  older: readonly E[],
): readonly E[] {
  const known = new Set(newest.map(({ topic }) => topic));
  return [...newest, ...older.filter(({ topic }) => !known.has(topic))];
}

interface Older<E> {
  readonly path: string;
  readonly items: readonly E[];
  readonly next: string | null;
}

/** Entries of a list whose documents go into the client's store, by version. */
export function usePaged<E extends Entry<unknown>>(path: string): Paged<E> {
  const client = useClient();
  const { data, error, reload } = useRemote(path, async (at, signal) => {
    const page = await getJson<EntryPage<E>>(at, signal);
    client.store.offer(page.items);
    return page;
  });
  const [older, setOlder] = useState<Older<E> | null>(null);
  const [failed, setFailed] = useState<{ path: string; error: ApiError } | null>(null);
  const below = older?.path === path ? older : null;
  const first = data?.items ?? null;
  const next = below === null ? (data?.next ?? null) : below.next;
  const more = useCallback(() => {
    getJson<EntryPage<E>>(withParams(path, { cursor: next })).then(
      (page) => {
        client.store.offer(page.items);
        setFailed(null);
        const kept = below?.items ?? first ?? [];
        setOlder({ path, items: joinedEntries(kept, page.items), next: page.next });
      },
      (problem: unknown) => {
        if (!(problem instanceof ApiError)) throw problem;
        setFailed({ path, error: problem });
      },
    );
  }, [client, path, next, below, first]);
  return {
    items: first === null ? null : joinedEntries(first, below?.items ?? []),
    next,
    error: error ?? (failed?.path === path ? failed.error : null),
    more,
    reload,
  };
}
