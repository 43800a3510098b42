/** A way to exchange messages of the protocol with a server. */

export interface LinkEvents {
  opened(): void;
  message(text: string): void;
  /** The end, whoever caused it; nothing comes after it. */
  closed(code: number, reason: string): void;
}

export interface Link {
  send(text: string): void;
  close(code: number, reason: string): void;
}

export interface Transport {
  readonly name: string;
  /** Begins to connect; tells through `events`, never before it has returned. */
  connect(events: LinkEvents): Link;
}
