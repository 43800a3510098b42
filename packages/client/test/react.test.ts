// @vitest-environment happy-dom
import { act, createElement, type ReactNode, StrictMode, useEffect } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, describe, expect, it } from "vitest";
import { ShopwireError } from "../src/core/commands.ts";
import { change } from "../src/core/optimistic.ts";
import { GRACE_MS } from "../src/core/subscriptions.ts";
import {
  type CommandHandle,
  ShopwireProvider,
  useAge,
  useCommand,
  usePending,
  useStatus,
  useTopic,
  useTopics,
} from "../src/react/index.ts";
import { open, received } from "./setUp.ts";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

type Setting = Awaited<ReturnType<typeof open>>;
let root: Root | null = null;

afterEach(async () => {
  await act(async () => root?.unmount());
  root = null;
});

/** Renders under the client, strictly; returns the page's text. */
async function render({ client }: Setting, child: ReactNode): Promise<() => string> {
  const place = document.createElement("div");
  root ??= createRoot(place);
  const tree = createElement(ShopwireProvider, { client }, child);
  await act(async () => root?.render(createElement(StrictMode, null, tree)));
  return () => place.textContent ?? "";
}

function Stock({ sku, onRender }: { sku: string | null; onRender?: () => void }) {
  const held = useTopic(sku === null ? null : `stock:${sku}`);
  useEffect(() => onRender?.());
  return createElement("p", null, held?.doc ? `${held.doc.available} left` : "unknown");
}

const BOTH = ["stock:A", "stock:B"] as const;

/** Writes down each sum that was on the page. */
function Both({ shown }: { shown: string[] }) {
  const held = useTopics(BOTH);
  const text = held.map((one) => one?.doc?.available ?? "-").join("+");
  useEffect(() => {
    if (shown.at(-1) !== text) shown.push(text);
  });
  return text;
}

function Freshness() {
  const { status } = useStatus();
  const [whole, one] = [useAge(), useAge("stock:A")];
  return `${status} ${Math.floor((whole ?? -1) / 1_000)} ${one === null ? "never" : one >= 0}`;
}

type Sell = CommandHandle<"inventory.sell_stock", { left: number }>;

/** Hands its command out, for a test to press. */
function Seller({ handles }: { handles: Sell[] }) {
  const handle = useCommand<"inventory.sell_stock", { left: number }>("inventory.sell_stock");
  useEffect(() => {
    handles.push(handle);
  });
  return null;
}

function Pending({ topic }: { topic: string }) {
  return usePending(topic) ? "pending" : "settled";
}

const stock = (sku: string, available: number) => ({ sku, available, status: "in_stock" });

describe("useTopic", () => {
  it("shows a document and each change of it", async () => {
    const all = await open();
    const text = await render(all, createElement(Stock, { sku: "A" }));
    expect(text()).toBe("unknown");
    await act(async () => void all.server.put("stock:A", stock("A", 3)));
    expect(text()).toBe("3 left");
    await act(async () => void all.server.put("stock:A", stock("A", 2)));
    expect(text()).toBe("2 left");
    await act(async () => void all.server.put("stock:A", null));
    expect(text()).toBe("unknown");
  });

  it("subscribes once although strict mode mounts twice, and leaves after a grace", async () => {
    const all = await open();
    await render(all, createElement(Stock, { sku: "A" }));
    await act(async () => all.clock.advance(GRACE_MS * 2));
    expect(received(all, "sub").map((sub) => sub.topics)).toEqual([["stock:A"]]);
    expect(received(all, "unsub")).toEqual([]);
    await act(async () => root?.unmount());
    root = null;
    await all.clock.advance(GRACE_MS);
    expect(received(all, "unsub")).toHaveLength(1);
  });

  it("follows another topic, or none", async () => {
    const all = await open();
    all.server.put("stock:B", stock("B", 9));
    const text = await render(all, createElement(Stock, { sku: "A" }));
    await act(async () => root?.render(null));
    const next = async (sku: string | null) => {
      const tree = createElement(ShopwireProvider, { client: all.client }, [
        createElement(Stock, { key: "one", sku }),
      ]);
      await act(async () => root?.render(tree));
    };
    await next("B");
    await act(async () => all.clock.advance(0));
    expect(text()).toBe("9 left");
    await next(null);
    expect(text()).toBe("unknown");
  });

  it("renders again only for its own topic", async () => {
    const all = await open();
    let renders = 0;
    const onRender = () => {
      renders += 1;
    };
    await render(all, createElement(Stock, { sku: "A", onRender }));
    await act(async () => void all.server.put("stock:A", stock("A", 3)));
    const before = renders;
    all.client.subscribe(["stock:B"]);
    await act(async () => void all.server.put("stock:B", stock("B", 1)));
    await act(async () => all.server.beat());
    expect(renders).toBe(before);
  });

  it("renders on a server, where there is nothing yet", async () => {
    const { client } = await open();
    const tree = createElement(ShopwireProvider, { client }, createElement(Stock, { sku: "A" }));
    expect(renderToString(tree)).toBe("<p>unknown</p>");
  });

  it("says what is missing without a provider", () => {
    expect(() => renderToString(createElement(Stock, { sku: "A" }))).toThrow("ShopwireProvider");
  });
});

