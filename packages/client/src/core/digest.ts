/**
 * A proof that what is held is what the server has: a hash of it, sent when nothing moves. Only
 * topics that differ are fetched again.
 */

import type { Clock } from "./clock.ts";
import type { ClientMessage, Json } from "./protocol.ts";

/** Quiet on the connection after which a digest is sent. */
export const IDLE_MS = 15_000;
/** Topics in one digest; the next one goes on behind them. */
export const DIGEST_TOPICS_MAX = 500;
/** Characters of topics in one digest: it stays below 128 KiB. */
export const DIGEST_CHARS_MAX = 18_000;

export interface DigestEntry {
  readonly topic: string;
  readonly v: number;
  readonly doc: Json | null;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/** CRC-32 (as in zlib) of a text's UTF-8, 8 hexadecimal digits. */
export function crc32(text: string): string {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    crc = (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

/** JSON with one spelling: fields in the order of their code points, no spaces. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([one], [other]) => byCodePoint(one, other));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
}

/** The hash over documents, in the order of their topics: a line `topic@v document` for each. */
export function digestOf(entries: readonly DigestEntry[]): string {
  const sorted = [...entries].sort((one, other) => byCodePoint(one.topic, other.topic));
  return crc32(sorted.map(({ topic, v, doc }) => `${topic}@${v} ${canonical(doc)}\n`).join(""));
}

/** Not by `<`, which compares UTF-16 units: other languages do not. */
function byCodePoint(one: string, other: string): number {
  const [left, right] = [[...one], [...other]];
  for (let at = 0; at < left.length && at < right.length; at += 1) {
    const apart = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (apart !== 0) return apart;
  }
  return left.length - right.length;
}

interface Surroundings {
  clock: Clock;
  /** What is live and held, by topic. */
  entries: () => DigestEntry[];
  /** Sends on the open connection, under a number of its own; nothing where there is none. */
  send: (message: (id: number) => ClientMessage) => void;
  /** These are not what the server has. */
  differ: (topics: readonly string[]) => void;
}

export interface DigestCounts {
  /** Digests that were answered. */
  readonly checked: number;
  /** Topics that differed, and were fetched again. */
  readonly differed: number;
}

export class Digest {
  readonly #around: Surroundings;
  #timer: unknown = null;
  #asked: { id: number; versions: Readonly<Record<string, number>> } | null = null;
  #supported = true;
  /** Where the next digest goes on. */
  #from = 0;
  #counts = { checked: 0, differed: 0 };

  constructor(around: Surroundings) {
    this.#around = around;
  }

  get counts(): DigestCounts {
    return this.#counts;
  }

  /** Documents moved, or a connection began: not idle before IDLE_MS from now. */
  moved(): void {
    this.#around.clock.cancel(this.#timer);
    this.#timer = this.#supported ? this.#around.clock.after(IDLE_MS, () => this.#ask()) : null;
  }

  lost(): void {
    this.#around.clock.cancel(this.#timer);
    this.#timer = this.#asked = null;
  }

  same(id: number): void {
    if (this.#asked?.id !== id) return;
    this.#counts = { ...this.#counts, checked: this.#counts.checked + 1 };
    this.#asked = null;
    this.moved();
  }

  /** The server has something else; `hashes` tells of each topic what it has. */
  differ(id: number, topics: readonly string[], hashes?: Readonly<Record<string, string>>): void {
    if (this.#asked?.id !== id) return;
    const { versions } = this.#asked;
    const held = new Map(this.#around.entries().map((entry) => [entry.topic, entry]));
    const wrong = topics.filter((topic) => {
      const mine = held.get(topic);
      // What moved since is another version: that it differs from the digest says nothing.
      if (mine === undefined || mine.v !== versions[topic]) return false;
      // No hash: the server cannot tell, as it has a newer one that is on its way.
      const theirs = hashes?.[topic];
      return hashes === undefined || (theirs !== "" && theirs !== digestOf([mine]));
    });
    this.#counts = {
      checked: this.#counts.checked + 1,
      differed: this.#counts.differed + wrong.length,
    };
    this.#asked = null;
    if (wrong.length > 0) this.#around.differ(wrong);
    this.moved();
  }

  /** A server that does not know digests says so once, and is not asked again. */
  refused(id: number | null): boolean {
    if (id === null || this.#asked?.id !== id) return false;
    this.#supported = false;
    this.lost();
    return true;
  }

  #ask(): void {
    this.#timer = null;
    const all = this.#around.entries();
    if (this.#from >= all.length) this.#from = 0;
    const part: DigestEntry[] = [];
    let chars = 0;
    for (const entry of all.slice(this.#from, this.#from + DIGEST_TOPICS_MAX)) {
      chars += entry.topic.length;
      if (part.length > 0 && chars > DIGEST_CHARS_MAX) break;
      part.push(entry);
    }
    this.#from += part.length;
    if (part.length === 0) return;
    const topics = Object.fromEntries(part.map(({ topic, v }) => [topic, v]));
    const hash = digestOf(part);
    this.#around.send((id) => {
      this.#asked = { id, versions: topics };
      return { t: "digest", id, topics, hash };
    });
  }
}
