import { IDBFactory } from "fake-indexeddb";
import { describe, expect, it, vi } from "vitest";
import { Client, type ClientOptions } from "../src/core/client.ts";
import type { CommandResult } from "../src/core/commands.ts";
import type { Json } from "../src/core/protocol.ts";
import { QUEUE_BYTES_MAX, QUEUE_ENTRIES_MAX, QueueIsFull, Superseded } from "../src/core/queue.ts";
import {
  IndexedDbQueueStorage,
  MemoryQueueStorage,
  type QueueStorage,
} from "../src/core/queueStorage.ts";
import { createFakeServer, FakeBrowser, FakeClock } from "../src/testing/index.ts";

/** Of a command that only these tests know. */
const foretell = {
  put: ({ topic, n }: Json) => ({ [String(topic)]: () => ({ n }) }),
} as NonNullable<ClientOptions["foretell"]>;

/** A server over HTTP that has each effect once a key, and can be away or refuse. */
class Shop {
  readonly effects: Json[] = [];
  readonly sent: string[] = [];
  readonly answers = new Map<string, object>();
  away = false;
  versions: Record<string, number> = {};
  refuses: (body: Json) => boolean = () => false;
  /** Answers that get lost on their way back. */
  losing = 0;

  readonly fetch = (async (_url: string, init: RequestInit) => {
    const body = JSON.parse(String(init.body)) as Json;
    const key = new Headers(init.headers).get("Idempotency-Key") ?? "";
    if (this.away) throw new TypeError("fetch failed");
    this.sent.push(key);
    if (this.refuses(body)) {
      const refusal = { code: 2104, name: "StockShort", message: "Too few.", remedy: "Take less." };
      return Response.json({ ...refusal, temporary: false, data: {} }, { status: 409 });
    }
    if (!this.answers.has(key)) {
      this.effects.push(body);
      this.answers.set(key, { versions: this.versions, result: body.n });
    }
    if (this.losing > 0) {
      this.losing -= 1;
      throw new TypeError("connection reset");
    }
    return Response.json(this.answers.get(key));
  }) as typeof fetch;
}

const turns = async (clock: FakeClock, ms = 0, count = 40) => {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(ms / count);
  }
};

function page(shop: Shop, storage: QueueStorage, more: Partial<ClientOptions> = {}) {
  const clock = (more.clock as FakeClock | undefined) ?? new FakeClock();
  const server = createFakeServer(() => clock.monotonic());
  const client = new Client({
    ...{ url: "http://shop.test", transports: [server.transport], clock, random: () => 0.5 },
    ...{ environment: null, fetch: shop.fetch, foretell, storage, memory: null },
    tabPorts: { locks: null, bus: null },
    ...more,
  }).start();
  return { client, clock, server };
}

const put = (client: Client, topic: string, n: number): Promise<CommandResult<unknown> | Error> =>
  client.sendUntyped("put", { topic, n }, { queue: true }).catch((problem: Error) => problem);

let databases = 0;
const STORAGES: [string, () => () => QueueStorage][] = [
  [
    "the browser's database",
    () => {
      const factory = new IDBFactory();
      const name = `q${++databases}`;
      return () => new IndexedDbQueueStorage(name, factory);
    },
  ],
  [
    "memory",
    () => {
      const one = new MemoryQueueStorage();
      return () => one;
    },
  ],
];

