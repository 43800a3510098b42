/** The whole client: one store, one connection, the topics that the screen needs. */

import type { Transport } from "../transports/transport.ts";
import { Access } from "./access.ts";
import { CommandChannel } from "./channel.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { CommandBodies, Operation } from "./commandBodies.ts";
import { type CommandResult, Commands, type SendOptions } from "./commands.ts";
import { conflictOf, type VersionConflict } from "./conflicts.ts";
import { Connection, type ConnectionState } from "./connection.ts";
import { Digest, type DigestCounts, type DigestEntry } from "./digest.ts";
import type { DocumentOf } from "./documents.ts";
import { Doors } from "./doors.ts";
import { listen, ownEnvironment } from "./environment.ts";
import { type FactHandler, Facts } from "./facts.ts";
import { Hubs } from "./hubs.ts";
import { List, type ListItem, type ListQuery } from "./list.ts";
import { notify } from "./notify.ts";
import { type Changes, type Layer, until } from "./optimistic.ts";
import { type ActOptions, type ClientOptions, ownMemory, waysTo } from "./options.ts";
import type { ClientMessage, Json, ServerMessage } from "./protocol.ts";
import type { Queue, QueueEntry } from "./queue.ts";
import { beginQueue, conflictIn, foretold, queueFor } from "./queueFor.ts";
import type { Held } from "./reducer.ts";
import { type Status, StatusTracker } from "./status.ts";
import { Store } from "./store.ts";
import { type Refusal, Subscriptions } from "./subscriptions.ts";
import { browserPorts, type TabPorts } from "./tabPorts.ts";
import { TAB_WAY, Tabs } from "./tabs.ts";
import { waitFor } from "./waitFor.ts";

export type { ActOptions, ClientOptions } from "./options.ts";

export class Client {
  readonly store = new Store();
  readonly status: StatusTracker;
  readonly url: string;
  /** Who this client speaks for, and whether its token is good: an observable for the screen. */
  readonly access: Access;
  readonly #options: ClientOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #fetch: typeof fetch;
  readonly #ports: TabPorts;
  readonly #connection: Connection;
  readonly #subscriptions: Subscriptions;
  readonly #channel: CommandChannel;
  readonly #commands: Commands;
  readonly #digest: Digest;
  readonly #facts: Facts;
  readonly #doors: Doors;
  readonly #hubs: Hubs;
  readonly #tabs: Tabs | null;
  readonly #denials = new Set<(topic: string, refusal: Refusal) => void>();
  #queue: Queue | null = null;
  #stopListening: (() => void) | null = null;
  /** Whether the connection in use goes over another tab. */
  #overTab = false;
  #running = false;

