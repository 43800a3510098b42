/**
 * What a command is expected to do, shown before the server has said so: layers over the documents
 * that were received. A layer ends with its command's refusal, or in the very step in which the
 * received documents hold the versions that the answer named.
 */

import type { DocumentOf } from "./documents.ts";
import type { Json } from "./protocol.ts";
import type { Held } from "./reducer.ts";

/**
 * A document as it will be; null where there is none. Pure, and it says what will be rather than
 * how much more: over a document that has it already it changes nothing, because the received
 * document may be there before the answer is.
 */
export type Change = (doc: Json | null) => Json | null;

/** Changes by topic, of one command. */
export type Changes = Readonly<Record<string, Change>>;

/** The change of one topic, whose document is known by its kind. */
export function change<T extends string>(
  topic: T,
  become: (doc: DocumentOf<T> | null) => DocumentOf<T> | null,
): Changes {
  return { [topic]: become as unknown as Change };
}

/** Layers at once; a command beyond them is shown when its effect is received, as without any. */
export const LAYERS_MAX = 1_000;

/** What one command is expected to do. */
export interface Layer {
  /** The answer: the layer stays until the documents below it hold these versions. */
  confirm(versions: Readonly<Record<string, number>>): void;
  /** Refused, superseded or without an answer: what was received is shown again. */
  drop(): void;
}

/** Shows a layer while something is done: until its versions are received, or until it failed. */
export async function until<A extends { versions: Readonly<Record<string, number>> }>(
  layer: Layer,
  act: () => Promise<A>,
): Promise<A> {
  try {
    const answer = await act();
    layer.confirm(answer.versions);
    return answer;
  } catch (problem) {
    layer.drop();
    throw problem;
  }
}

interface Pending {
  readonly changes: Changes;
  readonly ended: () => void;
  /** The log's life that the answer's versions belong to; null while none is known. */
  epoch: number | null;
  /** Versions that the answer named, of the topics below; null before the answer. */
  awaited: Readonly<Record<string, number>> | null;
}

interface Surroundings {
  /** What was received of a topic. */
  base: (topic: string) => Held | undefined;
  epoch: () => number | null;
  /** These topics show something else now. */
  changed: (topics: ReadonlySet<string>) => void;
}

/** A document's place where nothing was received yet. */
const NOTHING: Held = { v: 0, doc: null, at: 0 };

export class Layers {
  readonly #around: Surroundings;
  /** In the order in which they were begun: a later one lies on top. */
  readonly #layers = new Set<Pending>();
  /** The same by topic: a document with few layers does not pay for those of others. */
  readonly #byTopic = new Map<string, Set<Pending>>();
  /** What was last shown over what: the same reference for the same picture. */
  readonly #shown = new Map<string, { base: Held | undefined; held: Held }>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  get size(): number {
    return this.#layers.size;
  }

  /** The topics below layers. */
  get topics(): Iterable<string> {
    return this.#byTopic.keys();
  }

  /** What is shown of a topic: what was received, and the layers over it. */
  get(topic: string): Held | undefined {
    const base = this.#around.base(topic);
    if (this.#layers.size === 0) return base;
    const known = this.#shown.get(topic);
    if (known !== undefined && known.base === base) return known.held;
    const over = this.#over(topic);
    if (over.length === 0) return base;
    const { v, doc, at } = base ?? NOTHING;
    const held = { v, doc: over.reduce((below, next) => next(below), doc), at };
    this.#shown.set(topic, { base, held });
    return held;
  }

  /** Whether something of a topic is shown that the server has not confirmed yet. */
  isPending(topic: string): boolean {
    return this.#byTopic.has(topic);
  }

  /** Shows these changes until the layer ends; `ended` is told when that is. */
  add(changes: Changes, ended: () => void = () => {}): Layer {
    const layer: Pending = { changes, ended, epoch: this.#around.epoch(), awaited: null };
    if (this.#layers.size < LAYERS_MAX) {
      this.#layers.add(layer);
      for (const topic of Object.keys(changes)) {
        this.#byTopic.set(topic, (this.#byTopic.get(topic) ?? new Set()).add(layer));
      }
      this.#around.changed(this.#forget(layer));
    } else ended();
    return {
      confirm: (versions) => {
        if (!this.#layers.has(layer)) return;
        const own = Object.keys(changes).filter((topic) => Object.hasOwn(versions, topic));
        layer.awaited = Object.fromEntries(own.map((topic) => [topic, versions[topic] ?? 0]));
        if (this.#isOver(layer)) this.#end(layer);
      },
      drop: () => this.#end(layer),
    };
  }

  /** Ends the layers that what was just received holds; returns the topics that lay below them. */
  settle(): Set<string> {
    const topics = new Set<string>();
    for (const layer of [...this.#layers]) {
      layer.epoch ??= this.#around.epoch();
      if (layer.awaited === null || !this.#isOver(layer)) continue;
      for (const topic of this.#remove(layer)) topics.add(topic);
    }
    return topics;
  }

  /** Versions of another life of the log are never reached: what was received counts then. */
  #isOver({ awaited, epoch }: Pending): boolean {
    if (epoch !== null && epoch !== this.#around.epoch()) return true;
    const versions = Object.entries(awaited ?? {});
    return versions.every(([topic, v]) => (this.#around.base(topic)?.v ?? 0) >= v);
  }

  /** Takes the layers off a topic that may not be seen any more. */
  purge(topic: string): void {
    for (const layer of [...(this.#byTopic.get(topic) ?? [])]) this.#end(layer);
  }

  #over(topic: string): Change[] {
    const over = this.#byTopic.get(topic) ?? [];
    return Array.from(over, ({ changes }) => changes[topic] as Change);
  }

  #end(layer: Pending): void {
    if (this.#layers.has(layer)) this.#around.changed(this.#remove(layer));
  }

  #remove(layer: Pending): Set<string> {
    this.#layers.delete(layer);
    for (const topic of Object.keys(layer.changes)) {
      const over = this.#byTopic.get(topic);
      over?.delete(layer);
      if (over?.size === 0) this.#byTopic.delete(topic);
    }
    layer.ended();
    return this.#forget(layer);
  }

  /** The topics below a layer, whose pictures are no longer right. */
  #forget({ changes }: Pending): Set<string> {
    const topics = new Set(Object.keys(changes));
    for (const topic of topics) this.#shown.delete(topic);
    return topics;
  }
}
