/** The whole client: one store, one connection, the topics that the screen needs. */

import { sseTransport } from "../transports/sse.ts";
import type { Transport } from "../transports/transport.ts";
import { webSocketTransport } from "../transports/ws.ts";
import { CommandChannel } from "./channel.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type CommandResult, Commands, type SendOptions } from "./commands.ts";
import { Connection, type ConnectionState } from "./connection.ts";
import type { Changes } from "./optimistic.ts";
import type { Json, ServerMessage } from "./protocol.ts";
import { StatusTracker } from "./status.ts";
import { Store } from "./store.ts";
import { Subscriptions } from "./subscriptions.ts";

export interface ActOptions extends SendOptions {
  /** What the command is expected to do, shown until its effect was received or it was refused. */
  optimistic?: Changes;
}

export interface ClientOptions {
  /** Where the server is, such as `https://shop.example`; no slash at its end. */
  url: string;
  /** Ways to connect, the best first. */
  transports?: readonly Transport[];
  fetch?: typeof fetch;
  clock?: Clock;
  random?: () => number;
  /** Whose events tell of the network; the window, where there is one. */
  environment?: EventTarget | null;
}

export class Client {
  readonly store = new Store();
  readonly status: StatusTracker;
  readonly url: string;
  readonly #connection: Connection;
  readonly #subscriptions: Subscriptions;
  readonly #channel: CommandChannel;
  readonly #commands: Commands;
  readonly #clock: Clock;
  readonly #environment: EventTarget | null;
  readonly #wake = () => this.#connection.wake();
  readonly #sleep = () => this.#connection.sleep();
  readonly #seen = () => {
    if (document.visibilityState === "visible") this.#connection.wake();
  };

  constructor(options: ClientOptions) {
    const { url, clock = systemClock, random = Math.random } = options;
    this.url = url;
    this.#clock = clock;
    this.#environment =
      options.environment === undefined
        ? typeof window === "undefined"
          ? null
          : window
        : options.environment;
    this.status = new StatusTracker(clock);
    this.#channel = new CommandChannel(() => this.#connection, clock);
    const fetcher = options.fetch ?? fetch.bind(globalThis);
    this.#commands = new Commands(url, fetcher, clock, random, this.#channel);
    this.#connection = new Connection(
      {
        transports: options.transports ?? waysTo(url),
        clock,
        random,
        epoch: () => this.store.epoch,
      },
      {
        greeted: () => this.#subscriptions.restart(),
        message: (message) => this.#take(message),
        changed: () => {
          if (!this.#connection.greeted) {
            this.#subscriptions.lost();
            this.#channel.lost();
          }
          this.#tellStatus();
        },
      },
    );
    this.#subscriptions = new Subscriptions({
      store: this.store,
      clock,
      connection: () => this.#connection,
      proof: () => this.status.provenAt(),
      changed: () => this.#tellStatus(),
    });
  }

  get connection(): ConnectionState {
    return this.#connection.state;
  }

  /** Why the connection is closed or was last lost; null before the first loss. */
  get lastClose(): { code: number; reason: string } | null {
    return this.#connection.lastClose;
  }

  /** Connects, and stays connected until `stop`. */
  start(): this {
    this.#environment?.addEventListener("online", this.#wake);
    this.#environment?.addEventListener("offline", this.#sleep);
    if (typeof document !== "undefined") {
      document.addEventListener("visibilitychange", this.#seen);
    }
    this.#connection.start();
    return this;
  }

  stop(): void {
    this.#environment?.removeEventListener("online", this.#wake);
    this.#environment?.removeEventListener("offline", this.#sleep);
    if (typeof document !== "undefined") {
      document.removeEventListener("visibilitychange", this.#seen);
    }
    this.#connection.stop();
  }

  /** Keeps these topics in the store up to date until the returned function is called. */
  subscribe(topics: Iterable<string>): () => void {
    return this.#subscriptions.want(topics);
  }

  /** Why a topic cannot be subscribed to; undefined where it can. */
  refusal(topic: string): { code: number; message: string } | undefined {
    return this.#subscriptions.refusal(topic);
  }

  /** Sends a command, on the connection or over HTTP; see `Commands.send`. */
  send<R = unknown>(
    operation: string,
    body: Json,
    { optimistic, ...options }: ActOptions = {},
  ): Promise<CommandResult<R>> {
    return this.#foretold(optimistic, () => this.#commands.send<R>(operation, body, options));
  }

  /** Posts to another door that takes keys; see `Commands.post`. */
  post<R = unknown>(
    path: string,
    body: Json,
    { optimistic, ...options }: ActOptions = {},
  ): Promise<CommandResult<R>> {
    return this.#foretold(optimistic, () => this.#commands.post<R>(path, body, options));
  }

  /**
   * Milliseconds since the server last proved that what is held of a topic is true; null where it
   * never did. Grows for a topic that nothing on the screen subscribes to.
   */
  ageMs(topic: string): number | null {
    const until = this.#subscriptions.provenUntil(topic);
    return until === null ? null : this.#clock.monotonic() - until;
  }

  /** Resolves when these versions are in the store: true; or when time is up: false. */
  waitFor(versions: Readonly<Record<string, number>>, msMax = 5_000): Promise<boolean> {
    if (this.store.holds(versions)) return Promise.resolve(true);
    const giveBack = this.subscribe(Object.keys(versions));
    return new Promise((resolve) => {
      const finish = (held: boolean) => {
        giveBack();
        stop();
        this.#clock.cancel(timer);
        resolve(held);
      };
      const timer = this.#clock.after(msMax, () => finish(false));
      const stop = this.store.onTopics(Object.keys(versions), () => {
        if (this.store.holds(versions)) finish(true);
      });
    });
  }

  /** Shows what is expected; its topics are kept up to date meanwhile, so that it comes to an end. */
  async #foretold<R>(
    changes: Changes | undefined,
    act: () => Promise<CommandResult<R>>,
  ): Promise<CommandResult<R>> {
    if (changes === undefined) return act();
    const layer = this.store.layers.add(changes, this.subscribe(Object.keys(changes)));
    try {
      const answer = await act();
      layer.confirm(answer.versions);
      return answer;
    } catch (problem) {
      layer.drop();
      throw problem;
    }
  }

  #take(message: ServerMessage): void {
    const change = this.store.apply(message);
    switch (message.t) {
      case "welcome":
        this.#channel.welcomed(message.limits);
        this.status.welcomed(message.lag_ms, message.now);
        break;
      case "beat":
        this.status.proved(message.lag_ms, message.now);
        break;
      case "reset":
        this.#subscriptions.reset();
        break;
      case "live":
        this.#connection.proven();
        this.#subscriptions.live(message.id);
        break;
      case "done":
        this.#channel.settle(message);
        break;
      case "error":
        if (!this.#channel.settle(message)) this.#subscriptions.refused(message);
        break;
    }
    if (change.missed.length > 0) this.#subscriptions.refetch(change.missed);
  }

  #tellStatus(): void {
    this.status.connection(this.#connection.state === "open", this.#subscriptions.complete);
  }
}

/** The ways that this browser, or server, knows. */
function waysTo(url: string): Transport[] {
  const ways: Transport[] = [];
  if (typeof WebSocket !== "undefined") {
    ways.push(webSocketTransport(`${url.replace(/^http/, "ws")}/sync`));
  }
  if (typeof EventSource !== "undefined") ways.push(sseTransport(`${url}/sync/sse`));
  return ways;
}

/** A client that is connecting already. */
export function createClient(options: ClientOptions): Client {
  return new Client(options).start();
}
