import { fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { RulesPanel } from "../src/console/prices/RulesPanel.tsx";
import type { PriceRules } from "../src/console/prices/types.ts";
import { json, openShop, type Shop } from "./shop.tsx";

const rules = {
  ...{ currency: "EUR", rules: [], markups: [], shipping_minor: 0, fee_minor: 0, fee_bp: 0 },
  ...{ margin_min_bp: 0, keep_map: false, compare_at: "none", ending: null, endings: [] },
} as unknown as PriceRules;

let shop: Shop;
afterEach(() => shop.close());

async function shown(): Promise<{ reads: number }> {
  const told = { reads: 0 };
  shop = openShop(() => json({}));
  const changed = (): void => {
    told.reads += 1;
  };
  await shop.show(<RulesPanel read={{ version: 0, rules, undo_to: null }} changed={changed} />);
  return told;
}

test("rules that somebody else puts are read again where nothing is typed", async () => {
  const told = await shown();
  shop.server.put("rules:default", { rules });
  await shop.advance(100);
  expect(told.reads).toBe(1);
  expect(screen.queryByTestId("rules-newer")).toBeNull();
});

test("what is typed stays until its writer says whose rules hold", async () => {
  const told = await shown();
  fireEvent.change(screen.getByLabelText("Currency"), { target: { value: "USD" } });
  shop.server.put("rules:default", { rules });
  await shop.advance(100);
  expect(screen.getByTestId("rules-newer").textContent).toContain("version 1");
  expect(told.reads).toBe(0);
  fireEvent.click(screen.getByText("Go on with mine"));
  expect(screen.queryByTestId("rules-newer")).toBeNull();
  expect(screen.getByLabelText("Currency")).toHaveProperty("value", "USD");
  shop.server.put("rules:default", { rules, later: true });
  await shop.advance(100);
  fireEvent.click(screen.getByText("Take theirs"));
  expect(told.reads).toBe(1);
});
