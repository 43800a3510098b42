/** What a waiting command weighs, and what is made of a problem that it met. */

import { CODES } from "./codes.ts";
import { ShopwireError, UnknownOutcome } from "./commands.ts";
import type { Json } from "./protocol.ts";
import type { QueueReason } from "./queueStorage.ts";

/** Bytes of a body as it is sent. */
export function bytesOf(body: Json): number {
  return new TextEncoder().encode(JSON.stringify(body)).length;
}

/** Whether the browser has no room for what was to be kept. */
export function isFull(problem: unknown): boolean {
  return (problem as { name?: unknown } | null)?.name === "QuotaExceededError";
}

/** Problems that pass by themselves; a missing token is one: somebody will sign in again. */
export function mayPass(problem: unknown): boolean {
  if (problem instanceof UnknownOutcome) return true;
  if (!(problem instanceof ShopwireError)) return false;
  const { code, temporary } = problem;
  return temporary || code === CODES.Unauthenticated || code === CODES.TokenExpired;
}

/** A refusal as it is kept. */
export function reasonOf(problem: unknown): QueueReason {
  if (problem instanceof ShopwireError) {
    const { code, errorName, message, remedy, data } = problem;
    return { code, name: errorName, message, remedy, data };
  }
  return { code: 0, name: "Unknown", message: String(problem), remedy: "", data: {} };
}
