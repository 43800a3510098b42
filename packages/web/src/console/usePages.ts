/** A list of a run, page by page, read again from the start when `version` changes. */

import { useCallback, useEffect, useState } from "react";
import { ApiError, getJson, withParams } from "../shared/api.ts";

interface Page<T> {
  readonly items: readonly T[];
  readonly next: number | null;
}

export interface Pages<T> {
  readonly items: readonly T[];
  readonly next: number | null;
  readonly error: ApiError | null;
  readonly ready: boolean;
  readonly more: () => void;
}

const PAGE_ITEMS = 50;

export function usePages<T extends { readonly seq: number }>(
  path: string,
  version: string | number,
): Pages<T> {
  const [state, setState] = useState<Omit<Pages<T>, "more">>({
    ...{ items: [], next: null, error: null, ready: false },
  });
  const last = state.items.at(-1)?.seq ?? 0;
  const read = useCallback(
    (after: number, signal?: AbortSignal) => {
      getJson<Page<T>>(withParams(path, { limit: PAGE_ITEMS, cursor: after || null }), signal).then(
        ({ items, next }) => {
          if (signal?.aborted) return;
          setState((was) => {
            const known = was.items.filter((one) => one.seq <= after);
            return { items: [...known, ...items], next, error: null, ready: true };
          });
        },
        (error: unknown) => {
          if (signal?.aborted) return;
          if (!(error instanceof ApiError)) throw error;
          setState((was) => ({ ...was, error, ready: true }));
        },
      );
    },
    [path],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: another version is read anew.
  useEffect(() => {
    const stop = new AbortController();
    read(0, stop.signal);
    return () => stop.abort();
  }, [read, version]);
  return { ...state, more: () => read(last) };
}
