/** A client beside a fake server, on a fake clock. */

import { Client, type ClientOptions } from "../src/core/client.ts";
import type { ClientMessage } from "../src/core/protocol.ts";
import { createFakeServer, FakeClock } from "../src/testing/index.ts";

export const SERVER_START = 1_795_000_000_000;

export function setUp(options: Partial<ClientOptions> = {}) {
  const clock = new FakeClock();
  const server = createFakeServer(() => SERVER_START + clock.monotonic());
  const client = new Client({
    url: "http://shop.test",
    transports: [server.transport],
    clock,
    random: () => 1,
    environment: null,
    ...options,
  });
  return { clock, server, client };
}

type Setting = ReturnType<typeof setUp>;

/** A started client whose first connection is open. */
export async function open(options: Partial<ClientOptions> = {}): Promise<Setting> {
  const setting = setUp(options);
  setting.client.start();
  await setting.clock.advance(0);
  return setting;
}

/** What the server received on the connection with this number, newest by default. */
export function received<T extends ClientMessage["t"]>(
  { server }: Setting,
  type: T,
  at = -1,
): Extract<ClientMessage, { t: T }>[] {
  const messages = server.connections.at(at)?.received ?? [];
  return messages.filter((one): one is Extract<ClientMessage, { t: T }> => one.t === type);
}
