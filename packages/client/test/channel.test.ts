import { describe, expect, it } from "vitest";
import { CHANNEL_MS_MAX } from "../src/core/channel.ts";
import { CODES } from "../src/core/codes.ts";
import { ShopwireError, TRIES_MAX, UnknownOutcome } from "../src/core/commands.ts";
import type { ClientMessage, ServerMessage } from "../src/core/protocol.ts";
import { open, received } from "./setUp.ts";

type Command = ClientMessage & { t: "cmd" };

const BODY = { sku: "A", quantity: 1 };
const TOLD = { versions: { "stock:A": 8 }, result: { left: 2 } };
const done = ({ id }: Command, replayed = false): ServerMessage => ({
  t: "done",
  id,
  status: 200,
  replayed,
  body: TOLD,
});
const refuse = (
  { id }: Command,
  name: keyof typeof CODES,
  status: number,
  data = {},
): ServerMessage => ({
  t: "error",
  id,
  status,
  code: CODES[name],
  name,
  message: `${name}.`,
  temporary: status === 503,
  remedy: "Do this.",
  data,
});

/** A client beside a server that takes commands on the connection, and one over HTTP. */
async function started(answer: (cmd: Command) => ServerMessage | undefined = done) {
  const posts: { url: string; key: string | null }[] = [];
  let http: () => Response | Promise<Response> = () => Response.json(TOLD);
  const all = await open({
    fetch: async (url, init) => {
      posts.push({ url: String(url), key: new Headers(init?.headers).get("Idempotency-Key") });
      return http();
    },
  });
  all.server.command = answer;
  all.server.connections[0]?.close(4000);
  await all.clock.advance(500);
  return {
    ...all,
    posts,
    cmds: () => received(all, "cmd"),
    answerHttp: (next: typeof http) => {
      http = next;
    },
  };
}

