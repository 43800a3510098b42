/** An EventSource for programs: as much of one as the client needs, with a header for the token. */

export class FetchedEvents extends EventTarget {
  onmessage: ((event: MessageEvent) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly #ends = new AbortController();

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    super();
    void this.#read(url, headers)
      .catch(() => undefined)
      .then(() => {
        if (!this.#ends.signal.aborted) this.onerror?.();
      });
  }

  close(): void {
    this.#ends.abort();
  }

  async #read(url: string, headers: Readonly<Record<string, string>>): Promise<void> {
    const answer = await fetch(url, { headers, signal: this.#ends.signal });
    if (!answer.ok || answer.body === null) return;
    let rest = "";
    for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + part).split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#tell(block);
    }
  }

  #tell(block: string): void {
    const fields = block
      .split(/\r?\n/)
      .map((line) => line.split(/: ?(.*)/s, 2) as [string, string]);
    const data = fields.filter(([name]) => name === "data").map(([, value]) => value);
    if (data.length === 0 || this.#ends.signal.aborted) return;
    const type = fields.find(([name]) => name === "event")?.[1] ?? "message";
    const event = new MessageEvent(type, { data: data.join("\n") });
    if (type === "message") this.onmessage?.(event);
    else this.dispatchEvent(event);
  }
}
