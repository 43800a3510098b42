/**
 * The versions that a tab took lately: what another tab missed of them is told to it one by one, as
 * the server would. Where they do not reach back far enough there is the newest state.
 */

import type { Change, Held, Step } from "./reducer.ts";

/** Versions that are kept, of all topics together; the oldest go first. */
export const STEPS_MAX = 1_000;

export class Steps {
  #kept: Step[] = [];

  took({ steps, topics }: Change): void {
    // What changed without a new version was taken back, or is of another epoch: it is told to nobody.
    if (steps.length === 0) this.#kept = this.#kept.filter(({ topic }) => !topics.has(topic));
    this.#kept.push(...steps);
    this.#kept.splice(0, this.#kept.length - STEPS_MAX);
  }

  /** Every version behind one, up to another; null where not all of them are known. */
  between(topic: string, have: number | undefined, to: number): readonly Held[] | null {
    if (have === undefined) return null;
    const found = this.#kept.filter((one) => one.topic === topic && one.held.v > have);
    return found.length === to - have ? found.map(({ held }) => held) : null;
  }
}
