/** What tabs of one shop share: locks and a channel; each with a stand-in for where there is none. */

/** What of `navigator.locks` is used. */
export interface Locks {
  request<T>(
    name: string,
    options: { ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal },
    run: (lock: unknown | null) => Promise<T>,
  ): Promise<T>;
}

/** Tells all other tabs; does not hear itself. */
export interface Bus {
  tell(news: unknown): void;
  listen(hear: (news: unknown) => void): void;
  close(): void;
}

export interface TabPorts {
  /** Null where there are no locks over tabs. */
  readonly locks: Locks | null;
  /** Null where there is no channel between tabs. */
  readonly bus: ((name: string) => Bus) | null;
}

/** Those of the browser. Locks exist only in pages that came over https, or from this machine. */
export function browserPorts(): TabPorts {
  const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
  const channels = typeof BroadcastChannel !== "undefined" && typeof window !== "undefined";
  return { locks: (locks as Locks | undefined) ?? null, bus: channels ? channelBus : null };
}

function channelBus(name: string): Bus {
  const channel = new BroadcastChannel(name);
  return {
    tell: (news) => channel.postMessage(news),
    listen: (hear) => {
      channel.onmessage = ({ data }) => hear(data);
    },
    close: () => channel.close(),
  };
}

/** For a page that is alone, or cannot know. */
export const SILENT_BUS: Bus = { tell: () => {}, listen: () => {}, close: () => {} };

/** Locks within one page. */
export class OwnLocks implements Locks {
  readonly #queues = new Map<string, Promise<unknown>>();

  async request<T>(
    name: string,
    { ifAvailable = false }: { ifAvailable?: boolean },
    run: (lock: unknown | null) => Promise<T>,
  ): Promise<T> {
    const before = this.#queues.get(name);
    if (before !== undefined && ifAvailable) return run(null);
    const turn = (before ?? Promise.resolve()).then(() => run({ name }));
    const settled = turn.catch(() => undefined);
    this.#queues.set(name, settled);
    try {
      return await turn;
    } finally {
      if (this.#queues.get(name) === settled) this.#queues.delete(name);
    }
  }
}
