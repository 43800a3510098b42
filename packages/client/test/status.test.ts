import { describe, expect, it } from "vitest";
import { StatusTracker } from "../src/core/status.ts";
import { FakeClock } from "../src/testing/index.ts";

const SERVER = 1_795_000_000_000;

function connected() {
  const clock = new FakeClock();
  const tracker = new StatusTracker(clock);
  tracker.welcomed(0, SERVER);
  tracker.connection(true, true);
  return { clock, tracker };
}

describe("the status", () => {
  it("is offline before the first connection and after the last", () => {
    const tracker = new StatusTracker(new FakeClock());
    expect(tracker.get()).toMatchObject({ status: "offline", ageMs: null, provenAt: null });
    tracker.proved(0, SERVER);
    expect(tracker.get().status).toBe("offline");
  });

  it("tells a first connection that is being made from one that was lost or could not be", () => {
    const told: boolean[] = [];
    const tracker = new StatusTracker(new FakeClock());
    const stop = tracker.subscribe(() => told.push(tracker.get().connecting));
    expect(tracker.get().connecting).toBe(true);
    tracker.unreached();
    tracker.begun();
    tracker.connection(true, true);
    tracker.connection(false, false);
    expect(told).toEqual([false, true, false, false]);
    stop();
  });

  it.each([
    [0, "live"],
    [3_000, "live"],
    [3_001, "delayed"],
    [10_000, "delayed"],
    [10_001, "stale"],
  ])("with a proof that is %i ms old is %s", async (ms, status) => {
    const { clock, tracker } = connected();
    await clock.advance(ms);
    expect(tracker.get().status).toBe(status);
    expect(tracker.ageMs()).toBe(ms);
  });

  it("counts the lag that the server tells", () => {
    const { tracker } = connected();
    tracker.proved(4_000, SERVER);
    expect(tracker.get()).toMatchObject({
      ...{ status: "delayed", ageMs: 4_000, provenAt: SERVER - 4_000 },
    });
  });

  it("is delayed while a subscription is not live yet", () => {
    const { tracker } = connected();
    tracker.connection(true, false);
    expect(tracker.get().status).toBe("delayed");
  });

  it("goes on telling the age while offline", async () => {
    const { clock, tracker } = connected();
    tracker.connection(false, false);
    await clock.advance(61_000);
    expect(tracker.get()).toMatchObject({ status: "offline", ageMs: 61_000 });
  });
});

describe("under a wrong clock", () => {
  it.each([-60_000, 0, 60_000])(
    "the age is right when the server's differs by %i ms",
    async (skew) => {
      const clock = new FakeClock();
      const tracker = new StatusTracker(clock);
      tracker.welcomed(0, SERVER + skew);
      tracker.connection(true, true);
      for (let beat = 1; beat <= 5; beat += 1) {
        await clock.advance(2_000);
        tracker.proved(10, SERVER + skew + 2_000 * beat);
        expect(tracker.ageMs()).toBe(10);
      }
      await clock.advance(2_500);
      expect(tracker.ageMs()).toBe(2_510);
      expect(tracker.serverNow()).toBe(SERVER + skew + 12_500);
    },
  );

  it("never asks the wall clock", async () => {
    const real = Date.now;
    Date.now = () => {
      throw new Error("somebody asked");
    };
    try {
      const { clock, tracker } = connected();
      await clock.advance(1_000);
      expect(tracker.get().status).toBe("live");
    } finally {
      Date.now = real;
    }
  });

  it("knows a beat that lay in a queue by its time, and calls nothing live for it", async () => {
    const { clock, tracker } = connected();
    await clock.advance(60_000);
    tracker.proved(0, SERVER + 2_000); // sent 58 s ago, read now
    expect(tracker.get()).toMatchObject({ status: "stale", ageMs: expect.closeTo(58_000, -2) });
    tracker.proved(0, SERVER + 60_000);
    expect(tracker.get().status).toBe("live");
  });

  it("does not take the drift of two crystals for lateness", async () => {
    const { clock, tracker } = connected();
    for (let minute = 1; minute <= 600; minute += 1) {
      await clock.advance(60_000);
      tracker.proved(0, SERVER + minute * 60_000 * (1 - 0.0001));
      expect(tracker.ageMs()).toBeLessThan(50);
    }
  });

  it("starts anew with another server, whose clock may be behind", async () => {
    const { clock, tracker } = connected();
    await clock.advance(5_000);
    tracker.welcomed(0, SERVER - 3_600_000);
    expect(tracker.get()).toMatchObject({ status: "live", ageMs: 0 });
  });
});

describe("who listens to the status", () => {
  it("hears of each second and of each change of status, without a message", async () => {
    const { clock, tracker } = connected();
    const heard: string[] = [];
    const stop = tracker.subscribe(() => heard.push(tracker.get().status));
    await clock.advance(11_000);
    expect(heard).toContain("delayed");
    expect(heard.at(-1)).toBe("stale");
    stop();
    expect(clock.pending).toBe(0);
  });

  it("hears of what another reader has seen already", async () => {
    const { clock, tracker } = connected();
    let heard = "";
    tracker.subscribe(() => {
      heard = tracker.get().status;
    });
    tracker.proved(0, SERVER);
    await clock.advance(3_400);
    tracker.connection(true, true);
    const reader = () => tracker.get();
    await clock.advance(90);
    reader();
    await clock.advance(500);
    expect(heard).toBe("delayed");
  });

  it("gets the same object while nothing changed that is worth a rendering", async () => {
    const { clock, tracker } = connected();
    const first = tracker.get();
    await clock.advance(900);
    expect(tracker.get()).toBe(first);
    await clock.advance(100);
    expect(tracker.get()).not.toBe(first);
  });
});
