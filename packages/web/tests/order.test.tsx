import type {
  OrderDocument,
  OrderLine,
  OrderLineState,
  OrderStatus,
  ReturnDocument,
} from "@shopwire/client";
import { ShopwireError, UnknownOutcome } from "@shopwire/client";
import { fireEvent, screen } from "@testing-library/react";
import { afterEach, describe, expect, test } from "vitest";
import { OrderPage } from "../src/storefront/order/OrderPage.tsx";
import {
  canCancel,
  lineStateText,
  milestonesOf,
  orderRefusal,
  returnable,
  returnText,
  statusWords,
  unitsInWords,
} from "../src/storefront/order/words.ts";
import { json, openShop, type Shop } from "./shop.tsx";

const line = (changes: Partial<OrderLine> = {}): OrderLine => ({
  ...{ sku: "MUG", title: "Mug", quantity: 3, price_minor: 1_000, state: "ordered" },
  ...{ units: {}, conflict: null, conflict_sku: null, choices: [] },
  ...changes,
});
const order = (changes: Partial<OrderDocument> = {}): OrderDocument => ({
  ...{ id: "cart.1", number: "S-1", status: "in_fulfilment", lines: [line()], skus: ["MUG"] },
  ...{ currency: "EUR", total_minor: 3_000, refunded_minor: 0, payment: "captured" },
  ...{ shipments: [], started_at_ms: 0, placed_at_ms: 0, expires_at_ms: null, reason: null },
  ...changes,
});

const STATUSES: OrderStatus[] = [
  ...(["checking_out", "placed", "in_fulfilment", "partly_shipped", "shipped"] as const),
  ...(["delivered", "failed", "cancelled"] as const),
];
const STATES: OrderLineState[] = [
  ...([
    "held",
    "promised",
    "ordered",
    "confirmed",
    "in_question",
    "waiting",
    "cancelling",
  ] as const),
  ...(["shipped", "delivered", "cancelled", "returned"] as const),
];

describe("an order in words", () => {
  test.each(STATUSES)("%s is told without a code word", (status) => {
    const { title, text } = statusWords(order({ status }));
    expect(`${title}${text}`).not.toMatch(/_|undefined/);
  });

  test.each(STATES)("a line that is %s is told without a code word", (state) => {
    expect(lineStateText(state)).not.toMatch(/_|undefined/);
  });

  test("a line whose units go different ways tells each of them, those behind first", () => {
    const units = { shipped: 1, ordered: 2 } as const;
    expect(unitsInWords(line({ units }))).toBe("2 ordered at our supplier, 1 on its way");
    expect(unitsInWords(line({ units: { shipped: 3 } }))).toBe("On its way");
    expect(unitsInWords(line({ state: "cancelled" }))).toBe("Cancelled");
  });

  test("only what goes on has a way to go", () => {
    expect(STATUSES.map(milestonesOf)).toEqual([0, 1, 2, 3, 3, 4, 0, 0]);
  });

  test("a return says how it stands", () => {
    expect(returnText({ status: "announced" })).toContain("money follows");
    expect(returnText({ status: "received" })).toContain("arrived");
  });

  test("a refusal says what can be done", () => {
    const refused = (code: number) => new ShopwireError({ code, message: "No.", data: {} }, 409);
    expect(orderRefusal(refused(2401))).toContain("settled already");
    expect(orderRefusal(refused(2104))).toContain("Someone was faster");
    expect(orderRefusal(new UnknownOutcome("k", null))).toContain("No answer");
  });
});

describe("what can still be done", () => {
  test("cancelling, as long as something has not left", () => {
    expect(canCancel(order())).toBe(true);
    expect(canCancel(order({ lines: [line({ state: "shipped" })] }))).toBe(false);
    const partly = line({ state: "ordered", units: { ordered: 1, shipped: 2 } });
    expect(canCancel(order({ status: "partly_shipped", lines: [partly] }))).toBe(true);
    const held = line({ state: "held", units: { held: 3 } });
    expect(canCancel(order({ status: "checking_out", lines: [held] }))).toBe(true);
    expect(canCancel(order({ status: "cancelled" }))).toBe(false);
  });

  test("sending back only what is not on its way back already", () => {
    const lines = [line({ state: "delivered", units: { delivered: 3 } })];
    const announced = (status: ReturnDocument["status"], received: number) =>
      ({ status, lines: [{ sku: "MUG", announced: 2, received }] }) as unknown as ReturnDocument;
    const left = (...returns: ReturnDocument[]) =>
      returnable(order({ lines }), returns).map(({ units }) => units);
    expect(left(announced("announced", 0))).toEqual([1]);
    expect(left(announced("closed", 0))).toEqual([3]);
    expect(left(announced("announced", 0), announced("partly_received", 1))).toEqual([]);
  });

  test("sending back what has arrived, and no more of it", () => {
    const lines = [
      line({ sku: "A", state: "delivered", units: { delivered: 2, returned: 1 } }),
      line({ sku: "B", state: "shipped" }),
    ];
    expect(returnable(order({ lines })).map(({ line: { sku }, units }) => [sku, units])).toEqual([
      ["A", 2],
    ]);
  });
});

const RETURN = {
  ...{ id: "cart.1/R1", order_id: "cart.1", status: "announced", reason: "damaged" },
  ...{ lines: [{ sku: "MUG", announced: 1, received: 0 }], value_minor: 1_000, refund_minor: 0 },
  ...{ currency: "EUR", opened_at_ms: 0 },
};

