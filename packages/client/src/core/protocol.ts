/** The messages of docs/protocol/sync-v1.md. */

export const PROTOCOL = 1;

export type Json = Record<string, unknown>;

export interface Snap {
  t: "snap";
  topic: string;
  v: number;
  doc: Json | null;
  at: number;
}

export interface Patch {
  t: "patch";
  topic: string;
  from: number;
  v: number;
  set?: Json;
  del?: string[];
  at: number;
}

export type Item = Snap | Patch;

export interface Welcome {
  t: "welcome";
  proto: number;
  epoch: number;
  head: number[];
  now: number;
  lag_ms: number;
  beat_ms: number;
  session: string;
  /** Who the connection speaks for: anonymous, shopper, operator, supplier, service. */
  role?: string;
  limits: Record<string, number>;
}

/** Why a topic was taken back. */
export type RevokeReason = "withdrawn" | "expired" | "unauthenticated";

/** A command took effect. */
export interface DoneMessage {
  t: "done";
  id: number;
  status: number;
  replayed: boolean;
  body: { versions: Record<string, number>; result: unknown };
}

export interface ErrorMessage {
  t: "error";
  id: number | null;
  /** What HTTP would have answered. */
  status?: number;
  code: number;
  name: string;
  message: string;
  temporary: boolean;
  remedy: string;
  data: Json;
}

export type ServerMessage =
  | Welcome
  | { t: "reset"; epoch: number; reason: string }
  | Item
  | { t: "batch"; items: Item[] }
  | { t: "live"; id: number; head: number[] }
  | { t: "beat"; head: number[]; lag_ms: number; now: number }
  | { t: "pong"; id: number; now: number }
  | { t: "authed"; id: number; subject: string; role: string; expires_at: number | null }
  | { t: "expiring"; in_ms: number }
  | { t: "revoke"; topic: string; reason: RevokeReason }
  | { t: "narrow"; topic: string; view: string }
  | { t: "same"; id: number }
  | { t: "differ"; id: number; topics: string[]; hashes?: Record<string, string> }
  | DoneMessage
  | ErrorMessage;

export type ClientMessage =
  | { t: "hello"; proto: number; epoch: number | null; short?: true; token?: string }
  | { t: "auth"; id: number; token: string }
  | { t: "digest"; id: number; topics: Record<string, number>; hash: string }
  | { t: "sub"; id: number; topics: string[]; have?: Record<string, number>; epoch?: number }
  | { t: "unsub"; id: number; topics: string[] }
  | { t: "ping"; id: number }
  | { t: "cmd"; id: number; op: string; key: string; body: Json };

/** What no server of this protocol sends: close, and connect again with backoff. */
export class ProtocolBroken extends Error {
  override name = "ProtocolBroken";
}

/** Fields without which a message of a type means nothing. */
const NEEDS: Record<string, Record<string, string>> = {
  welcome: { epoch: "number", head: "object", now: "number", lag_ms: "number", beat_ms: "number" },
  reset: { epoch: "number" },
  snap: { topic: "string", v: "number" },
  patch: { topic: "string", v: "number", from: "number" },
  batch: { items: "object" },
  live: { id: "number" },
  beat: { lag_ms: "number", now: "number" },
  authed: { id: "number", role: "string" },
  expiring: { in_ms: "number" },
  revoke: { topic: "string" },
  narrow: { topic: "string" },
  same: { id: "number" },
  differ: { id: "number", topics: "object" },
  done: { id: "number", body: "object" },
  error: { code: "number" },
};

/** Reads a server's message; throws ProtocolBroken. Unknown types pass: the protocol may grow. */
export function decode(text: string): ServerMessage {
  let message: unknown;
  try {
    message = unfolded(JSON.parse(text));
  } catch (problem) {
    throw new ProtocolBroken(String(problem));
  }
  checkShape(message);
  const items = (message as { t: string; items?: unknown }).items;
  if ((message as { t: string }).t === "batch") {
    if (!Array.isArray(items)) throw new ProtocolBroken("the items of a batch are a list");
    for (const [at, item] of items.entries()) {
      items[at] = unfolded(item);
      checkShape(items[at]);
    }
  }
  return message as ServerMessage;
}

/** A tick as the patch that it stands for; anything else as it is. */
function unfolded(item: unknown): unknown {
  if (!Array.isArray(item)) return item;
  const [topic, v, set, at] = item;
  return { t: "patch", topic, from: v - 1, v, set, at };
}

function checkShape(message: unknown): void {
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new ProtocolBroken("a message is an object");
  }
  const fields = message as Json;
  if (typeof fields.t !== "string") throw new ProtocolBroken("a message has a type t");
  for (const [name, type] of Object.entries(NEEDS[fields.t] ?? {})) {
    if (typeof fields[name] !== type || fields[name] === null) {
      throw new ProtocolBroken(`${fields.t} without a usable ${name}`);
    }
  }
  if (fields.t === "patch") checkPatch(fields);
  if (fields.t === "differ" && !Array.isArray(fields.topics)) {
    throw new ProtocolBroken("the topics that differ are a list");
  }
  if (fields.t === "snap" && (typeof fields.doc !== "object" || Array.isArray(fields.doc))) {
    throw new ProtocolBroken("a document is an object or null");
  }
}

function checkPatch({ set = {}, del = [] }: Json): void {
  if (typeof set !== "object" || set === null || Array.isArray(set)) {
    throw new ProtocolBroken("the set of a patch is an object");
  }
  if (!Array.isArray(del)) throw new ProtocolBroken("the del of a patch is a list");
}
