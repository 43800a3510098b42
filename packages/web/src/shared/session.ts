/**
 * Who this window is to the shop. A visitor is a shopper from the first page on, and stays the same
 * one; whoever runs the shop logs in. Each has a token of its own, so that both can be open side by
 * side in one browser.
 */

import type { TokenProvider } from "@shopwire/client";
import { useSyncExternalStore } from "react";
import { keep, kept } from "./kept.ts";

export type SessionRole = "shopper" | "operator" | "supplier";

export interface Session {
  readonly role: SessionRole;
  readonly subject: string;
  readonly token: string;
  readonly expires_at_ms: number;
}

/** Refreshed when less than this share of its time is left at most. */
const FRESH_MS = { shopper: 7 * 24 * 3_600_000, operator: 3_600_000, supplier: 0 } as const;
const WRONG = new Set([401, 403]);

/** A shopper and a supplier stay over windows and days; an operator as long as the window. */
const KIND = { shopper: "local", operator: "session", supplier: "local" } as const;
const nameOf = (role: SessionRole): string => `shopwire.session.${role}`;

/** The session of a role that this browser keeps; null where there is none. */
export function sessionOf(role: SessionRole): Session | null {
  try {
    const known = JSON.parse(kept(nameOf(role), KIND[role]) ?? "null") as Session | null;
    return known !== null && typeof known.token === "string" ? known : null;
  } catch {
    return null;
  }
}

/** Follows the session of a role. */
export function useSession(role: SessionRole): Session | null {
  const listen = (listener: () => void) => {
    window.addEventListener("shopwire:kept", listener);
    window.addEventListener("storage", listener);
    return () => {
      window.removeEventListener("shopwire:kept", listener);
      window.removeEventListener("storage", listener);
    };
  };
  const token = useSyncExternalStore(listen, () => sessionOf(role)?.token ?? null);
  return token === null ? null : sessionOf(role);
}

/** The role of the page that is shown. */
export function roleOfPage(path = window.location.pathname): SessionRole {
  if (path === "/portal" || path.startsWith("/portal/")) return "supplier";
  return path === "/console" || path.startsWith("/console/") ? "operator" : "shopper";
}

/** The header of requests that this page makes by itself. */
export function authorized(): Record<string, string> {
  const session = sessionOf(roleOfPage());
  return session === null ? {} : { authorization: `Bearer ${session.token}` };
}

/** Begins a session, or logs in; null where name and password do not fit. Throws without a shop. */
export async function begin(
  role: SessionRole,
  login: { user?: string; password?: string } = {},
): Promise<Session | null> {
  return take(role, await ask("/api/sessions", { role, ...login }));
}

/** Forgets a session that the shop does not know any more; resolves to whether it was over. */
export async function endIfOver(role: SessionRole): Promise<boolean> {
  const session = sessionOf(role);
  if (session === null) return false;
  const headers = { authorization: `Bearer ${session.token}` };
  let status: number;
  try {
    ({ status } = await fetch("/api/sessions/me", { headers, credentials: "omit" }));
  } catch {
    // Without a network nothing is known; who is back asks for a token, and learns it then.
    return false;
  }
  const over = WRONG.has(status) && sessionOf(role)?.token === session.token;
  if (over) end(role);
  return over;
}

/** Forgets a session in this browser. */
export function end(role: SessionRole): void {
  keep(nameOf(role), null, KIND[role]);
}

/**
 * Tokens for a client: the kept one while it is fresh, else another one. Asked again for the one
 * that it gave last, it takes that for refused.
 */
export function tokensOf(role: SessionRole): TokenProvider {
  let given: string | null = null;
  return async () => {
    const known = sessionOf(role);
    const fresh = known !== null && known.expires_at_ms - Date.now() > FRESH_MS[role];
    if (fresh && known.token !== given) {
      given = known.token;
      return given;
    }
    // A supplier's key is what the shop gave it: no other one is to be had here.
    const next = role === "supplier" ? null : ((await refreshed(known)) ?? (await begin(role)));
    given = next?.token ?? null;
    if (next === null) end(role);
    return given;
  };
}

async function refreshed(known: Session | null): Promise<Session | null> {
  if (known === null) return null;
  const headers = { authorization: `Bearer ${known.token}` };
  return take(known.role, await ask("/api/sessions/refresh", {}, headers));
}

async function ask(path: string, body: object, headers: object = {}): Promise<Response> {
  return fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    // The token is all that counts: what another window's cookie says is not asked.
    credentials: "omit",
  });
}

async function take(role: SessionRole, answer: Response): Promise<Session | null> {
  if (WRONG.has(answer.status)) return null;
  const said = (await answer.json()) as Partial<Session> & { message?: string };
  if (!answer.ok) throw new Error(said.message ?? `The shop answered ${answer.status}.`);
  const { subject = "", token = "", expires_at_ms = 0 } = said;
  const session: Session = { role, subject, token, expires_at_ms };
  keep(nameOf(role), JSON.stringify(session), KIND[role]);
  return session;
}
