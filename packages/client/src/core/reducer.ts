/** What a client holds: the rules of docs/protocol/sync-v1.md section 5, and nothing else. */

import type { Item, Json, Patch, ServerMessage } from "./protocol.ts";

/** A document at a version. `at`: when the server committed it, on the server's clock. */
export interface Held<D = Json> {
  readonly v: number;
  readonly doc: D | null;
  readonly at: number;
}

/** What one message did, told once however many items it had. */
export interface Change {
  /** Topics that hold something else now. */
  readonly topics: ReadonlySet<string>;
  /** Everything was void before that: subscribe to all anew, without versions. */
  readonly dropped: boolean;
  /** Topics with a gap that was not there before: subscribe to these anew, without versions. */
  readonly missed: readonly string[];
}

const NOTHING: Change = { topics: new Set(), dropped: false, missed: [] };

/** A client's copy. It never steps back, whatever is repeated, reordered or late. */
export class Replica {
  epoch: number | null;
  readonly docs: Map<string, Held>;
  /** Topics with a gap: the newest version known to exist and not held. */
  readonly missed = new Map<string, number>();

  constructor(epoch: number | null = null, docs: Iterable<[string, Held]> = []) {
    this.epoch = epoch;
    this.docs = new Map(docs);
  }

  apply(message: ServerMessage): Change {
    switch (message.t) {
      case "snap":
      case "patch":
        return this.#take([message]);
      case "batch":
        return this.#take(message.items);
      case "reset":
        return this.#drop(message.epoch);
      case "welcome":
        return message.epoch === this.epoch ? NOTHING : this.#drop(message.epoch);
      default:
        return NOTHING;
    }
  }

  #drop(epoch: number): Change {
    const topics = new Set(this.docs.keys());
    this.epoch = epoch;
    this.docs.clear();
    this.missed.clear();
    return { topics, dropped: true, missed: [] };
  }

  #take(items: readonly Item[]): Change {
    const before = new Set(this.missed.keys());
    const topics = new Set<string>();
    for (const item of items) if (this.#item(item)) topics.add(item.topic);
    const missed = [...this.missed.keys()].filter((topic) => !before.has(topic));
    return { topics, dropped: false, missed };
  }

  #item(item: Item): boolean {
    const held = this.docs.get(item.topic);
    if (item.t !== "snap" && item.t !== "patch") return false;
    if (held !== undefined && item.v <= held.v) return false;
    if (item.t === "snap") {
      this.docs.set(item.topic, { v: item.v, doc: item.doc, at: item.at });
    } else if (held === undefined || held.doc === null || held.v !== item.from) {
      this.missed.set(item.topic, Math.max(item.v, this.missed.get(item.topic) ?? 0));
      return false;
    } else {
      this.docs.set(item.topic, { v: item.v, doc: patched(held.doc, item), at: item.at });
    }
    if ((this.missed.get(item.topic) ?? Number.POSITIVE_INFINITY) <= item.v) {
      this.missed.delete(item.topic);
    }
    return true;
  }
}

/** A new object: what still holds the old one must not change under its feet. */
function patched(doc: Json, patch: Patch): Json {
  // Entries rather than a spread of `set`: a field named __proto__ is a field like any other.
  const gone = new Set(patch.del ?? []);
  const kept = Object.entries(doc).filter(([name]) => !gone.has(name));
  return Object.fromEntries([...kept, ...Object.entries(patch.set ?? {})]);
}
