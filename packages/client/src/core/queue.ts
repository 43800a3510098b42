/**
 * Commands that may wait: kept on this device until the server has answered, over reloads and days.
 * Lanes keep the order where it matters, and a refused command holds up only its own lane, until
 * somebody has seen it. Reads never wait for any of this.
 */

import { backoff, type Clock } from "./clock.ts";
import { type CommandResult, newKey, UnknownOutcome } from "./commands.ts";
import { notify } from "./notify.ts";
import type { Changes, Layer } from "./optimistic.ts";
import type { Json } from "./protocol.ts";
import { bytesOf, isFull, mayPass, reasonOf } from "./queueProblems.ts";
import type { QueueRecord, QueueStorage } from "./queueStorage.ts";
import type { Bus, Locks } from "./tabPorts.ts";

/** Commands that may wait at once; one more is refused. */
export const QUEUE_ENTRIES_MAX = 500;
/**
 * Bytes that their bodies may have together, as UTF-8; what would be more is refused with
 * `QueueIsFull`, and nothing that waits is given up for it.
 */
export const QUEUE_BYTES_MAX = 1_000_000;
/** Lanes that are sent at once; the others take their turn. */
export const LANES_AT_ONCE_MAX = 4;
export const QUEUE_RETRY_MS_LEAST = 1_000;
export const QUEUE_RETRY_MS_MAX = 60_000;
/** Wait before a lane that another tab sends is looked at again. */
export const LANE_TAKEN_MS = 2_000;
/** Lanes whose last answer is remembered; beyond them the one answered longest ago is forgotten. */
export const ANSWERED_LANES_MAX = 500;

export interface QueueEntry extends QueueRecord {
  readonly state: "queued" | "sending" | "refused";
}

/** No room: the command was not taken, and nothing of it was kept. */
export class QueueIsFull extends Error {
  override name = "QueueIsFull";

  constructor(limit: string) {
    super(`Too much waits already (${limit}): connect, or drop something.`);
  }
}

/** Somebody dropped the command before it was sent. */
export class Dropped extends Error {
  override name = "Dropped";
}

/** A later command of its lane took its place: only the last one was to count. */
export class Superseded extends Dropped {
  override name = "Superseded";
}

/** What one tab tells the others. */
type News =
  | { t: "changed" }
  | { t: "done"; id: number; result: CommandResult<unknown> }
  | { t: "dropped"; id: number };

interface Surroundings {
  /** Under which name locks are taken. */
  name: string;
  storage: QueueStorage;
  /** Used instead, where `storage` cannot be read at the start. */
  spare: QueueStorage | null;
  locks: Locks;
  /** A channel to the other tabs; another one for each time that it begins. */
  bus: () => Bus;
  clock: Clock;
  random: () => number;
  send: (record: QueueRecord) => Promise<CommandResult<unknown>>;
  /** What a command that was kept is expected to do; undefined where that is not known. */
  foretell: (op: string, body: Json) => Changes | undefined;
  show: (changes: Changes) => Layer;
}

interface Asker {
  resolve: (result: CommandResult<never>) => void;
  reject: (problem: unknown) => void;
}

export interface QueuedCommand {
  op: string;
  body: Json;
  key?: string | undefined;
  lane?: string | undefined;
  latest?: boolean | undefined;
  sees?: string | undefined;
  changes?: Changes | undefined;
}

