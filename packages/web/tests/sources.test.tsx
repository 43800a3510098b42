import type { SourceDocument } from "@shopwire/client";
import { describe, expect, it } from "vitest";
import {
  cautionText,
  nextText,
  outcomeState,
  type SupplyRow,
  scheduleText,
} from "../src/console/useSources.ts";

const SOURCE: SourceDocument = {
  supplier: "acme",
  name: "main",
  place: {
    kind: "http",
    address: "https://a.example/f",
    pattern: "*",
    secret: "",
    header: "",
    host_key: "",
  },
  schedule: { every_minutes: 90, daily_at: null, time_zone: "UTC" },
  ...{ profile: null, encoding: null, currency: "EUR", feed: null, as_of: "none" },
  state: "active",
  running_since_ms: null,
  due_ms: 1_000_000,
  ...{ trigger: "schedule", failures: 0, last: null },
};
const open = { retry_ms: 2_000_000 } as SupplyRow;

describe("sources in words", () => {
  it("says what is kept back, and nothing where all is offered", () => {
    expect(cautionText({ caution: {} })).toBe("");
    expect(cautionText({ caution: { everything: true } })).toBe("nothing is offered");
    expect(cautionText({ caution: { units: 2, share_bp: 250 } })).toBe(
      "2 units and 2.5 % of each article kept back",
    );
  });

  it("counts to the later of schedule and breaker", () => {
    expect(nextText(SOURCE, null, 940_000)).toBe("in 1 min");
    expect(nextText(SOURCE, open, 940_000)).toBe("in 17 min");
    expect(nextText(SOURCE, null, 1_000_000)).toBe("due now");
    expect(nextText({ ...SOURCE, running_since_ms: 1 }, open, 0)).toBe("running now");
    expect(nextText({ ...SOURCE, state: "paused", due_ms: null }, null, 0)).toBe("paused");
  });

  it("says a schedule as people do", () => {
    expect(scheduleText(SOURCE)).toBe("every 90 min");
    expect(scheduleText({ ...SOURCE, schedule: null })).toBe("only when asked");
    const daily = { every_minutes: null, daily_at: "06:30", time_zone: "Europe/Berlin" };
    expect(scheduleText({ ...SOURCE, schedule: daily })).toBe("daily at 06:30, Europe/Berlin");
  });

  it("shows an outcome that it does not know as it is", () => {
    expect(outcomeState("undone")).toEqual({ word: "undone", tone: "waits" });
  });
});