  constructor(options: ClientOptions) {
    const { url, clock = systemClock, random = Math.random } = options;
    this.url = url;
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#fetch = options.fetch ?? fetch.bind(globalThis);
    this.#ports = options.tabPorts ?? browserPorts();
    this.status = new StatusTracker(clock);
    this.access = new Access({
      ...{ provider: options.token ?? null, clock, random },
      send: (message) => this.#tell(message),
      changed: () => this.#subscriptions.access(),
    });
    this.#channel = new CommandChannel(() => this.#connection, clock);
    this.#commands = new Commands(url, this.#fetch, clock, random, this.#channel, this.access);
    this.#facts = new Facts(() => this.store.epoch);
    this.#hubs = new Hubs({ url, fetch: this.#fetch, clock, random });
    this.#doors = this.#makeDoors();
    this.#tabs = this.#makeTabs();
    this.#connection = this.#makeConnection();
    this.#subscriptions = new Subscriptions({
      ...{ store: this.store, clock },
      connection: () => this.#connection,
      proof: () => this.status.provenAt(),
      changed: () => this.#subscribed(),
      denied: (topic, refusal) => {
        notify(this.#denials, topic, refusal);
        this.store.touch(topic);
      },
    });
    this.#digest = new Digest({
      clock,
      entries: () => this.#proven(),
      send: (message) => this.#tell(message),
      differ: (topics) => {
        for (const topic of topics) this.store.doubt(topic);
        this.#subscriptions.refetch(topics);
      },
    });
  }

  get connection(): ConnectionState {
    return this.#connection.state;
  }

  /** Why the connection is closed or was last lost; null before the first loss. */
  get lastClose(): { code: number; reason: string } | null {
    return this.#connection.lastClose;
  }

  /** How often what is held was compared with what the server has, and how much differed. */
  get digests(): DigestCounts {
    return this.#digest.counts;
  }

  /** Whether this tab holds the connection for the others; false where tabs are not shared. */
  get leads(): boolean {
    return this.#tabs?.leads ?? false;
  }

  /** Commands that wait for the server. */
  get queue(): Queue {
    this.#queue ??= this.#makeQueue();
    return this.#queue;
  }

  /** Connects, and stays connected until `stop`. */
  start(): this {
    if (this.#running) return this;
    this.#running = true;
    this.status.begun();
    const environment = this.#options.environment;
    this.#stopListening = listen(environment === undefined ? ownEnvironment() : environment, {
      wake: () => this.#wake(),
      sleep: () => this.#connection.sleep(),
    });
    const before: Promise<void>[] = [];
    if (this.#options.hubs === true) before.push(this.#hubs.load());
    if (this.#tabs !== null) before.push(this.#tabs.start());
    if (before.length === 0) this.#connection.start();
    else void Promise.all(before).then(() => this.#running && this.#connection.start());
    // What an earlier page left is sent without being asked for.
    if (this.#queue !== null) beginQueue(this.#queue);
    else if (this.#options.storage ?? this.#options.foretell) void this.queue;
    return this;
  }

  stop(): void {
    this.#running = false;
    this.#stopListening?.();
    this.#stopListening = null;
    this.#connection.stop();
    this.#tabs?.stop();
    this.#doors.stop();
    this.#digest.lost();
    this.access.stop();
    this.#queue?.stop();
  }

  /** Keeps these topics in the store up to date until the returned function is called. */
  subscribe(topics: Iterable<string>): () => void {
    return this.#subscriptions.want(topics);
  }

  /** Why a topic cannot be had, or no longer; undefined where it can. */
  refusal(topic: string): Refusal | undefined {
    return this.#subscriptions.refusal(topic);
  }

  /** Tells when a topic is refused or taken back; `reason` says why, where it was taken back. */
  onRefusal(listener: (topic: string, refusal: Refusal) => void): () => void {
    this.#denials.add(listener);
    return () => this.#denials.delete(listener);
  }

  /**
   * Follows a topic and tells each of its versions once, in order: what is held first, then every
   * transition of kinds that are facts. See `Fact` for what it says of versions that are gone.
   */
  onFact<T extends string>(topic: T, handler: FactHandler<DocumentOf<T>>): () => void {
    const giveBack = this.subscribe([topic]);
    const stop = this.#facts.follow(topic, this.store.received(topic) as Held | undefined, handler);
    return () => {
      stop();
      giveBack();
    };
  }

  /** A list that the server orders, live until its `close`. */
  list<I extends ListItem = ListItem>(query: ListQuery): List<I> {
    const list = new List<I>(
      {
        ...{ url: this.url, fetch: this.#fetch, clock: this.#clock, random: this.#random },
        ...{
          headers: () => this.access.headers,
          store: this.store,
          subscribe: (topics) => this.subscribe(topics),
        },
      },
      query,
    );
    return list.open();
  }

  /**
   * Sends a command, on the connection or over HTTP; see `Commands.send`. Where somebody else changed
   * the same, it rejects with `VersionConflict`, which knows the ways on.
   */
  send<O extends Operation, R = unknown>(
    operation: O,
    body: CommandBodies[O],
    options?: ActOptions,
  ): Promise<CommandResult<R>> {
    return this.sendUntyped(operation, body, options);
  }

  /** The same for commands that `CommandBodies` does not know: those of a server's own modules. */
  sendUntyped<R = unknown>(
    operation: string,
    body: object,
    { optimistic, queue = false, lane, latest, sees, ...options }: ActOptions = {},
  ): Promise<CommandResult<R>> {
    const json = { ...body } as Json;
    if (queue) {
      const changes = optimistic ?? foretold(this.#options, operation, json);
      const { key } = options;
      return this.queue.add<R>({ op: operation, body: json, key, lane, latest, sees, changes });
    }
    return this.#foretold(optimistic, async () => {
      try {
        return await this.#commands.send<R>(operation, json, options);
      } catch (problem) {
        throw conflictOf(problem, operation, json, (next) => this.sendUntyped(operation, next));
      }
    });
  }

  /** The ways on from a waiting command that was refused for a conflict; null where it was not. */
  conflict(entry: QueueEntry): VersionConflict | null {
    return conflictIn(entry, (body, how) => this.sendUntyped(entry.op, body, how));
  }

  /** Posts to another door that takes keys; see `Commands.post`. */
  post<R = unknown>(
    path: string,
    body: Json,
    { optimistic, ...options }: SendOptions & Pick<ActOptions, "optimistic"> = {},
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

  /** The status of one value: as that of the whole, by the age of this topic alone. */
  statusOf(topic: string): Status {
    return this.status.of(this.ageMs(topic), this.#subscriptions.stateOf(topic) === "live");
  }

  /** Resolves when these versions are in the store: true; or when time is up: false. */
  waitFor(versions: Readonly<Record<string, number>>, msMax = 5_000): Promise<boolean> {
    const subscribe = (topics: Iterable<string>) => this.subscribe(topics);
    return waitFor({ store: this.store, clock: this.#clock, subscribe }, versions, msMax);
  }

  #makeConnection(): Connection {
    return new Connection(
      {
        transports: () => this.#ways(),
        clock: this.#clock,
        random: this.#random,
        epoch: () => this.store.epoch,
        // A follower speaks as its leader does.
        token: () => (this.#overTab ? null : this.access.hello()),
        reached: (way) => this.#reached(way),
        failed: () => {
          this.#hubs.failed();
          this.status.unreached();
        },
      },
      {
        greeted: () => this.#subscriptions.restart(),
        message: (message) => this.#take(message),
        changed: () => {
          if (!this.#connection.greeted) {
            this.#subscriptions.lost();
            this.#channel.lost();
            this.access.lost();
            this.#digest.lost();
          }
          this.#tellStatus();
          this.#tabs?.connection(this.#isOpen());
          if (this.#connection.state === "open") this.#queue?.wake();
        },
      },
    );
  }

  #makeDoors(): Doors {
    const { transports, memory } = this.#options;
    const own = () => waysTo(this.#hubs.current, this.url, this.#fetch, this.#clock);
    return new Doors({
      ways: () => transports ?? own(),
      clock: this.#clock,
      memory: memory === undefined ? ownMemory() : memory,
      better: () => this.#connection.again(),
    });
  }

  #makeTabs(): Tabs | null {
    const { locks, bus } = this.#ports;
    if (this.#options.shared !== true || locks === null || bus === null) return null;
    const name = this.#name("tabs");
    const parts = crypto.getRandomValues(new Uint32Array(2));
    return new Tabs({
      ...{
        name,
        locks,
        bus: bus(name),
        id: Array.from(parts, (part) => part.toString(36)).join(""),
      },
      again: () => this.#connection.again(),
      wake: () => {
        // Who helped himself comes back to the leader.
        if (this.#connection.state === "open" && !this.#overTab) this.#connection.again();
        else if (this.#connection.state === "waiting") this.#connection.wake();
      },
      up: {
        ...{ store: this.store, status: this.status, clock: this.#clock },
        isOpen: () => this.#isOpen(),
        role: () => this.access.get().role,
        subscribe: (topics) => this.subscribe(topics),
        stateOf: (topic) => this.#subscriptions.stateOf(topic),
        refusal: (topic) => this.#subscriptions.refusal(topic),
      },
    });
  }

  #makeQueue(): Queue {
    return queueFor(this.#options, {
      ...{ name: this.#name("queue"), ports: this.#ports },
      ...{ clock: this.#clock, random: this.#random },
      send: async ({ op, body, key }) => {
        try {
          return await this.#commands.send(op, body, { key });
        } catch (problem) {
          const again = (next: Json) => this.sendUntyped<never>(op, next, { queue: true });
          throw conflictOf(problem, op, body, again);
        }
      },
      show: (changes) => this.#show(changes),
    });
  }

  /** A name that tabs of the same shop and reader have in common. */
  #name(what: string): string {
    const { reader } = this.#options;
    return `shopwire.${what}:${this.url}${reader === undefined ? "" : `#${reader}`}`;
  }

  #isOpen(): boolean {
    return this.#connection.state === "open" && !this.#overTab;
  }

  #ways(): readonly Transport[] {
    const tabs = this.#tabs;
    this.#overTab = tabs !== null && !tabs.leads;
    const own = this.#doors.order();
    if (tabs === null || !this.#overTab) return own;
    // From the second on, this tab helps itself: it shows its own token there.
    const first: Transport = tabs.transport;
    return [first, ...own.map((way) => this.#helping(way))];
  }

  #helping(way: Transport): Transport {
    return {
      name: way.name,
      connect: (events) => {
        this.#overTab = false;
        return way.connect(events);
      },
    };
  }

  #reached(way: Transport): void {
    if (way.name === TAB_WAY) return;
    this.#doors.reached(way);
    if (this.#tabs !== null && !this.#tabs.leads) this.#tabs.usurp();
  }

  #wake(): void {
    this.#connection.wake();
    this.#queue?.wake();
  }

  #show(changes: Changes): Layer {
    return this.store.layers.add(changes, this.subscribe(Object.keys(changes)));
  }

  /** Shows what is expected; its topics are kept up to date meanwhile, so that it comes to an end. */
  #foretold<R>(
    changes: Changes | undefined,
    act: () => Promise<CommandResult<R>>,
  ): Promise<CommandResult<R>> {
    return changes === undefined ? act() : until(this.#show(changes), act);
  }

  #take(message: ServerMessage): void {
    // Who hears of a document that is gone asks why: that is known by then.
    if (message.t === "revoke") this.#subscriptions.revoked(message.topic, message.reason);
    const change = this.store.apply(message);
    this.#react(message);
    this.#facts.took(change);
    this.#tabs?.steps.took(change);
    if (change.steps.length > 0) this.#digest.moved();
    if (change.missed.length > 0) this.#subscriptions.refetch(change.missed);
    this.#tabs?.hub?.message(message);
  }

  #react(message: ServerMessage): void {
    switch (message.t) {
      case "welcome":
        this.#channel.welcomed(message.limits);
        this.status.welcomed(message.lag_ms, message.now);
        this.access.welcomed(message.role);
        this.#digest.moved();
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
      case "authed":
        this.access.authed(message.id, message.subject, message.role);
        break;
      case "expiring":
        this.access.expiring(message.in_ms);
        break;
      case "same":
        this.#digest.same(message.id);
        break;
      case "differ":
        this.#digest.differ(message.id, message.topics, message.hashes);
        break;
      case "done":
        this.#channel.settle(message);
        break;
      case "error":
        if (this.#channel.settle(message) || this.#digest.refused(message.id)) break;
        if (!this.access.refused(message)) this.#subscriptions.refused(message);
        break;
    }
  }

  /** Sends under a new number, where somebody hears it. */
  #tell(message: (id: number) => ClientMessage): void {
    if (this.#connection.state !== "open") return;
    this.#connection.send(message(this.#connection.nextId()));
  }

  /** What is live: only that may be compared with what the server has. */
  #proven(): DigestEntry[] {
    const entries: DigestEntry[] = [];
    for (const topic of this.#subscriptions.wanted) {
      const held = this.store.received(topic);
      if (held === undefined || this.#subscriptions.stateOf(topic) !== "live") continue;
      entries.push({ topic, v: held.v, doc: held.doc as Json | null });
    }
    return entries;
  }

  #subscribed(): void {
    this.#tellStatus();
    this.#tabs?.hub?.changed();
  }

  #tellStatus(): void {
    this.status.connection(this.#connection.state === "open", this.#subscriptions.complete);
  }
}

/** A client that is connecting already. */
export function createClient(options: ClientOptions): Client {
  return new Client(options).start();
}