describe.each(STORAGES)("commands that wait in %s", (_name, open) => {
  it("leave what their lane's last answer named, also to the page after the one that asked", async () => {
    const [shop, storage] = [new Shop(), open()];
    const before = page(shop, storage());
    shop.away = true;
    void put(before.client, "a", 1);
    await turns(before.clock);
    before.client.stop();
    Object.assign(shop, { away: false, versions: { a: 7 } });
    const after = page(shop, storage());
    await turns(after.clock, 5_000);
    expect(after.client.queue.answered("a")).toEqual({ a: 7 });
  });

  it("are sent in order within a lane, and shown until they are", async () => {
    const shop = new Shop();
    const { client, clock } = page(shop, open()());
    shop.away = true;
    const answers = [put(client, "a", 1), put(client, "a", 2), put(client, "a", 3)];
    await turns(clock);
    expect(client.store.get("a")?.doc).toEqual({ n: 3 });
    expect(client.queue.get().map(({ lane, body }) => [lane, body.n])).toEqual([
      ["a", 1],
      ["a", 2],
      ["a", 3],
    ]);
    shop.away = false;
    await turns(clock, 60_000, 60);
    expect(shop.effects.map(({ n }) => n)).toEqual([1, 2, 3]);
    expect((await Promise.all(answers)).map((one) => (one as CommandResult).result)).toEqual([
      1, 2, 3,
    ]);
    expect(client.queue.get()).toEqual([]);
    expect(client.store.layers.size).toBe(0);
  });

  it("survive the page with their keys and their pictures, and have one effect", async () => {
    const shop = new Shop();
    const storage = open();
    const first = page(shop, storage());
    shop.losing = 1_000;
    void put(first.client, "a", 1);
    await turns(first.clock);
    expect(shop.effects).toHaveLength(1);
    const [key] = shop.sent;
    first.client.stop();
    shop.losing = 0;
    shop.away = true;

    const next = page(shop, storage());
    await turns(next.clock);
    expect(next.client.store.get("a")?.doc).toEqual({ n: 1 });
    await turns(next.clock, 3_600_000, 40);
    shop.away = false;
    await turns(next.clock, 120_000, 60);
    expect(new Set(shop.sent)).toEqual(new Set([key]));
    expect(shop.effects).toHaveLength(1);
    expect(next.client.queue.get()).toEqual([]);
    expect(next.client.store.layers.size).toBe(0);
  });

  it("that are refused hold up their own lane until they are seen, and nothing else", async () => {
    const shop = new Shop();
    const { client, clock } = page(shop, open()());
    shop.refuses = ({ n }) => n === 1;
    const refused = put(client, "a", 1);
    void put(client, "a", 2);
    const other = put(client, "b", 3);
    await turns(clock, 1_000);
    expect(await refused).toMatchObject({ code: 2104 });
    expect(await other).toMatchObject({ result: 3 });
    expect(client.queue.get()).toMatchObject([
      { state: "refused", reason: { code: 2104, message: "Too few.", remedy: "Take less." } },
      { state: "queued" },
    ]);
    // What was refused is shown no more.
    expect(client.store.get("a")?.doc).toEqual({ n: 2 });
    expect(await client.queue.drop(client.queue.get()[0]?.id ?? 0)).toBe(true);
    await turns(clock, 1_000);
    expect(shop.effects.map(({ n }) => n)).toEqual([3, 2]);
  });

  it("that are refused can be sent again, under another key", async () => {
    const shop = new Shop();
    const { client, clock } = page(shop, open()());
    shop.refuses = () => true;
    void put(client, "a", 1);
    await turns(clock, 1_000);
    shop.refuses = () => false;
    expect(await client.queue.retry(client.queue.get()[0]?.id ?? 0)).toBe(true);
    await turns(clock, 1_000);
    expect(new Set(shop.sent).size).toBe(2);
    expect(shop.effects).toHaveLength(1);
    expect(client.queue.get()).toEqual([]);
  });
});

