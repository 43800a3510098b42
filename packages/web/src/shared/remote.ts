/** Reads that belong to what is on the screen: cancelled when it changes, never out of order. */

import { useCallback, useEffect, useState } from "react";
import { ApiError } from "./api.ts";

export interface Remote<T> {
  readonly data: T | null;
  readonly error: ApiError | null;
  /** Whether an answer is awaited; `data` may hold the one before. */
  readonly loading: boolean;
  readonly reload: () => void;
}

interface State<T> {
  readonly key: string | null;
  readonly data: T | null;
  readonly error: ApiError | null;
  readonly loading: boolean;
}

/**
 * Loads what `key` names and again on `reload`. Data of another key is never shown; while the same
 * key reloads, the data before stays. `load` must depend on nothing but the key.
 */
export function useRemote<T>(
  key: string | null,
  load: (key: string, signal: AbortSignal) => Promise<T>,
): Remote<T> {
  const [round, setRound] = useState(0);
  const [state, setState] = useState<State<T>>({ key, data: null, error: null, loading: true });

  // biome-ignore lint/correctness/useExhaustiveDependencies: `load` follows from the key, `round` asks again.
  useEffect(() => {
    if (key === null) return;
    const stop = new AbortController();
    setState((was) => ({
      key,
      data: was.key === key ? was.data : null,
      error: null,
      loading: true,
    }));
    load(key, stop.signal).then(
      (data) => {
        if (!stop.signal.aborted) setState({ key, data, error: null, loading: false });
      },
      (problem: unknown) => {
        if (stop.signal.aborted) return;
        if (!(problem instanceof ApiError)) throw problem;
        setState((was) => ({ ...was, error: problem, loading: false }));
      },
    );
    return () => stop.abort();
  }, [key, round]);

  const reload = useCallback(() => setRound((was) => was + 1), []);
  const own = state.key === key;
  return {
    data: own ? state.data : null,
    error: own ? state.error : null,
    loading: key !== null && (!own || state.loading),
    reload,
  };
}

/** The value as it was once it has stayed the same for `ms`. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
