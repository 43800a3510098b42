export { type ActOptions, Client, type ClientOptions, createClient } from "./core/client.ts";
export { type Clock, systemClock } from "./core/clock.ts";
export * from "./core/codes.ts";
export {
  type CommandResult,
  type SendOptions,
  ShopwireError,
  UnknownOutcome,
} from "./core/commands.ts";
export type { ConnectionState } from "./core/connection.ts";
export type * from "./core/documents.ts";
export { type Change, type Changes, change, type Layer } from "./core/optimistic.ts";
export type { ServerMessage } from "./core/protocol.ts";
export { type Held, Replica } from "./core/reducer.ts";
export type { Status, StatusSnapshot } from "./core/status.ts";
export { Store } from "./core/store.ts";
export { sseTransport } from "./transports/sse.ts";
export type { Link, LinkEvents, Transport } from "./transports/transport.ts";
export { webSocketTransport } from "./transports/ws.ts";
