/** What a client is made of, and what the browser gives where nothing else is given. */

import { pollTransport } from "../transports/poll.ts";
import { raceTransport } from "../transports/race.ts";
import { sseTransport } from "../transports/sse.ts";
import type { Transport } from "../transports/transport.ts";
import { webSocketTransport } from "../transports/ws.ts";
import type { TokenProvider } from "./access.ts";
import type { Clock } from "./clock.ts";
import type { CommandBodies, Operation } from "./commandBodies.ts";
import type { SendOptions } from "./commands.ts";
import type { SessionMemory } from "./doors.ts";
import type { Changes } from "./optimistic.ts";
import type { QueueStorage } from "./queueStorage.ts";
import type { TabPorts } from "./tabPorts.ts";

export interface ActOptions extends SendOptions {
  /** What the command is expected to do, shown until its effect was received or it was refused. */
  optimistic?: Changes;
  /**
   * Keep it on this device until it is answered, also over reloads: see `client.queue`. Options of
   * one try (`signal`, `onRetry`) say nothing then.
   */
  queue?: boolean;
  /** Commands of one lane are sent one after the other; else the first topic of `optimistic`. */
  lane?: string;
  /**
   * With `queue`: only the last of the lane counts. Those that were refused, or that nobody can
   * have sent yet, are dropped for this one (`Superseded`).
   */
  latest?: boolean;
  /**
   * With `queue`: the topic whose version `expected_version` in the body speaks of. What earlier
   * commands of the lane make of it is no conflict: the version moves on with them.
   */
  sees?: string | undefined;
}

/** What commands are expected to do, by operation and body. */
export type Foretell = { readonly [O in Operation]?: (body: CommandBodies[O]) => Changes };

export interface ClientOptions {
  /** Where the server is, such as `https://shop.example`; no slash at its end. */
  url: string;
  /** Gives a token that is good now, or null; asked again before the old one ends. */
  token?: TokenProvider;
  /** Ways to connect, the best first; else WebSocket, then streams and polls. */
  transports?: readonly Transport[];
  /** Whether to ask the server for a list of hubs (`/api/hubs`), and spread over these. */
  hubs?: boolean;
  /** One connection for all tabs. */
  shared?: boolean;
  /**
   * Whose tabs and waiting commands these are, where one browser has several readers: what one left
   * is not sent as another.
   */
  reader?: string;
  /**
   * What operations are expected to do, by their body: shown for commands that are sent with
   * `queue`, also after a reload. Pure.
   */
  foretell?: Foretell;
  fetch?: typeof fetch;
  clock?: Clock;
  random?: () => number;
  /** Whose events tell of the network; the window, where there is one. */
  environment?: EventTarget | null;
  /** Where commands wait; the browser's database, where there is one. */
  storage?: QueueStorage;
  tabPorts?: TabPorts;
  /** Keeps for the session which way led to the server; `sessionStorage`, where there is one. */
  memory?: SessionMemory | null;
}

/** The session's memory, where the page may use it. */
export function ownMemory(): SessionMemory | null {
  try {
    return typeof sessionStorage === "undefined" ? null : sessionStorage;
  } catch {
    return null; // forbidden by the reader
  }
}

/** The ways that this browser, or server, knows to a hub; streams and polls race. */
export function waysTo(
  hub: string,
  home: string,
  fetcher: typeof fetch,
  clock: Clock,
): Transport[] {
  const ways: Transport[] = [];
  if (typeof WebSocket !== "undefined") ways.push(webSocketTransport(hub.replace(/^http/, "ws")));
  const lesser: Transport[] = [];
  if (typeof EventSource !== "undefined") {
    const ticket = (token: string) => ticketFor(token, home, fetcher);
    lesser.push(sseTransport(`${hub}/sse`, undefined, ticket));
  }
  lesser.push(pollTransport(`${hub}/poll`, fetcher, clock));
  ways.push(raceTransport("http", lesser, clock));
  return ways;
}

/** A ticket for one stream. */
async function ticketFor(token: string, home: string, fetcher: typeof fetch) {
  const answer = await fetcher(`${home}/api/tickets`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}` },
  });
  const { ticket } = (await answer.json()) as { ticket?: unknown };
  return answer.ok && typeof ticket === "string" ? ticket : null;
}
