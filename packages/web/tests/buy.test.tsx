import type { ProductDocument as Product } from "@shopwire/client";
import { fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Freshness } from "../src/shared/Freshness.tsx";
import { BuyBox } from "../src/storefront/BuyBox.tsx";
import { CartButton } from "../src/storefront/cart/CartButton.tsx";
import { cartId } from "../src/storefront/cart/mine.ts";
import { json, openShop, type Shop } from "./shop.tsx";

const PUT = "POST /api/commands/carts.put_line";
const PRODUCT: Product = {
  ...{ id: "mug", title: "Mug", description: "", brand: "", status: "active" },
  ...{ categories: [], tags: [], options: [], images: [] },
  variants: [{ sku: "MUG", title: "Blue", options: {}, gtin: null }],
};
const [VARIANT] = PRODUCT.variants;
let shop: Shop;
let bodies: Record<string, unknown>[];

function putStock(available: number): void {
  const status = available === 0 ? "out" : available <= 5 ? "low" : "in_stock";
  shop.server.put("stock:MUG", { sku: "MUG", available, status });
}

function refused(code: number, data: object, temporary = false, status = 409): Response {
  const body = { code, name: "X", message: "It was refused.", remedy: "Do this.", temporary, data };
  return json(body, status);
}

/** Takes the line into the cart's document, as the shop does, and answers with its version. */
function taken(body: Record<string, unknown>): Response {
  const topic = `cart:${cartId()}`;
  const { sku, quantity, accepted_minor, currency } = body;
  const lines = quantity === 0 ? [] : [{ sku, quantity, accepted_minor, currency }];
  const doc = { id: cartId(), lines, status: "open", order_id: null, attempt: 1 };
  return json({ versions: { [topic]: shop.server.put(topic, doc) }, result: null });
}

const cartDoc = () => ({ id: cartId(), lines: [], status: "open", order_id: null, attempt: 1 });
const lineOf = (quantity: number) => ({
  ...{ sku: "MUG", quantity, accepted_minor: 1_450, currency: "EUR" },
});
const count = () => screen.getByTestId("cart-count").textContent;
const faster = () => screen.queryByTestId("faster")?.textContent ?? "";
/** How the shop decides about the next line. */
let decide: (body: Record<string, unknown>) => Promise<Response> | Response;

beforeEach(async () => {
  localStorage.clear();
  bodies = [];
  decide = taken;
  shop = openShop((path, request) => {
    if (path.startsWith("/api/products")) return json({ items: [], next: null, total: 0 });
    const body = JSON.parse(String(request.body)) as Record<string, unknown>;
    bodies.push(body);
    return decide(body);
  });
  putStock(4);
  const price = { sku: "MUG", amount_minor: 1_450, currency: "EUR", compare_at_minor: null };
  shop.server.put("price:MUG", price);
  if (VARIANT === undefined) throw new Error("the product has no variant");
  await shop.show(
    <>
      <Freshness />
      <CartButton />
      <BuyBox product={PRODUCT} variant={VARIANT} price={null} stock={null} />
    </>,
  );
});

afterEach(() => shop.close());

async function press(button: string): Promise<void> {
  fireEvent.click(screen.getByTestId(button));
  await shop.advance(0);
}

test("shows live price and stock, and follows them", async () => {
  expect(screen.getByTestId("product-price").textContent).toContain("14.50");
  expect(screen.getByTestId("product-stock").textContent).toBe("Only 4 left");
  putStock(41);
  await shop.advance(0);
  expect(screen.getByTestId("product-stock").textContent).toBe("41 in stock");
});

test("add to cart shows at once, before the shop has answered, with the price that was seen", async () => {
  decide = () => new Promise(() => {});
  await press("add-to-cart");
  expect(count()).toBe("1");
  expect(screen.getByTestId("in-cart")).toBeTruthy();
  expect(bodies[0]).toMatchObject({ sku: "MUG", quantity: 1, accepted_minor: 1_450 });
  expect(String(bodies[0]?.cart_id)).toMatch(/^[0-9a-f]{32}$/);
});