describe("useTopics", () => {
  it("changes together what changed together", async () => {
    const all = await open();
    const shown: string[] = [];
    await render(all, createElement(Both, { shown }));
    await act(async () => {
      all.server.putAll({ "stock:A": stock("A", 1), "stock:B": stock("B", 2) });
    });
    await act(async () => {
      all.server.putAll({ "stock:A": stock("A", 0), "stock:B": stock("B", 3) });
    });
    // Version 0 of both came first: nothing known, then one picture after the other.
    expect(shown).toEqual(["-+-", "1+2", "0+3"]);
  });
});

describe("useStatus and useAge", () => {
  it("tell of the server's silence without any message", async () => {
    const all = await open();
    const text = await render(all, createElement(Freshness));
    expect(text()).toBe("live 0 never");
    all.client.subscribe(["stock:A"]);
    await act(async () => all.clock.advance(0));
    all.server.answering = false;
    await act(async () => all.clock.advance(4_600));
    expect(text()).toBe("delayed 4 true");
    await act(async () => all.clock.advance(4_000));
    expect(text()).toMatch(/^offline 8/);
  });
});

describe("useCommand", () => {
  const withAnswer = (answer: () => Promise<Response>) => open({ fetch: answer as typeof fetch });

  async function command(all: Setting): Promise<() => Sell> {
    const handles: Sell[] = [];
    await render(all, createElement(Seller, { handles }));
    return () => {
      const handle = handles.at(-1);
      if (handle === undefined) throw new Error("not rendered");
      return handle;
    };
  }

  it("shows that it runs, then its result", async () => {
    let answer: (response: Response) => void = () => {};
    const all = await withAnswer(() => new Promise((resolve) => (answer = resolve)));
    const handle = await command(all);
    let sent: Promise<unknown> = Promise.resolve();
    await act(async () => {
      sent = handle().send({ sku: "A", quantity: 1 });
    });
    expect(handle()).toMatchObject({ pending: true, error: null, result: null });
    await act(async () => {
      answer(Response.json({ versions: { "stock:A": 4 }, result: { left: 1 } }));
      await sent;
    });
    expect(handle()).toMatchObject({ pending: false, result: { result: { left: 1 } } });
    await act(async () => handle().reset());
    expect(handle().result).toBeNull();
  });

  it("shows the refusal, and does not throw", async () => {
    const body = { code: 2104, name: "StockShort", message: "Too few.", temporary: false };
    const all = await withAnswer(async () => Response.json(body, { status: 409 }));
    const handle = await command(all);
    await act(async () => {
      expect(await handle().send({ sku: "A", quantity: 1 })).toBeNull();
    });
    expect(handle().error).toBeInstanceOf(ShopwireError);
    expect(handle()).toMatchObject({ pending: false, error: { code: 2104, message: "Too few." } });
  });

  it("shows what is expected at once, and takes it back with a refusal", async () => {
    let answer: (response: Response) => void = () => {};
    const all = await withAnswer(() => new Promise((resolve) => (answer = resolve)));
    const handles: Sell[] = [];
    all.server.put("stock:A", stock("A", 3));
    const page = createElement("div", null, [
      createElement(Stock, { key: "stock", sku: "A" }),
      createElement(Seller, { key: "seller", handles }),
      createElement(Pending, { key: "pending", topic: "stock:A" }),
    ]);
    const text = await render(all, page);
    await act(async () => all.clock.advance(0));
    expect(text()).toBe("3 leftsettled");
    const optimistic = change("stock:A", (doc) => doc && { ...doc, available: 2 });
    let sent: Promise<unknown> = Promise.resolve();
    await act(async () => {
      sent = handles.at(-1)?.send({ sku: "A", quantity: 1 }, { optimistic }) ?? sent;
    });
    expect(text()).toBe("2 leftpending");
    const body = { code: 2104, name: "StockShort", message: "Too few.", temporary: false };
    await act(async () => {
      answer(Response.json(body, { status: 409 }));
      await sent;
    });
    expect(text()).toBe("3 leftsettled");
    expect(handles.at(-1)?.error).toBeInstanceOf(ShopwireError);
  });

  it("says when it has to be sent again", async () => {
    const answers = [
      () => Promise.reject(new TypeError("cut")),
      async () => Response.json({ versions: {}, result: { left: 1 } }),
    ];
    const all = await withAnswer(() => (answers.shift() ?? (() => Promise.reject()))());
    const handle = await command(all);
    let sent: Promise<unknown> = Promise.resolve();
    await act(async () => {
      sent = handle().send({ sku: "A", quantity: 1 });
      await all.clock.advance(0);
    });
    expect(handle()).toMatchObject({ pending: true, retrying: true });
    await act(async () => {
      await all.clock.advance(5_000);
      await sent;
    });
    expect(handle()).toMatchObject({ pending: false, retrying: false, error: null });
  });
});
