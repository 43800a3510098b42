/** The life of a connection, as a table: every state, every event. */

export type ConnectionState = "idle" | "connecting" | "handshaking" | "open" | "waiting" | "closed";

/**
 * `start`, `stop`: what the page wants. `wake`, `sleep`: what the network or the reader tells.
 * `opened`: the link can be spoken on. `welcome`. `lost`: the link ended, or makes no sense; `barred`:
 * it ended by a code that forbids to come back. `due`: the wait is over. `again`: a better way is known.
 */
export const CONNECTION_EVENTS = [
  "start",
  "stop",
  "wake",
  "sleep",
  "opened",
  "welcome",
  "lost",
  "barred",
  "due",
  "again",
] as const;
export type ConnectionEvent = (typeof CONNECTION_EVENTS)[number];

/** Columns in the order of CONNECTION_EVENTS. */
// biome-ignore format: a table, one row a line
const TABLE: Record<ConnectionState, string> = {
  idle: "connecting idle idle idle idle idle idle idle idle idle",
  connecting: "connecting idle connecting waiting handshaking connecting waiting closed connecting connecting",
  handshaking: "handshaking idle handshaking waiting handshaking open waiting closed handshaking handshaking",
  open: "open idle open waiting open open waiting closed open connecting",
  waiting: "waiting idle connecting waiting waiting waiting waiting waiting connecting connecting",
  closed: "connecting idle closed closed closed closed closed closed closed closed",
};

const NEXT = Object.fromEntries(
  Object.entries(TABLE).map(([state, row]) => {
    const after = row.split(" ");
    return [state, Object.fromEntries(CONNECTION_EVENTS.map((event, at) => [event, after[at]]))];
  }),
) as Record<ConnectionState, Record<ConnectionEvent, ConnectionState>>;

/** What an event makes of a state. */
export function next(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  return NEXT[state][event];
}
