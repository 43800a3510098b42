import type { PulseDocument } from "@shopwire/client";
import { describe, expect, test } from "vitest";
import { spoken } from "../src/console/Chart.tsx";
import { shares } from "../src/console/ImportPage.tsx";
import { deltaText, joined } from "../src/console/LedgerTable.tsx";
import { numberText } from "../src/console/metrics.ts";
import { BEATS_MAX, type Beat, withBeat } from "../src/console/pulse.ts";
import { sparkPath } from "../src/console/Sparkline.tsx";
import type { LedgerLine } from "../src/shared/documents.ts";

const beat = (now_ms: number): PulseDocument => ({ now_ms }) as PulseDocument;

describe("collected beats", () => {
  test("mark a silence as a gap", () => {
    const beats = withBeat([beat(1_000)], beat(9_000));
    expect(beats).toEqual([beat(1_000), null, beat(9_000)]);
  });

  test("take a beat once, and none that is older", () => {
    const beats: readonly Beat[] = [beat(2_000)];
    expect(withBeat(beats, beat(2_000))).toBe(beats);
    expect(withBeat(beats, beat(1_000))).toBe(beats);
  });

  test("are bounded", () => {
    let beats: readonly Beat[] = [];
    for (let at = 1; at <= BEATS_MAX + 50; at += 1) beats = withBeat(beats, beat(at * 1_000));
    expect(beats).toHaveLength(BEATS_MAX);
    expect(beats.at(-1)).toEqual(beat((BEATS_MAX + 50) * 1_000));
  });
});

test("a sparkline leaves gaps where nothing is known", () => {
  expect(sparkPath([1, null, 1], 10, 10)).toBe("M0.0 0.0M10.0 0.0");
  expect(sparkPath([0, 2], 10, 10)).toBe("M0.0 10.0L10.0 0.0");
  expect(sparkPath([], 10, 10)).toBe("");
});

test("a chart says in words what it shows", () => {
  expect(spoken("Events", "per second", [4, null, 12])).toBe(
    "Events: 12 per second now; between 4 and 12 lately.",
  );
  expect(spoken("Events", "per second", [])).toBe("Events: nothing yet.");
});

test("numbers keep a steady width", () => {
  expect(numberText(0)).toBe("0");
  expect(numberText(3.26)).toBe("3.3");
  expect(numberText(42.7)).toBe("43");
  expect(numberText(123_456)).toBe("123k");
});

describe("the parts of an import", () => {
  test("fill the bar, and one bad row among many can still be seen", () => {
    const parts = shares([500, 99_499, 1]);
    expect(parts.reduce((sum, { width }) => sum + width, 0)).toBeCloseTo(1_000);
    expect(parts[2]?.width).toBeGreaterThan(4);
  });

  test("of nothing are nothing", () => {
    expect(shares([0, 0, 0]).every(({ width }) => width === 0)).toBe(true);
  });
});

test("ledger pages join without a line twice", () => {
  const line = (seq: number) => ({ supplier: "a", seq }) as LedgerLine;
  const lines = joined([line(4), line(3)], [line(3), line(2)]);
  expect(lines.map(({ seq }) => seq)).toEqual([4, 3, 2]);
  expect([deltaText(3), deltaText(-3), deltaText(0)]).toEqual(["+3", "−3", ""]);
});