describe("a queue", () => {
  it("that is full refuses at once, and shows and keeps nothing of it", async () => {
    const shop = new Shop();
    shop.away = true;
    const { client, clock } = page(shop, new MemoryQueueStorage());
    for (let n = 0; n < QUEUE_ENTRIES_MAX; n += 1) void put(client, "a", n);
    expect(await put(client, "b", 1)).toBeInstanceOf(QueueIsFull);
    await turns(clock);
    expect(client.store.get("b")).toBeUndefined();
    expect(client.queue.get()).toHaveLength(QUEUE_ENTRIES_MAX);
    client.stop();
  });

  it("takes only so many bytes, counted as they are sent, and keeps what it has", async () => {
    const shop = new Shop();
    shop.away = true;
    const { client, clock } = page(shop, new MemoryQueueStorage());
    // A third as many characters: each is three bytes.
    const text = "語".repeat((QUEUE_BYTES_MAX * 0.51) / 3);
    void client.sendUntyped("x", { text }, { queue: true }).catch(() => undefined);
    const second = client.sendUntyped("x", { text }, { queue: true });
    await expect(second).rejects.toBeInstanceOf(QueueIsFull);
    await turns(clock);
    expect(client.queue.get()).toHaveLength(1);
    expect(client.queue.bytes).toBe(QUEUE_BYTES_MAX * 0.51 + '{"text":""}'.length);
    client.stop();
  });

  it("says that it is full where the browser has no room, and shows nothing of it", async () => {
    const storage = new MemoryQueueStorage();
    storage.add = () => Promise.reject(new DOMException("no room", "QuotaExceededError"));
    const { client } = page(new Shop(), storage);
    expect(await put(client, "a", 1)).toBeInstanceOf(QueueIsFull);
    expect(client.store.get("a")?.doc ?? null).toBeNull();
    client.stop();
  });

  it("waits for somebody to sign in again rather than giving up", async () => {
    const shop = new Shop();
    const { client, clock } = page(shop, new MemoryQueueStorage(), {
      fetch: (async () => Response.json({ code: 1102 }, { status: 401 })) as typeof fetch,
    });
    void put(client, "a", 1);
    await turns(clock, 5_000);
    expect(client.queue.get()).toMatchObject([{ reason: null }]);
    client.stop();
  });

  it("whose storage fails refuses, and takes the picture back", async () => {
    const shop = new Shop();
    class Broken extends MemoryQueueStorage {
      override async add(): Promise<never> {
        throw new Error("no room on the disk");
      }
    }
    const { client } = page(shop, new Broken());
    expect(await put(client, "a", 1)).toMatchObject({ message: "no room on the disk" });
    expect(client.store.get("a")?.doc ?? null).toBeNull();
    client.stop();
  });

  it("never holds up what is read", async () => {
    const shop = new Shop();
    shop.away = true;
    const { client, clock, server } = page(shop, new MemoryQueueStorage());
    client.subscribe(["stock:A"]);
    for (let n = 0; n < 50; n += 1) void put(client, `t:${n}`, n);
    await turns(clock);
    server.put("stock:A", { n: 9 });
    expect(client.store.get("stock:A")?.doc).toEqual({ n: 9 });
    client.stop();
  });

  it("of two tabs sends each command once, by either", async () => {
    const shop = new Shop();
    const clock = new FakeClock();
    const browser = new FakeBrowser(clock);
    const storage = new MemoryQueueStorage();
    const [one, two] = [browser.open(), browser.open()].map((tab) =>
      page(shop, storage, { clock, tabPorts: tab.ports }),
    );
    if (one === undefined || two === undefined) throw new Error("two tabs");
    shop.away = true;
    const answers = [1, 2, 3, 4].map((n) => put((n % 2 ? one : two).client, "a", n));
    await turns(clock, 1_000);
    shop.away = false;
    await turns(clock, 120_000, 100);
    expect(shop.effects.map(({ n }) => n)).toEqual([1, 2, 3, 4]);
    expect(shop.sent).toHaveLength(4);
    expect((await Promise.all(answers)).map((a) => (a as CommandResult).result)).toEqual([
      1, 2, 3, 4,
    ]);
    expect([one.client.queue.get(), two.client.queue.get()]).toEqual([[], []]);
    for (const { client } of [one, two]) client.stop();
  });
});

