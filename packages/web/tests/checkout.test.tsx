import type { OrderDocument } from "@shopwire/client";
import { ShopwireError, UnknownOutcome } from "@shopwire/client";
import { fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { cartId } from "../src/storefront/cart/mine.ts";
import { openAttempt } from "../src/storefront/checkout/attempt.ts";
import { CheckoutPage } from "../src/storefront/checkout/CheckoutPage.tsx";
import { addressOf, BLANK, faultsOf } from "../src/storefront/checkout/form.ts";
import {
  countdownText,
  failureText,
  retryText,
  stepsOf,
} from "../src/storefront/checkout/steps.ts";
import { json, openShop, type Shop } from "./shop.tsx";

const ADA = {
  ...{ email: "ada@example.org", name: "Ada", street: "Lane 1", postal_code: "10115" },
  city: "Berlin",
};
const order = (changes: Partial<OrderDocument> = {}): OrderDocument => ({
  ...{ id: "c.1", number: "S-1", status: "checking_out", lines: [], skus: [], currency: "EUR" },
  ...{ total_minor: 1_450, refunded_minor: 0, payment: "opened", shipments: [] },
  ...{ started_at_ms: 0, placed_at_ms: null, expires_at_ms: null, reason: null },
  ...changes,
});

describe("what was typed", () => {
  test("is told field by field where it is missing", () => {
    expect(Object.keys(faultsOf(BLANK))).toEqual([
      ...["email", "name", "street", "postal_code", "city"],
    ]);
    expect(faultsOf({ ...BLANK, ...ADA })).toEqual({});
  });

  test("must be an e-mail address where one is asked for", () => {
    for (const email of ["ada", "ada@", "@example.org", "ada@example", "a b@example.org"]) {
      expect(faultsOf({ ...BLANK, ...ADA, email }).email).toContain("does not look like");
    }
  });

  test("becomes an address without empty lines", () => {
    expect(addressOf({ ...BLANK, ...ADA, city: " Berlin " })).toEqual({
      ...{ name: "Ada", lines: ["Lane 1"], postal_code: "10115", city: "Berlin", country: "DE" },
    });
  });
});

describe("how far it is", () => {
  const states = (one: OrderDocument | null) => stepsOf(one).map(({ state }) => state);

  test("goes from step to step", () => {
    expect(states(null)).toEqual(["now", "ahead", "ahead"]);
    expect(states(order())).toEqual(["done", "now", "ahead"]);
    expect(states(order({ payment: "authorised" }))).toEqual(["done", "done", "now"]);
    expect(states(order({ status: "placed" }))).toEqual(["done", "done", "done"]);
  });

  test("counts down to the second, and never below zero", () => {
    expect([247_000, 61_001, 1, 0, -5].map(countdownText)).toEqual([
      ...["4:07", "1:02", "0:01", "0:00", "0:00"],
    ]);
  });

  test("says why it takes longer", () => {
    const busy = (code: number) => new ShopwireError({ code, temporary: true }, 503);
    expect(retryText(null)).toContain("can close this page");
    expect(retryText(new UnknownOutcome("k", null))).toContain("No answer yet");
    expect(retryText(busy(1007))).toContain("No answer yet");
    expect(retryText(busy(4000))).toContain("very busy");
  });

  test("says why it came to nothing, and that nothing was charged", () => {
    for (const reason of ["declined", "timed_out", "stock_short", null]) {
      expect(failureText(reason)).toContain("Nothing was charged");
    }
    expect(failureText("stock_short")).toContain("Someone was faster");
  });
});

describe("the page", () => {
  let shop: Shop;
  let bodies: Record<string, unknown>[];
  let decide: () => Promise<Response> | Response;
  const cartDoc = (changes = {}) => ({
    ...{ id: cartId(), status: "open", order_id: null, attempt: 1 },
    lines: [{ sku: "MUG", quantity: 1, accepted_minor: 1_450, currency: "EUR" }],
    ...changes,
  });
  const put = (changes = {}) => shop.server.put(`cart:${cartId()}`, cartDoc(changes));
  const stock = (available: number) =>
    shop.server.put("stock:MUG", { sku: "MUG", available, status: available ? "low" : "out" });

  const putOrder = (id: string, doc: OrderDocument) => shop.server.put(`order:${id}`, { ...doc });

  const start = () => {
    bodies = [];
    shop = openShop((path, request) => {
      if (path.startsWith("/api/products")) return json({ items: [], next: null, total: 0 });
      bodies.push(JSON.parse(String(request.body)));
      return decide();
    });
    const price = { sku: "MUG", amount_minor: 1_450, currency: "EUR", compare_at_minor: null };
    shop.server.put("price:MUG", price);
    stock(1);
  };

  beforeEach(async () => {
    localStorage.clear();
    sessionStorage.clear();
    Element.prototype.scrollIntoView = vi.fn();
    vi.stubGlobal("scrollTo", () => {});
    window.history.replaceState(null, "", "/checkout");
    decide = () => new Promise(() => {});
    start();
    put();
    await shop.show(<CheckoutPage />);
  });

  afterEach(() => {
    shop.close();
    window.history.replaceState(null, "", "/");
  });

  async function press(): Promise<void> {
    fireEvent.click(screen.getByTestId("place-order"));
    await shop.advance(0);
  }

  async function fill(): Promise<void> {
    for (const [field, value] of Object.entries(ADA)) {
      fireEvent.change(screen.getByTestId(`field-${field}`), { target: { value } });
    }
    await shop.advance(0);
  }

  const refusal = (code: number, data = {}, status = 409) =>
    json({ code, name: "X", message: "No.", remedy: "Do this.", temporary: false, data }, status);
  const told = () => screen.getByTestId("checkout-told").textContent;

  test("an empty form is not sent: each field says what it wants, and the first has the focus", async () => {
    await press();
    expect(bodies).toEqual([]);
    expect(screen.getByTestId("fault-email").textContent).toContain("confirmation");
    expect(document.activeElement).toBe(screen.getByTestId("field-email"));
    expect(screen.getByTestId("field-city").getAttribute("aria-invalid")).toBe("true");
  });

  test("nothing is bought before the shop has heard of the cart's last change", async () => {
    await fill();
    const doc = cartDoc();
    let heard: (answer: Response) => void = () => {};
    decide = () => new Promise((resolve) => (heard = resolve));
    const changed = shop.client.sendUntyped(
      "carts.put_line",
      {},
      {
        optimistic: { [`cart:${cartId()}`]: () => doc },
      },
    );
    await shop.advance(0);
    const button = screen.getByTestId("place-order");
    expect(button.getAttribute("aria-disabled")).toBe("true");
    expect(screen.getByText(/Telling the shop what you changed/)).toBeTruthy();
    await press();
    expect(shop.asked.filter((one) => one.startsWith("POST"))).toEqual([
      "POST /api/commands/carts.put_line",
    ]);
    const version = put();
    heard(json({ versions: { [`cart:${cartId()}`]: version }, result: null }));
    await changed;
    await shop.advance(0);
    expect(button.getAttribute("aria-disabled")).toBe("false");
    await press();
    expect(shop.asked.at(-1)).toBe("POST /api/checkout");
  });

  test("a full one is sent once, however often it is pressed, and leads to the order", async () => {
    let answer: (response: Response) => void = () => {};
    decide = () => new Promise((resolve) => (answer = resolve));
    await fill();
    await press();
    expect(screen.getByTestId("checkout-progress")).toBeTruthy();
    expect(screen.queryByTestId("place-order")).toBeNull();
    expect(bodies).toHaveLength(1);
    const id = `${cartId()}.1`;
    answer(json({ versions: {}, result: { order_id: id } }));
    put({ status: "ordered", order_id: id });
    await shop.advance(0);
    expect(window.location.pathname).toBe(`/order/${encodeURIComponent(id)}`);
    expect(openAttempt(cartId())).toBeNull();
  });

  test("a reload while no answer is there sends the very same again, by itself", async () => {
    await fill();
    await press();
    const keys = [...shop.keys];
    const sent = bodies[0];
    shop.close();
    start();
    put();
    await shop.show(<CheckoutPage />);
    expect(screen.getByTestId("checkout-progress")).toBeTruthy();
    expect(shop.keys).toEqual(keys);
    expect(bodies).toEqual([sent]);
  });

  test("after a refusal the next press is another attempt; what was typed is still there", async () => {
    decide = () => refusal(2502, { reason: "insufficient_funds" }, 402);
    await fill();
    await press();
    expect(told()).toContain("not enough money");
    expect(told()).toContain("Nothing was charged");
    expect((screen.getByTestId("field-city") as HTMLInputElement).value).toBe("Berlin");
    await press();
    expect(new Set(shop.keys).size).toBe(2);
  });

  test("where all that is left is being paid for, it says so at once and does not wait", async () => {
    decide = () => {
      const data = { sku: "MUG", requested: 1, retry_ms: 60_000 };
      const body = { code: 2108, name: "X", message: "No.", remedy: "", temporary: true, data };
      return json(body, 409);
    };
    await fill();
    await press();
    expect(bodies).toHaveLength(1);
    expect(told()).toContain("being paid for by others");
    await press();
    expect(new Set(shop.keys).size).toBe(2);
  });

  test("no answer at all: it says that nobody knows, and the next press is the same attempt", async () => {
    decide = () => {
      throw new TypeError("network");
    };
    await fill();
    await press();
    await shop.advance(20_000);
    expect(told()).toContain("cannot say yet");
    await press();
    await shop.advance(20_000);
    expect(new Set(shop.keys).size).toBe(1);
  });

  test("no answer, and then the order itself says what became of it", async () => {
    decide = () => {
      throw new TypeError("network");
    };
    await fill();
    await press();
    await shop.advance(20_000);
    const id = `${cartId()}.1`;
    putOrder(id, order({ id, status: "failed", reason: "timed_out" }));
    put({ attempt: 2 });
    await shop.advance(0);
    expect(told()).toContain("took too long");
    expect(openAttempt(cartId())).toBeNull();
  });

  test("no answer during an outage: once the shop is back the same is sent again, by itself", async () => {
    decide = () => {
      throw new TypeError("network");
    };
    await fill();
    await press();
    shop.server.reachable = false;
    shop.server.connections.at(-1)?.close(1006);
    await shop.advance(20_000);
    expect(told()).toContain("cannot say yet");
    const before = bodies.length;
    decide = () => json({ versions: {}, result: { order_id: `${cartId()}.1` } });
    shop.server.reachable = true;
    await shop.advance(20_000);
    expect(bodies).toHaveLength(before + 1);
    expect(new Set(shop.keys).size).toBe(1);
    expect(openAttempt(cartId())).toBeNull();
  });

  test("what the server does not take is told at its field", async () => {
    const data = { field: "address.postal_code", reason: "it is too long" };
    decide = () => refusal(1001, data, 400);
    await fill();
    await press();
    expect(screen.getByTestId("fault-postal_code").textContent).toContain("it is too long");
  });

  test("whoever is faster in another window is told of here, before anything is pressed", async () => {
    await fill();
    stock(0);
    await shop.advance(0);
    expect(screen.getByTestId("faster").textContent).toContain("Someone was faster");
    expect(screen.getByTestId("place-order").getAttribute("aria-disabled")).toBe("true");
    await press();
    expect(bodies).toEqual([]);
  });

  test("what we ourselves have put aside is not called taken by someone", async () => {
    await fill();
    await press();
    stock(0);
    put({ status: "checking_out", order_id: `${cartId()}.1` });
    await shop.advance(0);
    expect(screen.queryByTestId("faster")).toBeNull();
  });

  test("a price that moved must be accepted first", async () => {
    await fill();
    const price = { sku: "MUG", amount_minor: 1_650, currency: "EUR", compare_at_minor: null };
    shop.server.put("price:MUG", price);
    await shop.advance(0);
    expect(screen.getByTestId("price-change").textContent).toContain("gone up");
    await press();
    expect(bodies).toEqual([]);
    decide = () => {
      const line = { sku: "MUG", quantity: 1, accepted_minor: 1_650, currency: "EUR" };
      return json({ versions: { [`cart:${cartId()}`]: put({ lines: [line] }) }, result: null });
    };
    fireEvent.click(screen.getByTestId("accept-price"));
    await shop.advance(0);
    expect(bodies[0]).toEqual({
      cart_id: cartId(),
      lines: [{ sku: "MUG", amount_minor: 1_650, currency: "EUR" }],
    });
    expect(screen.queryByTestId("price-change")).toBeNull();
    expect(screen.getByTestId("checkout-total").textContent).toContain("16.50");
    expect(screen.getByTestId("place-order").getAttribute("aria-disabled")).toBe("false");
  });

  test("another window's attempt is shown here too, with its steps and its time", async () => {
    const id = `${cartId()}.1`;
    shop.server.beat();
    putOrder(id, order({ id, expires_at_ms: 90_000 }));
    put({ status: "checking_out", order_id: id });
    await shop.advance(0);
    expect(screen.getByTestId("step-hold").dataset.state).toBe("done");
    expect(screen.getByTestId("countdown").textContent).toMatch(/1:(30|29)/);
  });

  test("an attempt that came to nothing gives the form back and says why", async () => {
    const id = `${cartId()}.1`;
    decide = () => json({ versions: {}, result: { order_id: id, status: "checking_out" } });
    await fill();
    await press();
    put({ status: "checking_out", order_id: id });
    putOrder(id, order({ id }));
    await shop.advance(0);
    expect(screen.getByTestId("checkout-progress")).toBeTruthy();
    putOrder(id, order({ id, status: "failed", reason: "timed_out" }));
    put({ attempt: 2 });
    await shop.advance(0);
    expect(told()).toContain("took too long");
  });
});
