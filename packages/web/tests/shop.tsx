/** A page on a made-up server: the real client, with a fake transport and a fake fetch. */

import { Client } from "@shopwire/client";
import { ShopwireProvider } from "@shopwire/client/react";
import { createFakeServer, FakeClock, type FakeServer } from "@shopwire/client/testing";
import { act, cleanup, configure, type RenderResult, render } from "@testing-library/react";
import type { ReactNode } from "react";

// Until what is looked for counts as never coming: no measure of how quick a busy machine is.
configure({ asyncUtilTimeout: 30_000 });

export type Answers = (path: string, request: RequestInit) => Promise<Response> | Response;

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json" },
  });
}

export interface Shop {
  readonly server: FakeServer;
  readonly client: Client;
  /** Requests that were sent, as "METHOD path". */
  readonly asked: string[];
  /** Idempotency keys that commands came with. */
  readonly keys: string[];
  answers: Answers;
  /** Moves the client's clock, and lets the page follow. */
  advance(ms: number): Promise<void>;
  show(page: ReactNode): Promise<RenderResult>;
  close(): void;
}

export function openShop(answers: Answers): Shop {
  const clock = new FakeClock();
  const server = createFakeServer(() => clock.monotonic());
  const before = globalThis.fetch;
  const fetcher = async (
    input: RequestInfo | URL,
    request: RequestInit = {},
  ): Promise<Response> => {
    const path = String(input).replace("http://shop", "");
    shop.asked.push(`${request.method ?? "GET"} ${path}`);
    const key = new Headers(request.headers).get("Idempotency-Key");
    if (key !== null) shop.keys.push(key);
    // An answer that is late comes through even where it was cancelled: the page must not take it.
    return shop.answers(path, request);
  };
  globalThis.fetch = fetcher as typeof fetch;
  const client = new Client({
    ...{ url: "http://shop", transports: [server.transport], clock, environment: null },
    ...{ random: () => 0.5, fetch: fetcher as typeof fetch },
  });
  const shop: Shop = {
    ...{ server, client, answers, asked: [], keys: [] },
    advance: (ms) => act(() => clock.advance(ms)),
    async show(page) {
      client.start();
      const shown = render(<ShopwireProvider client={client}>{page}</ShopwireProvider>);
      await shop.advance(100);
      return shown;
    },
    close() {
      cleanup();
      client.stop();
      globalThis.fetch = before;
    },
  };
  return shop;
}
