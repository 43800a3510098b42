/** Connections that a test drives by hand. */

import { Connection, type ConnectionState } from "../src/core/connection.ts";
import type { ClientMessage, ServerMessage } from "../src/core/protocol.ts";
import { FakeClock } from "../src/testing/index.ts";
import type { Link, LinkEvents, Transport } from "../src/transports/transport.ts";

export class HandLink implements Link {
  readonly sent: ClientMessage[] = [];
  closedWith: number | null = null;
  readonly events: LinkEvents;

  constructor(events: LinkEvents) {
    this.events = events;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientMessage);
  }

  close(code: number, reason: string): void {
    this.closedWith = code;
    this.events.closed(code, reason);
  }

  say(message: ServerMessage | Record<string, unknown>): void {
    this.events.message(JSON.stringify(message));
  }

  welcome(epoch = 1): void {
    this.say({ t: "welcome", epoch, head: [0], now: 0, lag_ms: 0, beat_ms: 2_000, limits: {} });
  }

  pings(): number {
    return this.sent.filter((message) => message.t === "ping").length;
  }
}

export class HandTransport implements Transport {
  readonly name: string;
  readonly links: HandLink[] = [];

  constructor(name = "hand") {
    this.name = name;
  }

  connect(events: LinkEvents): Link {
    const link = new HandLink(events);
    this.links.push(link);
    return link;
  }

  get last(): HandLink {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error("nobody connected");
    return link;
  }
}

/** A connection over these ways, and what it tells. */
export function connectionOver(
  transports: readonly Transport[] = [new HandTransport()],
  random = () => 1,
) {
  const clock = new FakeClock();
  const states: ConnectionState[] = [];
  const messages: ServerMessage[] = [];
  let greeted = 0;
  const connection = new Connection(
    { transports, clock, random, epoch: () => 7 },
    {
      greeted: () => {
        greeted += 1;
      },
      message: (message) => messages.push(message),
      changed: (state) => states.push(state),
    },
  );
  return { clock, connection, states, messages, greeted: () => greeted };
}
