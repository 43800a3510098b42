/** Redux on top of the client: one slice holds what it shows, one its status; a thunk sends commands. */

import {
  combineReducers,
  createAsyncThunk,
  createEntityAdapter,
  createSlice,
  type Dispatch,
  type EntitySelectors,
  type EntityState,
  type PayloadAction,
} from "@reduxjs/toolkit";
import type { ActOptions, Client } from "../core/client.ts";
import type { CommandBodies, Operation } from "../core/commandBodies.ts";
import type { CommandResult, ShopwireError } from "../core/commands.ts";
import type { DocumentOf } from "../core/documents.ts";
import { type Entry, kindOf, mirror, type OfKind, type Seen } from "../core/mirror.ts";
import type { Json } from "../core/protocol.ts";
import type { StatusSnapshot } from "../core/status.ts";
import type { Refusal } from "../core/subscriptions.ts";

export type { Entry } from "../core/mirror.ts";

type Entities = EntityState<Entry, string>;

export interface DocumentsState {
  /** By kind, then by topic. */
  kinds: Record<string, Entities>;
  /** Why topics cannot be had, or no longer. */
  refusals: Record<string, Refusal>;
}

const adapter = createEntityAdapter<Entry, string>({ selectId: ({ topic }) => topic });
const NONE = adapter.getInitialState();

const documents = createSlice({
  name: "shopwire/documents",
  initialState: (): DocumentsState => ({ kinds: {}, refusals: {} }),
  reducers: {
    /** Topics that changed together; `whole`: what else is here counts no more. */
    seen(state, { payload }: PayloadAction<{ topics: readonly Seen[]; whole: boolean }>) {
      if (payload.whole) Object.assign(state, { kinds: {}, refusals: {} });
      for (const kind of new Set(payload.topics.map(({ topic }) => kindOf(topic)))) {
        const topics = payload.topics.filter(({ topic }) => kindOf(topic) === kind);
        const gone = topics.flatMap(({ topic, entry }) => (entry === null ? topic : []));
        const here = topics.flatMap(({ entry }) => entry ?? []);
        const before = Object.hasOwn(state.kinds, kind) ? (state.kinds[kind] as Entities) : NONE;
        state.kinds[kind] = adapter.setMany(adapter.removeMany(before, gone), here);
      }
      for (const { topic, refusal } of payload.topics) {
        if (refusal === null) delete state.refusals[topic];
        else state.refusals[topic] = refusal;
      }
    },
  },
});

const status = createSlice({
  name: "shopwire/status",
  initialState: (): StatusSnapshot => ({
    ...{ status: "offline", ageMs: null, provenAt: null, connecting: true },
  }),
  reducers: {
    told: (_state, { payload }: PayloadAction<StatusSnapshot>) => payload,
  },
});

/** Goes below any key of the store; the selectors expect `shopwire`. */
export const shopwireReducer = combineReducers({
  documents: documents.reducer,
  status: status.reducer,
});
export type ShopwireState = ReturnType<typeof shopwireReducer>;
export const { seen } = documents.actions;
export const { told } = status.actions;

/**
 * Keeps a Redux store equal to what a client shows, until the returned function is called: one
 * dispatch for what changed together. What is in the client stays its own: nothing goes back.
 */
export function follow(client: Client, { dispatch }: { dispatch: Dispatch }): () => void {
  return mirror(client, {
    seen: (topics, whole) => dispatch(seen({ topics, whole })),
    status: (snapshot) => dispatch(told(snapshot)),
  });
}

/** Selectors; give the way to the state where it is not at `shopwire`. */
export function createSelectors<S = { shopwire: ShopwireState }>(
  select: (state: S) => ShopwireState = (state) => (state as { shopwire: ShopwireState }).shopwire,
) {
  const ofKind = (state: S, kind: string): Entities => {
    const { kinds } = select(state).documents;
    return Object.hasOwn(kinds, kind) ? (kinds[kind] as Entities) : NONE;
  };
  return {
    /** What is shown of a topic. */
    topic: <T extends string>(state: S, topic: T): Entry<DocumentOf<T>> | undefined =>
      ofKind(state, kindOf(topic)).entities[topic] as Entry<DocumentOf<T>> | undefined,
    /** Why a topic cannot be had, or no longer. */
    refusal: (state: S, topic: string): Refusal | undefined =>
      select(state).documents.refusals[topic],
    /** How old what is shown may be. */
    status: (state: S): StatusSnapshot => select(state).status,
    /** The adapter's selectors for a kind, which remember: call this once, not while rendering. */
    kind: <K extends string>(kind: K) =>
      adapter.getSelectors<S>((state) => ofKind(state, kind)) as unknown as EntitySelectors<
        Entry<OfKind<K>>,
        S,
        string
      >,
  };
}

/** A command to send: the body goes by the operation. */
export type Intent = {
  [O in Operation]: { operation: O; body: CommandBodies[O] } & Omit<ActOptions, "signal">;
}[Operation];

/** Why a command was refused, as state may hold it; `code` is null where no server said so. */
export interface Reason {
  readonly code: number | null;
  readonly name: string;
  readonly message: string;
  readonly temporary: boolean;
  readonly data: Json;
}

/** A thunk that sends commands; rejected actions carry the reason. `abort` ends the tries. */
export function createSend(client: Client) {
  return createAsyncThunk<CommandResult, Intent, { rejectValue: Reason }>(
    "shopwire/send",
    async ({ operation, body, ...options }, { signal, rejectWithValue }) => {
      try {
        return await client.send(operation, body, { ...options, signal });
      } catch (problem) {
        return rejectWithValue(reasonOf(problem as Error));
      }
    },
  );
}

function reasonOf(problem: Error & Partial<ShopwireError>): Reason {
  const { code = null, errorName: name = problem.name, message, temporary = false } = problem;
  return { code, name, message, temporary, data: problem.data ?? {} };
}
