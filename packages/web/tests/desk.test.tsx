import type {
  ConflictDocument,
  OrderDocument,
  PaymentDocument,
  PurchaseOrderLine,
  ReturnDocument,
} from "@shopwire/client";
import { fireEvent, screen } from "@testing-library/react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ConflictsPage, openText } from "../src/console/ConflictsPage.tsx";
import { shortagesOf } from "../src/console/conflicts.ts";
import { unitsText } from "../src/console/OrderPage.tsx";
import { orderIn, shortened } from "../src/console/OrderReference.tsx";
import { amountsOf, isBalanced } from "../src/console/PaymentPanel.tsx";
import { explained } from "../src/console/Promises.tsx";
import { costText, lineText, theirsOf } from "../src/console/PurchaseOrdersPanel.tsx";
import { ReturnsPanel } from "../src/console/ReturnsPanel.tsx";
import { counted, MINUTE_MS, MINUTES_SHOWN, withSample } from "../src/console/rate.ts";
import { sellableText } from "../src/console/StockPage.tsx";
import { timelineOf } from "../src/console/timeline.ts";
import { joinedEntries } from "../src/console/usePaged.ts";
import {
  kindText,
  ORDER_STATES,
  PURCHASE_ORDER_STATES,
  saleText,
  spelled,
} from "../src/console/words.ts";
import type { ConflictEntry, Entry, LedgerKind, Pool } from "../src/shared/documents.ts";
import { json, openShop, type Shop } from "./shop.tsx";

const KINDS: LedgerKind[] = [
  ...(["report", "sale", "hold", "post", "void", "expire", "book", "release"] as const),
];

describe("words of the console", () => {
  test.each(KINDS)("a movement of kind %s has words of its own", (kind) => {
    expect(kindText(kind)).not.toBe(kind);
  });

  test("states say a word, not a code", () => {
    const states = [...Object.values(ORDER_STATES), ...Object.values(PURCHASE_ORDER_STATES)];
    for (const { word } of states) expect(word).not.toMatch(/_/);
    expect(spelled("partly_shipped")).toBe("Partly shipped");
  });

  test("a sale says where it stands between the shop's book and the supplier's", () => {
    expect(saleText({ state: "open", answer: "none" })).toContain("not answered");
    expect(saleText({ state: "open", answer: "booked" })).toContain("next count");
    expect(saleText({ state: "refused", answer: "none" })).toContain("Refused");
  });

  test("units in several states are told apart", () => {
    expect(unitsText({ in_question: 1, ordered: 2, held: 0 }, "ordered")).toBe(
      "1 in question, 2 ordered",
    );
    expect(unitsText({}, "in_question")).toBe("In question");
  });
});

describe("every unit is explained", () => {
  const pool = (changes: Partial<Pool>): Pool => ({
    ...{ supplier: "a", reported: 0, reserved: 0, sold: 0, backorder: 0, shortfall: 0 },
    ...{ withheld: 0, as_of_ms: null, sequence: null, doubtful: false, buffer: 0, sellable: 0 },
    ...changes,
  });

  test("by its holds and sales, and what is beyond the page is said", () => {
    const pools = [pool({ reserved: 2 }), pool({ reserved: 3, sold: 9 })];
    expect(explained([{ quantity: 4 }, { quantity: 1 }], pools, "reserved")).toEqual({
      ...{ sum: 5, rest: 0 },
    });
    expect(explained([{ quantity: 4 }], pools, "sold")).toEqual({ sum: 4, rest: 5 });
  });

  test("also what is promised beyond the count", () => {
    const stock = { sku: "A", available: 2, status: "low" as const };
    expect(sellableText(stock)).toBe("2 can be sold");
    expect(sellableText({ ...stock, backorder: 5 })).toContain("5 more to be sent later");
  });

  test("a reference leads to its order where it names one", () => {
    const order = "27a49609bcec40f21691e73b22c03883.1";
    expect(orderIn(order)).toBe(order);
    expect(orderIn(`${order}/C1`)).toBe(order);
    expect(orderIn("demo-order")).toBeNull();
    expect(shortened(order)).toBe("27a49609…22c03883.1");
  });
});

describe("money", () => {
  test("is balanced where all accounts of a currency together have nothing", () => {
    const of = (account: string, balance_minor: number, currency = "EUR") => ({
      ...{ account, balance_minor, currency },
    });
    expect(isBalanced([of("customer", 0), of("clearing", 500), of("revenue", -500)])).toBe(true);
    expect(isBalanced([of("clearing", 500), of("revenue", -500, "USD")])).toBe(false);
    expect(isBalanced([])).toBe(true);
  });

  test("tells only amounts that say something", () => {
    const payment = { amount_minor: 900, authorised_minor: 900, captured_minor: 0 };
    const labels = amountsOf(payment as PaymentDocument).map(({ label }) => label);
    expect(labels).toEqual(["Asked for", "Promised"]);
  });
});

