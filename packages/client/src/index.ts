export type { AccessSnapshot, TokenProvider } from "./core/access.ts";
export { type ActOptions, Client, type ClientOptions, createClient } from "./core/client.ts";
export { type Clock, systemClock } from "./core/clock.ts";
export * from "./core/codes.ts";
export type { CommandBodies, Operation } from "./core/commandBodies.ts";
export {
  type CommandResult,
  type SendOptions,
  ShopwireError,
  UnknownOutcome,
} from "./core/commands.ts";
export { type ConflictField, VersionConflict } from "./core/conflicts.ts";
export type { ConnectionState } from "./core/connection.ts";
export type * from "./core/documents.ts";
export type { Fact, FactHandler } from "./core/facts.ts";
export type { List, ListItem, ListQuery, ListSnapshot } from "./core/list.ts";
export { type Change, type Changes, change, type Layer } from "./core/optimistic.ts";
export type { ServerMessage } from "./core/protocol.ts";
export { Dropped, type Queue, type QueueEntry, QueueIsFull, Superseded } from "./core/queue.ts";
export {
  IndexedDbQueueStorage,
  MemoryQueueStorage,
  type QueueReason,
  type QueueStorage,
} from "./core/queueStorage.ts";
export { type Held, Replica } from "./core/reducer.ts";
export type { Status, StatusSnapshot } from "./core/status.ts";
export { Store } from "./core/store.ts";
export type { Refusal } from "./core/subscriptions.ts";
export type { Bus, Locks, TabPorts } from "./core/tabPorts.ts";
export { pollTransport } from "./transports/poll.ts";
export { raceTransport } from "./transports/race.ts";
export { sseTransport } from "./transports/sse.ts";
export type { Link, LinkEvents, Transport } from "./transports/transport.ts";
export { webSocketTransport } from "./transports/ws.ts";
