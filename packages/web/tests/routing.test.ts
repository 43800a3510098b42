/** What a choice of suppliers is said to be, and what typed rules mean. */

import type { RouteChoice, RouteDocument, RoutePick, RouteSums } from "@shopwire/client";
import { describe, expect, it } from "vitest";
import {
  durationText,
  leftOutText,
  leftText,
  listed,
  moveText,
  otherwiseText,
  reasonText,
  reviewText,
  ruleText,
  sendsText,
  weighedText,
} from "../src/console/routing.ts";
import {
  decimalText,
  EMPTY_RULE,
  minorOf,
  ruleOf,
  WEIGHTS,
  type Weight,
  weightsOf,
} from "../src/console/routingForm.ts";

const named = (supplier: string): string => supplier.toUpperCase();
const pick = (sku: string, supplier: string, quantity: number): RoutePick => ({
  sku,
  supplier,
  quantity,
  cost_minor: 1_000,
});
const sums = (total_minor: number): RouteSums => ({
  cost_minor: total_minor,
  shipping_minor: 0,
  weights_minor: 0,
  total_minor,
  revenue_minor: 0,
  fee_minor: 0,
  profit_minor: 0,
});
const choice: RouteChoice = {
  picks: [pick("MUG", "acme", 2), pick("CUP", "acme", 1), pick("JUG", "best", 1)],
  parcels: [],
  sums: sums(4_000),
  bound_minor: 4_000,
  alternatives: [
    { kind: "without", supplier: "best", picks: [], sums: sums(4_350) },
    { kind: "only", supplier: "acme", picks: [], sums: sums(4_900) },
  ],
};

describe("a choice in words", () => {
  it("says who sends what", () => {
    expect(sendsText(choice.picks, named)).toEqual([
      "ACME sends 2 × MUG and 1 × CUP",
      "BEST sends 1 × JUG",
    ]);
    expect(listed(["a", "b", "c"])).toBe("a, b and c");
  });

  it("says why, and what the next best would cost", () => {
    expect(reasonText(choice, "EUR", named)).toBe(
      "No other way to send it has a lower total. The next best, without BEST, comes to €3.50 more.",
    );
    const alone = { ...choice, alternatives: [] };
    expect(reasonText(alone, "EUR", named)).toMatch(/there was no other way/);
    expect(reasonText({ ...choice, bound_minor: 3_900 }, "EUR", named)).toMatch(
      /could be lower by €1\.00 at most/,
    );
  });

  it("says what a unit weighs", () => {
    expect(weighedText(pick("A", "a", 1), "EUR")).toBe("nothing besides its cost");
    expect(weighedText({ ...pick("A", "a", 1), lead_minor: 40, bonus_minor: 25 }, "EUR")).toBe(
      "lead time €0.40, preferred -€0.25",
    );
  });

  it("says who was left out, who has to look, what moved and what could not", () => {
    const out = { sku: "MUG", supplier: "far", why: "rule", rule: "no sea" } as const;
    expect(leftOutText(out, named)).toBe("MUG: FAR is excluded by “no sea”.");
    expect(reviewText({ why: "rule", rule: "thin", skus: ["MUG"] })).toBe(
      "“thin” wants a look at MUG.",
    );
    expect(reviewText({ why: "excluded", rule: "", skus: ["MUG"] })).toMatch(/^Only suppliers/);
    const move = {
      conflict_id: "o/C1",
      sku: "MUG",
      supplier: "acme",
      why: "refused",
      quantity: 2,
      picks: [pick("MUG", "best", 2)],
      shipping_minor: 0,
      paid_minor: 0,
      loss_minor: 120,
      at_ms: 0,
    };
    expect(moveText(move, "EUR", named)).toBe(
      "2 × MUG of ACME was refused: BEST sends it. It costs €1.20 more than paid.",
    );
    const left = { conflict_id: "o/C1", sku: "MUG", supplier: "acme", loss_minor: 90, at_ms: 0 };
    expect(leftText({ ...left, why: "loss" }, "EUR", named)).toMatch(/€0\.90 more than was paid/);
    expect(leftText({ ...left, why: "nobody" }, "EUR", named)).toMatch(/nobody else/);
    expect(leftText({ ...left, why: "off" }, "EUR", named)).toMatch(/rules/);
  });

  it("says where units come from somebody else than was chosen", () => {
    const shares = [
      { sku: "MUG", supplier: "acme", quantity: 1 },
      { sku: "MUG", supplier: "best", quantity: 1 },
    ];
    const route = { choice, shares } as unknown as RouteDocument;
    expect(otherwiseText(route, named)).toEqual(["1 × MUG from BEST"]);
  });

  it("says how long something took", () => {
    expect(durationText(null)).toBe("–");
    expect(durationText(90_000)).toBe("2 min");
    expect(durationText(5_400_000)).toBe("1.5 h");
    expect(durationText(3 * 86_400_000)).toBe("3.0 days");
  });
});

describe("what is typed", () => {
  it("is an amount, or none", () => {
    expect(["4.95", "4,9", "7", "-1.50"].map((text) => minorOf(text))).toEqual([
      495, 490, 700, -150,
    ]);
    expect(["", "4.955", "x", "1 000"].map((text) => minorOf(text))).toEqual([
      null,
      null,
      null,
      null,
    ]);
    expect(decimalText(-5)).toBe("-0.05");
  });

  it("is a rule, or says what is missing", () => {
    const draft = { ...EMPTY_RULE, name: "near", suppliers: "acme, best", bonus: "0.50" };
    const rule = ruleOf(draft);
    expect(rule).toMatchObject({ suppliers: ["acme", "best"], bonus_minor: 50 });
    if (typeof rule === "string") throw new Error(rule);
    expect(ruleText({ ...rule, countries: ["DE"] }, named)).toBe(
      "ACME and BEST to DE as if 0.50 cheaper",
    );
    expect(ruleOf({ ...draft, bonus: "" })).toMatch(/how much more/);
    expect(ruleOf({ ...draft, name: " " })).toMatch(/name/);
    expect(ruleOf({ ...draft, valueFrom: "x" })).toMatch(/numbers/);
  });

  it("is a set of weights, or the field that holds none", () => {
    const typed = Object.fromEntries(WEIGHTS.map(({ name }) => [name, "3"]));
    const weights = weightsOf(typed as Record<Weight, string>);
    expect(weights).toMatchObject({ lead_day_minor: 300, unknown_lead_days: 3 });
    const wrong = { ...typed, split_minor: "-1" } as Record<Weight, string>;
    expect(weightsOf(wrong)).toBe("A further parcel");
  });
});