describe("the page", () => {
  let shop: Shop;
  let bodies: [path: string, body: unknown][];
  let decide: () => Promise<Response> | Response;
  let announced: object[];
  const put = (changes: Partial<OrderDocument> = {}) =>
    shop.server.put("order:cart.1", { ...order(changes) });

  async function show(changes: Partial<OrderDocument> = {}): Promise<void> {
    bodies = [];
    announced = [];
    shop = openShop((path, request) => {
      if (path.startsWith("/api/products")) return json({ items: [], next: null, total: 0 });
      if (path.endsWith("/returns")) return json({ items: announced, next: null });
      bodies.push([path, JSON.parse(String(request.body))]);
      return decide();
    });
    put(changes);
    await shop.show(<OrderPage id="cart.1" />);
  }

  const asked = line({
    ...{
      state: "in_question",
      conflict: "cart.1/C1",
      conflict_sku: "MUG",
      choices: ["wait", "replace", "cancel"],
    },
    units: { in_question: 1, ordered: 2 },
  });

  afterEach(() => shop.close());

  test("follows the order while one looks at it", async () => {
    await show();
    expect(screen.getByTestId("order-status").textContent).toBe("Being prepared");
    put({ status: "shipped", lines: [line({ state: "shipped" })] });
    await shop.advance(0);
    expect(screen.getByTestId("order-status").textContent).toBe("On its way");
    expect(screen.queryByTestId("cancel-order")).toBeNull();
  });

  test("asks what shall be done where a line is short, and takes the question away once it is settled", async () => {
    await show({ lines: [asked] });
    expect(screen.getByTestId("conflict").textContent).toContain("Mug is short");
    decide = () => json({ versions: {}, result: {} });
    fireEvent.click(screen.getByTestId("choose-wait"));
    await shop.advance(0);
    expect(bodies).toEqual([
      [
        "/api/commands/orders.settle_conflict",
        { conflict_id: "cart.1/C1", sku: "MUG", choice: "wait" },
      ],
    ]);
    put({ lines: [line({ state: "waiting" })] });
    await shop.advance(0);
    expect(screen.queryByTestId("conflict")).toBeNull();
  });

  test("offers to get it from elsewhere only while somebody else has it", async () => {
    await show({ lines: [asked] });
    shop.server.put("stock:MUG", { sku: "MUG", available: 0, status: "out" });
    await shop.advance(0);
    expect(screen.queryByTestId("choose-replace")).toBeNull();
    shop.server.put("stock:MUG", { sku: "MUG", available: 1, status: "low" });
    await shop.advance(0);
    expect(screen.getByTestId("choose-replace")).toBeTruthy();
  });

  test("somebody else settled it first: it says so, and the choices are free again", async () => {
    await show({ lines: [asked] });
    const body = { code: 2401, name: "X", message: "No.", remedy: "", temporary: false, data: {} };
    decide = () => json(body, 409);
    fireEvent.click(screen.getByTestId("choose-cancel"));
    await shop.advance(0);
    expect(screen.getByTestId("conflict").textContent).toContain("settled already");
    expect(screen.getByTestId("choose-cancel").getAttribute("aria-disabled")).toBe("false");
  });

  test("cancelling asks once more, and names all SKUs of the order", async () => {
    await show();
    fireEvent.click(screen.getByTestId("cancel-order"));
    await shop.advance(0);
    expect(bodies).toEqual([]);
    decide = () => json({ versions: {}, result: {} });
    fireEvent.click(screen.getByTestId("cancel-confirm"));
    await shop.advance(0);
    expect(bodies).toEqual([
      ["/api/commands/orders.cancel_order", { order_id: "cart.1", skus: ["MUG"] }],
    ]);
    expect(screen.queryByTestId("cancel-ask")).toBeNull();
  });

  test("a return names what goes back and why", async () => {
    await show({ status: "delivered", lines: [line({ state: "delivered" })] });
    fireEvent.click(screen.getByTestId("open-return"));
    await shop.advance(0);
    fireEvent.click(screen.getByTestId("return-send"));
    expect(bodies).toEqual([]);
    fireEvent.click(screen.getByTestId("quantity-more"));
    fireEvent.change(screen.getByLabelText("Why"), { target: { value: "damaged" } });
    decide = () => {
      announced = [RETURN];
      return json({ versions: {}, result: {} });
    };
    await shop.advance(0);
    fireEvent.click(screen.getByTestId("return-send"));
    await shop.advance(0);
    expect(bodies).toEqual([
      [
        "/api/commands/shipping.open_return",
        { order_id: "cart.1", lines: [{ sku: "MUG", quantity: 1 }], reason: "damaged" },
      ],
    ]);
    await shop.advance(0);
    expect(screen.getByTestId("return").textContent).toContain("1 × Mug");
    const received = { ...RETURN, status: "received", refund_minor: 1_000 };
    shop.server.put("return:cart.1/R1", received);
    await shop.advance(0);
    expect(screen.getByTestId("return").textContent).toContain("10.00 given back");
  });

  test("an order that nobody made is not there", async () => {
    shop = openShop(() => json({ items: [] }));
    await shop.show(<OrderPage id="nobody.1" />);
    expect(screen.getByText("There is no such order")).toBeTruthy();
  });
});
