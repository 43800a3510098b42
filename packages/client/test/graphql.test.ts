import { describe, expect, it } from "vitest";
import { graphqlTransport } from "../src/graphql/index.ts";
import type { LinkEvents } from "../src/transports/transport.ts";

/** The server's end of a WebSocket. */
class Socket {
  static made: Socket[] = [];
  readyState = 1;
  readonly said: { type: string; id?: string; payload?: Record<string, unknown> }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  closed = false;

  constructor() {
    Socket.made.push(this);
  }

  send(text: string): void {
    this.said.push(JSON.parse(text));
  }

  close(): void {
    this.closed = true;
  }

  tell(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** A message of sync, in the subscription with this number. */
  next(id: string, topics: object): void {
    this.tell({ type: "next", id, payload: { data: { topics } } });
  }

  get last() {
    return this.said.at(-1);
  }
}

const WELCOME = { t: "welcome", proto: 1, epoch: 7, head: [0], now: 0, lag_ms: 0, beat_ms: 2_000 };
const SNAP = { t: "snap", topic: "stock:A", v: 3, doc: { n: 3 }, at: 0 };

async function through(hello: object = {}) {
  Socket.made = [];
  const heard: string[] = [];
  const ends: number[] = [];
  const events: LinkEvents = {
    opened: () => link.send(JSON.stringify({ t: "hello", proto: 1, epoch: null, ...hello })),
    message: (text) => heard.push(text),
    closed: (code) => ends.push(code),
  };
  const create = () => new Socket() as never as WebSocket;
  const link = graphqlTransport("ws://shop.test/graphql", create).connect(events);
  const [socket] = Socket.made as [Socket];
  socket.onopen?.();
  const say = async (message: object) => {
    link.send(JSON.stringify(message));
    await Promise.resolve();
  };
  return { link, socket, heard, ends, say, read: () => heard.map((text) => JSON.parse(text)) };
}

async function subscribed() {
  const all = await through();
  all.socket.tell({ type: "connection_ack" });
  await all.say({ t: "sub", id: 5, topics: ["stock:A"], have: { "stock:A": 2 }, epoch: 7 });
  return all;
}

describe("the way by GraphQL", () => {
  it("says who it is, subscribes once it is known, and answers by the numbers of the subs", async () => {
    const all = await through({ token: "t1", epoch: 7 });
    expect(all.socket.said).toEqual([{ type: "connection_init", payload: { token: "t1" } }]);
    await all.say({ t: "sub", id: 5, topics: ["stock:A"], have: { "stock:A": 2 } });
    expect(all.socket.said).toHaveLength(1);
    all.socket.tell({ type: "connection_ack" });
    await Promise.resolve();
    expect(all.socket.last?.payload?.variables).toEqual({
      ...{ names: ["stock:A"], have: { "stock:A": 2 }, epoch: 7 },
    });
    all.socket.next("1", { t: "live", id: 1, head: [0] });
    expect(all.read()).toEqual([{ t: "live", id: 5, head: [0] }]);
  });

  it("goes on from what it has seen when other topics are asked for", async () => {
    const all = await subscribed();
    all.socket.next("1", WELCOME);
    all.socket.next("1", SNAP);
    await all.say({ t: "sub", id: 6, topics: ["stock:B"] });
    expect(all.socket.said.slice(-2)).toMatchObject([
      { type: "complete", id: "1" },
      {
        id: "2",
        payload: { variables: { names: ["stock:A", "stock:B"], have: { "stock:A": 3 } } },
      },
    ]);
    const before = all.heard.length;
    all.socket.next("1", { ...SNAP, v: 4 }); // The old one's tail comes again in the new one.
    expect(all.heard).toHaveLength(before);
  });

  it("speaks for somebody else on another connection, and tells that it does", async () => {
    const all = await subscribed();
    await all.say({ t: "auth", id: 9, token: "t2" });
    const other = Socket.made[1] as Socket;
    expect(all.socket.closed).toBe(true);
    other.onopen?.();
    expect(other.last).toEqual({ type: "connection_init", payload: { token: "t2" } });
    other.tell({ type: "connection_ack" });
    await Promise.resolve();
    other.next("2", { ...WELCOME, role: "operator" });
    expect(all.read().map(({ t }) => t)).toEqual(["welcome", "authed"]);
    expect(all.read()[1]).toMatchObject({ id: 9, role: "operator" });
    all.socket.onclose?.({ code: 1006, reason: "" });
    expect(all.ends).toEqual([]);
  });

  it("ends as the server says, and as a cut where its codes are GraphQL's", async () => {
    const bye = await subscribed();
    bye.socket.next("1", { t: "close", code: 4003, reason: "flooding" });
    expect(bye.ends).toEqual([4003]);
    const forbidden = await subscribed();
    forbidden.socket.onclose?.({ code: 4403, reason: "Forbidden" });
    expect(forbidden.ends).toEqual([1006]);
    const refused = await subscribed();
    const errors = [{ message: "Too much.", extensions: { code: 1011, temporary: false } }];
    refused.socket.tell({ type: "next", id: "1", payload: { data: null, errors } });
    expect(refused.read()).toMatchObject([{ t: "error", code: 1011, message: "Too much." }]);
    expect(refused.ends).toEqual([1006]);
  });

  it("answers pings, and leaves what it is told to leave out of the next subscription", async () => {
    const all = await subscribed();
    all.socket.tell({ type: "ping" });
    expect(all.socket.last).toEqual({ type: "pong" });
    await all.say({ t: "unsub", id: 7, topics: ["stock:A"] });
    await all.say({ t: "sub", id: 8, topics: ["stock:B"] });
    expect(all.socket.last?.payload?.variables).toMatchObject({ names: ["stock:B"], have: {} });
  });
});
