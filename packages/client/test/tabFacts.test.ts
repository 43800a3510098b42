/** A tab that was away for a moment is told every version of a fact by the tab that leads. */

import { describe, expect, it } from "vitest";
import type { Item, ServerMessage } from "../src/core/protocol.ts";
import { type Change, Replica } from "../src/core/reducer.ts";
import { StatusTracker } from "../src/core/status.ts";
import { STEPS_MAX, Steps } from "../src/core/steps.ts";
import { Store } from "../src/core/store.ts";
import { type FromLeader, TabHub } from "../src/core/tabHub.ts";
import { FakeClock } from "../src/testing/index.ts";

const WELCOME: ServerMessage = {
  ...{ t: "welcome", proto: 1, epoch: 1, head: [], now: 0, lag_ms: 0, beat_ms: 2_000 },
  ...{ session: "x", limits: {} },
};

function snap(topic: string, v: number): Item {
  return { t: "snap", topic, v, doc: { n: v }, at: v };
}

/** A leader that holds a topic, and what it tells a follower. */
class Leader {
  readonly steps = new Steps();
  readonly #store = new Store();
  readonly #told: ServerMessage[] = [];
  readonly #hub: TabHub;

  constructor() {
    const clock = new FakeClock();
    const tell = (news: unknown) => {
      const said = news as FromLeader;
      if (said.to === "link" && said.k === "text") this.#told.push(JSON.parse(said.text));
    };
    this.#hub = new TabHub(
      {
        ...{ store: this.#store, status: new StatusTracker(clock), clock },
        isOpen: () => true,
        role: () => null,
        subscribe: () => () => {},
        stateOf: () => "live",
        refusal: () => undefined,
      },
      { tell, listen: () => {}, close: () => {} },
      this.steps,
    );
    this.take(WELCOME);
  }

  take(message: ServerMessage): Change {
    const change = this.#store.apply(message);
    this.steps.took(change);
    return change;
  }

  /** What a follower is told that comes back with a version. */
  told(topic: string, have: number): number[] {
    this.#told.length = 0;
    this.#hub.hear({ to: "leader", link: "f", k: "open" });
    const sub = { t: "sub", id: 1, topics: [topic], have: { [topic]: have }, epoch: 1 };
    for (const said of [{ t: "hello", proto: 1, epoch: 1 }, sub]) {
      this.#hub.hear({ to: "leader", link: "f", k: "say", text: JSON.stringify(said) });
    }
    const items = this.#told.flatMap((message) => (message.t === "batch" ? message.items : []));
    expect(this.#told.at(-1)?.t).toBe("live");
    return items.map(({ v }) => v);
  }
}

describe("a follower that comes back", () => {
  it("is told each version that it missed, in order", () => {
    const leader = new Leader();
    for (let v = 1; v <= 6; v += 1) leader.take(snap("payment:x", v));
    expect(leader.told("payment:x", 2)).toEqual([3, 4, 5, 6]);
    expect(leader.told("payment:x", 6)).toEqual([]);
  });

  it("gets the newest where some in between are not known", () => {
    const leader = new Leader();
    for (const v of [1, 2, 5, 6]) leader.take(snap("payment:x", v));
    expect(leader.told("payment:x", 4)).toEqual([5, 6]);
    expect(leader.told("payment:x", 2)).toEqual([6]);
  });
});

describe("steps", () => {
  it("are kept up to a number", () => {
    const leader = new Leader();
    for (let v = 1; v <= 3; v += 1) leader.take(snap("payment:x", v));
    for (let n = 0; n < STEPS_MAX - 2; n += 1) leader.take(snap(`stock:${n}`, 1));
    expect(leader.steps.between("payment:x", 1, 3)).toHaveLength(2);
    leader.take(snap("stock:last", 1));
    expect(leader.steps.between("payment:x", 1, 3)).toBeNull();
    expect(leader.steps.between("payment:x", 2, 3)).toHaveLength(1);
  });

  it("are forgotten with the right to see them", () => {
    const leader = new Leader();
    leader.take(snap("payment:x", 1));
    leader.take(snap("payment:y", 1));
    leader.take({ t: "revoke", topic: "payment:x", reason: "withdrawn" });
    expect(leader.steps.between("payment:y", 0, 1)).toHaveLength(1);
    expect(leader.steps.between("payment:x", 0, 1)).toBeNull();
  });

  it("end with their epoch", () => {
    const steps = new Steps();
    const replica = new Replica();
    steps.took(replica.apply(WELCOME));
    steps.took(replica.apply(snap("payment:x", 1)));
    steps.took(replica.apply({ t: "reset", epoch: 2, reason: "epoch_changed" }));
    expect(steps.between("payment:x", 0, 1)).toBeNull();
  });
});
