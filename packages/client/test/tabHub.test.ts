/** What the leading tab passes on of its own talk with the server. */

import { expect, it } from "vitest";
import { StatusTracker } from "../src/core/status.ts";
import { Steps } from "../src/core/steps.ts";
import { Store } from "../src/core/store.ts";
import { type FromLeader, TabHub } from "../src/core/tabHub.ts";
import { FakeClock } from "../src/testing/index.ts";

/** A leader with followers, and what each was told. */
class Leader {
  readonly told: [link: string, message: { t: string; id?: number | null }][] = [];
  readonly hub: TabHub;

  constructor() {
    const clock = new FakeClock();
    const tell = (news: unknown) => {
      const said = news as FromLeader;
      if (said.to === "link" && said.k === "text")
        this.told.push([said.link, JSON.parse(said.text)]);
    };
    this.hub = new TabHub(
      {
        ...{ store: new Store(), status: new StatusTracker(clock), clock },
        isOpen: () => true,
        role: () => null,
        subscribe: () => () => {},
        stateOf: () => "live",
        refusal: () => undefined,
      },
      { tell, listen: () => {}, close: () => {} },
      new Steps(),
    );
  }

  say(link: string, said: object): void {
    this.hub.hear({ to: "leader", link, k: "say", text: JSON.stringify(said) });
  }
}

it("tells who speaks now to tabs that were greeted, as an answer to nobody's question", () => {
  const leader = new Leader();
  for (const link of ["greeted", "new"]) leader.hub.hear({ to: "leader", link, k: "open" });
  leader.say("greeted", { t: "hello", proto: 1, epoch: null });
  leader.told.length = 0;
  const authed = { t: "authed", subject: "anna", role: "operator", expires_at: null } as const;
  leader.hub.message({ ...authed, id: 7 });
  // A follower may wait for an answer of its own under this very number.
  expect(leader.told).toEqual([["greeted", { ...authed, id: -1 }]]);
});
