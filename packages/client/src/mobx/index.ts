/** MobX on top of the client: what it shows and its status as observables, commands as actions. */

import { action, type ObservableMap, observable } from "mobx";
import type { ActOptions, Client } from "../core/client.ts";
import type { CommandBodies, Operation } from "../core/commandBodies.ts";
import type { CommandResult } from "../core/commands.ts";
import type { DocumentOf } from "../core/documents.ts";
import { type Entry, kindOf, mirror, type OfKind, type Seen } from "../core/mirror.ts";
import type { StatusSnapshot } from "../core/status.ts";
import type { Refusal } from "../core/subscriptions.ts";

export type { Entry } from "../core/mirror.ts";

/** Documents are replaced and never written to: what is observed are references. */
const SHALLOW = { deep: false } as const;

/** What a client shows, until `stop`. What changed together is one action. */
export class ShopwireView {
  readonly #client: Client;
  /** By kind, then by topic: who lists a kind does not run again for others. */
  readonly #kinds = observable.map<string, ObservableMap<string, Entry>>({}, SHALLOW);
  readonly #refusals = observable.map<string, Refusal>({}, SHALLOW);
  readonly #status;
  readonly #stop: () => void;

  constructor(client: Client) {
    this.#client = client;
    this.#status = observable.box<StatusSnapshot>(client.status.get(), SHALLOW);
    this.#stop = mirror(client, {
      seen: action("shopwire.seen", (topics: readonly Seen[]) => topics.forEach(this.#take)),
      status: action("shopwire.told", (snapshot: StatusSnapshot) => this.#status.set(snapshot)),
    });
  }

  /** How old what is shown may be. */
  get status(): StatusSnapshot {
    return this.#status.get();
  }

  /** What is shown of a topic. */
  get<T extends string>(topic: T): Entry<DocumentOf<T>> | undefined {
    const entry = this.#kinds.get(kindOf(topic))?.get(topic);
    return entry as Entry<DocumentOf<T>> | undefined;
  }

  /** Everything that is shown of a kind. */
  all<K extends string>(kind: K): Entry<OfKind<K>>[] {
    return [...(this.#kinds.get(kind)?.values() ?? [])] as Entry<OfKind<K>>[];
  }

  /** Why a topic cannot be had, or no longer. */
  refusal(topic: string): Refusal | undefined {
    return this.#refusals.get(topic);
  }

  /** Sends a command; what it is expected to do is there when this returns. */
  readonly send = action(
    "shopwire.send",
    <O extends Operation, R = unknown>(
      operation: O,
      body: CommandBodies[O],
      options?: ActOptions,
    ): Promise<CommandResult<R>> => this.#client.send<O, R>(operation, body, options),
  );

  /** A command with the state that a button shows. */
  command<O extends Operation, R = unknown>(operation: O): CommandView<O, R> {
    return new CommandView<O, R>(this, operation);
  }

  /** Follows the client no more; what was seen last stays. */
  stop(): void {
    this.#stop();
  }

  readonly #take = ({ topic, entry, refusal }: Seen): void => {
    const kind = kindOf(topic);
    let documents = this.#kinds.get(kind);
    if (documents === undefined) {
      documents = observable.map<string, Entry>({}, SHALLOW);
      this.#kinds.set(kind, documents);
    }
    if (entry === null) documents.delete(topic);
    else documents.set(topic, entry);
    if (refusal === null) this.#refusals.delete(topic);
    else this.#refusals.set(topic, refusal);
  };
}

interface CommandState<R> {
  readonly pending: boolean;
  /** Whether it is being sent again because no answer came. */
  readonly retrying: boolean;
  /** Why it was refused, or that no answer came. */
  readonly error: Error | null;
  readonly result: CommandResult<R> | null;
}

const IDLE = { pending: false, retrying: false, error: null, result: null } as const;

/** One command of a screen: whether it is on its way, what it did, why it was refused. */
export class CommandView<O extends Operation, R = unknown> {
  readonly #view: ShopwireView;
  readonly #operation: O;
  readonly #state = observable.box<CommandState<R>>(IDLE, SHALLOW);
  /** The last sending: an earlier one's answer is not shown over it. */
  #sending: object | null = null;

  constructor(view: ShopwireView, operation: O) {
    this.#view = view;
    this.#operation = operation;
  }

  get state(): CommandState<R> {
    return this.#state.get();
  }

  /** Sends it; resolves to its result, or to null where it was refused or never answered. */
  async send(body: CommandBodies[O], options: ActOptions = {}): Promise<CommandResult<R> | null> {
    const sending = {};
    this.#sending = sending;
    const tell = action("shopwire.command", (news: Partial<CommandState<R>>) => {
      if (this.#sending === sending) this.#state.set({ ...IDLE, ...news });
    });
    const onRetry: ActOptions["onRetry"] = (attempt, because) => {
      tell({ pending: true, retrying: true });
      options.onRetry?.(attempt, because);
    };
    tell({ pending: true });
    try {
      const how = { ...options, onRetry };
      const result = await this.#view.send<O, R>(this.#operation, body, how);
      tell({ result });
      return result;
    } catch (problem) {
      tell({ error: problem as Error });
      return null;
    }
  }

  /** Back to the beginning; an answer that is still on its way is not shown. */
  readonly reset = action("shopwire.command", () => {
    this.#sending = null;
    this.#state.set(IDLE);
  });
}
