/** React on top of the client: each hook subscribes to what it shows, and to nothing else. */

import {
  createContext,
  createElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { ActOptions, Client } from "../core/client.ts";
import type { CommandBodies, Operation } from "../core/commandBodies.ts";
import type { CommandResult, ShopwireError } from "../core/commands.ts";
import type { DocumentOf } from "../core/documents.ts";
import type { Held } from "../core/reducer.ts";
import type { StatusSnapshot } from "../core/status.ts";

const Context = createContext<Client | null>(null);

/** Gives a client to everything below. */
export function ShopwireProvider(props: { client: Client; children?: ReactNode }): ReactNode {
  return createElement(Context.Provider, { value: props.client }, props.children);
}

export function useClient(): Client {
  const client = useContext(Context);
  if (client === null) throw new Error("There is no ShopwireProvider above this component.");
  return client;
}

/** The document of a topic, live; undefined until it is there, or where no topic is given. */
export function useTopic<T extends string>(topic: T | null): Held<DocumentOf<T>> | undefined {
  const [held] = useTopics(topic === null ? [] : [topic]);
  return held;
}

/** The documents of several topics in their order; the same array until one of them changes. */
export function useTopics<T extends string>(
  topics: readonly T[],
): ReadonlyArray<Held<DocumentOf<T>> | undefined> {
  const client = useClient();
  const key = JSON.stringify(topics);
  useEffect(() => client.subscribe(JSON.parse(key) as string[]), [client, key]);
  const listen = useCallback(
    (listener: () => void) => client.store.onTopics(JSON.parse(key) as string[], listener),
    [client, key],
  );
  const last = useRef<ReadonlyArray<Held<DocumentOf<T>> | undefined>>([]);
  const read = () => {
    const next = topics.map((topic) => client.store.get(topic));
    const before = last.current;
    const same = next.length === before.length && next.every((held, at) => held === before[at]);
    if (!same) last.current = next;
    return last.current;
  };
  return useSyncExternalStore(listen, read, read);
}

/** Whether something of a topic is shown that a command on its way is only expected to do. */
export function usePending(topic: string): boolean {
  const { store } = useClient();
  const listen = useCallback(
    (listener: () => void) => store.onTopic(topic, listener),
    [store, topic],
  );
  const read = () => store.layers.isPending(topic);
  return useSyncExternalStore(listen, read, read);
}

/** How old what is shown may be; renders again when status or whole seconds of age change. */
export function useStatus(): StatusSnapshot {
  const { status } = useClient();
  const listen = useCallback((listener: () => void) => status.subscribe(listener), [status]);
  const read = useCallback(() => status.get(), [status]);
  return useSyncExternalStore(listen, read, read);
}

/**
 * Milliseconds since the server last proved that what is shown is true, of one topic or of all;
 * null before the first. Renders again when whole seconds of the whole's age change.
 */
export function useAge(topic?: string): number | null {
  const client = useClient();
  const { ageMs } = useStatus();
  return topic === undefined ? ageMs : client.ageMs(topic);
}

export interface CommandHandle<O extends Operation, R = unknown> {
  /** Sends it; resolves to its result, or to null where it was refused or never answered. */
  send(body: CommandBodies[O], options?: ActOptions): Promise<CommandResult<R> | null>;
  readonly pending: boolean;
  /** Whether it is being sent again because no answer came. */
  readonly retrying: boolean;
  readonly error: ShopwireError | Error | null;
  readonly result: CommandResult<R> | null;
  reset(): void;
}

interface CommandState<R> {
  pending: boolean;
  retrying: boolean;
  error: ShopwireError | Error | null;
  result: CommandResult<R> | null;
}

/** A command with the state that a button shows. */
export function useCommand<O extends Operation, R = unknown>(operation: O): CommandHandle<O, R> {
  const client = useClient();
  const idle: CommandState<R> = { pending: false, retrying: false, error: null, result: null };
  const [state, setState] = useState(idle);
  const send = useCallback(
    async (body: CommandBodies[O], options?: ActOptions) => {
      setState({ pending: true, retrying: false, error: null, result: null });
      const onRetry = () => setState((before) => ({ ...before, retrying: true }));
      try {
        const result = await client.send<O, R>(operation, body, { onRetry, ...options });
        setState({ pending: false, retrying: false, error: null, result });
        return result;
      } catch (problem) {
        setState({ pending: false, retrying: false, error: problem as Error, result: null });
        return null;
      }
    },
    [client, operation],
  );
  const reset = useCallback(
    () => setState({ pending: false, retrying: false, error: null, result: null }),
    [],
  );
  return { ...state, send, reset };
}