describe("the last of a lane", () => {
  const CART = "cart:1";
  const line = (quantity: number, seen = 0) => ({ sku: "A", quantity, expected_version: seen });
  const press = (client: Client, quantity: number, seen = 0) =>
    client
      .sendUntyped("put", line(quantity, seen), {
        ...{ queue: true, lane: "a", latest: true, sees: CART },
      })
      .catch((problem: Error) => problem);

  /** Answers with a version more each time; `sent` are the bodies. */
  function counter(decide: (body: Json, n: number) => Response | null = () => null) {
    const sent: Json[] = [];
    const send = async (_: string, init: RequestInit) => {
      const body = JSON.parse(String(init.body)) as Json;
      sent.push(body);
      const other = decide(body, sent.length);
      return other ?? Response.json({ versions: { [CART]: sent.length }, result: null });
    };
    return { sent, fetch: send as typeof fetch };
  }

  it("takes the place of those that nobody has sent, and of no other", async () => {
    const away: typeof fetch = async () => {
      throw new TypeError("no network");
    };
    let shop: typeof fetch = away;
    const { client, clock } = page(new Shop(), new MemoryQueueStorage(), {
      fetch: ((...how: Parameters<typeof fetch>) => shop(...how)) as typeof fetch,
    });
    const first = press(client, 1);
    // Long enough to wait for its next round of tries, with nobody at the lane.
    await turns(clock, 20_000);
    const [second, third] = [press(client, 2), press(client, 3)];
    await turns(clock, 60_000);
    // What was tried may have had its effect: it is asked for again, and not replaced.
    expect(client.queue.get().map(({ body }) => body.quantity)).toEqual([1, 3]);
    expect(await second).toBeInstanceOf(Superseded);
    const counted = counter();
    shop = counted.fetch;
    client.queue.wake();
    await turns(clock, 200_000);
    expect(counted.sent.map(({ quantity }) => quantity)).toEqual([1, 3]);
    expect(await first).toMatchObject({ versions: { [CART]: 1 } });
    expect(await third).toMatchObject({ versions: { [CART]: 2 } });
    client.stop();
  });

  it("sees what those before it made, so that it meets no conflict with itself", async () => {
    const { sent, fetch } = counter();
    const { client, clock } = page(new Shop(), new MemoryQueueStorage(), { fetch });
    void press(client, 1);
    void client.sendUntyped("put", line(2), { queue: true, lane: "a", sees: CART });
    void client.sendUntyped("put", line(3, 9), { queue: true, lane: "a", sees: CART });
    void client.sendUntyped("put", line(4), { queue: true, lane: "b", sees: CART });
    void client.sendUntyped("put", line(5), { queue: true, lane: "a" });
    await turns(clock, 1_000);
    const seen = Object.fromEntries(sent.map((body) => [body.quantity, body.expected_version]));
    expect(seen).toEqual({ 1: 0, 2: 1, 3: 9, 4: 0, 5: 0 });
    client.stop();
  });

  it("moves on also what another tab put behind it meanwhile", async () => {
    const storage = new MemoryQueueStorage();
    let answer: () => void = () => {};
    const { sent, fetch } = counter();
    const { client, clock } = page(new Shop(), storage, {
      fetch: ((...how: Parameters<typeof fetch>) =>
        sent.length > 0
          ? fetch(...how)
          : new Promise((resolve) => {
              answer = () => resolve(fetch(...how));
            })) as typeof fetch,
    });
    void press(client, 1);
    await turns(clock);
    await storage.add({ key: "t", op: "put", body: line(2), lane: "a", sees: CART, reason: null });
    answer();
    await turns(clock, 5_000);
    expect(sent.map((body) => [body.quantity, body.expected_version])).toEqual([
      [1, 0],
      [2, 1],
    ]);
    client.stop();
  });

  it("is not changed any more once it was sent: its key stands for its body", async () => {
    const storage = new MemoryQueueStorage();
    const { client, clock } = page(new Shop(), storage, {
      fetch: (async () => new Promise(() => {})) as typeof fetch,
    });
    void press(client, 1);
    await turns(clock);
    expect(await storage.all()).toMatchObject([{ tried: true, body: { quantity: 1 } }]);
    client.stop();
  });

  it("is not held up by what was refused in front of it meanwhile", async () => {
    let refuse: (answer: Response) => void = () => {};
    const { sent, fetch } = counter();
    const { client, clock } = page(new Shop(), new MemoryQueueStorage(), {
      fetch: ((...how: Parameters<typeof fetch>) =>
        sent.length === 0
          ? fetch(...how).then(() => new Promise((resolve) => (refuse = resolve)))
          : fetch(...how)) as typeof fetch,
    });
    const first = press(client, 9);
    await turns(clock);
    const second = press(client, 2);
    await turns(clock);
    refuse(Response.json({ code: 2104, name: "StockShort" }, { status: 409 }));
    await turns(clock, 1_000);
    expect(await first).toMatchObject({ code: 2104 });
    expect(await second).toMatchObject({ versions: { [CART]: 2 } });
    expect(client.queue.get()).toEqual([]);
    client.stop();
  });

  it("takes the place of a refused one, and a decision does", async () => {
    const conflicts = [{ field: "lines/A/quantity", base: 1, theirs: 2, mine: 3 }];
    const { sent, fetch } = counter((_, n) =>
      n > 1
        ? null
        : Response.json(
            {
              ...{ code: 2000, name: "VersionConflict", message: "Meanwhile.", temporary: false },
              ...{ remedy: "Decide.", data: { topic: CART, expected: 0, current: 7, conflicts } },
            },
            { status: 409 },
          ),
    );
    const { client, clock } = page(new Shop(), new MemoryQueueStorage(), { fetch });
    await press(client, 3);
    const [entry] = client.queue.get();
    expect(entry).toMatchObject({ state: "refused", reason: { code: 2000 } });
    const conflict = entry === undefined ? null : client.conflict(entry);
    expect(conflict).toMatchObject({ theirs: { "lines/A/quantity": 2 }, current: 7 });
    const decided = conflict?.merge({ "lines/A/quantity": 4 });
    await turns(clock, 1_000);
    await decided;
    expect(sent[1]).toMatchObject({ quantity: 4, expected_version: 7 });
    expect(client.queue.get()).toEqual([]);
    client.stop();
  });
});

