/** A question whose body does not fit into an address; nothing is changed by it. */

import { ApiError } from "../../shared/api.ts";
import { authorized } from "../../shared/session.ts";

export async function postJson<T>(path: string, body: unknown): Promise<T> {
  const told = (status: number, message: string): ApiError =>
    new ApiError(status, {
      code: 0,
      name: "Unreadable",
      message,
      temporary: true,
      remedy: "Try again in a moment.",
      data: {},
    });
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...authorized() },
      body: JSON.stringify(body),
    });
  } catch {
    throw told(0, "The shop cannot be reached.");
  }
  const read: unknown = await answer.json().catch(() => null);
  if (answer.ok && read !== null) return read as T;
  if (typeof read === "object" && read !== null && "code" in read && "remedy" in read) {
    throw new ApiError(answer.status, read as ApiError["body"]);
  }
  throw told(answer.status, "The shop gave an answer that makes no sense.");
}
