import type { StatusSnapshot } from "@shopwire/client";
import { describe, expect, test } from "vitest";
import { beliefWords, freshnessWording, oldMark, worstOf } from "../src/shared/freshness.ts";
import { ageText, agoText, clockText } from "../src/shared/time.ts";

const PROVEN = Date.UTC(2026, 10, 23, 12, 0, 0);
const at = (status: StatusSnapshot["status"], ageMs: number | null): StatusSnapshot => ({
  status,
  ageMs,
  provenAt: ageMs === null ? null : PROVEN,
  connecting: false,
});

describe("a value", () => {
  test("is as good as the worst of what it is made of", () => {
    expect(worstOf([])).toBe("live");
    expect(worstOf(["live", "stale", "delayed"])).toBe("stale");
    expect(worstOf(["offline", "live"])).toBe("offline");
  });

  test("is told in words where it may be wrong, and in none where it is current", () => {
    expect(beliefWords("live", PROVEN)).toBe("");
    expect(beliefWords("delayed", PROVEN)).toContain("few seconds old");
    expect(beliefWords("stale", PROVEN)).toBe(`(as of ${clockText(PROVEN)})`);
    expect(beliefWords("offline", PROVEN)).toContain(`as of ${clockText(PROVEN)}, the shop cannot`);
    expect(beliefWords("offline", null)).toContain("not confirmed yet");
  });
});

describe("the indicator", () => {
  test("live has no age, which would only flicker", () => {
    expect(freshnessWording(at("live", 1_400))).toMatchObject({ label: "Live", age: "" });
  });

  test("delayed and stale tell the age", () => {
    expect(freshnessWording(at("delayed", 5_200))).toMatchObject({ label: "Delayed", age: "5 s" });
    expect(freshnessWording(at("stale", 65_000))).toMatchObject({ label: "Stale", age: "1 min" });
  });

  test("offline tells the time of the last proof, and that values may be wrong", () => {
    const { label, age, sentence } = freshnessWording(at("offline", 30_000));
    expect(label).toBe("Offline");
    expect(age).toContain(clockText(PROVEN));
    expect(sentence).toContain("may be wrong");
  });

  test("before the first proof nothing is claimed", () => {
    expect(freshnessWording(at("offline", null)).label).toBe("Connecting");
    expect(freshnessWording(at("delayed", null)).label).toBe("Catching up");
  });
});

test("values are marked as soon as they cannot be vouched for, and not before", () => {
  expect(oldMark(at("live", 0))).toBeNull();
  expect(oldMark(at("delayed", 5_000))).toBeNull();
  expect(oldMark(at("stale", 12_000))).toBe(`as of ${clockText(PROVEN)}`);
  expect(oldMark(at("offline", 12_000))).toBe(`as of ${clockText(PROVEN)}`);
  expect(oldMark(at("offline", null))).toBe("not confirmed yet");
});

test("ages are short, and never in the future", () => {
  expect(ageText(-5)).toBe("0 s");
  expect(ageText(59_999)).toBe("59 s");
  expect(ageText(3_600_000)).toBe("1 h");
  expect(ageText(2 * 86_400_000)).toBe("2 days");
  expect(agoText(900)).toBe("just now");
});