test("a refusal takes it back, with the reason", async () => {
  decide = () => refused(2104, { sku: "MUG", requested: 1, available: 0 });
  await press("add-to-cart");
  expect(faster()).toContain("Someone was faster: it is sold out now.");
  expect(screen.getByTestId("add-to-cart")).toBeTruthy();
  expect(count()).toBe("0");
});

test("presses while one is on its way become one: the last number counts", async () => {
  let answer: (response: Response) => void = () => {};
  decide = () => new Promise((resolve) => (answer = resolve));
  await press("add-to-cart");
  for (const _ of [2, 3, 4]) await press("quantity-more");
  expect(count()).toBe("4");
  expect(bodies.map(({ quantity }) => quantity)).toEqual([1]);
  decide = taken;
  answer(taken(bodies[0] ?? {}));
  for (let turn = 0; turn < 5; turn += 1) await shop.advance(0);
  expect(bodies.map(({ quantity }) => quantity)).toEqual([1, 4]);
  // What our own press made is no change by somebody else.
  expect(bodies[1]?.expected_version).toBe(1);
  expect(count()).toBe("4");
});

test("a press behind an answered one is no conflict with it, though its effect is not here yet", async () => {
  decide = () => json({ versions: { [`cart:${cartId()}`]: 9 }, result: null });
  await press("add-to-cart");
  await press("quantity-more");
  expect(bodies.map((body) => body.expected_version)).toEqual([0, 9]);
});

test("no more can be wanted than there is", async () => {
  await press("add-to-cart");
  const field = screen.getByTestId("quantity");
  fireEvent.change(field, { target: { value: "99" } });
  fireEvent.blur(field);
  await shop.advance(0);
  expect(count()).toBe("4");
  expect(screen.getByTestId("quantity-more").getAttribute("aria-disabled")).toBe("true");
});

test("the last one taken out gives the button back", async () => {
  await press("add-to-cart");
  await press("quantity-less");
  expect(screen.getByTestId("add-to-cart")).toBeTruthy();
  expect(bodies.map(({ quantity }) => quantity)).toEqual([1, 0]);
});

test("no answer: sent again with the same key; what is shown stays as it was pressed", async () => {
  let times = 0;
  decide = (body) => {
    times += 1;
    if (times < 3) throw new TypeError("network");
    return taken(body);
  };
  await press("add-to-cart");
  await shop.advance(20_000);
  expect(shop.asked.filter((one) => one === PUT)).toHaveLength(3);
  expect(new Set(shop.keys).size).toBe(1);
  expect(count()).toBe("1");
});

test("no answer for long: it is kept, and sent with its key when the shop can be reached", async () => {
  decide = () => {
    throw new TypeError("network");
  };
  await press("add-to-cart");
  for (let minute = 0; minute < 5; minute += 1) await shop.advance(60_000);
  expect(count()).toBe("1");
  expect(shop.client.queue.get()).toMatchObject([{ op: "carts.put_line", state: "queued" }]);
  decide = taken;
  for (let minute = 0; minute < 2; minute += 1) await shop.advance(60_000);
  expect(count()).toBe("1");
  expect(shop.client.queue.get()).toEqual([]);
  expect(new Set(shop.keys).size).toBe(1);
});

test("what cannot even be kept is told, and not shown as if it were", async () => {
  shop.client.queue.add = () => Promise.reject(new Error("The device is full."));
  await press("add-to-cart");
  expect(faster()).toContain("The device is full.");
  expect(count()).toBe("0");
});

test("changed in two places: it says so, and each way on does what it says", async () => {
  await press("add-to-cart");
  const conflict = (theirs: number) =>
    refused(2000, {
      ...{ topic: `cart:${cartId()}`, expected: 1, current: 2 },
      conflicts: [{ field: "lines/MUG/quantity", base: 1, theirs, mine: 2 }],
    });
  for (const [choice, label, quantity] of [
    ["mine", "Keep mine: 2", 2],
    ["theirs", "Take theirs: 3", null],
    ["both", "Both together: 4", 4],
  ] as const) {
    shop.server.put(`cart:${cartId()}`, { ...cartDoc(), lines: [lineOf(1)] });
    await shop.advance(0);
    decide = () => conflict(3);
    await press("quantity-more");
    const words = screen.getByTestId("line-conflict").textContent;
    expect(words).toContain("there are 3 there, you wanted 2 here");
    expect(screen.getByTestId(`choose-${choice}`).textContent).toBe(label);
    decide = taken;
    const before = bodies.length;
    await press(`choose-${choice}`);
    expect(screen.queryByTestId("line-conflict")).toBeNull();
    expect(shop.client.queue.get()).toEqual([]);
    const sent = bodies.slice(before);
    if (quantity === null) expect(sent).toEqual([]);
    else expect(sent).toMatchObject([{ quantity, expected_version: 2 }]);
  }
});

