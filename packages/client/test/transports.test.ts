import { describe, expect, it } from "vitest";
import type { ClientMessage } from "../src/core/protocol.ts";
import { sseTransport } from "../src/transports/sse.ts";
import type { Link, LinkEvents } from "../src/transports/transport.ts";
import { webSocketTransport } from "../src/transports/ws.ts";

class FakeEventSource extends EventTarget {
  readonly query: URLSearchParams;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;

  constructor(url: string) {
    super();
    this.query = new URL(url).searchParams;
  }

  close(): void {
    this.closed = true;
  }

  say(message: object | string): void {
    const data = typeof message === "string" ? message : JSON.stringify(message);
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  goodbye(data: string): void {
    this.dispatchEvent(new MessageEvent("close", { data }));
  }
}

class FakeSocket {
  readyState = 0;
  readonly sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  closedWith: number | null = null;

  send(text: string): void {
    this.sent.push(text);
  }

  close(code: number): void {
    this.closedWith = code;
  }
}

/** Writes down what a link tells. */
function listener() {
  const messages: Record<string, unknown>[] = [];
  const ends: [number, string][] = [];
  let opened = 0;
  const events: LinkEvents = {
    opened: () => {
      opened += 1;
    },
    message: (text) => messages.push(JSON.parse(text)),
    closed: (code, reason) => ends.push([code, reason]),
  };
  return { events, messages, ends, opened: () => opened };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const say = (link: Link, ...messages: ClientMessage[]) => {
  for (const message of messages) link.send(JSON.stringify(message));
};

async function stream(...first: ClientMessage[]) {
  const sources: FakeEventSource[] = [];
  const heard = listener();
  const transport = sseTransport("http://shop.test/sync/sse", (url) => {
    const source = new FakeEventSource(url);
    sources.push(source);
    return source as unknown as EventSource;
  });
  const link = transport.connect(heard.events);
  await turn();
  say(link, ...first);
  await turn();
  return { link, sources, ...heard };
}

const HELLO = { t: "hello", proto: 1, epoch: 7 } as const;
const WELCOME = { t: "welcome", epoch: 7, head: [0], now: 0, lag_ms: 0, beat_ms: 2_000 };

describe("a stream of events", () => {
  it("asks for hello and sub in one address", async () => {
    const { sources } = await stream(HELLO, {
      t: "sub",
      id: 1,
      topics: ["stock:A", "price:A"],
      have: { "stock:A": 3 },
      epoch: 7,
    });
    expect(sources).toHaveLength(1);
    expect([...(sources[0]?.query ?? [])]).toEqual([
      ["topic", "stock:A"],
      ["have", "stock:A@3"],
      ["topic", "price:A"],
      ["epoch", "7"],
    ]);
  });

  it("names a topic also where nothing is wanted: there is no stream without one", async () => {
    const { sources } = await stream({ ...HELLO, epoch: null });
    expect([...(sources[0]?.query ?? [])]).toEqual([["topic", "category:all"]]);
  });

  it("opens anew for more topics, from what it has seen, and answers every sub", async () => {
    const { link, sources, messages } = await stream(HELLO, {
      t: "sub",
      id: 1,
      topics: ["stock:A"],
    });
    sources[0]?.say(WELCOME);
    sources[0]?.say({ t: "snap", topic: "stock:A", v: 5, doc: {}, at: 0 });
    say(link, { t: "sub", id: 2, topics: ["stock:B"] });
    await turn();
    expect(sources[0]?.closed).toBe(true);
    expect(sources[1]?.query.getAll("have")).toEqual(["stock:A@5"]);
    sources[0]?.say({ t: "live", id: 1, head: [0] });
    sources[0]?.say({ t: "snap", topic: "stock:A", v: 6, doc: {}, at: 0 });
    expect(messages.at(-1)).toMatchObject({ v: 5 });
    sources[1]?.say({ t: "live", id: 1, head: [0] });
    const lives = messages.filter((message) => message.t === "live");
    expect(lives.map((message) => message.id)).toEqual([1, 2]);
  });

  it("does without topics given back when it opens next", async () => {
    const { link, sources } = await stream(HELLO, { t: "sub", id: 1, topics: ["stock:A"] });
    say(link, { t: "unsub", id: 2, topics: ["stock:A"] });
    await turn();
    expect(sources).toHaveLength(1);
    say(link, { t: "sub", id: 3, topics: ["stock:B"] });
    await turn();
    expect(sources[1]?.query.getAll("topic")).toEqual(["stock:B"]);
  });

  it("names no version after a reset", async () => {
    const { link, sources } = await stream(HELLO, {
      t: "sub",
      id: 1,
      topics: ["stock:A"],
      have: { "stock:A": 3 },
    });
    sources[0]?.say({ t: "reset", epoch: 8, reason: "epoch_changed" });
    say(link, { t: "sub", id: 2, topics: ["stock:B"] });
    await turn();
    expect(sources[1]?.query.getAll("topic")).toEqual(["stock:A", "stock:B"]);
    expect(sources[1]?.query.getAll("have")).toEqual([]);
    expect(sources[1]?.query.get("epoch")).toBe("8");
  });

  it("ends with the server's code, with an error, and with what it cannot read", async () => {
    const bye = await stream(HELLO);
    bye.sources[0]?.goodbye('{"code":4000,"reason":"server_stopping"}');
    expect(bye.ends).toEqual([[4000, "server_stopping"]]);
    expect(bye.sources[0]?.closed).toBe(true);

    const cut = await stream(HELLO);
    cut.sources[0]?.onerror?.();
    cut.sources[0]?.goodbye("x");
    expect(cut.ends.map(([code]) => code)).toEqual([1006]);

    const odd = await stream(HELLO);
    odd.sources[0]?.goodbye("?");
    expect(odd.ends.map(([code]) => code)).toEqual([1006]);
  });

  it("hands on what makes no sense, for the connection to decide", async () => {
    const texts: string[] = [];
    const sources: FakeEventSource[] = [];
    const link = sseTransport("http://shop.test/sync/sse", (url) => {
      const source = new FakeEventSource(url);
      sources.push(source);
      return source as unknown as EventSource;
    }).connect({ opened() {}, message: (text) => texts.push(text), closed() {} });
    await turn();
    say(link, HELLO);
    await turn();
    sources[0]?.say("{");
    expect(texts).toEqual(["{"]);
  });

  it("takes no more topics than fit, and says so", async () => {
    const topics = Array.from({ length: 201 }, (_, at) => `stock:${at}`);
    const { ends } = await stream(HELLO, { t: "sub", id: 1, topics });
    expect(ends).toEqual([[1006, "more than 200 topics do not fit into a stream"]]);
  });
});

describe("a WebSocket", () => {
  const connected = () => {
    const socket = new FakeSocket();
    const heard = listener();
    const transport = webSocketTransport("ws://shop.test/sync", () => socket as never);
    return { socket, link: transport.connect(heard.events), ...heard };
  };

  it("hands on opening, texts and its end, once", () => {
    const { socket, messages, ends, opened } = connected();
    socket.onopen?.();
    socket.onmessage?.({ data: '{"t":"x"}' });
    socket.onmessage?.({ data: new ArrayBuffer(1) });
    socket.onclose?.({ code: 4000, reason: "stopping" });
    socket.onclose?.({ code: 1006, reason: "" });
    expect(opened()).toBe(1);
    expect(messages).toEqual([{ t: "x" }]);
    expect(ends).toEqual([[4000, "stopping"]]);
  });

  it("has ended for us when we close it, whether or not the other side confirms", () => {
    const { socket, link, messages, ends } = connected();
    socket.readyState = 1;
    link.close(1000, "stopped");
    socket.onmessage?.({ data: '{"t":"x"}' });
    expect(socket.closedWith).toBe(1000);
    expect(ends).toEqual([[1000, "stopped"]]);
    expect(messages).toEqual([]);
  });

  it("sends only while it is open", () => {
    const { socket, link } = connected();
    link.send("a");
    socket.readyState = 1;
    link.send("b");
    expect(socket.sent).toEqual(["b"]);
  });
});
