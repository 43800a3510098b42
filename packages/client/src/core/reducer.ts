/** What a client holds: the rules of docs/protocol/sync-v1.md section 5, and nothing else. */

import { CODES } from "./codes.ts";
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
  /**
   * Topics with a gap that was not there before, or that were dropped since the caller is another
   * one: subscribe to these anew, without versions.
   */
  readonly missed: readonly string[];
  /** Every version that was taken, in order: what facts are told from. */
  readonly steps: readonly Step[];
}

export interface Step {
  readonly topic: string;
  readonly held: Held;
}

/** Kinds that everybody sees, and sees whole. */
const PUBLIC_KINDS: ReadonlySet<string> = new Set(["product", "category", "stock", "price"]);

const NOTHING: Change = { topics: new Set(), dropped: false, missed: [], steps: [] };

/** A client's copy. It never steps back, whatever is repeated, reordered or late. */
export class Replica {
  epoch: number | null;
  readonly docs: Map<string, Held>;
  /** Topics with a gap: the newest version known to exist and not held. */
  readonly missed = new Map<string, number>();

  /** Topics whose document was found to be another than the server's: the same version is taken anew. */
  readonly suspect = new Set<string>();

  /** Whose all is that is held and that not everybody sees; null before the server said. */
  role: string | null = null;

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
      case "welcome": {
        const change = this.#greeted(message.role);
        return message.epoch === this.epoch ? change : this.#drop(message.epoch, change.topics);
      }
      case "authed":
        return this.#greeted(message.role);
      case "revoke":
      case "narrow":
        return this.forget(message.topic);
      case "error":
        if (message.code !== CODES.TopicRefused) return NOTHING;
        return this.forget(String(message.data?.topic));
      default:
        return NOTHING;
    }
  }

  /** What the caller may not see, or not so, is not kept; a version that was held counts no more. */
  forget(topic: string): Change {
    this.missed.delete(topic);
    this.suspect.delete(topic);
    return this.docs.delete(topic) ? { ...NOTHING, topics: new Set([topic]) } : NOTHING;
  }

  /** Somebody else may see less of what is held, at the same version: it is fetched anew. */
  #greeted(role: string | null = this.role): Change {
    const before = this.role;
    this.role = role;
    if (before === null || before === role) return NOTHING;
    const isPublic = (topic: string) => PUBLIC_KINDS.has(topic.split(":", 1)[0] ?? "");
    const gone = [...this.docs].filter(([topic]) => !isPublic(topic));
    for (const [topic, { v }] of gone) {
      const known = Math.max(v, this.missed.get(topic) ?? v);
      this.forget(topic);
      this.missed.set(topic, known);
    }
    const topics = gone.map(([topic]) => topic);
    return { ...NOTHING, topics: new Set(topics), missed: topics };
  }

  #drop(epoch: number, gone: Iterable<string> = []): Change {
    const topics = new Set([...gone, ...this.docs.keys()]);
    this.epoch = epoch;
    this.docs.clear();
    this.missed.clear();
    this.suspect.clear();
    return { ...NOTHING, topics, dropped: true };
  }

  #take(items: readonly Item[]): Change {
    const before = new Set(this.missed.keys());
    const topics = new Set<string>();
    const steps: Step[] = [];
    for (const item of items) {
      if (!this.#item(item)) continue;
      topics.add(item.topic);
      steps.push({ topic: item.topic, held: this.docs.get(item.topic) as Held });
    }
    const missed = [...this.missed.keys()].filter((topic) => !before.has(topic));
    return { topics, dropped: false, missed, steps };
  }

  #heals(item: Item, { v }: Held): boolean {
    return item.t === "snap" && item.v === v && this.suspect.has(item.topic);
  }

  #item(item: Item): boolean {
    const held = this.docs.get(item.topic);
    if (item.t !== "snap" && item.t !== "patch") return false;
    if (held !== undefined && item.v <= held.v && !this.#heals(item, held)) return false;
    if (item.t === "snap") {
      this.suspect.delete(item.topic);
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