describe("a storage that fails once the server has answered", () => {
  it("makes no refusal of it: the key asks again, and the effect stays one", async () => {
    const shop = new Shop();
    const storage = new MemoryQueueStorage();
    const remove = storage.remove.bind(storage);
    let failing = true;
    storage.remove = (id) => (failing ? Promise.reject(new Error("disk")) : remove(id));
    const { client, clock } = page(shop, storage);
    const sent = put(client, "a", 1);
    await turns(clock, 100);
    expect(client.queue.get()).toMatchObject([{ state: "queued", reason: null }]);
    failing = false;
    await turns(clock, 60_000);
    expect(await sent).toMatchObject({ result: 1 });
    expect(shop.effects).toHaveLength(1);
    expect(client.queue.get()).toEqual([]);
    client.stop();
  });
});

describe("a client that is stopped and started", () => {
  it("shows and sends what waits once, and nothing in between", async () => {
    const shop = new Shop();
    shop.away = true;
    const { client, clock } = page(shop, new MemoryQueueStorage());
    void put(client, "a", 1);
    await turns(clock, 20_000);
    client.stop();
    expect(client.store.get("a")?.doc ?? null).toBeNull();
    shop.away = false;
    await turns(clock, 90_000);
    expect(shop.effects).toEqual([]);
    shop.away = true;
    client.start();
    await turns(clock);
    expect(client.store.get("a")?.doc).toEqual({ n: 1 });
    shop.away = false;
    await turns(clock, 20_000);
    expect(shop.effects).toHaveLength(1);
    expect(client.queue.get()).toEqual([]);
    client.stop();
  });
});

describe("the browser's own storage", () => {
  it("is memory where the reader forbids the database, and says so", async () => {
    vi.stubGlobal("indexedDB", { open: () => failing() });
    const shop = new Shop();
    shop.away = true;
    const { client, clock } = page(shop, new MemoryQueueStorage(), { storage: undefined as never });
    void put(client, "a", 1);
    await turns(clock, 10_000);
    expect(client.queue.get()).toHaveLength(1);
    expect(client.queue).toMatchObject({ durable: false, problem: null });
    shop.away = false;
    client.queue.wake();
    await turns(clock, 30_000);
    expect(shop.effects).toHaveLength(1);
    client.stop();
    vi.unstubAllGlobals();
  });
});

/** A database that its reader has forbidden. */
function failing() {
  const request = { error: new DOMException("forbidden", "SecurityError") } as IDBOpenDBRequest;
  queueMicrotask(() => request.onerror?.(new Event("error")));
  return request;
}
