/** `npm run dev:mock`: the API and /sync of a made-up shop inside Vite's own server. */

import { readdir, readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { PaymentDocument } from "@shopwire/client";
import type { Plugin } from "vite";
import { WebSocketServer } from "ws";
import type {
  Category,
  Entry,
  OpenSale,
  PaymentStory,
  Price,
  Product,
  Stock,
} from "../src/shared/documents.ts";
import { Life } from "./life.ts";
import { MockSync } from "./sync.ts";
import { Refusal, Trade } from "./trade.ts";
import { SUPPLIERS, World } from "./world.ts";

const NOT_FOUND = {
  ...{ code: 1003, name: "NotFound", message: "There is no such thing.", temporary: false },
  ...{ remedy: "Look at the address again.", data: {} },
};

export function mockServer(): Plugin {
  const world = new World();
  const life = new Life(world);
  const sync = new MockSync(world, life);
  const trade = new Trade(world);
  return {
    name: "shopwire-mock",
    configureServer(server) {
      const sockets = new WebSocketServer({ noServer: true });
      server.httpServer?.on("upgrade", (request, socket, head) => {
        if (request.url !== "/sync") return;
        if (sync.mode === "cut") socket.destroy();
        else sockets.handleUpgrade(request, socket, head, (one) => sync.open(one));
      });
      server.httpServer?.on("close", () => {
        life.stop();
        sync.stop();
      });
      life.start();
      sync.start();
      server.middlewares.use((request, response, next) => {
        const url = new URL(request.url ?? "/", "http://mock");
        if (url.pathname.startsWith("/pictures/")) void sendPicture(url.pathname, response);
        else if (url.pathname.startsWith("/mock/")) mock(world, sync, url, response);
        else if (request.method === "POST") void command(trade, url.pathname, request, response);
        else if (url.pathname.startsWith("/api/")) answer(world, life, url, response);
        else next();
      });
    },
  };
}

/** `/mock/pause`, `/mock/cut`, `/mock/run`; `/mock/stock?sku=&units=`, `/mock/price?sku=&minor=`. */
function mock(world: World, sync: MockSync, url: URL, response: ServerResponse): void {
  const sku = url.searchParams.get("sku") ?? "";
  const what = url.pathname.slice(6);
  if (what === "stock") world.move(sku, "report", Number(url.searchParams.get("units")), "mock");
  else if (what === "price") {
    const price = world.read<Price>(`price:${sku}`);
    if (price) {
      const amount_minor = Number(url.searchParams.get("minor"));
      world.put(`price:${sku}`, { ...price, amount_minor });
    }
  } else sync.mode = what as typeof sync.mode;
  send(response, { mode: sync.mode });
}

function send(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

const PICTURES = new URL("./pictures/", import.meta.url);

/** The picture that is asked for, else another one of the same kind. */
async function sendPicture(path: string, response: ServerResponse): Promise<void> {
  const [kind = "", , colour] = path.replace("/pictures/", "").replace(".svg", "").split("--");
  const names = await readdir(PICTURES);
  const exact = names.find((name) => name === `${kind}--${colour}.svg`);
  const name = exact ?? names.find((one) => one.startsWith(`${kind}--`)) ?? names[0] ?? "";
  response.writeHead(200, { "content-type": "image/svg+xml", "cache-control": "max-age=600" });
  response.end(await readFile(new URL(name, PICTURES)));
}

/** Commands and the checkout: decided by the made-up trade, answered as the shop does. */
async function command(
  trade: Trade,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let text = "";
  for await (const part of request) text += String(part);
  const key = String(request.headers["idempotency-key"] ?? "");
  const operation = decodeURIComponent(path.split("/").at(-1) ?? "");
  try {
    send(response, await trade.take(operation, JSON.parse(text) as object as never, key));
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    const { status, code, message, data } = problem;
    send(response, { ...NOT_FOUND, code, message, data, remedy: "" }, status);
  }
}

function answer(world: World, life: Life, url: URL, response: ServerResponse): void {
  const [, , what = "", id = "", part = ""] = url.pathname.split("/").map(decodeURIComponent);
  const found = READS[`${what}${id && "/:id"}${part && `/${part}`}`]?.(world, life, url, id);
  if (found === undefined || found === null) send(response, NOT_FOUND, 404);
  else send(response, found);
}

type Read = (world: World, life: Life, url: URL, id: string) => unknown;

const READS: Readonly<Record<string, Read>> = {
  products: (world, _life, url) => list(world, url.searchParams),
  "products/:id": (world, _life, _url, id) => {
    const product = world.read<Product>(`product:${id}`);
    return product && world.item(product);
  },
  categories: (world) => ({
    items: [...world.docs]
      .filter(([topic]) => topic.startsWith("category:"))
      .map(([, held]) => held.doc as Category),
  }),
  suppliers: () => ({ items: SUPPLIERS.map((one, at) => ({ ...one, offers: 120 - at * 23 })) }),
  imports: (_world, life) => ({ items: life.runs.slice(0, 50) }),
  "imports/:id": (_world, life, _url, id) => life.runs.find((run) => run.id === id),
  "imports/:id/quarantine": (_world, life, _url, id) => ({
    items: life.bad.get(id) ?? [],
    next: null,
  }),
  "stock/:id/ledger": (world, _life, _url, sku) =>
    world.pools.has(sku) && {
      ...{ sku, pools: world.pools.get(sku), lines: world.ledger.get(sku)?.slice(0, 100) },
      ...{ holds: [], open_sales: openSales(world, sku), next: null },
    },
  "stock/:id/alternatives": (world, _life, url, sku) =>
    alternatives(world, sku, Number(url.searchParams.get("quantity") ?? 1)),
  orders: (world, _life, url) => entries(world, "order:", url.searchParams),
  "orders/:id": (world, _life, _url, id) => entry(world, `order:${id}`),
  "orders/:id/shipments": (world, _life, _url, id) => docs(world, `shipment:${id}/`),
  "orders/:id/returns": () => ({ items: [], next: null }),
  "purchase-orders": (world, _life, url) =>
    docs(world, `purchase_order:${url.searchParams.get("order") ?? ""}`),
  "payments/:id": (world, _life, _url, id) => story(world, id),
  conflicts: (world, _life, url) => {
    const order = url.searchParams.get("order") ?? "";
    const page = entries(world, `conflict:${order}`, url.searchParams);
    const items = page.items.map((one) => ({ ...one, stock: null, offers: [] }));
    return { ...page, items };
  },
  "offers/:id": (world, _life, _url, sku) => ({
    sku,
    items: (world.pools.get(sku) ?? []).map(({ supplier }) => ({
      ...{ supplier, cost_minor: 870, currency: "EUR", lead_time_days: 2, order_min: 1 },
      ...{ order_max: null, map_minor: null, msrp_minor: 2_190, active: true, sku },
    })),
  }),
};

function entry(world: World, topic: string): Entry<unknown> | undefined {
  const held = world.docs.get(topic);
  return held && { topic, ...held };
}

function entries(world: World, prefix: string, params: URLSearchParams) {
  const status = params.get("status") ?? "";
  const items = [...world.docs.keys()]
    .filter((topic) => topic.startsWith(prefix))
    .map((topic) => entry(world, topic) as Entry<{ status: string }>)
    .filter(({ doc }) => status === "" || status === "all" || doc.status === status)
    .reverse();
  return { items: items.slice(0, Number(params.get("limit") ?? 50)), next: null };
}

function docs(world: World, prefix: string) {
  const found = [...world.docs].filter(([topic]) => topic.startsWith(prefix));
  return { items: found.map(([, { doc }]) => doc), next: null };
}

function openSales(world: World, sku: string): OpenSale[] {
  const sales = (world.ledger.get(sku) ?? []).filter(({ kind }) => kind === "sale").slice(0, 6);
  return sales.map(({ supplier, reference, sold_delta, at_ms }, at) => ({
    ...{ supplier, reference, quantity: sold_delta, backordered: 0, sold_at_ms: at_ms },
    ...{ answer: at % 2 ? "booked" : "none", marked_at_ms: at % 2 ? at_ms + 900 : null },
    ...{ marked_sequence: null, state: "open", reason: null },
  }));
}

function alternatives(world: World, sku: string, quantity: number) {
  const products = world.products();
  const own = products.find(({ variants }) => variants.some((one) => one.sku === sku));
  const kin = products.filter(({ categories }) => categories[0] === own?.categories[0]);
  const found = [own, ...kin.filter((one) => one !== own)].flatMap((product) =>
    (product?.variants ?? []).map((variant) => ({
      ...{ sku: variant.sku, kind: product === own ? "variant" : "category" },
      product: entry(world, `product:${product?.id}`),
      stock: entry(world, `stock:${variant.sku}`),
      price: entry(world, `price:${variant.sku}`),
    })),
  );
  const enough = (one: (typeof found)[number]): boolean =>
    one.sku !== sku && ((one.stock?.doc as Stock | null)?.available ?? 0) >= quantity;
  return { items: found.filter(enough).slice(0, 12) };
}

function story(world: World, id: string): PaymentStory | undefined {
  const payment = world.read<PaymentDocument>(`payment:${id}`);
  if (payment === undefined) return undefined;
  const paid = payment.captured_minor > 0;
  const { currency, captured_minor, provider } = payment;
  const line = { amount_minor: captured_minor, currency, command_id: "mock", at_ms: Date.now() };
  const ledger = paid
    ? [
        { seq: 1, posting: "capture", debit: "provider_clearing", credit: "customer", ...line },
        { seq: 2, posting: "capture", debit: "customer", credit: "revenue", ...line },
      ]
    : [];
  return {
    payment: { provider, reference: "mock", opened_at_ms: Date.now() },
    ...{ movements: [], webhooks: [], ledger },
    balances: ledger.length
      ? [
          { account: "provider_clearing", currency, balance_minor: captured_minor },
          { account: "revenue", currency, balance_minor: -captured_minor },
        ]
      : [],
  };
}

function wordsOf({ title, brand, variants }: Product): string {
  return [title, brand, ...variants.map(({ sku }) => sku)].join(" ").toLowerCase();
}

function list(world: World, params: URLSearchParams): object {
  const words = (params.get("q") ?? "").toLowerCase();
  const category = params.get("category") ?? "";
  const limit = Number(params.get("limit") ?? 24);
  const start = Number(params.get("cursor") ?? 0);
  const found = world
    .products()
    .filter((one) => wordsOf(one).includes(words))
    .filter((one) => category === "" || one.categories.includes(category));
  const cost = (one: Product) =>
    world.read<{ amount_minor: number }>(`price:${one.variants[0]?.sku}`)?.amount_minor ?? 0;
  if (params.get("sort") === "price") found.sort((a, b) => cost(a) - cost(b));
  const more = start + limit < found.length;
  return {
    items: found.slice(start, start + limit).map((one) => world.item(one)),
    next: more ? String(start + limit) : null,
    total: found.length,
  };
}
