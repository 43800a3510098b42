/** Buying in the made-up shop: carts, checkouts that take their time, orders that go their way. */

import type {
  CartDocument,
  ConflictDocument,
  OrderDocument,
  OrderLineState,
  PaymentDocument,
  PurchaseOrderDocument,
  ShipmentDocument,
} from "@shopwire/client";
import type { Product, Stock } from "../src/shared/documents.ts";
import { type Accepted, emptyCart, withAccepted, withLine } from "../src/storefront/cart/cart.ts";
import type { World } from "./world.ts";

type Body = Readonly<Record<string, unknown>>;

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
    readonly data: object = {},
  ) {
    super(message);
  }
}

export interface Answer {
  readonly versions: Record<string, number>;
  readonly result: unknown;
}

/** How long each step of an order takes here. */
const STEP_MS = 9_000;
const HOLD_MS = 25_000;
const SLOW_MS = 12_000;

export class Trade {
  readonly orders: string[] = [];
  readonly conflicts: string[] = [];
  readonly #world: World;
  readonly #answers = new Map<string, Answer>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A command's answer; the same key is answered once. */
  async take(operation: string, body: Body, key: string): Promise<Answer> {
    const known = this.#answers.get(key);
    if (known) return known;
    const answer = await this.#decide(operation, body);
    this.#answers.set(key, answer);
    return answer;
  }