test("a purchase order's line tells what became of its units, and what they cost", () => {
  const line: PurchaseOrderLine = {
    ...{ sku: "A", ordered: 3, accepted: 2, refused: 1, cancelling: 0, cancelled: 0, shipped: 0 },
    ...{ delivered: 0, cost_minor: 250, cost_currency: "EUR" },
  };
  expect(lineText(line)).toBe("3 ordered, 2 accepted, 1 refused");
  expect(theirsOf(line)).toBeNull();
  expect(theirsOf({ ...line, supplier_sku: "A" })).toBeNull();
  expect(theirsOf({ ...line, supplier_sku: "X-9" })).toBe("X-9");
  expect(costText([line])).toContain("7.50");
  expect(costText([line, { ...line, cost_minor: null }])).toBe("–");
  expect(costText([line, { ...line, cost_currency: "USD" }])).toBe("–");
});

describe("orders per minute", () => {
  const now = 100 * MINUTE_MS;
  const order = (placed_at_ms: number | null, started_at_ms = placed_at_ms ?? 0) => ({
    ...{ placed_at_ms, started_at_ms },
  });
  const told = (now_ms: number, per_minute: number) => ({
    ...{ now_ms, per_minute, open_conflicts: 0, recent: [] },
  });

  test("are collected as the server tells them, once each, and not for ever", () => {
    const one = withSample([], told(now, 4));
    expect(one).toEqual([{ at: now, placed: 4 }]);
    expect(withSample(one, told(now, 9))).toBe(one);
    const later = now + MINUTES_SHOWN * MINUTE_MS;
    expect(withSample(one, told(later, 1))).toEqual([{ at: later, placed: 1 }]);
  });

  test("before that are counted from the newest orders, those that were placed", () => {
    const orders = [order(now - MINUTE_MS), order(now - 2 * MINUTE_MS), order(null, now - 1)];
    const values = counted(orders, now, true).map(({ placed }) => placed);
    expect(values).toHaveLength(MINUTES_SHOWN);
    expect(values.slice(-3)).toEqual([0, 1, 1]);
  });

  test("are not drawn as none where they are only not known", () => {
    const orders = [order(now - MINUTE_MS), order(now - 2 * MINUTE_MS)];
    expect(counted(orders, now, false)).toEqual([{ at: now - MINUTE_MS, placed: 1 }]);
    expect(counted([], now, false)).toEqual([]);
  });
});

test("pages of a list join without an entry twice", () => {
  const entry = (topic: string): Entry<null> => ({ topic, v: 1, doc: null, at: 0 });
  const joined = joinedEntries([entry("c"), entry("b")], [entry("b"), entry("a")]);
  expect(joined.map(({ topic }) => topic)).toEqual(["c", "b", "a"]);
});

test("the story of an order is told in the order in which it happened", () => {
  const order = { id: "o.1", status: "placed", started_at_ms: 10, placed_at_ms: 30 };
  const moments = timelineOf({
    order: { ...order, currency: "EUR", reason: null } as OrderDocument,
    payment: {
      ...{ payment: { provider: "", reference: "", opened_at_ms: 10 }, ledger: [], balances: [] },
      webhooks: [],
      movements: [
        {
          ...{ kind: "capture", id: "c", amount_minor: 900, state: "done", reference: "" },
          ...{ reason: "", asked_at_ms: 40, settled_at_ms: 50 },
        },
      ],
    },
    ...{ purchaseOrders: [], shipments: [], returns: [], conflicts: [] },
    nameOf: (id) => id,
  });
  expect(moments.map(({ text }) => text)).toEqual(["Checkout begun", "Placed", "Money taken"]);
});

const conflict = (id: string, changes: Partial<ConflictDocument> = {}): ConflictDocument => ({
  ...{ id, order_id: id.split("/")[0] ?? "", number: `N-${id}`, line: "MUG", title: "Mug" },
  ...{ sku: "MUG", supplier: "kiln", quantity: 1, reason: "overpromised", status: "open" },
  ...{ choices: ["wait", "cancel"], choice: null, by: null, opened_at_ms: 5 },
  settled_at_ms: null,
  ...changes,
});
const entryOf = (doc: ConflictDocument): ConflictEntry => ({
  ...{ topic: `conflict:${doc.id}`, v: 1, doc, at: 0, stock: null, offers: [] },
});

