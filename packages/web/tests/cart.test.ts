import type { CartDocument, CartLine } from "@shopwire/client";
import { ShopwireError, UnknownOutcome } from "@shopwire/client";
import { describe, expect, test } from "vitest";
import type { Price, Stock } from "../src/shared/documents.ts";
import {
  emptyCart,
  issuesOf,
  openIssues,
  quantityOf,
  type Row,
  toAccept,
  totalOf,
  typedQuantity,
  unitsOf,
  withAccepted,
  withLine,
} from "../src/storefront/cart/cart.ts";
import { choicesOf, choiceText, conflictText } from "../src/storefront/cart/choices.ts";
import { type Alternative, insteadOf } from "../src/storefront/cart/instead.ts";
import { fasterText, issueText, refusalTold } from "../src/storefront/cart/words.ts";

const line = (sku: string, quantity: number, accepted_minor = 1_000): CartLine => ({
  ...{ sku, quantity, accepted_minor, currency: "EUR" },
});
const cart = (...lines: CartLine[]): CartDocument => ({ ...emptyCart("c"), lines });
const price = (amount_minor: number, currency = "EUR"): Price => ({
  ...{ sku: "A", amount_minor, currency, compare_at_minor: null },
});
const stock = (available: number, backorder?: number): Stock => ({
  ...{ sku: "A", available, status: "in_stock" },
  ...(backorder === undefined ? {} : { backorder }),
});
const row = (wanted: CartLine, now: Price | null | undefined, left: Stock | undefined): Row => ({
  line: wanted,
  price: now,
  stock: left,
});

describe("the cart's lines", () => {
  test("keep their places when one of them changes", () => {
    const before = cart(line("A", 1), line("B", 1), line("C", 1));
    const after = withLine(before, line("B", 5));
    expect(after.lines.map(({ sku, quantity }) => [sku, quantity])).toEqual([
      ["A", 1],
      ["B", 5],
      ["C", 1],
    ]);
  });

  test("are changed the same by the same press once more", () => {
    const once = withLine(cart(line("A", 1)), line("B", 2));
    expect(withLine(once, line("B", 2))).toEqual(once);
    const gone = withLine(once, line("B", 0));
    expect(gone.lines).toEqual([line("A", 1)]);
    expect(withLine(gone, line("B", 0))).toEqual(gone);
  });

  test("are counted, also where there is no cart", () => {
    expect(unitsOf(cart(line("A", 2), line("B", 3)))).toBe(5);
    expect(unitsOf(undefined)).toBe(0);
    expect(quantityOf(cart(line("A", 2)), "A")).toBe(2);
    expect(quantityOf(null, "A")).toBe(0);
  });

  test("amount to their accepted prices, in one currency or not at all", () => {
    expect(totalOf([line("A", 3, 1_999), line("B", 1, 1)])).toEqual({
      minor: 5_998,
      currency: "EUR",
    });
    expect(totalOf([line("A", 1), { ...line("B", 1), currency: "USD" }])).toBeNull();
    expect(totalOf([])).toBeNull();
  });
});

describe("a line that was changed in two places", () => {
  const choices = (base: number, theirs: number, mine: number) =>
    choicesOf({ fields: [{ field: "lines/A/quantity", base, theirs, mine }] });

  test("can be as here, as there, or what both amount to", () => {
    expect(choices(1, 3, 2)).toEqual({ field: "lines/A/quantity", mine: 2, theirs: 3, both: 4 });
    expect(choiceText("mine", choices(1, 3, 2))).toBe("Keep mine: 2");
    expect(choiceText("both", choices(1, 3, 2))).toBe("Both together: 4");
  });

  test("is not added up where that is one of the two, or where one took it out", () => {
    for (const [base, theirs, mine] of [
      [2, 2, 5],
      [3, 1, 1],
      [1, 0, 2],
      [1, 2, 0],
      [5, 1, 2],
    ] as const) {
      expect(choices(base, theirs, mine).both).toBeNull();
    }
  });

  test("is told in words, also where it was taken out", () => {
    expect(conflictText(choices(1, 0, 2))).toContain("it was taken out there, you wanted 2 here");
    expect(conflictText(choices(1, 4, 0))).toContain("there are 4 there, you took it out here");
    expect(choiceText("theirs", choices(1, 0, 2))).toBe("Leave it out");
    expect(choiceText("mine", choices(1, 2, 0))).toBe("Take it out");
  });
});