export class Queue {
  readonly #around: Surroundings;
  #storage: QueueStorage;
  readonly #listeners = new Set<() => void>();
  readonly #records = new Map<number, QueueRecord>();
  readonly #sending = new Set<number>();
  readonly #layers = new Map<number, Layer>();
  readonly #askers = new Map<number, Asker>();
  /** Lanes that this tab is about to send. */
  readonly #busy = new Set<string>();
  /** Lanes that wait before another try, and the tries in vain. */
  readonly #waits = new Map<string, { timer: unknown; tries: number; taken: boolean }>();
  /** Versions that the last answer of each lane named, the newest last. */
  readonly #answered = new Map<string, CommandResult["versions"]>();
  /** Commands that are being written down, in order. */
  #written: Promise<unknown> = Promise.resolve();
  /** Commands that are being written down right now. */
  #coming = { count: 0, bytes: 0 };
  #snapshot: readonly QueueEntry[] = [];
  #running = false;
  #bus: Bus | null = null;
  #problem: unknown = null;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#storage = around.storage;
  }

  /** What waits, in order. The same array until something changes. */
  get(): readonly QueueEntry[] {
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether what waits survives the page. */
  get durable(): boolean {
    return this.#storage.durable && this.#problem === null;
  }

  /** Bytes that the bodies of what waits have together. */
  get bytes(): number {
    let sum = 0;
    for (const { body } of this.#records.values()) sum += bytesOf(body);
    return sum;
  }

  /**
   * What the last answer in a lane named, whichever page or tab asked for it: who changes the same
   * again has seen that, though it may not have been received yet. Empty where none is remembered.
   */
  answered(lane: string): CommandResult["versions"] {
    return this.#answered.get(lane) ?? {};
  }

  /** Why the storage could not be used the last time; null where it could. */
  get problem(): unknown {
    return this.#problem;
  }

  /** Takes up what an earlier page left, and sends until `stop`. */
  async start(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    this.#bus = this.#around.bus();
    this.#bus.listen((news) => void this.#hear(news as News));
    const { spare } = this.#around;
    if (spare !== null) {
      this.#written = this.#storage.all().catch(() => {
        this.#storage = spare;
      });
      await this.#written;
    }
    await this.#read();
    for (const record of this.#records.values()) this.#restore(record);
    this.#pump();
  }

  /** Sends and shows nothing more; `start` takes it up again. */
  stop(): void {
    this.#running = false;
    this.#bus?.close();
    this.#bus = null;
    for (const layer of this.#layers.values()) layer.drop();
    this.#layers.clear();
    for (const { timer } of this.#waits.values()) this.#around.clock.cancel(timer);
    this.#waits.clear();
  }

  /**
   * Keeps a command and sends it when it can be. Resolves to its answer; rejects with the refusal,
   * with `QueueIsFull` at once, or with `Dropped`. Where the page ends before, the next one sends.
   */
  async add<R>(command: QueuedCommand): Promise<CommandResult<R>> {
    const { op, body, changes, sees, latest, key = newKey() } = command;
    const bytes = bytesOf(body);
    if (this.#records.size + this.#coming.count >= QUEUE_ENTRIES_MAX) {
      throw new QueueIsFull(`${QUEUE_ENTRIES_MAX} commands`);
    }
    if (this.bytes + this.#coming.bytes + bytes > QUEUE_BYTES_MAX) {
      throw new QueueIsFull(`${QUEUE_BYTES_MAX} bytes`);
    }
    const lane = command.lane ?? Object.keys(changes ?? {})[0] ?? op;
    const layer = changes === undefined ? null : this.#around.show(changes);
    this.#coming.count += 1;
    this.#coming.bytes += bytes;
    const kept = this.#written.then(() =>
      this.#storage.add({ key, op, body, lane, sees, latest, reason: null }),
    );
    const written = () => {
      this.#coming.count -= 1;
      this.#coming.bytes -= bytes;
    };
    this.#written = kept.then(written, written);
    try {
      const record = await kept;
      if (layer !== null) this.#layers.set(record.id, layer);
      this.#keep(record);
      const answer = new Promise<CommandResult<R>>((resolve, reject) => {
        this.#askers.set(record.id, { resolve: resolve as Asker["resolve"], reject });
      });
      this.#bus?.tell({ t: "changed" } satisfies News);
      if (latest === true) this.#supersede(record);
      this.#pump();
      return await answer;
    } catch (problem) {
      layer?.drop();
      throw isFull(problem) ? new QueueIsFull("the browser's storage") : problem;
    }
  }

  /** Gives a command up that is not being sent. False where it is, or is not there any more. */
  drop(id: number): Promise<boolean> {
    return this.#drop(id, new Dropped("Dropped."), () => true);
  }

  async #drop(id: number, why: Dropped, may: (record: QueueRecord) => boolean): Promise<boolean> {
    const record = this.#records.get(id);
    if (record === undefined || this.#sending.has(id)) return false;
    const dropped = await this.#locked(record.lane, async () => {
      await this.#read();
      const now = this.#records.get(id);
      if (now === undefined || !may(now)) return false;
      await this.#storage.remove(id);
      this.#bus?.tell({ t: "dropped", id } satisfies News);
      this.#gone(id, why);
      return true;
    });
    // It was this that kept the lane's next one from being sent.
    const wait = this.#waits.get(record.lane);
    if (wait?.taken === true) {
      this.#around.clock.cancel(wait.timer);
      wait.timer = null;
    }
    this.#pump();
    return dropped ?? false;
  }

  /** Drops what waits in front of the last of a lane: refused, or never sent by anybody. */
  #supersede({ id: last, lane }: QueueRecord): void {
    const idle = (one: QueueRecord) => one.reason !== null || one.tried !== true;
    for (const one of this.#records.values()) {
      if (one.lane !== lane || one.id >= last || !idle(one)) continue;
      // Gone from the screen at once; from what is kept as soon as nobody is at the lane.
      this.#layers.get(one.id)?.drop();
      this.#layers.delete(one.id);
      const why = new Superseded("Superseded.");
      this.#drop(one.id, why, idle).catch((problem: unknown) => {
        this.#problem = problem;
      });
    }
  }

  /**
   * What this command made of a topic is no news to those behind it that looked at it. Nobody has
   * sent these: a lane goes on only when the one in front is gone.
   */
  async #moveOn({ id: done, lane }: QueueRecord, versions: CommandResult["versions"]) {
    // Another tab may have put something behind it meanwhile.
    await this.#read();
    for (const one of [...this.#records.values()]) {
      const { sees, body } = one;
      const version = sees === undefined ? undefined : versions[sees];
      if (one.lane !== lane || one.id <= done || version === undefined) continue;
      if (!(Number(body.expected_version ?? version) < version)) continue;
      const moved = { ...one, body: { ...body, expected_version: version } };
      await this.#storage.put(moved);
      this.#records.set(one.id, moved);
    }
  }

  /** Sends a refused command again, as a new intent: the refusal had no effect. */
  async retry(id: number): Promise<boolean> {
    const record = this.#records.get(id);
    if (record === undefined || record.reason === null) return false;
    const again = { ...record, key: newKey(), reason: null, tried: false };
    await this.#storage.put(again);
    this.#keep(again);
    this.#restore(again);
    this.#bus?.tell({ t: "changed" } satisfies News);
    this.#pump();
    return true;
  }

  /** The server can be reached again: nobody waits any longer. */
  wake(): void {
    for (const { timer } of this.#waits.values()) this.#around.clock.cancel(timer);
    this.#waits.clear();
    this.#pump();
  }

  #restore({ id, op, body, reason }: QueueRecord): void {
    if (reason !== null || this.#layers.has(id)) return;
    const changes = this.#around.foretell(op, body);
    if (changes !== undefined) this.#layers.set(id, this.#around.show(changes));
  }

  #pump(): void {
    if (!this.#running) return;
    const lanes = new Set(Array.from(this.#records.values(), ({ lane }) => lane));
    for (const lane of lanes) {
      if (this.#busy.size >= LANES_AT_ONCE_MAX) return;
      const blocked = this.#head(lane)?.reason !== null || this.#waits.get(lane)?.timer != null;
      if (!blocked && !this.#busy.has(lane)) void this.#drain(lane);
    }
  }

  /** Sends a lane's commands, one after the other, until it is empty, refused or has to wait. */
  async #drain(lane: string): Promise<void> {
    this.#busy.add(lane);
    let go = true;
    try {
      while (go && this.#running) {
        const outcome = await this.#locked(lane, () => this.#sendHead(lane), true);
        if (outcome === undefined) this.#wait(lane, LANE_TAKEN_MS);
        go = outcome === true;
      }
    } catch (problem) {
      // The storage failed: what is kept there is tried again like anything else.
      this.#problem = problem;
      this.#wait(lane);
    } finally {
      this.#busy.delete(lane);
    }
    if (this.#running) this.#pump();
  }

  /** Whether to go on with the lane. Under its lock: no other tab sends of it meanwhile. */
  async #sendHead(lane: string): Promise<boolean> {
    await this.#read();
    const record = this.#head(lane);
    if (record === undefined || record.reason !== null || !this.#running) return false;
    // Written down first: a page that ends here must not take it for one that nobody sent.
    const sent = { ...record, tried: true };
    if (record.tried !== true) await this.#storage.put(sent);
    this.#records.set(record.id, sent);
    this.#sending.add(record.id);
    this.#changed();
    let answer: CommandResult<unknown> | { readonly problem: unknown };
    try {
      answer = await this.#around.send(sent);
    } catch (problem) {
      answer = { problem };
    }
    this.#sending.delete(record.id);
    // Where the storage fails from here on, the same key asks again and gets the same answer.
    if (!("problem" in answer)) return this.#took(sent, answer);
    if (!mayPass(answer.problem)) return this.#refuse(sent, answer.problem);
    this.#wait(lane);
    this.#changed();
    return false;
  }

  async #took(record: QueueRecord, result: CommandResult<unknown>): Promise<boolean> {
    await this.#moveOn(record, result.versions);
    await this.#storage.remove(record.id);
    this.#waits.delete(record.lane);
    this.#bus?.tell({ t: "done", id: record.id, result } satisfies News);
    this.#done(record.id, result);
    return true;
  }

  /** Keeps it until somebody has seen it, unless a later one counts; says whether to go on. */
  async #refuse(record: QueueRecord, problem: unknown): Promise<boolean> {
    const { id, lane } = record;
    const behind = Array.from(this.#records.values());
    if (behind.some((one) => one.lane === lane && one.id > id && one.latest === true)) {
      await this.#storage.remove(id);
      this.#bus?.tell({ t: "dropped", id } satisfies News);
      this.#gone(id, problem as Error);
      return true;
    }
    const refused = { ...record, tried: true, reason: reasonOf(problem) };
    await this.#storage.put(refused);
    this.#layers.get(record.id)?.drop();
    this.#layers.delete(record.id);
    this.#keep(refused);
    this.#askers.get(id)?.reject(problem);
    this.#askers.delete(id);
    this.#bus?.tell({ t: "changed" } satisfies News);
    return false;
  }

  #wait(lane: string, ms?: number): void {
    const { clock, random } = this.#around;
    const tries = this.#waits.get(lane)?.tries ?? 0;
    const limits = { least: QUEUE_RETRY_MS_LEAST, most: QUEUE_RETRY_MS_MAX, random };
    const timer = clock.after(ms ?? QUEUE_RETRY_MS_LEAST / 2 + backoff(tries, limits), () => {
      const wait = this.#waits.get(lane);
      if (wait !== undefined) wait.timer = null;
      this.#pump();
    });
    const taken = ms !== undefined;
    this.#waits.set(lane, { timer, tries: taken ? tries : tries + 1, taken });
  }

  async #hear(news: News): Promise<void> {
    if (news.t === "done") this.#done(news.id, news.result);
    else if (news.t === "dropped") this.#gone(news.id, new Dropped("Dropped."));
    else await this.#read().catch(() => undefined);
    this.#pump();
  }

  /** Looks at what is kept: other tabs add, send and drop, too. */
  async #read(): Promise<void> {
    let kept: QueueRecord[];
    try {
      kept = await this.#storage.all();
      this.#problem = null;
    } catch (problem) {
      this.#problem = problem;
      throw problem;
    }
    const there = new Set(kept.map(({ id }) => id));
    for (const id of this.#records.keys()) {
      // Sent by another tab, whose word of it was lost: what is received will show it.
      if (!there.has(id))
        this.#gone(id, new UnknownOutcome(this.#records.get(id)?.key ?? "", null));
    }
    for (const record of kept) this.#records.set(record.id, record);
    this.#changed();
  }

  #head(lane: string): QueueRecord | undefined {
    let head: QueueRecord | undefined;
    for (const record of this.#records.values()) {
      if (record.lane === lane && (head === undefined || record.id < head.id)) head = record;
    }
    return head;
  }

  #keep(record: QueueRecord): void {
    this.#records.set(record.id, record);
    this.#changed();
  }

  #done(id: number, result: CommandResult<unknown>): void {
    const lane = this.#records.get(id)?.lane;
    if (lane !== undefined) this.#remember(lane, result.versions);
    this.#layers.get(id)?.confirm(result.versions);
    this.#layers.delete(id);
    this.#askers.get(id)?.resolve(result as CommandResult<never>);
    this.#gone(id, null);
  }

  #remember(lane: string, versions: CommandResult["versions"]): void {
    this.#answered.delete(lane);
    this.#answered.set(lane, versions);
    if (this.#answered.size <= ANSWERED_LANES_MAX) return;
    for (const oldest of this.#answered.keys()) {
      this.#answered.delete(oldest);
      return;
    }
  }

  #gone(id: number, problem: Error | null): void {
    this.#layers.get(id)?.drop();
    this.#layers.delete(id);
    if (problem !== null) this.#askers.get(id)?.reject(problem);
    this.#askers.delete(id);
    this.#sending.delete(id);
    this.#records.delete(id);
    this.#changed();
  }

  /** Runs alone over all tabs; undefined where another one is at it and `only` says not to wait. */
  #locked<T>(lane: string, run: () => Promise<T>, only = false): Promise<T | undefined> {
    const name = `${this.#around.name}/${lane}`;
    return this.#around.locks.request(name, { ifAvailable: only }, async (lock) =>
      lock === null ? undefined : run(),
    );
  }

  #changed(): void {
    const records = [...this.#records.values()].sort((one, other) => one.id - other.id);
    this.#snapshot = records.map((record) => ({
      ...record,
      state:
        record.reason !== null ? "refused" : this.#sending.has(record.id) ? "sending" : "queued",
    }));
    notify(this.#listeners);
  }
}
