import { fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Freshness } from "../src/shared/Freshness.tsx";
import { BuyBox } from "../src/storefront/BuyBox.tsx";
import { json, openShop, type Shop } from "./shop.tsx";

const SELL = "POST /api/commands/inventory.sell_stock";
let shop: Shop;

function putStock(available: number): number {
  const status = available === 0 ? "out" : available <= 5 ? "low" : "in_stock";
  return shop.server.put("stock:MUG", { sku: "MUG", available, status });
}

const sold = (available: number) =>
  json({ versions: {}, result: { sku: "MUG", quantity: 1, available } });

function refused(code: number, data: object, temporary = false, status = 409): Response {
  const body = { code, name: "X", message: "It was refused.", remedy: "Do this.", temporary, data };
  return json(body, status);
}

const message = (): string => screen.queryByTestId("buy-message")?.textContent ?? "";

beforeEach(async () => {
  shop = openShop(() => sold(3));
  putStock(4);
  const price = { sku: "MUG", amount_minor: 1_450, currency: "EUR", compare_at_minor: null };
  shop.server.put("price:MUG", price);
  await shop.show(
    <>
      <Freshness />
      <BuyBox sku="MUG" price={null} stock={null} />
    </>,
  );
});

afterEach(() => shop.close());

async function press(): Promise<void> {
  fireEvent.click(screen.getByTestId("buy"));
  await shop.advance(0);
}

test("shows live price and stock, and follows them", async () => {
  expect(screen.getByTestId("product-price").textContent).toContain("14.50");
  expect(screen.getByTestId("product-stock").textContent).toBe("Only 4 left");
  putStock(41);
  await shop.advance(0);
  expect(screen.getByTestId("product-stock").textContent).toBe("41 in stock");
});

test("an accepted order says what is left", async () => {
  await press();
  expect(message()).toContain("One is yours. 3 were left after it.");
});

test("the last one says so", async () => {
  shop.answers = () => sold(0);
  await press();
  expect(message()).toContain("it was the last");
});

test("a refusal says that someone was faster, and what is left", async () => {
  shop.answers = () => refused(2104, { sku: "MUG", requested: 1, available: 0 });
  await press();
  expect(message()).toContain("Someone was faster: it is sold out now.");
  shop.answers = () => refused(2104, { sku: "MUG", requested: 2, available: 1 });
  await press();
  expect(message()).toContain("only 1 is left");
});

test("another refusal is told in the server's words", async () => {
  shop.answers = () => refused(2002, {});
  await press();
  expect(message()).toContain("It was refused. Do this.");
});

test("no answer: it says that it tries again, with the same key, and then what came of it", async () => {
  let times = 0;
  shop.answers = () => {
    times += 1;
    if (times < 3) throw new TypeError("network");
    return sold(3);
  };
  await press();
  await shop.advance(60_000);
  expect(shop.asked).toEqual([SELL, SELL, SELL]);
  expect(new Set(shop.keys).size).toBe(1);
  expect(message()).toContain("One is yours");
});

test("never an answer: it is said that nobody knows, and a second press is the same order", async () => {
  shop.answers = () => {
    throw new TypeError("network");
  };
  await press();
  await shop.advance(120_000);
  expect(message()).toContain("we cannot say whether it was bought");
  shop.answers = () => sold(3);
  await press();
  expect(new Set(shop.keys).size).toBe(1);
  await press();
  expect(new Set(shop.keys).size).toBe(2);
});

test("two presses while the first is on its way are one order", async () => {
  shop.answers = () => new Promise(() => {});
  await press();
  await press();
  expect(shop.asked).toEqual([SELL]);
});

test("sold out: nothing can be bought, and the reason is beside the button", async () => {
  putStock(0);
  await shop.advance(0);
  const button = screen.getByTestId("buy");
  expect(button.getAttribute("aria-disabled")).toBe("true");
  expect(button.textContent).toBe("Sold out");
  await press();
  expect(shop.asked).toEqual([]);
});

test("offline: values are marked, the page says so, and nothing can be bought", async () => {
  expect(screen.getByTestId("freshness").dataset.status).toBe("live");
  shop.server.reachable = false;
  shop.server.connections.at(-1)?.close(1006);
  await shop.advance(1_000);
  expect(screen.getByTestId("freshness").dataset.status).toBe("offline");
  expect(screen.getByText(/^as of /)).toBeTruthy();
  expect(screen.getByText(/cannot be reached, so nothing can be bought/)).toBeTruthy();
  await press();
  expect(shop.asked).toEqual([]);
});

test("a server that keeps still: live, delayed, stale, each as it becomes true", async () => {
  const freshness = screen.getByTestId("freshness");
  await shop.advance(2_000);
  expect(freshness.dataset.status).toBe("live");
  await shop.advance(2_500);
  expect(freshness.dataset.status).toBe("delayed");
  shop.server.beat(12_000);
  await shop.advance(500);
  expect(freshness.dataset.status).toBe("stale");
  expect(screen.getByText(/^as of /)).toBeTruthy();
  shop.server.beat();
  await shop.advance(500);
  expect(freshness.dataset.status).toBe("live");
  expect(screen.queryByText(/^as of /)).toBeNull();
});
