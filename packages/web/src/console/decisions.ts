/** Decisions about imports: sent once, answered with what is then. */

import { useState } from "react";
import { ApiError, type ErrorBody } from "../shared/api.ts";
import { authorized } from "../shared/session.ts";

const LOST: ErrorBody = {
  code: 0,
  name: "Unreachable",
  message: "The shop cannot be reached. Nobody knows whether it heard this.",
  temporary: true,
  remedy: "Look at the import again, then decide.",
  data: {},
};

/** Sends JSON; throws ApiError. */
export async function postJson<T>(path: string, body: object = {}): Promise<T> {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...authorized() },
      body: JSON.stringify(body),
    });
    const said: unknown = await answer.json();
    if (answer.ok) return said as T;
    throw new ApiError(answer.status, said as ErrorBody);
  } catch (problem) {
    throw problem instanceof ApiError ? problem : new ApiError(0, LOST);
  }
}

export interface Decision<T> {
  readonly pending: boolean;
  readonly error: ApiError | null;
  /** What was answered; null where it was refused, as `error` says. */
  readonly send: (path: string, body?: object) => Promise<T | null>;
}

/** One decision at a time: while it is on its way, another one is not sent. */
export function useDecision<T>(): Decision<T> {
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const send = async (path: string, body?: object): Promise<T | null> => {
    if (pending) return null;
    setPending(true);
    setError(null);
    try {
      return await postJson<T>(path, body);
    } catch (problem) {
      setError(problem as ApiError);
      return null;
    } finally {
      setPending(false);
    }
  };
  return { pending, error, send };
}

export function importPath(run: string, rest = ""): string {
  return `/api/imports/${encodeURIComponent(run)}${rest}`;
}
