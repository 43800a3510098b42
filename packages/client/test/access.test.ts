import { describe, expect, it } from "vitest";
import { AUTH_MS_MAX, HELLO_TOKEN_MS_MAX, TOKEN_MS_MAX } from "../src/core/access.ts";
import type { ClientOptions } from "../src/core/client.ts";
import { CONNECT_MS_MAX } from "../src/core/connection.ts";
import { received, setUp } from "./setUp.ts";

const ANNA = { subject: "anna", role: "operator" };

/** A client whose page gives tokens; `good` are those that the server takes. */
async function signedIn(token: ClientOptions["token"], good = ["t1", "t2", "t3"]) {
  const all = setUp(token === undefined ? {} : { token });
  for (const one of good) all.server.callers?.set(one, ANNA);
  all.server.allows = (topic, role) => !topic.startsWith("payment:") || role === "operator";
  all.server.put("payment:7", { amount: 5 });
  all.server.put("stock:A", { n: 1 });
  all.client.subscribe(["payment:7", "stock:A"]);
  all.client.start();
  await all.clock.advance(0);
  return all;
}

/** Time in which the server sends its beats. */
async function pass(all: ReturnType<typeof setUp>, ms: number) {
  for (let left = ms; left > 0; left -= 1_000) {
    await all.clock.advance(Math.min(1_000, left));
    all.server.beat();
  }
}

/** Gives the tokens in turn, then fails. */
function inTurn(...tokens: (string | null)[]) {
  let asked = 0;
  const token = async () => {
    const next = tokens[asked++];
    if (next === undefined) throw new Error("no session");
    return next;
  };
  return { token, asked: () => asked };
}

describe("a token", () => {
  it("goes with hello, so that private topics are there at once", async () => {
    const all = await signedIn(inTurn("t1").token);
    expect(received(all, "hello")).toEqual([
      { t: "hello", proto: 1, epoch: null, short: true, token: "t1" },
    ]);
    expect(all.client.store.get("payment:7")?.doc).toEqual({ amount: 5 });
    expect(all.client.access.get()).toMatchObject({ state: "known", role: "operator" });
  });

  it("that is late lets hello go without it, and follows by auth", async () => {
    let give: (token: string) => void = () => {};
    const late = new Promise<string>((resolve) => {
      give = resolve;
    });
    const all = await signedIn(() => late);
    expect(all.server.connections[0]?.received).toEqual([]);
    await all.clock.advance(HELLO_TOKEN_MS_MAX);
    expect(all.client.connection).toBe("open");
    expect(all.client.store.get("stock:A")?.doc).toEqual({ n: 1 });
    expect(all.client.refusal("payment:7")?.code).toBe(1010);
    give("t1");
    await all.clock.advance(0);
    expect(received(all, "auth")).toMatchObject([{ token: "t1" }]);
    expect(all.client.refusal("payment:7")).toBeUndefined();
    expect(all.client.store.get("payment:7")?.doc).toEqual({ amount: 5 });
    expect(HELLO_TOKEN_MS_MAX).toBeLessThan(CONNECT_MS_MAX);
  });

  it("is replaced on the living connection before it ends", async () => {
    const all = await signedIn(inTurn("t1", "t2").token);
    all.server.connections[0]?.send({ t: "expiring", in_ms: 60_000 });
    await all.clock.advance(0);
    expect(received(all, "auth")).toMatchObject([{ token: "t2" }]);
    expect(all.server.connections).toHaveLength(1);
    expect(all.client.access.get()).toMatchObject({ state: "known", subject: "anna" });
    expect(all.client.status.get().status).toBe("live");
  });

  it("that the server does not take is told, asked for again, and leaves public topics live", async () => {
    const { token, asked } = inTurn("old", "t2");
    const all = await signedIn(token);
    expect(all.client.access.get()).toMatchObject({ state: "failing", problem: "TokenExpired." });
    expect(all.client.store.get("stock:A")?.doc).toEqual({ n: 1 });
    await pass(all, 2_000);
    expect(asked()).toBe(2);
    expect(all.client.access.get().state).toBe("known");
    expect(all.client.store.get("payment:7")?.doc).toEqual({ amount: 5 });
    expect(all.server.connections).toHaveLength(1);
  });
});

