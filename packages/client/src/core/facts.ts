/**
 * Transitions of a topic, each told once and in order: for kinds whose every version the server
 * sends (orders, payments, shipments). The store shows the newest; this tells what led there.
 */

import type { DocumentOf } from "./documents.ts";
import { notify } from "./notify.ts";
import type { Json } from "./protocol.ts";
import type { Change, Held } from "./reducer.ts";

export interface Fact<D = Json> {
  readonly topic: string;
  readonly v: number;
  readonly doc: D | null;
  readonly at: number;
  /** Whether it is where the telling began, not something that happened while somebody listened. */
  readonly first: boolean;
  /** Versions between the one told before and this one that the server no longer had. */
  readonly skipped: number;
}

export type FactHandler<D = Json> = (fact: Fact<D>) => void;

interface Follower {
  readonly topic: string;
  readonly handler: FactHandler;
  /** The version that was told last; null before the first. */
  told: number | null;
  epoch: number | null;
}

export class Facts {
  readonly #followers = new Set<Follower>();
  readonly #epoch: () => number | null;

  constructor(epoch: () => number | null) {
    this.#epoch = epoch;
  }

  /** Tells what is held first, then each version that is taken. */
  follow<T extends string>(
    topic: T,
    held: Held | undefined,
    handler: FactHandler<DocumentOf<T>>,
  ): () => void {
    const follower: Follower = {
      topic,
      handler: handler as unknown as FactHandler,
      told: null,
      epoch: this.#epoch(),
    };
    this.#followers.add(follower);
    if (held !== undefined) this.#tell(follower, held);
    return () => this.#followers.delete(follower);
  }

  took({ steps }: Change): void {
    if (this.#followers.size === 0) return;
    for (const { topic, held } of steps) {
      for (const follower of [...this.#followers]) {
        if (follower.topic === topic && this.#followers.has(follower)) this.#tell(follower, held);
      }
    }
  }

  #tell(follower: Follower, { v, doc, at }: Held): void {
    if (follower.epoch !== this.#epoch()) {
      // Versions of another life of the log count anew.
      follower.epoch = this.#epoch();
      follower.told = null;
    }
    const { topic, handler, told } = follower;
    if (told !== null && v <= told) return;
    follower.told = v;
    const skipped = told === null ? 0 : v - told - 1;
    notify([handler], { topic, v, doc, at, first: told === null, skipped });
  }
}
