/** What is typed about prices, and what is said of them. */

import { describe, expect, it } from "vitest";
import {
  draftOf,
  Fault,
  namesOf,
  newRule,
  rulesOf,
  scaled,
  unscaled,
} from "../src/console/prices/draft.ts";
import { bodyOf, EMPTY_PROMOTION, idOf } from "../src/console/prices/promotionDraft.ts";
import type { PriceRules, Promotion } from "../src/console/prices/types.ts";
import { barText, marginText, offText, stateOf, stepText } from "../src/console/prices/words.ts";
import { untilText } from "../src/storefront/SaleNote.tsx";

const RULES: PriceRules = {
  currency: "EUR",
  markups: [
    { cost_from_minor: 0, factor_bp: 20_000, add_minor: 0 },
    { cost_from_minor: 2_000, factor_bp: 17_500, add_minor: 50 },
  ],
  rules: [
    {
      name: "Lamps",
      when: {
        cost_from_minor: 100,
        cost_below_minor: 5_000,
        skus: [],
        categories: ["lamps"],
        brands: ["Lux & Co"],
        suppliers: ["acme"],
      },
      priority: -2,
      factor_bp: 18_250,
      add_minor: 5,
      shipping_minor: 300,
      fee_minor: null,
      fee_bp: null,
      ending_minor: null,
      exact: true,
      margin_min_bp: 1_250,
      compare_at_bp: null,
    },
  ],
  shipping_minor: 0,
  fee_minor: 25,
  fee_bp: 290,
  ending_minor: 5,
  margin_min_bp: 1_000,
  keep_map: true,
  compare_at_msrp: false,
  compare_at_bp: 12_000,
};

describe("rules as texts", () => {
  it("come back as they went in, in any currency", () => {
    for (const currency of ["EUR", "JPY", "KWD"]) {
      const rules = { ...RULES, currency, ending_minor: currency === "JPY" ? null : 5 };
      expect(rulesOf(draftOf(rules))).toEqual(rules);
    }
  });

  it("read commas and points, and keep numbers exact", () => {
    expect([scaled("1,5", 4), scaled("1.2345", 4), scaled("0.1", 2)]).toEqual([15_000, 12_345, 10]);
    expect([scaled("1.23456", 4), scaled("-1", 2), scaled("", 2), scaled("x", 2)]).toEqual(
      Array(4).fill(null),
    );
    expect([unscaled(15_000, 4), unscaled(20_000, 4), unscaled(1_250, 2)]).toEqual([
      "1.5",
      "2",
      "12.5",
    ]);
    expect(namesOf(" Lux & Co , Sit,, ")).toEqual(["Lux & Co", "Sit"]);
  });

  it("name the cell that cannot be used", () => {
    const draft = draftOf(RULES);
    const row = { ...newRule(), name: "A", times: "twice" };
    const found = (() => {
      try {
        return rulesOf({ ...draft, rules: [row] });
      } catch (fault) {
        return fault;
      }
    })();
    expect(found).toBeInstanceOf(Fault);
    expect([(found as Fault).row, (found as Fault).cell]).toEqual([row.key, "times"]);
    expect(() => rulesOf({ ...draft, ending: "100" })).toThrow("up to 2 digits");
    expect(() => rulesOf({ ...draft, rules: [{ ...row, name: " ", times: "2" }] })).toThrow("name");
  });
});

describe("a promotion as it is typed", () => {
  const now = Date.parse("2026-03-01T10:00");
  const typed = {
    ...EMPTY_PROMOTION,
    name: "Lunch hour!",
    skus: "A-1, B 2",
    value: "12,5",
    ends: "2026-03-01T14:00",
  };

  it("begins at once where no beginning is told", () => {
    expect(bodyOf(typed, "EUR", 2, now)).toEqual({
      id: idOf("Lunch hour!", now),
      name: "Lunch hour!",
      skus: ["A-1", "B 2"],
      category: null,
      kind: "percent",
      value: 1_250,
      currency: "EUR",
      starts_at_ms: now,
      ends_at_ms: Date.parse("2026-03-01T14:00"),
      quota: null,
    });
    expect(idOf("Lunch hour!", now)).toBe(`lunch-hour-${now.toString(36)}`);
  });

  it.each([
    [{ name: " " }, "name"],
    [{ skus: "" }, "skus"],
    [{ category: "lamps" }, "skus"],
    [{ value: "100" }, "value"],
    [{ value: "" }, "value"],
    [{ ends: "" }, "ends"],
    [{ starts: "2026-03-01T15:00" }, "ends"],
    [{ quota: "0" }, "quota"],
  ])("is sent back with the cell: %j", (wrong, cell) => {
    expect(bodyOf({ ...typed, ...wrong }, "EUR", 2, now)).toMatchObject({ cell });
  });
});

describe("words", () => {
  const promotion: Promotion = {
    ...{ id: "p", version: 1, name: "P", category: null, skus_named: 1, kind: "percent" },
    ...{ value: 1_250, currency: "EUR", starts_at_ms: 10, ends_at_ms: 20, quota: 5 },
    ...{ ended: false, skus_count: 1, taken: 0, running: 0, sold_out: 0 },
  };

  it("tell how a promotion stands", () => {
    expect([5, 10, 20].map((now) => stateOf(promotion, now))).toEqual([
      "planned",
      "running",
      "over",
    ]);
    expect(stateOf({ ...promotion, skus_count: null }, 5)).toBe("on its way");
    expect(stateOf({ ...promotion, ended: true }, 5)).toBe("over");
    expect(offText(promotion)).toBe("12.5 % off");
  });

  it("tell bars, margins and steps", () => {
    expect(barText({ from_bp: 0, below_bp: 1, skus: 1 })).toBe("stay");
    expect(barText({ from_bp: null, below_bp: -5_000, skus: 1 })).toBe("over 50 % down");
    expect(barText({ from_bp: -500, below_bp: -100, skus: 1 })).toBe("1 to 5 % down");
    expect(barText({ from_bp: 1, below_bp: 101, skus: 1 })).toBe("0 to 1 % up");
    expect(barText({ from_bp: 5_001, below_bp: null, skus: 1 })).toBe("over 50 % up");
    expect(marginText({ revenue_minor: 0, margin_minor: 0 })).toBe("–");
    const step = { kind: "floor_margin", amount_minor: 1_112, held: true };
    expect(stepText(step, "EUR")).toContain("has the last word");
    const rule = { kind: "rule", amount_minor: 3_000, factor_bp: 30_000, name: "Lamps" };
    expect(stepText({ ...rule, because: ["category lamps"] }, "EUR")).toContain(
      "The rule Lamps (category lamps) asks 3 times",
    );
  });

  it("tell until when a sale is", () => {
    const noon = Date.parse("2026-03-01T12:00");
    expect(untilText(noon, noon - 1_000)).not.toContain("2026");
    expect(untilText(noon, noon - 48 * 3_600_000)).toContain("2026");
  });
});