describe("a return", () => {
  let shop: Shop;
  afterEach(() => shop.close());

  test("has arrived when a person says so, and its units can be sold again or not", async () => {
    const one: ReturnDocument = {
      ...{ id: "o.1/R1", order_id: "o.1", status: "announced", reason: "damaged" },
      ...{ lines: [{ sku: "MUG", announced: 2, received: 0 }], value_minor: 2_000 },
      ...{ refund_minor: 0, currency: "EUR", opened_at_ms: 0 },
    };
    const bodies: unknown[] = [];
    shop = openShop((_path, request) => {
      bodies.push(JSON.parse(String(request.body)));
      return json({ versions: {}, result: {} });
    });
    await shop.show(<ReturnsPanel items={[one]} onChange={() => {}} />);
    fireEvent.click(screen.getByRole("checkbox"));
    fireEvent.click(screen.getByTestId("receive-return"));
    await shop.advance(0);
    expect(bodies).toEqual([{ return_id: "o.1/R1", restock: false, receipt: 1 }]);
    const lines = [{ sku: "MUG", announced: 2, received: 2 }];
    shop.server.put("return:o.1/R1", { ...one, status: "received", lines, refund_minor: 2_000 });
    await shop.advance(0);
    expect(screen.queryByTestId("receive-return")).toBeNull();
    expect(screen.getByTestId("return-row").textContent).toContain("20.00 of");
  });
});

describe("conflicts", () => {
  let shop: Shop;
  afterEach(() => {
    shop?.close();
    vi.useRealTimers();
  });

  test("stand together by what is short, as the live documents have it", () => {
    const [one, two] = [conflict("a.1/C1"), conflict("b.1/C1", { quantity: 2, opened_at_ms: 1 })];
    const other = conflict("c.1/C1", { sku: "CUP" });
    const settled = { ...one, status: "settled" as const };
    const entries = [one, two, other].map(entryOf);
    const all = shortagesOf(entries, () => undefined);
    expect(all.map(({ sku, units, open }) => [sku, units, open.length])).toEqual([
      ["MUG", 3, 2],
      ["CUP", 1, 1],
    ]);
    const rest = shortagesOf(entries, (id) => (id === one.id ? settled : undefined));
    expect(rest[0]?.open.map(({ id }) => id)).toEqual([two.id]);
  });

  test("say how many there are", () => {
    expect([0, 1, 2].map(openText)).toEqual([
      "Nothing is in question.",
      "One order is in question.",
      "2 orders are in question.",
    ]);
  });

  async function show(answer: () => Response): Promise<Record<string, unknown>[]> {
    const bodies: Record<string, unknown>[] = [];
    shop = openShop((path, request) => {
      if (path.startsWith("/api/conflicts")) {
        return json({ items: [entryOf(conflict("a.1/C1"))], next: null });
      }
      if (!path.startsWith("/api/commands")) return json({ items: [] });
      bodies.push(JSON.parse(String(request.body)));
      return answer();
    });
    shop.server.put("conflict:a.1/C1", { ...conflict("a.1/C1") });
    await shop.show(<ConflictsPage />);
    return bodies;
  }

  test("are settled by a button, and gone once anybody has settled them", async () => {
    const bodies = await show(() => json({ versions: {}, result: {} }));
    fireEvent.click(screen.getByTestId("settle-wait"));
    await shop.advance(0);
    expect(bodies).toEqual([
      { conflict_id: "a.1/C1", sku: "MUG", supplier: "kiln", choice: "wait", by: "operator" },
    ]);
    shop.server.put("conflict:a.1/C1", { ...conflict("a.1/C1", { status: "settled" }) });
    await shop.advance(0);
    expect(screen.queryByTestId("conflict-row")).toBeNull();
    expect(screen.getByText("Nothing is in question")).toBeTruthy();
  });

  test("offer another supplier only while one has that many", async () => {
    shop = openShop((path) =>
      path.startsWith("/api/conflicts")
        ? json({
            items: [entryOf(conflict("a.1/C1", { quantity: 2, choices: ["wait", "replace"] }))],
            next: null,
          })
        : json({ items: [] }),
    );
    shop.server.put("stock:MUG", { sku: "MUG", available: 1, status: "low" });
    await shop.show(<ConflictsPage />);
    const button = screen.getByTestId("settle-replace");
    expect(button.getAttribute("aria-disabled")).toBe("true");
    shop.server.put("stock:MUG", { sku: "MUG", available: 2, status: "low" });
    await shop.advance(0);
    expect(button.getAttribute("aria-disabled")).toBe("false");
  });

  test("say so where somebody was faster to settle", async () => {
    const refusal = { code: 2401, name: "X", message: "", remedy: "", temporary: false, data: {} };
    await show(() => json(refusal, 409));
    fireEvent.click(screen.getByTestId("settle-cancel"));
    await shop.advance(0);
    expect(screen.getByTestId("conflict-row").textContent).toContain("a moment before you");
  });
});