describe("a command on the connection", () => {
  it("is sent there and not over HTTP", async () => {
    const all = await started();
    const sent = await all.client.send("inventory.sell_stock", BODY, { key: "k1" });
    expect(sent).toEqual({ ...TOLD, replayed: false });
    expect(all.cmds()).toEqual([
      { t: "cmd", id: expect.any(Number), op: "inventory.sell_stock", key: "k1", body: BODY },
    ]);
    expect(all.posts).toEqual([]);
    expect(all.clock.pending).toBeLessThanOrEqual(2); // the watch for beats, the wait for a digest
  });

  it("that is refused rejects as over HTTP, and does not disturb subscriptions", async () => {
    const data = { sku: "A", requested: 2, available: 1, topic: "stock:A" };
    const all = await started((cmd) => refuse(cmd, "StockShort", 409, data));
    all.client.subscribe(["stock:A"]);
    await all.clock.advance(0);
    const problem = await all.client.sendUntyped("x", BODY).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(ShopwireError);
    expect(problem).toMatchObject({
      code: CODES.StockShort,
      errorName: "StockShort",
      status: 409,
      temporary: false,
      remedy: "Do this.",
      data,
    });
    expect(all.client.refusal("stock:A")).toBeUndefined();
    expect(all.client.status.get().status).toBe("live");
    expect(all.posts).toEqual([]);
  });

  it("says whether it was answered from memory", async () => {
    const all = await started((cmd) => done(cmd, true));
    expect((await all.client.sendUntyped("x", BODY)).replayed).toBe(true);
  });

  it("finds its answer whatever order the answers come in", async () => {
    const all = await started(() => undefined);
    const first = all.client.sendUntyped("x", { n: 1 });
    const second = all.client.sendUntyped("x", { n: 2 });
    const [one, two] = all.cmds();
    const say = (cmd: Command | undefined, result: number) => {
      const id = cmd?.id ?? 0;
      const body = { versions: {}, result };
      all.server.connections.at(-1)?.send({ t: "done", id, status: 200, replayed: false, body });
    };
    say(two, 2);
    say(one, 1);
    expect((await first).result).toBe(1);
    expect((await second).result).toBe(2);
  });

  it("that is refused for now is sent again with its key", async () => {
    let tries = 0;
    const all = await started((cmd) => {
      tries += 1;
      return tries < 3 ? refuse(cmd, "QueueFull", 503, { retry_ms: 300 }) : done(cmd);
    });
    const told: number[] = [];
    const sent = all.client.sendUntyped("x", BODY, { onRetry: (attempt) => told.push(attempt) });
    await all.clock.advance(5_000);
    await sent;
    expect(told).toEqual([1, 2]);
    expect(new Set(all.cmds().map((cmd) => cmd.key)).size).toBe(1);
    expect(all.posts).toEqual([]);
  });

  it("is asked over HTTP with its key when the connection is lost under it", async () => {
    const all = await started(() => undefined);
    const sent = all.client.sendUntyped("x", BODY);
    const key = all.cmds()[0]?.key;
    all.server.connections.at(-1)?.close(1006);
    expect(await sent).toMatchObject(TOLD);
    expect(all.posts).toEqual([{ url: "http://shop.test/api/commands/x", key }]);
  });

  it("is asked over HTTP with its key when no answer comes, and no more on the connection", async () => {
    const all = await started(() => undefined);
    let tries = 0;
    all.answerHttp(() => {
      tries += 1;
      return tries < 3 ? new Response("<html>", { status: 502 }) : Response.json(TOLD);
    });
    const sent = all.client.sendUntyped("x", BODY);
    await all.clock.advance(CHANNEL_MS_MAX - 1);
    expect(all.posts).toEqual([]);
    for (let turn = 0; turn < 40; turn += 1) {
      await all.clock.advance(1_000);
      all.server.beat();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await sent).toMatchObject(TOLD);
    expect(all.cmds()).toHaveLength(1);
    expect(all.posts.map((post) => post.key)).toEqual(Array(3).fill(all.cmds()[0]?.key));
  });

  it("whose answer comes late is not settled twice", async () => {
    const all = await started(() => undefined);
    const sent = all.client.sendUntyped("x", BODY);
    for (let ms = 0; ms < CHANNEL_MS_MAX; ms += 1_000) {
      await all.clock.advance(1_000);
      all.server.beat();
    }
    expect(await sent).toMatchObject(TOLD);
    const [cmd] = all.cmds();
    if (cmd !== undefined) all.server.connections.at(-1)?.send(done(cmd, true));
    expect(all.client.connection).toBe("open");
  });

  it.each([
    ["a server that takes none", (all: Started) => (all.server.command = null), true],
    ["no connection", (all: Started) => all.client.stop(), false],
  ])("goes over HTTP with %s", async (_name, become, again) => {
    const all = await started();
    become(all);
    if (again) {
      all.server.connections.at(-1)?.close(4000);
      await all.clock.advance(5_000);
      expect(all.client.connection).toBe("open");
    }
    await all.client.sendUntyped("x", BODY);
    expect(all.posts).toHaveLength(1);
  });

  it("goes over HTTP where it is larger than the connection takes", async () => {
    const all = await started();
    await all.client.sendUntyped("x", { text: "語".repeat(30_000) });
    await all.client.sendUntyped("x", { text: "x".repeat(1_000) });
    expect(all.posts).toHaveLength(1);
    expect(all.cmds()).toHaveLength(1);
  });

  it("goes over HTTP where as many wait as the server takes", async () => {
    const all = await started(() => undefined);
    for (let count = 0; count < 64; count += 1) void all.client.sendUntyped("x", BODY);
    await all.client.sendUntyped("x", BODY);
    expect(all.cmds()).toHaveLength(64);
    expect(all.posts).toHaveLength(1);
  });

  it("ends at once when it is called off, and is not sent over HTTP then", async () => {
    const all = await started(() => undefined);
    const off = new AbortController();
    const sent = all.client.sendUntyped("x", BODY, { signal: off.signal, key: "k1" });
    const problem = sent.catch((error: unknown) => error);
    off.abort();
    expect(await problem).toBeInstanceOf(UnknownOutcome);
    expect(((await problem) as UnknownOutcome).key).toBe("k1");
    expect(all.posts).toEqual([]);
  });

  it("says that its outcome is unknown where neither way answers", async () => {
    const all = await started(() => undefined);
    all.answerHttp(() => Promise.reject(new TypeError("fetch failed")));
    const sent = all.client.sendUntyped("x", BODY, { key: "k1" }).catch((error: unknown) => error);
    all.server.reachable = false;
    all.server.connections.at(-1)?.close(1006);
    for (let turn = 0; turn < 40; turn += 1) {
      await all.clock.advance(5_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await sent).toBeInstanceOf(UnknownOutcome);
    expect(all.posts).toHaveLength(TRIES_MAX);
  });

  it("shows what is expected without a flicker, whichever of answer and patch is first", async () => {
    for (const patchFirst of [true, false]) {
      const all = await started(() => undefined);
      all.server.put("stock:A", { available: 3 });
      all.client.subscribe(["stock:A"]);
      await all.clock.advance(0);
      const shown: unknown[] = [];
      all.client.store.onTopic("stock:A", () =>
        shown.push(all.client.store.get("stock:A")?.doc?.available),
      );
      const optimistic = { "stock:A": () => ({ available: 2 }) };
      const sent = all.client.sendUntyped("x", BODY, { optimistic });
      const id = all.cmds()[0]?.id ?? 0;
      const body = { versions: { "stock:A": 2 }, result: null };
      const steps = [
        () => all.server.put("stock:A", { available: 2 }),
        () =>
          all.server.connections
            .at(-1)
            ?.send({ t: "done", id, status: 200, replayed: false, body }),
      ];
      for (const step of patchFirst ? steps : steps.reverse()) {
        step();
        await all.clock.advance(0);
      }
      await sent;
      expect(new Set(shown)).toEqual(new Set([2]));
      expect(all.client.store.get("stock:A")?.doc).toEqual({ available: 2 });
    }
  });
});

type Started = Awaited<ReturnType<typeof started>>;
