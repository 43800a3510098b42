/** The queue that a client's options ask for. */

import type { Clock } from "./clock.ts";
import { CODES } from "./codes.ts";
import { type CommandResult, ShopwireError } from "./commands.ts";
import { conflictOf, type VersionConflict } from "./conflicts.ts";
import type { Changes, Layer } from "./optimistic.ts";
import type { ActOptions, ClientOptions } from "./options.ts";
import type { Json } from "./protocol.ts";
import { Queue, type QueueEntry } from "./queue.ts";
import {
  IndexedDbQueueStorage,
  MemoryQueueStorage,
  type QueueRecord,
  type QueueStorage,
} from "./queueStorage.ts";
import { OwnLocks, SILENT_BUS, type TabPorts } from "./tabPorts.ts";

interface Surroundings {
  name: string;
  ports: TabPorts;
  clock: Clock;
  random: () => number;
  send: (record: QueueRecord) => Promise<CommandResult<unknown>>;
  show: (changes: Changes) => Layer;
}

/** What a command is expected to do, as far as the options tell. */
export function foretold(
  { foretell = {} }: ClientOptions,
  op: string,
  body: Json,
): Changes | undefined {
  const tell = Object.hasOwn(foretell, op) ? foretell[op as keyof typeof foretell] : undefined;
  return (tell as ((body: Json) => Changes) | undefined)?.(body);
}

type Again = (body: Json, options: ActOptions) => Promise<CommandResult<never>>;

/** The ways on from a waiting command that met a conflict; null where it met none. */
export function conflictIn(entry: QueueEntry, again: Again): VersionConflict | null {
  const { op, body, lane, sees, reason } = entry;
  if (reason?.code !== CODES.VersionConflict) return null;
  const refusal = new ShopwireError({ ...reason, temporary: false }, 409);
  // What is decided takes the place of what was refused.
  const send = (next: Json) => again(next, { queue: true, lane, latest: true, sees });
  return conflictOf(refusal, op, body, send as never) as VersionConflict;
}

function own(name: string): QueueStorage {
  return typeof indexedDB === "undefined"
    ? new MemoryQueueStorage()
    : new IndexedDbQueueStorage(name);
}

/** A queue that has begun: it sends what an earlier page left. */
export function queueFor(
  options: ClientOptions,
  { name, ports, clock, random, send, show }: Surroundings,
): Queue {
  const queue = new Queue({
    ...{ name, clock, random, send, show, storage: options.storage ?? own(name) },
    // A reader may forbid the database; what waits lives as long as the page then.
    spare: options.storage === undefined ? new MemoryQueueStorage() : null,
    ...{ locks: ports.locks ?? new OwnLocks(), bus: () => ports.bus?.(name) ?? SILENT_BUS },
    foretell: (op, body) => foretold(options, op, body),
  });
  beginQueue(queue);
  return queue;
}

/** Begins, or takes up again what was stopped. */
export function beginQueue(queue: Queue): void {
  queue.start().catch(() => undefined); // `queue.problem` says it
}