describe("a refresh that fails", () => {
  it.each([
    ["rejects", () => Promise.reject(new Error("no session")), "no session"],
    ["hangs", () => new Promise<string>(() => {}), "no token came"],
    ["throws", () => JSON.parse("{") as Promise<string>, "JSON"],
  ])("as the page's function %s leaves connection and data, and says so", async (_n, fail, why) => {
    let failing = false;
    let asked = 0;
    const all = await signedIn(() => {
      asked += 1;
      return failing ? fail() : Promise.resolve(`t${asked > 1 ? 2 : 1}`);
    });
    failing = true;
    all.server.connections[0]?.send({ t: "expiring", in_ms: 60_000 });
    await pass(all, TOKEN_MS_MAX + 1_000);
    expect(all.client.access.get().state).toMatch(/failing|asking/);
    expect(all.client.access.get().problem).toContain(why);
    all.server.put("stock:A", { n: 2 });
    expect(all.client.store.get("stock:A")?.doc).toEqual({ n: 2 });
    expect(all.client.status.get().status).toBe("live");

    failing = false;
    await pass(all, 70_000);
    expect(all.client.access.get()).toMatchObject({ state: "known", problem: null });
    expect(asked).toBeLessThan(20);
    expect(all.server.connections).toHaveLength(1);
  });

  it("as the server does not answer is tried again, ever slower, and stops with the client", async () => {
    const all = await signedIn(async () => "t1");
    all.server.callers = null;
    all.server.connections[0]?.send({ t: "expiring", in_ms: 60_000 });
    const token = all.client.access.token;
    await pass(all, AUTH_MS_MAX + 1_000);
    expect(token).toBe("t1");
    await pass(all, 120_000);
    expect(received(all, "auth").length).toBeLessThan(12);
    all.client.stop();
    expect(all.clock.pending).toBe(0);
  });
});

describe("over HTTP", () => {
  const setting = async (answers: Response[], token: ClientOptions["token"]) => {
    const shown: (string | null)[] = [];
    const all = setUp({
      ...(token === undefined ? {} : { token }),
      fetch: async (_url, init) => {
        shown.push(new Headers(init?.headers).get("Authorization"));
        return answers.shift() ?? Response.json({ versions: {}, result: 1 });
      },
    });
    for (const one of ["t1", "t2"]) all.server.callers?.set(one, ANNA);
    all.client.start();
    await all.clock.advance(0);
    return { ...all, shown };
  };
  const expired = () => Response.json({ code: 1102, name: "TokenExpired" }, { status: 401 });

  it("a command carries the token, and goes once more with another where that one is refused", async () => {
    const all = await setting([expired()], inTurn("t1", "t2").token);
    expect((await all.client.sendUntyped("x", {})).result).toBe(1);
    expect(all.shown).toEqual(["Bearer t1", "Bearer t2"]);
  });

  it("a command settles also where no other token can be had", async () => {
    const all = await setting([expired()], inTurn("t1").token);
    await expect(all.client.sendUntyped("x", {})).rejects.toMatchObject({ code: 1102 });
  });

  it.each([
    ["before the connection asked for it", false],
    ["while it is on its way", true],
  ])("a command waits for the first token %s", async (_name, started) => {
    const shown: (string | null)[] = [];
    const { token, asked } = inTurn("t1");
    let give = () => {};
    const late = new Promise<void>((resolve) => {
      give = resolve;
    });
    const all = setUp({
      token: () => late.then(token),
      fetch: async (_url, init) => {
        shown.push(new Headers(init?.headers).get("Authorization"));
        return Response.json({ versions: {}, result: 1 });
      },
    });
    all.server.callers?.set("t1", ANNA);
    if (started) all.client.start();
    const sent = all.client.sendUntyped("x", {});
    await all.clock.advance(0);
    expect(shown).toEqual([]);
    give();
    await sent;
    expect(shown).toEqual(["Bearer t1"]);
    all.client.start();
    await all.clock.advance(0);
    expect(received(all, "hello")).toMatchObject([{ token: "t1" }]);
    expect(asked()).toBe(1);
  });

  it("a command on a connection that was made without the token waits for it, too", async () => {
    let give: (token: string) => void = () => {};
    const late = new Promise<string>((resolve) => {
      give = resolve;
    });
    const all = setUp({ token: () => late });
    all.server.callers?.set("t1", ANNA);
    const body = { versions: {}, result: 1 };
    all.server.command = ({ id }) => ({ t: "done", id, status: 200, replayed: false, body });
    all.client.start();
    await all.clock.advance(HELLO_TOKEN_MS_MAX);
    expect(all.client.connection).toBe("open");
    const sent = all.client.sendUntyped("x", {});
    await all.clock.advance(0);
    expect(received(all, "cmd")).toEqual([]);
    give("t1");
    expect((await sent).result).toBe(1);
    const order = all.server.connections[0]?.received.map(({ t }) => t);
    expect(order?.indexOf("auth")).toBeLessThan(order?.indexOf("cmd") ?? -1);
  });

  it("a command waits no longer than the page's function may take", async () => {
    const all = await setting([], () => new Promise<string>(() => {}));
    const sent = all.client.sendUntyped("x", {});
    await all.clock.advance(TOKEN_MS_MAX);
    await sent;
    expect(all.shown).toEqual([null]);
  });

  it("a command without anybody to ask carries nothing", async () => {
    const all = await setting([], undefined);
    await all.client.sendUntyped("x", {});
    expect(all.shown).toEqual([null]);
  });
});
