import { describe, expect, test } from "vitest";
import { decimalOf, exponentOf, formatMoney } from "../src/shared/money.ts";

describe("money", () => {
  test("is written with the currency's own number of decimals", () => {
    expect(formatMoney(1999, "EUR", "en")).toBe("€19.99");
    expect(formatMoney(1999, "JPY", "en")).toBe("¥1,999");
    expect(formatMoney(1999, "KWD", "en")).toMatch(/1\.999/);
    expect(exponentOf("EUR")).toBe(2);
  });

  test("is written the reader's way", () => {
    expect(formatMoney(123_456, "EUR", "de").replace(/\s/g, " ")).toBe("1.234,56 €");
  });

  test("small, negative and very large amounts stay exact", () => {
    expect(decimalOf(5, 2)).toBe("0.05");
    expect(decimalOf(-5, 2)).toBe("-0.05");
    expect(decimalOf(0, 3)).toBe("0.000");
    expect(formatMoney(Number.MAX_SAFE_INTEGER, "EUR", "en")).toBe("€90,071,992,547,409.91");
  });

  test("a currency that does not exist is shown as it came", () => {
    expect(formatMoney(1999, "nonsense", "en")).toBe("1999 nonsense");
  });
});
