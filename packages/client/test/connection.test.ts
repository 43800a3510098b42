import { describe, expect, it } from "vitest";
import {
  CONNECT_MS_MAX,
  type ConnectionState,
  FLOOD_MS_LEAST,
  mayReturn,
  RETRY_MS_LEAST,
  RETRY_MS_MAX,
} from "../src/core/connection.ts";
import { connectionOver, HandTransport } from "./links.ts";

/** Brings a connection into a state. */
function inState(state: ConnectionState) {
  const transport = new HandTransport();
  const all = { transport, ...connectionOver([transport]) };
  const { connection } = all;
  if (state === "idle") return all;
  connection.start();
  if (state === "connecting") return all;
  if (state === "waiting") transport.last.events.closed(1006, "");
  else transport.last.events.opened();
  if (state === "open") transport.last.welcome();
  if (state === "closed") transport.last.events.closed(4500, "");
  return all;
}

type Setting = ReturnType<typeof inState>;
const EVENTS: Record<string, (setting: Setting) => unknown> = {
  start: ({ connection }) => connection.start(),
  stop: ({ connection }) => connection.stop(),
  wake: ({ connection }) => connection.wake(),
  sleep: ({ connection }) => connection.sleep(),
  opened: ({ transport }) => transport.links.at(-1)?.events.opened(),
  welcome: ({ transport }) => transport.links.at(-1)?.welcome(),
  garbage: ({ transport }) => transport.links.at(-1)?.events.message("{"),
  "closed 1006": ({ transport }) => transport.links.at(-1)?.events.closed(1006, ""),
  "closed 4000": ({ transport }) => transport.links.at(-1)?.events.closed(4000, ""),
  "closed 4502": ({ transport }) => transport.links.at(-1)?.events.closed(4502, ""),
};

/** What every event leads to in every state; the columns are in the order of EVENTS. */
const TABLE: Record<ConnectionState, string> = {
  // start, stop, wake, sleep, opened, welcome, garbage, 1006, 4000, 4502
  idle: "connecting idle idle idle idle idle idle idle idle idle",
  connecting:
    "connecting idle connecting waiting handshaking connecting waiting waiting waiting closed",
  handshaking:
    "handshaking idle handshaking waiting handshaking open waiting waiting waiting closed",
  open: "open idle open waiting open open waiting waiting waiting closed",
  waiting: "waiting idle connecting waiting waiting waiting waiting waiting waiting waiting",
  closed: "connecting idle closed closed closed closed closed closed closed closed",
};

describe("every state and every event", () => {
  for (const [state, row] of Object.entries(TABLE) as [ConnectionState, string][]) {
    it.each(Object.keys(EVENTS).map((event, at) => [event, row.split(" ")[at]] as const))(
      `${state}, %s -> %s`,
      (event, after) => {
        const setting = inState(state);
        expect(setting.connection.state).toBe(state);
        EVENTS[event]?.(setting);
        expect(setting.connection.state).toBe(after);
      },
    );
  }
});