test("what another window takes while it is in the cart is told at once", async () => {
  await press("add-to-cart");
  putStock(0);
  await shop.advance(0);
  expect(faster()).toContain("Someone was faster: it is sold out now.");
});

test("sold out: nothing can be bought, and the reason is beside the button", async () => {
  putStock(0);
  await shop.advance(0);
  const button = screen.getByTestId("add-to-cart");
  expect(button.getAttribute("aria-disabled")).toBe("true");
  expect(button.textContent).toBe("Sold out");
  expect(screen.queryByTestId("buy-now")).toBeNull();
  await press("add-to-cart");
  expect(bodies).toEqual([]);
});

test("what is delivered later can be ordered, and says so", async () => {
  shop.server.put("stock:MUG", { sku: "MUG", available: 0, status: "backorder", backorder: 5 });
  await shop.advance(0);
  expect(screen.getByText(/sent as soon as the supplier has it again/)).toBeTruthy();
  await press("add-to-cart");
  expect(count()).toBe("1");
});

test("buy now leads to the checkout once it is in the cart", async () => {
  await press("buy-now");
  expect(window.location.pathname).toBe("/checkout");
  window.history.replaceState(null, "", "/");
});

test("a cart that was bought makes way for a new one, and its order is remembered", async () => {
  const before = cartId();
  await press("add-to-cart");
  const order_id = `${before}.1`;
  const doc = { id: before, lines: [], status: "ordered", order_id, attempt: 1 };
  shop.server.put(`cart:${before}`, doc);
  await shop.advance(0);
  expect(cartId()).not.toBe(before);
  expect(localStorage.getItem("shopwire.orders")).toBe(JSON.stringify([order_id]));
});

test("offline: values are marked, the page says so, and what is pressed is kept", async () => {
  expect(screen.getByTestId("freshness").dataset.status).toBe("live");
  shop.server.reachable = false;
  shop.server.connections.at(-1)?.close(1006);
  await shop.advance(1_000);
  expect(screen.getByTestId("freshness").dataset.status).toBe("offline");
  expect(screen.getByText(/^as of /)).toBeTruthy();
  expect(screen.getByText(/is kept on this device and sent when it can/)).toBeTruthy();
  decide = () => {
    throw new TypeError("network");
  };
  await press("add-to-cart");
  expect(count()).toBe("1");
  expect(screen.queryByTestId("buy-now")).toBeNull();
});

test("a server that keeps still: live, delayed, stale, each as it becomes true", async () => {
  const freshness = screen.getByTestId("freshness");
  await shop.advance(2_000);
  expect(freshness.dataset.status).toBe("live");
  await shop.advance(2_500);
  expect(freshness.dataset.status).toBe("delayed");
  expect(screen.getByTestId("product-stock").dataset.belief).toBe("delayed");
  shop.server.beat(12_000);
  await shop.advance(500);
  expect(freshness.dataset.status).toBe("stale");
  expect(screen.getByText(/^as of /)).toBeTruthy();
  // Where they stand: price and stock, each with words for who does not see how they are set.
  for (const value of ["product-price", "product-stock"]) {
    expect(screen.getByTestId(value).dataset.belief).toBe("stale");
    expect(screen.getByTestId(value).nextElementSibling?.textContent).toMatch(/^ \(as of .*\)$/);
  }
  shop.server.beat();
  await shop.advance(500);
  expect(freshness.dataset.status).toBe("live");
  expect(screen.queryByText(/^as of /)).toBeNull();
  expect(screen.getByTestId("product-price").dataset.belief).toBeUndefined();
  expect(screen.queryByText(/as of/)).toBeNull();
});
