import { describe, expect, it } from "vitest";
import { CONNECT_MS_MAX } from "../src/core/connection.ts";
import { connectionOver, HandTransport } from "./links.ts";

describe("several ways to connect", () => {
  const both = () => {
    const socket = new HandTransport("socket");
    const stream = new HandTransport("stream");
    return { socket, stream, ...connectionOver([socket, stream]) };
  };

  it("takes the next within 3 s where the first lets nothing through", async () => {
    const { clock, connection, socket, stream } = both();
    connection.start();
    socket.last.events.opened(); // a buffering proxy: open, and no welcome ever
    await clock.advance(CONNECT_MS_MAX);
    stream.last.events.opened();
    stream.last.welcome();
    expect(connection.state).toBe("open");
    expect(clock.monotonic()).toBeLessThan(3_000);
  });

  it("takes the next at once where the first fails at once", async () => {
    const { clock, connection, socket, stream } = both();
    connection.start();
    socket.last.events.closed(1006, "");
    await clock.advance(0);
    expect(stream.links).toHaveLength(1);
  });

  it("goes back to the best way after an outage of all, and after a loss", async () => {
    const { clock, connection, socket, stream } = both();
    connection.start();
    socket.last.events.closed(1006, "");
    await clock.advance(0);
    stream.last.events.closed(1006, "");
    await clock.advance(500);
    expect(socket.links).toHaveLength(2);
    socket.last.events.closed(1006, "");
    await clock.advance(0);
    stream.last.events.opened();
    stream.last.welcome();
    stream.last.events.closed(4000, "stopping");
    await clock.advance(30_000);
    expect(socket.links.length).toBeGreaterThanOrEqual(3);
  });

  it("stays on a way on which the server itself refused", async () => {
    const { clock, connection, socket, stream } = both();
    connection.start();
    socket.last.events.opened();
    socket.last.events.closed(4004, "full");
    await clock.advance(500);
    expect(stream.links).toHaveLength(0);
    expect(socket.links).toHaveLength(2);
  });
});
