import { describe, expect, it } from "vitest";
import type { ClientMessage, Json } from "../src/core/protocol.ts";
import { FakeClock } from "../src/testing/index.ts";
import { POLL_PATIENCE_MS, POLL_WAIT_MS, pollTransport } from "../src/transports/poll.ts";

const WELCOME = {
  ...{ t: "welcome", epoch: 7, head: [0], now: 0, lag_ms: 0, beat_ms: 2_000, role: "shopper" },
};
const LIVE = { t: "live", id: 1, head: [0] };
const BEAT = { t: "beat", head: [0], lag_ms: 0, now: 0 };
const SNAP = { t: "snap", topic: "stock:A", v: 5, doc: {}, at: 0 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

interface Question {
  readonly body: Json;
  readonly token: string | null;
  readonly signal: AbortSignal;
  answer(messages: object[], rest?: object, status?: number): Promise<void>;
  fail(): Promise<void>;
}

async function polling(...first: ClientMessage[]) {
  const clock = new FakeClock();
  const asked: Question[] = [];
  const fetcher = ((_url: string, init: RequestInit) =>
    new Promise<Response>((resolve, reject) => {
      const signal = init.signal as AbortSignal;
      signal.addEventListener("abort", () => reject(signal.reason));
      asked.push({
        body: JSON.parse(String(init.body)) as Json,
        token: new Headers(init.headers).get("Authorization"),
        signal,
        answer: async (messages, rest = {}, status = 200) => {
          resolve(Response.json({ messages, ...rest }, { status }));
          await turn();
        },
        fail: async () => {
          reject(new TypeError("fetch failed"));
          await turn();
        },
      });
    })) as typeof fetch;
  const told: Json[] = [];
  const ends: number[] = [];
  const link = pollTransport("http://shop.test/sync/poll", fetcher, clock).connect({
    opened: () => told.push({ t: "opened" }),
    message: (text) => told.push(JSON.parse(text) as Json),
    closed: (code) => ends.push(code),
  });
  const say = async (...messages: ClientMessage[]) => {
    for (const message of messages) link.send(JSON.stringify(message));
    await turn();
  };
  await turn();
  await say(...first);
  return { clock, asked, told, ends, link, say };
}

const HELLO = { t: "hello", proto: 1, epoch: null } as const;
const SUB: ClientMessage & { t: "sub" } = { t: "sub", id: 4, topics: ["stock:A"] };

describe("a long-poll", () => {
  it("asks at once for hello and subs, then from what came, and waits for news", async () => {
    const { asked, told } = await polling(HELLO, SUB);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.body).toEqual({ topics: ["stock:A"], wait_ms: 0 });
    await asked[0]?.answer([WELCOME, SNAP, LIVE, BEAT]);
    expect(told.map(({ t, id }) => [t, id])).toEqual([
      ["opened", undefined],
      ["welcome", undefined],
      ["snap", undefined],
      ["live", 4],
      ["beat", undefined],
    ]);
    expect(asked[1]?.body).toEqual({
      ...{ topics: ["stock:A"], have: { "stock:A": 5 }, epoch: 7, wait_ms: POLL_WAIT_MS },
    });
    await asked[1]?.answer([WELCOME, LIVE, BEAT]);
    // A connection has one welcome, and a sub one answer.
    expect(told.slice(5).map(({ t }) => t)).toEqual(["beat"]);
    expect(asked).toHaveLength(3);
  });

  it("asks anew for what is said meanwhile, and ignores the answer that it no longer waits for", async () => {
    const { asked, say, told } = await polling(HELLO, SUB);
    await asked[0]?.answer([WELCOME, SNAP, LIVE, BEAT]);
    await say({ t: "sub", id: 5, topics: ["stock:B"] });
    expect(asked[1]?.signal.aborted).toBe(true);
    expect(asked[2]?.body).toMatchObject({ topics: ["stock:A", "stock:B"], wait_ms: 0 });
    await asked[1]?.answer([SNAP]);
    await asked[2]?.answer([WELCOME, LIVE, BEAT]);
    expect(told.filter(({ t }) => t === "snap")).toHaveLength(1);
    expect(told.filter(({ t }) => t === "live").map(({ id }) => id)).toEqual([4, 5]);
  });

  it("leaves out what was given back, refused or taken back, and starts anew after a reset", async () => {
    const topics = ["stock:A", "stock:B", "order:1", "order:2"];
    const { asked, say } = await polling(HELLO, { ...SUB, topics });
    await say({ t: "unsub", id: 5, topics: ["stock:B"] });
    await asked[0]?.answer([
      WELCOME,
      SNAP,
      { t: "revoke", topic: "order:1", reason: "expired" },
      { ...{ t: "error", id: 1, code: 1010, name: "", message: "" }, data: { topic: "order:2" } },
      LIVE,
    ]);
    expect(asked[1]?.body.topics).toEqual(["stock:A"]);
    await asked[1]?.answer([{ t: "reset", epoch: 8, reason: "epoch_changed" }]);
    expect(asked[2]?.body).toMatchObject({ epoch: 8, have: {} });
  });

  it("shows its token, and goes on as a visitor where that is no good", async () => {
    const { asked, told, say, ends } = await polling({ ...HELLO, token: "old" }, SUB);
    expect(asked[0]?.token).toBe("Bearer old");
    await asked[0]?.answer([], { code: 1102, name: "TokenExpired", message: "" }, 401);
    expect(told.at(-1)).toMatchObject({ t: "error", id: null, code: 1102 });
    expect(asked[1]?.token).toBeNull();
    await asked[1]?.answer([WELCOME, LIVE, BEAT]);
    await say({ t: "auth", id: 9, token: "new" });
    expect(asked[3]?.token).toBe("Bearer new");
    await asked[3]?.answer([WELCOME, LIVE, BEAT]);
    expect(told.find(({ t }) => t === "authed")).toMatchObject({
      t: "authed",
      id: 9,
      role: "shopper",
    });
    expect(ends).toEqual([]);
  });

  it.each([
    ["the network fails", async (q: Question) => q.fail(), 1006],
    ["the server is gone", async (q: Question) => q.answer([], {}, 503), 4010],
    ["too much was asked for", async (q: Question) => q.answer([], { code: 1011 }, 429), 1006],
    [
      "the server stops",
      async (q: Question) => q.answer([BEAT], { close: { code: 4000, reason: "" } }),
      4000,
    ],
  ])("ends when %s", async (_name, act, code) => {
    const { asked, ends, clock } = await polling(HELLO, SUB);
    await act(asked[0] as Question);
    expect(ends).toEqual([code]);
    expect(asked).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it("ends when no answer comes in time", async () => {
    const { asked, ends, clock } = await polling(HELLO, SUB);
    await asked[0]?.answer([WELCOME, LIVE, BEAT]);
    await clock.advance(POLL_WAIT_MS + POLL_PATIENCE_MS);
    expect(ends).toEqual([1006]);
  });

  it("stops asking when it is closed", async () => {
    const { asked, link, ends } = await polling(HELLO, SUB);
    link.close(1000, "");
    await turn();
    expect(asked[0]?.signal.aborted).toBe(true);
    expect(ends).toEqual([1000]);
    expect(asked).toHaveLength(1);
  });

  it("passes on what makes no sense for others to judge", async () => {
    const { asked, told } = await polling(HELLO, SUB);
    await asked[0]?.answer([WELCOME, { t: "snap" }]);
    expect(told.at(-1)).toEqual({ t: "snap" });
  });
});
