/** A supplier's key: looked at by the shop once, then kept by this browser until somebody leaves. */

import { keep } from "../shared/kept.ts";
import type { Session } from "../shared/session.ts";

interface Me {
  readonly role: string;
  readonly supplier: string | null;
  readonly expires_at_ms: number | null;
}

const NO_KEY = "That is no supplier's key, or it has ended. Ask the shop for another one.";

/** Comes in by a key; what is said where that was not possible, empty where it was. */
export async function enter(token: string): Promise<string> {
  let answer: Response;
  try {
    const headers = { authorization: `Bearer ${token}` };
    answer = await fetch("/api/sessions/me", { headers, credentials: "omit" });
  } catch {
    return "The shop cannot be reached. Check your connection, then try again.";
  }
  if (!answer.ok) return NO_KEY;
  const me = (await answer.json()) as Me;
  if (me.role !== "supplier" || me.supplier === null) return NO_KEY;
  const session: Session = {
    role: "supplier",
    subject: me.supplier,
    token,
    expires_at_ms: me.expires_at_ms ?? 0,
  };
  keep("shopwire.session.supplier", JSON.stringify(session));
  return "";
}