describe("what changed since the shopper looked", () => {
  test("is nothing where price and stock are as they were, or not known yet", () => {
    expect(issuesOf(row(line("A", 2), price(1_000), stock(2)))).toEqual([]);
    expect(issuesOf(row(line("A", 2), undefined, undefined))).toEqual([]);
  });

  test("is told at the line, a fall of the price as well as a rise", () => {
    expect(issuesOf(row(line("A", 1), price(900), stock(5)))).toEqual([
      { kind: "price", from: 1_000, to: 900 },
    ]);
    expect(issuesOf(row(line("A", 1), price(1_000, "USD"), stock(5)))).toHaveLength(1);
  });

  test("counts what can be delivered later as there", () => {
    expect(issuesOf(row(line("A", 3), price(1_000), stock(1, 2)))).toEqual([]);
    expect(issuesOf(row(line("A", 4), price(1_000), stock(1, 2)))).toEqual([
      { kind: "short", left: 3 },
    ]);
  });

  test("is only that it is gone, where it has no price any more", () => {
    expect(issuesOf(row(line("A", 1), null, stock(0)))).toEqual([{ kind: "withdrawn" }]);
  });

  test("must be accepted: prices by a press, as they are now", () => {
    const rows = [
      row(line("A", 1), price(1_200), stock(5)),
      row(line("B", 1), price(1_000), stock(5)),
    ];
    expect(openIssues(rows)).toBe(1);
    const accepted = toAccept(rows);
    expect(accepted).toEqual([{ sku: "A", amount_minor: 1_200, currency: "EUR" }]);
    const after = withAccepted(cart(line("A", 1), line("B", 1)), accepted);
    expect(after.lines.map(({ accepted_minor }) => accepted_minor)).toEqual([1_200, 1_000]);
    expect(openIssues([row(after.lines[0] as CartLine, price(1_200), stock(5))])).toBe(0);
  });
});

describe("in words", () => {
  test("someone was faster, with what is left", () => {
    expect(fasterText(0)).toBe("Someone was faster: it is sold out now.");
    expect(fasterText(1)).toBe("Someone was faster: only 1 is left.");
    expect(issueText({ kind: "short", left: 2 }, 3)).toBe(
      "Someone was faster: only 2 are left. You wanted 3.",
    );
  });

  test("a price says which way it went", () => {
    expect(issueText({ kind: "price", from: 2, to: 1 }, 1)).toContain("cheaper");
    expect(issueText({ kind: "price", from: 1, to: 2 }, 1)).toContain("gone up");
  });

  const refused = (code: number, data = {}) =>
    new ShopwireError({ code, message: "Server.", remedy: "Do this.", data }, 409);

  test.each([
    [2104, { available: 2 }, "Someone was faster: only 2 are left.", 2],
    [2104, { available: 0 }, "Someone was faster: it is sold out now.", 0],
    [2107, { allowed: 3 }, "one shopper can have 3", 3],
    [2108, {}, "being paid for by others", null],
    [2300, {}, "being paid for", null],
    [2301, {}, "full", null],
    [2000, {}, "another window", null],
    [2200, {}, "changed once more", null],
    [9999, {}, "Server. Do this.", null],
  ])("refusal %i is told to a shopper", (code, data, text, left) => {
    const told = refusalTold(refused(code, data));
    expect(told.text).toContain(text);
    expect(told.left).toBe(left);
  });

  test("no answer is not a refusal", () => {
    expect(refusalTold(new UnknownOutcome("k", null)).text).toContain("No answer came");
  });
});

test("what is typed is a number of articles or nothing", () => {
  expect(["3", " 12 ", "", "-1", "1.5", "99999", "x"].map(typedQuantity)).toEqual([
    ...[3, 12, null, null, null, null, null],
  ]);
});

describe("instead", () => {
  const other = (sku: string, product: string, kind: Alternative["kind"], priced = true) =>
    ({
      ...{ sku, kind },
      product: { topic: `product:${product}`, doc: { id: product, status: "active" } },
      stock: { topic: `stock:${sku}`, doc: { sku, available: 9, status: "in_stock" } },
      price: priced ? { topic: `price:${sku}`, doc: { sku, amount_minor: 1 } } : null,
    }) as unknown as Alternative;
  const skus = (...found: Alternative[]) => insteadOf(found).map(({ sku }) => sku);

  test("all variants count, of a neighbour one is enough, and not too many", () => {
    expect(
      skus(
        other("A-2", "a", "variant"),
        other("A-3", "a", "variant"),
        other("B-1", "b", "category"),
        other("B-2", "b", "category"),
        other("C-1", "c", "category"),
      ),
    ).toEqual(["A-2", "A-3", "B-1"]);
  });

  test("nothing without a price is offered", () => {
    expect(skus(other("A-2", "a", "variant", false), other("B-1", "b", "category"))).toEqual([
      "B-1",
    ]);
  });
});
