import { describe, expect, it } from "vitest";
import { CODES } from "../src/core/codes.ts";
import {
  ANSWER_MS_MAX,
  ASKED_MS_MAX,
  Commands,
  ShopwireError,
  TRIES_MAX,
  UnknownOutcome,
} from "../src/core/commands.ts";
import { FakeClock } from "../src/testing/index.ts";

interface Call {
  url: string;
  key: string | null;
  body: unknown;
}
type Answer = (signal: AbortSignal | null) => Response | Promise<Response>;

const DONE = { versions: { "stock:A": 8 }, result: { left: 2 } };
const ok = () => Response.json(DONE);
const refuse = (name: keyof typeof CODES, status: number, temporary: boolean, data = {}) =>
  Response.json(
    { code: CODES[name], name, message: `${name}.`, temporary, remedy: "Do this.", data },
    { status },
  );
const cut = () => Promise.reject(new TypeError("fetch failed"));
/** Never answers; ends when it is given up. */
const silent: Answer = (signal) =>
  new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });

function setUp(...answers: Answer[]) {
  const clock = new FakeClock();
  const calls: Call[] = [];
  const fetcher: typeof fetch = async (url, init) => {
    const key = new Headers(init?.headers).get("Idempotency-Key");
    calls.push({ url: String(url), key, body: JSON.parse(String(init?.body)) });
    const answer = answers[Math.min(calls.length, answers.length) - 1] ?? ok;
    return answer(init?.signal ?? null);
  };
  const commands = new Commands("http://shop.test", fetcher, clock, () => 1);
  return { clock, calls, commands };
}

/** The end of a promise, whichever it is, after time went by. */
async function ended<T>(clock: FakeClock, promise: Promise<T>): Promise<T | Error> {
  const settled = promise.catch((problem: Error) => problem);
  for (let turn = 0; turn < 40; turn += 1) {
    await clock.advance(5_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return settled;
}

describe("a command", () => {
  it("is posted with a key, and answers with versions and result", async () => {
    const { calls, commands } = setUp(ok);
    const body = { sku: "A", quantity: 1 };
    const done = await commands.send("inventory.sell_stock", body);
    expect(done).toEqual({ ...DONE, replayed: false });
    expect(calls).toEqual([
      { url: "http://shop.test/api/commands/inventory.sell_stock", key: calls[0]?.key, body },
    ]);
    expect(calls[0]?.key).toMatch(/^[0-9a-f]{32}$/);
  });

  it("has another key each time, and the caller's where one is given", async () => {
    const { calls, commands } = setUp(ok);
    await commands.send("x", {});
    await commands.send("x", {});
    await commands.send("x", {}, { key: "order 7" });
    expect(calls[0]?.key).not.toBe(calls[1]?.key);
    expect(calls[2]?.key).toBe("order 7");
  });

  it("is repeated with the same key until it is answered", async () => {
    const busy = () => refuse("StorageUnavailable", 503, true);
    const page = () => new Response("<html>bad gateway</html>", { status: 502 });
    const { clock, calls, commands } = setUp(cut, busy, page, ok);
    const tries: number[] = [];
    const sent = commands.send("x", {}, { onRetry: (attempt) => tries.push(attempt) });
    expect(await ended(clock, sent)).toMatchObject(DONE);
    expect(new Set(calls.map((call) => call.key)).size).toBe(1);
    expect(tries).toEqual([1, 2, 3]);
  });

  it("waits as long as the server says", async () => {
    const { clock, calls, commands } = setUp(
      () => refuse("QueueFull", 503, true, { retry_ms: 4_000 }),
      ok,
    );
    const sent = commands.send("x", {});
    await clock.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(3_999);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    await sent;
    expect(calls).toHaveLength(2);
  });

  it("says that its outcome is unknown when no answer ever came, and with which key to ask", async () => {
    const { clock, calls, commands } = setUp(cut);
    const problem = await ended(clock, commands.send("x", {}));
    expect(problem).toBeInstanceOf(UnknownOutcome);
    expect(calls).toHaveLength(TRIES_MAX);
    expect((problem as UnknownOutcome).key).toBe(calls[0]?.key);
  });

  it("is settled also where a connection swallows it", async () => {
    const { clock, calls, commands } = setUp(silent, ok);
    const sent = commands.send("x", {});
    await clock.advance(ANSWER_MS_MAX);
    expect(await ended(clock, sent)).toMatchObject(DONE);
    expect(calls).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it("that is refused is not repeated, and tells code, remedy and facts", async () => {
    const data = { sku: "A", requested: 2, available: 1 };
    const { calls, commands } = setUp(() => refuse("StockShort", 409, false, data));
    const problem = await commands.send("x", {}).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(ShopwireError);
    expect(problem).toMatchObject({
      code: CODES.StockShort,
      errorName: "StockShort",
      message: "StockShort.",
      temporary: false,
      remedy: "Do this.",
      status: 409,
      data,
    });
    expect(calls).toHaveLength(1);
  });

  it("says whether it was answered from memory", async () => {
    const { commands } = setUp(() =>
      Response.json(DONE, { headers: { "Idempotency-Replayed": "true" } }),
    );
    expect((await commands.send("x", {})).replayed).toBe(true);
  });

  it("ends at once when it is called off, also while it waits", async () => {
    const { clock, calls, commands } = setUp(cut);
    const off = new AbortController();
    const sent = commands.send("x", {}, { signal: off.signal }).catch((error: unknown) => error);
    await clock.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
    off.abort();
    expect(await sent).toBeInstanceOf(UnknownOutcome);
    expect(calls).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it("is not waited for where the server asks for a long wait: the caller is told", async () => {
    const { clock, calls, commands } = setUp(
      () => refuse("HoldLimit", 409, true, { retry_ms: ASKED_MS_MAX + 1 }),
      ok,
    );
    const problem = await ended(clock, commands.send("x", {}));
    expect(problem).toMatchObject({ code: CODES.HoldLimit });
    expect(calls).toHaveLength(1);
  });
});