  async #decide(operation: string, body: Body): Promise<Answer> {
    switch (operation) {
      case "carts.put_line":
        return this.#putLine(body);
      case "carts.accept_prices":
        return this.#accept(body);
      case "checkout":
        return this.#checkout(body);
      case "orders.cancel_order":
        return this.#cancel(String(body.order_id));
      case "orders.settle_conflict":
        return this.#settle(String(body.conflict_id), String(body.choice));
      case "shipping.open_return":
        return this.#return(body);
      default:
        throw new Refusal(404, 1002, "There is no such operation.");
    }
  }

  #cart(id: string): CartDocument {
    return this.#world.read<CartDocument>(`cart:${id}`) ?? emptyCart(id);
  }

  #put(topic: string, doc: object): Answer {
    return { versions: { [topic]: this.#world.put(topic, doc) }, result: null };
  }

  #putLine(body: Body): Answer {
    const cart = this.#cart(String(body.cart_id));
    const [sku, quantity] = [String(body.sku), Number(body.quantity)];
    if (cart.status !== "open") {
      const data = { cart: cart.id, order: cart.order_id, state: cart.status };
      throw new Refusal(409, 2300, "This cart cannot be changed.", data);
    }
    const stock = this.#world.read<Stock>(`stock:${sku}`);
    const before = cart.lines.find((line) => line.sku === sku)?.quantity ?? 0;
    if (quantity > before && (stock?.available ?? 0) < quantity) {
      const data = { sku, requested: quantity, available: stock?.available ?? 0 };
      throw new Refusal(409, 2104, "There are not enough units left.", data);
    }
    const line = {
      ...{ sku, quantity, accepted_minor: Number(body.accepted_minor) },
      currency: String(body.currency),
    };
    return this.#put(`cart:${cart.id}`, withLine(cart, line));
  }

  #accept(body: Body): Answer {
    const cart = this.#cart(String(body.cart_id));
    return this.#put(`cart:${cart.id}`, withAccepted(cart, body.lines as Accepted[]));
  }

  async #checkout(body: Body): Promise<Answer> {
    const cart = this.#cart(String(body.cart_id));
    if (cart.status !== "open") {
      const data = { cart: cart.id, order: cart.order_id, state: cart.status };
      throw new Refusal(409, 2300, "This cart is being paid for.", data);
    }
    for (const { sku, quantity } of cart.lines) {
      const available = this.#world.read<Stock>(`stock:${sku}`)?.available ?? 0;
      if (available < quantity) {
        const data = { sku, requested: quantity, available };
        throw new Refusal(409, 2104, "There are not enough units left.", data);
      }
    }
    const id = `${cart.id}.${cart.attempt}`;
    const order = this.#orderOf(id, cart);
    this.orders.unshift(id);
    for (const { sku, quantity } of cart.lines) this.#world.move(sku, "sale", quantity, id);
    this.#world.put(`order:${id}`, order);
    this.#world.put(`cart:${cart.id}`, { ...cart, status: "checking_out", order_id: id });
    this.#world.put(`payment:${id}`, paymentOf(order, "opened"));
    await later(body.method === "card_pending" ? SLOW_MS : 900);
    if (body.method === "card_declined") return this.#decline(id, cart);
    this.#world.put(`cart:${cart.id}`, { ...cart, status: "ordered", order_id: id });
    this.#world.put(`payment:${id}`, paymentOf(order, "authorised"));
    const versions = this.#change(id, { status: "placed", payment: "authorised" }, "promised");
    void this.#fulfil(id);
    return { versions, result: { order_id: id, status: "placed" } };
  }

  #decline(id: string, cart: CartDocument): never {
    this.#world.put(`cart:${cart.id}`, { ...cart, attempt: cart.attempt + 1 });
    this.#change(id, { status: "failed", payment: "declined", reason: "declined" }, "cancelled");
    for (const { sku, quantity } of cart.lines) this.#world.move(sku, "sale", -quantity, id);
    const data = { payment: id, reason: "insufficient_funds" };
    throw new Refusal(402, 2502, "The payment was declined.", data);
  }

  #orderOf(id: string, cart: CartDocument): OrderDocument {
    const products = this.#world.products();
    const titleOf = (sku: string): string => {
      const holds = (one: Product) => one.variants.some((variant) => variant.sku === sku);
      return products.find(holds)?.title ?? sku;
    };
    const lines = cart.lines.map(({ sku, quantity, accepted_minor }) => ({
      ...{ sku, title: titleOf(sku), quantity, price_minor: accepted_minor },
      ...{
        state: "held" as const,
        units: { held: quantity },
        conflict: null,
        conflict_sku: null,
        choices: [],
      },
    }));
    const total = lines.reduce((sum, line) => sum + line.quantity * line.price_minor, 0);
    return {
      ...{ id, number: numberOf(id), status: "checking_out", lines },
      ...{ skus: lines.map(({ sku }) => sku), currency: cart.lines[0]?.currency ?? "EUR" },
      ...{ total_minor: total, refunded_minor: 0, payment: "opened", shipments: [] },
      ...{ started_at_ms: Date.now(), placed_at_ms: null, expires_at_ms: Date.now() + HOLD_MS },
      reason: null,
    };
  }

  /** The order with changes; `state` is what its open lines are in then. */
  #change(
    id: string,
    changes: Partial<OrderDocument>,
    state?: OrderLineState,
  ): Record<string, number> {
    const topic = `order:${id}`;
    const order = this.#world.read<OrderDocument>(topic);
    if (!order) return {};
    const moved = order.lines.map((line) =>
      state === undefined || line.state === "cancelled"
        ? line
        : {
            ...line,
            state,
            units: { [state]: line.quantity },
            conflict: null,
            conflict_sku: null,
            choices: [],
          },
    );
    const placed_at_ms = changes.status === "placed" ? Date.now() : order.placed_at_ms;
    return {
      [topic]: this.#world.put(topic, { ...order, lines: moved, placed_at_ms, ...changes }),
    };
  }

  async #fulfil(id: string): Promise<void> {
    const order = (): OrderDocument | undefined => this.#world.read(`order:${id}`);
    const goesOn = (): boolean => !["cancelled", "failed"].includes(order()?.status ?? "failed");
    await later(STEP_MS / 3);
    const paid = order();
    if (!paid || !goesOn()) return;
    this.#world.put(`payment:${id}`, paymentOf(paid, "captured"));
    this.#world.put(`purchase_order:${id}/kiln-co`, purchaseOrderOf(paid));
    this.#change(id, { status: "in_fulfilment", payment: "captured" }, "ordered");
    await later(STEP_MS);
    if (!goesOn()) return;
    if (this.#world.random() < 0.35) {
      this.#ask(id);
      return;
    }
    await this.#ship(id, goesOn);
  }

  async #ship(id: string, goesOn: () => boolean): Promise<void> {
    const shipment: ShipmentDocument = {
      ...{ id: `${id}/S1`, order_id: id, carrier: "Parcel Post", tracking: "JD0146 0000 1234" },
      ...{ status: "picked_up", lines: [], shipped_at_ms: Date.now(), delivered_at_ms: null },
      history: [{ status: "picked_up", at_ms: Date.now() }],
    };
    const steps = ["picked_up", "in_transit", "delivered"] as const;
    for (const status of steps) {
      if (!goesOn()) return;
      const history = [{ status, at_ms: Date.now() }, ...shipment.history].slice(0, 5);
      this.#world.put(`shipment:${id}/S1`, { ...shipment, status, history });
      const { carrier, tracking } = shipment;
      const shipments = [{ id: shipment.id, carrier, tracking, status }];
      const over = status === "delivered";
      this.#change(
        id,
        { status: over ? "delivered" : "shipped", shipments },
        over ? "delivered" : "shipped",
      );
      await later(STEP_MS);
    }
  }

  /** The supplier has sold a line elsewhere. */
  #ask(id: string): void {
    const order = this.#world.read<OrderDocument>(`order:${id}`);
    const line = order?.lines[0];
    if (!order || !line) return;
    const conflict: ConflictDocument = {
      ...{ id: `${id}/C1`, order_id: id, number: order.number, line: line.sku },
      ...{ title: line.title, sku: line.sku, supplier: "kiln-co", quantity: 1 },
      ...{ reason: "overpromised", status: "open", choices: ["wait", "replace", "cancel"] },
      ...{ choice: null, by: null, opened_at_ms: Date.now(), settled_at_ms: null },
    };
    this.conflicts.unshift(conflict.id);
    this.#world.put(`conflict:${conflict.id}`, conflict);
    const [first, ...rest] = order.lines;
    if (!first) return;
    const asked = {
      ...{
        ...first,
        state: "in_question" as const,
        conflict: conflict.id,
        conflict_sku: first.sku,
      },
      ...{ units: { in_question: 1, ordered: first.quantity - 1 }, choices: conflict.choices },
    };
    this.#change(id, { lines: [asked, ...rest] });
  }

  #settle(id: string, choice: string): Answer {
    const topic = `conflict:${id}`;
    const conflict = this.#world.read<ConflictDocument>(topic);
    if (!conflict) throw new Refusal(404, 1003, "There is no such thing.");
    if (conflict.status !== "open") {
      const data = { conflict: id, choice: conflict.choice };
      throw new Refusal(409, 2401, "This was settled already.", data);
    }
    const order = this.#world.read<OrderDocument>(`order:${conflict.order_id}`);
    const states = { wait: "waiting", cancel: "cancelled", replace: "ordered" } as const;
    const state = states[choice as keyof typeof states] ?? "waiting";
    const lines = (order?.lines ?? []).map((line) =>
      line.conflict === id
        ? {
            ...line,
            state,
            units: { [state]: line.quantity },
            conflict: null,
            conflict_sku: null,
            choices: [],
          }
        : line,
    );
    const settled = {
      status: "settled" as const,
      choice,
      by: "shopper",
      settled_at_ms: Date.now(),
    };
    return {
      versions: {
        ...this.#put(topic, { ...conflict, ...settled }).versions,
        ...this.#change(conflict.order_id, { lines }),
      },
      result: { choice },
    };
  }

  #cancel(id: string): Answer {
    const order = this.#world.read<OrderDocument>(`order:${id}`);
    if (!order) throw new Refusal(404, 1003, "There is no such thing.");
    const refunded_minor = order.total_minor;
    const changes = { status: "cancelled" as const, refunded_minor, payment: "refunded" };
    return { versions: this.#change(id, changes, "cancelled"), result: null };
  }

  #return(body: Body): Answer {
    const id = String(body.order_id);
    return { versions: this.#change(id, {}, "returned"), result: { return_id: `${id}/R1` } };
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function numberOf(id: string): string {
  return `S-${id.slice(0, 4).toUpperCase()}-${id.split(".").at(-1)}`;
}

function paymentOf(order: OrderDocument, state: PaymentDocument["state"]): PaymentDocument {
  const paid = state === "captured" ? order.total_minor : 0;
  const promised = state === "opened" ? 0 : order.total_minor;
  return {
    ...{ order_id: order.id, state, provider: "simulator", currency: order.currency },
    ...{ amount_minor: order.total_minor, authorised_minor: promised, capturing_minor: 0 },
    ...{ captured_minor: paid, released_minor: 0, refunding_minor: 0, refunded_minor: 0 },
    ...{ charged_back_minor: 0, voiding: false, reason: "", movements: [] },
  };
}

function purchaseOrderOf(order: OrderDocument): PurchaseOrderDocument {
  return {
    ...{ id: `${order.id}/kiln-co`, order_id: order.id, supplier: "kiln-co", status: "sent" },
    ...{ answer: null, late: null, supplier_reference: "KC-20991", reason: "" },
    ...{ planned_at_ms: Date.now(), due_at_ms: Date.now() + 7_200_000 },
    lines: order.lines.map(({ sku, quantity }) => ({
      ...{ sku, ordered: quantity, accepted: 0, refused: 0, cancelling: 0, cancelled: 0 },
      ...{ shipped: 0, delivered: 0, cost_minor: 870, cost_currency: "EUR" },
    })),
  };
}
