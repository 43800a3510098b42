/** Ways out in words: what differs, where an order is, what a form says to the shop. */

import { describe, expect, it } from "vitest";
import { differenceText, type Travel, travelText } from "../src/console/channels.ts";
import { wayOf } from "../src/console/WayForm.tsx";
import { fateText } from "../src/portal/OrderCard.tsx";
import { countText } from "../src/portal/Orders.tsx";
import { expected, lineName, unitsOf } from "../src/portal/orders.ts";
import { written } from "../src/portal/UnitFields.tsx";

const moment = (ms: number): string => `at ${ms}`;
const TRAVEL: Travel = {
  purchase_order: "cart-1.1/acme",
  way: "x12",
  send_at_ms: 1,
  number: "P000001",
  state: "queued",
  left_at_ms: null,
  due_at_ms: 7,
  bundle_state: null,
  trouble: null,
  receipt: null,
};

describe("a bill", () => {
  it("says what differs, money as money", () => {
    const price = { what: "price", sku: "MUG", billed: "520", expected: "500" } as const;
    expect(differenceText(price, "EUR")).toBe("MUG: price €5.20, not €5.00");
    const stranger = { what: "unknown_sku", sku: "HAT", billed: "2", expected: "" } as const;
    expect(differenceText(stranger, "EUR")).toBe("HAT: was not ordered (2)");
  });
});

describe("an order on its way", () => {
  it.each([
    [{}, "leaves at 7"],
    [{ state: "left", left_at_ms: 9, receipt: "accepted" }, "left at 9, was read"],
    [{ state: "bundled", bundle_state: "doubtful" }, "may have arrived; say so at Ways out"],
    [{ state: "bundled", trouble: "nobody answers" }, "did not leave: nobody answers"],
    [{ state: "recalled" }, "held back"],
    [{ state: null, due_at_ms: null }, ""],
  ] as const)("is told as it is: %o", (change, text) => {
    expect(travelText({ ...TRAVEL, ...change }, moment)).toBe(text);
  });
});

describe("the form of a way", () => {
  it("sends what was written, and nothing of another kind", () => {
    const values = { to: "a@b.example, c@d.example", sender: " s@s.example ", url: "https://x" };
    expect(wayOf("email", { ...values, host: "mail" })).toEqual({
      type: "email",
      to: ["a@b.example", "c@d.example"],
      sender: "s@s.example",
      host: "mail",
    });
    expect(wayOf("fetch", values)).toEqual({ type: "fetch" });
  });
});

describe("the portal", () => {
  const line = {
    sku: "MUG",
    ordered: 5,
    accepted: 4,
    refused: 1,
    cancelling: 1,
    cancelled: 1,
    shipped: 1,
    delivered: 0,
    cost_minor: null,
    cost_currency: null,
  };

  it("knows what is still to be sent, and says what became of the rest", () => {
    expect(expected(line)).toBe(2);
    expect(fateText(line)).toBe(
      "4 accepted, 1 refused, 1 asked to be cancelled, 1 cancelled, 1 shipped",
    );
  });

  it("takes whole numbers up to what is possible", () => {
    expect([unitsOf("2", 3), unitsOf(" 3 ", 3), unitsOf("0", 3)]).toEqual([2, 3, 0]);
    for (const text of ["4", "-1", "1.5", "", "one"]) expect(unitsOf(text, 3)).toBeNull();
    expect(written({ MUG: 3, HAT: 2 }, { MUG: "1" })).toEqual([
      { sku: "MUG", quantity: 1 },
      { sku: "HAT", quantity: 2 },
    ]);
    expect(written({ MUG: 3 }, { MUG: "9" })).toBeNull();
  });

  it("says how much there is to do", () => {
    expect([0, 1, 2].map(countText)).toEqual([
      "There is nothing to do.",
      "One order needs you.",
      "2 orders need you.",
    ]);
  });
});

describe("an article in the portal", () => {
  it("is called as its supplier calls it, beside the shop's SKU", () => {
    expect(lineName({ sku: "MUG", supplier_sku: "X-9" })).toBe("X-9 (MUG)");
    expect(lineName({ sku: "MUG", supplier_sku: null })).toBe("MUG");
    expect(lineName({ sku: "MUG" })).toBe("MUG");
  });
});
