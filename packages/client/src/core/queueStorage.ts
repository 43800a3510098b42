/** Where commands wait for the server: IndexedDB, which survives the page; or memory, which does not. */

import type { Json } from "./protocol.ts";

/** Why a command was refused, in the server's words. */
export interface QueueReason {
  readonly code: number;
  readonly name: string;
  readonly message: string;
  readonly remedy: string;
  readonly data: Json;
}

/** A command that waits. Its key was made once, and goes with it. */
export interface QueueRecord {
  /** Grows: the order in which commands were given. */
  readonly id: number;
  readonly key: string;
  readonly op: string;
  readonly body: Json;
  /** Commands of one lane are sent one after the other. */
  readonly lane: string;
  /** The topic whose version `expected_version` in the body speaks of; absent where of none. */
  readonly sees?: string | undefined;
  /** Whether it alone counts of its lane: what was refused in front of it holds nothing up. */
  readonly latest?: boolean | undefined;
  /** Whether it may have been sent: from then on its body never changes. */
  readonly tried?: boolean;
  readonly reason: QueueReason | null;
}

export interface QueueStorage {
  /** Whether what is kept survives the page. */
  readonly durable: boolean;
  /** Everything that waits, by id. */
  all(): Promise<QueueRecord[]>;
  add(record: Omit<QueueRecord, "id">): Promise<QueueRecord>;
  /** Replaces a record; one that is gone stays gone. */
  put(record: QueueRecord): Promise<void>;
  remove(id: number): Promise<void>;
}

/** Keeps it as long as the page lives; several clients may share one, as tabs do. */
export class MemoryQueueStorage implements QueueStorage {
  readonly durable: boolean = false;
  readonly #records = new Map<number, QueueRecord>();
  #next = 1;

  async all(): Promise<QueueRecord[]> {
    return [...this.#records.values()].map((record) => structuredClone(record));
  }

  async add(record: Omit<QueueRecord, "id">): Promise<QueueRecord> {
    const kept = structuredClone({ ...record, id: this.#next++ });
    this.#records.set(kept.id, kept);
    return kept;
  }

  async put(record: QueueRecord): Promise<void> {
    if (this.#records.has(record.id)) this.#records.set(record.id, structuredClone(record));
  }

  async remove(id: number): Promise<void> {
    this.#records.delete(id);
  }
}

const STORE = "commands";

/** Keeps it in the browser's database of this name. */
export class IndexedDbQueueStorage implements QueueStorage {
  readonly durable = true;
  readonly #name: string;
  readonly #factory: IDBFactory;
  #opened: Promise<IDBDatabase> | null = null;

  constructor(name: string, factory: IDBFactory = indexedDB) {
    this.#name = name;
    this.#factory = factory;
  }

  async all(): Promise<QueueRecord[]> {
    return this.#run("readonly", (store) => store.getAll() as IDBRequest<QueueRecord[]>);
  }

  async add(record: Omit<QueueRecord, "id">): Promise<QueueRecord> {
    const id = await this.#run("readwrite", (store) => store.add(record));
    return { ...record, id: Number(id) };
  }

  async put(record: QueueRecord): Promise<void> {
    await this.#run("readwrite", (store) => {
      const cursor = store.openCursor(record.id);
      cursor.onsuccess = () => cursor.result?.update(record);
      return cursor;
    });
  }

  async remove(id: number): Promise<void> {
    await this.#run("readwrite", (store) => store.delete(id));
  }

  /** One transaction; done when it is on disk, not when the request was taken. */
  async #run<T>(
    mode: IDBTransactionMode,
    act: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> {
    const database = await this.#open();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: "strict" });
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("the database gave up"));
      transaction.onerror = () => reject(transaction.error ?? request.error);
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = this.#factory.open(this.#name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(STORE, { keyPath: "id", autoIncrement: true });
      };
      request.onsuccess = () => {
        // The browser may close it (storage was cleared, a newer page upgrades): then once more.
        request.result.onclose = () => this.#forget();
        request.result.onversionchange = () => {
          request.result.close();
          this.#forget();
        };
        resolve(request.result);
      };
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("the database is held by another page"));
    });
    this.#opened.catch(() => this.#forget());
    return this.#opened;
  }

  #forget(): void {
    this.#opened = null;
  }
}