describe("a connection", () => {
  it("says hello with the epoch it holds, and is greeted before the welcome", () => {
    const { transport, greeted } = inState("handshaking");
    expect(transport.last.sent).toEqual([{ t: "hello", proto: 1, epoch: 7, short: true }]);
    expect(greeted()).toBe(1);
  });

  it("gives up a try that gets no welcome in time", async () => {
    const { clock, connection, transport } = inState("handshaking");
    await clock.advance(CONNECT_MS_MAX);
    expect(connection.state).toBe("waiting");
    expect(transport.last.closedWith).toBe(1000);
  });

  it("waits with full jitter, twice as long each time, up to a limit", async () => {
    const waits = async (share: number) => {
      const transport = new HandTransport();
      const { clock, connection } = connectionOver([transport], () => share);
      connection.start();
      const found: number[] = [];
      for (let turn = 0; turn < 9; turn += 1) {
        const from = clock.monotonic();
        const tries = transport.links.length;
        transport.last.events.closed(1006, "");
        while (transport.links.length === tries) await clock.advance(125);
        found.push(clock.monotonic() - from);
      }
      return found;
    };
    const full = [
      500,
      1_000,
      2_000,
      4_000,
      8_000,
      16_000,
      RETRY_MS_MAX,
      RETRY_MS_MAX,
      RETRY_MS_MAX,
    ];
    expect(await waits(1)).toEqual(full);
    expect(await waits(0.5)).toEqual(full.map((ms) => ms / 2));
  });

  it("starts from the shortest wait again after a subscription went live", async () => {
    const { clock, connection, transport } = inState("waiting");
    await clock.advance(RETRY_MS_LEAST);
    transport.last.events.opened();
    transport.last.welcome();
    connection.proven();
    transport.last.events.closed(1006, "");
    await clock.advance(RETRY_MS_LEAST);
    expect(connection.state).toBe("connecting");
  });

  it.each([4003, 4005])("stays away for a while after %s, whatever chance says", async (code) => {
    const transport = new HandTransport();
    const { clock, connection } = connectionOver([transport], () => 0);
    connection.start();
    transport.last.events.closed(code, "asked too much");
    await clock.advance(FLOOD_MS_LEAST - 1);
    expect(connection.state).toBe("waiting");
    await clock.advance(1);
    expect(connection.state).toBe("connecting");
  });

  it.each([
    [1000, true],
    [1002, false],
    [1006, true],
    [1009, false],
    [1012, true],
    [4000, true],
    [4499, true],
    [4500, false],
    [4999, false],
  ])("after close code %i may return: %s", (code, may) => {
    expect(mayReturn(code)).toBe(may);
  });

  it("asks when beats are missing, and counts silence as a cut", async () => {
    const { clock, connection, transport } = inState("open");
    await clock.advance(5_000);
    expect(transport.last.pings()).toBe(1);
    expect(connection.state).toBe("open");
    await clock.advance(2_500);
    expect(connection.state).toBe("waiting");
  });

  it("stays when the question is answered", async () => {
    const { clock, connection, transport } = inState("open");
    await clock.advance(5_000);
    transport.last.say({ t: "pong", id: 1, now: 0 });
    await clock.advance(4_999);
    expect(connection.state).toBe("open");
    expect(transport.last.pings()).toBe(1);
  });

  it("gives a sign of life while only the server talks", async () => {
    const { clock, transport } = inState("open");
    for (let beat = 0; beat < 6; beat += 1) {
      await clock.advance(2_000);
      transport.last.say({ t: "beat", head: [0], lag_ms: 0, now: 0 });
    }
    expect(transport.last.pings()).toBe(1);
  });

  it("asks at once when woken, and survives to be woken twice", async () => {
    const { connection, transport } = inState("open");
    connection.wake();
    connection.wake();
    expect(transport.last.pings()).toBe(1);
    expect(connection.state).toBe("open");
  });

  it("ignores what an earlier link still says", () => {
    const { connection, transport, messages } = inState("waiting");
    const old = transport.last;
    connection.wake();
    old.events.opened();
    old.welcome();
    old.events.closed(4500, "");
    expect(connection.state).toBe("connecting");
    expect(messages).toEqual([]);
  });

  it("begins anew when the server talks nonsense, with a reason that any socket takes", () => {
    const { connection, transport } = inState("open");
    transport.last.events.message(`["${"ü".repeat(200)}`);
    expect(connection.state).toBe("waiting");
    expect(transport.last.closedWith).toBe(4500);
    expect(connection.lastClose?.code).toBe(4500);
  });

  it("takes a transport that throws as one that fails", () => {
    const { connection } = connectionOver([
      {
        name: "none",
        connect() {
          throw new SyntaxError("no such scheme");
        },
      },
    ]);
    connection.start();
    expect(connection.state).toBe("waiting");
    expect(connection.lastClose?.reason).toContain("no such scheme");
  });

  it("leaves no timer behind when stopped", () => {
    for (const state of Object.keys(TABLE) as ConnectionState[]) {
      const { clock, connection } = inState(state);
      connection.stop();
      expect(clock.pending).toBe(0);
    }
  });
});
