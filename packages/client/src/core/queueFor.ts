/** The queue that a client's options ask for. */

import type { Clock } from "./clock.ts";
import type { CommandResult } from "./commands.ts";
import type { Changes, Layer } from "./optimistic.ts";
import type { ClientOptions } from "./options.ts";
import type { Json } from "./protocol.ts";
import { Queue } from "./queue.ts";
import { IndexedDbQueueStorage, MemoryQueueStorage, type QueueRecord } from "./queueStorage.ts";
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

/** A queue that has begun: it sends what an earlier page left. */
export function queueFor(
  options: ClientOptions,
  { name, ports, clock, random, send, show }: Surroundings,
): Queue {
  const own = () =>
    typeof indexedDB === "undefined" ? new MemoryQueueStorage() : new IndexedDbQueueStorage(name);
  const queue = new Queue({
    ...{ name, storage: options.storage ?? own(), clock, random, send, show },
    ...{ locks: ports.locks ?? new OwnLocks(), bus: ports.bus?.(name) ?? SILENT_BUS },
    foretell: (op, body) => foretold(options, op, body),
  });
  queue.start().catch(() => undefined); // `queue.problem` says it
  return queue;
}
