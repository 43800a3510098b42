/**
 * The life of a topic that the screen needs, as a table: every state, every event. What a row says
 * is all there is to know; `Subscriptions` does what belongs to it.
 */

/**
 * `gone`: nobody needs it. `due`: to be asked for. `asked`: without an answer yet. `live`: complete
 * and followed. `gap`: its refetch did not help, another one waits. `refused`: not to be had.
 * `revoked`: was to be had, and was taken back.
 */
export type TopicState = "gone" | "due" | "asked" | "live" | "gap" | "refused" | "revoked";

/**
 * `want`: somebody needs it. `sent`: a sub went out. `live`: its answer, nothing missing; `hole`:
 * its answer, something missing. `missed`: a gap showed; `again`: its wait is over. `refuse`; `busy`:
 * refused for now. `revoke`. `lost`: the connection is gone. `access`: the caller is another one.
 * `release`: nobody needs it any more.
 */
export const TOPIC_EVENTS = [
  "want",
  "sent",
  "live",
  "hole",
  "missed",
  "again",
  "refuse",
  "busy",
  "revoke",
  "lost",
  "access",
  "release",
] as const;
export type TopicEvent = (typeof TOPIC_EVENTS)[number];

/** Columns in the order of TOPIC_EVENTS. */
const TABLE: Record<TopicState, string> = {
  gone: "due gone gone gone gone gone gone gone gone gone gone gone",
  due: "due asked due due due due due due revoked due due gone",
  asked: "asked asked live gap due asked refused due revoked due asked gone",
  live: "live live live gap due live refused due revoked due live gone",
  gap: "gap asked live gap gap due refused due revoked due gap gone",
  refused: "refused asked refused refused refused refused refused due revoked due due gone",
  revoked: "revoked asked revoked revoked revoked revoked revoked due revoked due due gone",
};

const NEXT = Object.fromEntries(
  Object.entries(TABLE).map(([state, row]) => {
    const after = row.split(" ");
    return [state, Object.fromEntries(TOPIC_EVENTS.map((event, at) => [event, after[at]]))];
  }),
) as Record<TopicState, Record<TopicEvent, TopicState>>;

/** What an event makes of a state. */
export function becomes(state: TopicState, event: TopicEvent): TopicState {
  return NEXT[state][event];
}
