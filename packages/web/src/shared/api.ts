/** Reads over HTTP. Commands go through the client (live.tsx), which knows how to retry them. */

import { ShopwireError } from "@shopwire/client";
import { authorized } from "./session.ts";

export interface ErrorBody {
  readonly code: number;
  readonly name: string;
  readonly message: string;
  readonly temporary: boolean;
  readonly remedy: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A refusal in the server's words, or ours where there was no server. Decide by `code`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    readonly status: number,
    readonly body: ErrorBody,
  ) {
    super(body.message);
  }
}

export const NOT_FOUND = 404;

const UNREACHABLE: ErrorBody = {
  code: 0,
  name: "Unreachable",
  message: "The shop cannot be reached.",
  temporary: true,
  remedy: "Check your connection, then try again.",
  data: {},
};

/** The same, of a read that the client made. */
export function asApiError(problem: Error): ApiError {
  if (!(problem instanceof ShopwireError)) return new ApiError(0, UNREACHABLE);
  const { code, errorName: name, message, temporary, remedy, data, status } = problem;
  return new ApiError(status, { code, name, message, temporary, remedy, data });
}

const UNREADABLE: ErrorBody = {
  code: 0,
  name: "Unreadable",
  message: "The shop gave an answer that makes no sense.",
  temporary: true,
  remedy: "Try again in a moment.",
  data: {},
};

function isErrorBody(value: unknown): value is ErrorBody {
  return typeof value === "object" && value !== null && "code" in value && "remedy" in value;
}

/** Reads JSON; throws ApiError, or the signal's AbortError. */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      headers: { accept: "application/json", ...authorized() },
      ...(signal ? { signal } : {}),
    });
  } catch (problem) {
    if (signal?.aborted) throw problem;
    throw new ApiError(0, UNREACHABLE);
  }
  let body: unknown;
  try {
    body = await answer.json();
  } catch (problem) {
    if (signal?.aborted) throw problem;
    throw new ApiError(answer.status, UNREADABLE);
  }
  if (answer.ok) return body as T;
  throw new ApiError(answer.status, isErrorBody(body) ? body : UNREADABLE);
}

/** A path with the parameters that say something. */
export function withParams(
  path: string,
  params: Readonly<Record<string, string | number | null>>,
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
}
