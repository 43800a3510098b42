/** The tables of states are whole: no event leads nowhere, and what they promise holds. */

import { describe, expect, it } from "vitest";
import { CONNECTION_EVENTS, type ConnectionState, next } from "../src/core/connectionStates.ts";
import { becomes, TOPIC_EVENTS, type TopicState } from "../src/core/topicStates.ts";

const TOPICS: TopicState[] = ["gone", "due", "asked", "live", "gap", "refused", "revoked"];
const CONNECTIONS: ConnectionState[] = [
  "idle",
  "connecting",
  "handshaking",
  "open",
  "waiting",
  "closed",
];

describe("every state of a topic", () => {
  it.each(TOPICS.flatMap((state) => TOPIC_EVENTS.map((event) => [state, event] as const)))(
    "%s knows %s",
    (state, event) => {
      expect(TOPICS).toContain(becomes(state, event));
    },
  );

  it.each(TOPICS)("%s: is over when released, and asks again on the next connection", (state) => {
    expect(becomes(state, "release")).toBe("gone");
    expect(becomes(state, "lost")).toBe(state === "gone" ? "gone" : "due");
  });

  it.each(TOPICS)("%s: nothing but an answer makes it live", (state) => {
    for (const event of TOPIC_EVENTS) {
      if (becomes(state, event) !== "live" || state === "live") continue;
      expect([state, event]).toEqual([expect.stringMatching(/asked|gap/), "live"]);
    }
  });

  it("what was taken back is not live by an answer that was on its way", () => {
    expect(becomes(becomes("live", "revoke"), "live")).toBe("revoked");
    expect(becomes(becomes("asked", "refuse"), "live")).toBe("refused");
  });

  it("another caller is asked for what was refused or taken back, and for nothing else", () => {
    const due = TOPICS.filter((state) => state !== "due" && becomes(state, "access") === "due");
    expect(due).toEqual(["refused", "revoked"]);
  });
});

describe("every state of a connection", () => {
  it.each(
    CONNECTIONS.flatMap((state) => CONNECTION_EVENTS.map((event) => [state, event] as const)),
  )("%s knows %s", (state, event) => {
    expect(CONNECTIONS).toContain(next(state, event));
  });

  it.each(CONNECTIONS)("%s: ends when stopped, and begins when started", (state) => {
    expect(next(state, "stop")).toBe("idle");
    expect(["connecting", "handshaking", "open", "waiting"]).toContain(next(state, "start"));
  });

  it("only a welcome opens", () => {
    for (const state of CONNECTIONS) {
      for (const event of CONNECTION_EVENTS) {
        if (next(state, event) !== "open" || state === "open") continue;
        expect([state, event]).toEqual(["handshaking", "welcome"]);
      }
    }
  });
});
