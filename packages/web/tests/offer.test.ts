import { describe, expect, test } from "vitest";
import type { Price, Product, Stock } from "../src/shared/documents.ts";
import { pictureOf } from "../src/storefront/Gallery.tsx";
import {
  areTellable,
  paragraphsOf,
  pickVariant,
  stockWording,
  summaryOf,
  wasMinor,
} from "../src/storefront/offer.ts";

const price = (amount_minor: number, compare_at_minor: number | null = null): Price => ({
  sku: "A",
  amount_minor,
  currency: "EUR",
  compare_at_minor,
});
const stock = (available: number, status: Stock["status"]): Stock => ({
  sku: "A",
  available,
  status,
});
const variant = (sku: string, options: Record<string, string>) => ({
  sku,
  title: "",
  options,
  gtin: null,
});
const SHIRT: Product = {
  ...{ id: "shirt", title: "Shirt", description: "", brand: "", status: "active" },
  ...{ categories: [], tags: [] },
  options: [
    { name: "Size", values: ["S", "M"] },
    { name: "Colour", values: ["Red", "Blue"] },
  ],
  variants: [
    variant("S-RED", { Size: "S", Colour: "Red" }),
    variant("M-RED", { Size: "M", Colour: "Red" }),
    variant("M-BLUE", { Size: "M", Colour: "Blue" }),
  ],
  images: [
    { url: "/1.svg", alt: "Shirt in Red: a shirt" },
    { url: "/2.svg", alt: "Shirt in Blue: a shirt" },
  ],
};

describe("a product in one line", () => {
  test("costs what its cheapest variant costs, and says so only if others cost more", () => {
    expect(summaryOf([price(900), price(700)], [])).toMatchObject({
      price: price(700),
      from: true,
    });
    expect(summaryOf([price(700), price(700)], [])).toMatchObject({ from: false });
    expect(summaryOf([undefined, null], [])).toMatchObject({ price: null, from: false });
  });

  test("is as available as its best variant, with the units of all", () => {
    const both = summaryOf([], [stock(0, "out"), stock(3, "low")]);
    expect(both).toMatchObject({ available: 3, status: "low" });
    expect(summaryOf([], [stock(0, "out")])).toMatchObject({ available: 0, status: "out" });
    expect(summaryOf([], [null, undefined]).status).toBeNull();
  });
});

test("stock is told in words that hold", () => {
  expect(stockWording(41, "in_stock")).toBe("41 in stock");
  expect(stockWording(3, "low")).toBe("Only 3 left");
  expect(stockWording(1, "low")).toBe("Last one");
  expect(stockWording(0, "out")).toBe("Sold out");
  expect(stockWording(0, null)).toBe("Not in stock yet");
});

test("a former price is shown only where it was higher", () => {
  expect(wasMinor(price(700, 900))).toBe(900);
  expect(wasMinor(price(700, 700))).toBeNull();
  expect(wasMinor(price(700, null))).toBeNull();
});

describe("choosing a variant", () => {
  test("keeps the other choices where such a variant exists", () => {
    const chosen = SHIRT.variants[1];
    expect(chosen && pickVariant(SHIRT.variants, chosen, "Colour", "Blue")?.sku).toBe("M-BLUE");
  });

  test("else takes the nearest that has the value", () => {
    const chosen = SHIRT.variants[0];
    expect(chosen && pickVariant(SHIRT.variants, chosen, "Colour", "Blue")?.sku).toBe("M-BLUE");
    expect(chosen && pickVariant(SHIRT.variants, chosen, "Colour", "Green")).toBeUndefined();
  });

  test("by options only where they tell the variants apart", () => {
    expect(areTellable(SHIRT)).toBe(true);
    const twins = [variant("A", { Size: "S" }), variant("B", { Size: "S" })];
    expect(areTellable({ ...SHIRT, variants: twins })).toBe(false);
    expect(areTellable({ ...SHIRT, options: [] })).toBe(false);
  });

  test("shows the picture that names its colour", () => {
    expect(pictureOf(SHIRT, SHIRT.variants[2])).toBe(1);
    expect(pictureOf(SHIRT, undefined)).toBe(0);
  });
});

describe("descriptions", () => {
  test("are paragraphs of text, whatever a feed sends", () => {
    expect(paragraphsOf("One.\n\nTwo\nlines.")).toEqual(["One.", "Two lines."]);
    expect(paragraphsOf("<p>One &amp; <b>only</b>.</p><p>Two.</p>")).toEqual([
      "One & only.",
      "Two.",
    ]);
    expect(paragraphsOf("  ")).toEqual([]);
    expect(paragraphsOf("3 < 5 and 7 > 2")).toEqual(["3 < 5 and 7 > 2"]);
  });

  test("never become markup", () => {
    expect(paragraphsOf('<img src=x onerror="alert(1)">Nice')).toEqual(["Nice"]);
  });
});
